"""Where the tensors of PyTorch checkpoints lie. No pickle is executed, and torch is not used."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ._array_files import start_of
from ._inert_pickle import read_pickle
from ._inert_values import (
    BadPickle,
    Name,
    Opaque,
    Pairs,
    Persistent,
    inner_values,
    iter_values,
)
from ._number_formats import item_size
from ._sources import Unreadable, archive_faults_told
from ._stored_tensors import StoredTensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._pairs import Place

_LARGEST_PICKLE = 64 << 20  # bytes
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the pickle of torch's magic number
_REBUILDERS = {
    Name("torch._utils", f"_rebuild_{name}") for name in ("tensor", "tensor_v2", "tensor_v3")
}
_PARAMETERS = {
    Name("torch._utils", f"_rebuild_{name}") for name in ("parameter", "parameter_with_state")
}
_SUBCLASS = Name("torch._tensor", "_rebuild_from_type_v2")
_STORAGES = {
    "FloatStorage": "F32",
    "DoubleStorage": "F64",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64",
    "ComplexDoubleStorage": "C128",
    "UntypedStorage": "U8",
}
_DTYPES = {
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
}


def read_torch(place: Place, file: BinaryIO) -> dict[str, StoredTensor]:
    """Return the tensors of a checkpoint, by the keys that lead to them, joined by dots.

    Raises:
        Unreadable: it is none, or one of a sort that is not known.
    """
    path = place[1].path
    head = file.read(len(_LEGACY))
    if not head.startswith(_ZIP) and head != _LEGACY:
        raise Unreadable(f"{path} is no PyTorch checkpoint")
    file.seek(0)
    try:
        if head == _LEGACY:
            value, storages, big_endian = _read_legacy(file, place[1].size)
        else:
            value, storages, big_endian = _read_archive(file, path)
        return _find_tensors(place, value, storages, big_endian=big_endian)
    except BadPickle as error:
        raise Unreadable(f"{path} is no PyTorch checkpoint ({error})") from error


class _Extent(NamedTuple):
    """Where a storage lies in the file, in bytes."""

    start: int
    size: int


def _read_archive(file: BinaryIO, path: str) -> tuple[Any, dict[str, _Extent], bool]:
    with archive_faults_told(path), zipfile.ZipFile(file) as archive:
        names = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1:
            raise BadPickle("it has no data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        pickled = names[pickles[0]]
        if pickled.file_size > _LARGEST_PICKLE or pickled.compress_type not in _COMPRESSIONS:
            raise BadPickle("its pickle is too large, or compressed in a way that is not known")
        value = read_pickle(io.BytesIO(archive.read(pickles[0])))
        order = f"{folder}byteorder"
        big_endian = order in names and archive.read(order).strip() == b"big"
        storages = {
            name.removeprefix(f"{folder}data/"): _Extent(start_of(file, info), info.file_size)
            for name, info in names.items()
            if name.startswith(f"{folder}data/") and info.compress_type == zipfile.ZIP_STORED
        }
    return value, storages, big_endian


def _read_legacy(file: BinaryIO, size: int) -> tuple[Any, dict[str, _Extent], bool]:
    """Read the format that torch wrote before 1.6: five pickles, then the storages."""
    short: Any = _Short(file)
    for _ in range(2):  # the magic number and the version of the format
        read_pickle(short)
    system, value, keys = read_pickle(short), read_pickle(short), read_pickle(short)
    if not isinstance(system, Pairs) or not isinstance(keys, list):
        raise BadPickle("its parts are out of order")
    widths = {key: width for key, width in _storage_widths(value) if width}
    storages: dict[str, _Extent] = {}
    start = file.tell()
    for key in keys:
        file.seek(start)
        count = int.from_bytes(file.read(8), "little")
        if not isinstance(key, str) or key not in widths:
            raise BadPickle("a storage is of a type that is not known")
        storages[key] = _Extent(start + 8, count * widths[key])
        start += 8 + count * widths[key]
        if start > size:
            raise BadPickle("it ends within a storage")
    big_endian = any(key == "little_endian" and not is_so for key, is_so in system.items)
    return value, storages, big_endian


def _storage_widths(value: Any) -> Iterator[tuple[str, int | None]]:
    for _, inner in iter_values(value, inner_values):
        if (storage := _storage_of(inner)) is not None:
            yield storage[0], item_size(storage[1])


class _Short:
    """A file of which nothing long is read at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if size > _LARGEST_PICKLE:
            raise BadPickle("it holds a value that is too long")
        return self._file.read(size)

    def readline(self) -> bytes:
        return self._file.readline(_LARGEST_PICKLE)


def _storage_of(reference: Any) -> tuple[str, str] | None:
    """Return key and type of a storage that a persistent id names; ``None`` if it names none."""
    match reference:
        case Persistent(("storage", Name("torch" | "torch.storage", sort), str(key), *_)):
            return (key, _STORAGES[sort]) if sort in _STORAGES else None
    return None


def _find_tensors(
    place: Place, value: Any, storages: dict[str, _Extent], *, big_endian: bool
) -> dict[str, StoredTensor]:
    tensors: dict[str, StoredTensor] = {}
    for keys, inner in iter_values(value, _inner_but_tensors):
        rebuilt = _rebuilt_from(inner)
        if rebuilt is not None:
            name = ".".join(keys)
            while name in tensors:  # the keys 1 and "1" look alike
                name += "'"
            tensors[name] = _tensor(place, rebuilt, storages, big_endian=big_endian)
    return tensors


def _inner_but_tensors(value: Any) -> Iterator[tuple[str, Any]]:
    return iter(()) if _rebuilt_from(value) is not None else inner_values(value)


def _rebuilt_from(value: Any) -> tuple[Any, ...] | None:
    """Return the arguments that a tensor would be rebuilt from; ``None`` if it is no tensor."""
    for _ in range(4):  # a parameter of a subclass of a tensor, say
        match value:
            case Opaque(Name() as maker, tuple(args)) if maker in _REBUILDERS:
                return args
            case Opaque(Name() as maker, (inner, *_)) if maker in _PARAMETERS:
                value = inner
            case Opaque(Name() as maker, (function, _, args, *_)) if maker == _SUBCLASS:
                value = Opaque(function, args)
            case _:
                return None
    return None


def _tensor(
    place: Place, args: tuple[Any, ...], storages: dict[str, _Extent], *, big_endian: bool
) -> StoredTensor:
    match args:
        case (reference, int(offset), tuple(shape), tuple(strides), *rest):
            storage = _storage_of(reference)
        case _:
            raise BadPickle("a tensor is not described as torch does")
    numbers = [offset, *shape, *strides]
    if storage is None or storage[0] not in storages or len(shape) != len(strides):
        raise BadPickle("a tensor's storage is missing, or of a type that is not known")
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise BadPickle("a tensor's shape is no shape")
    dtype, extent = _dtype(storage[1], rest), storages[storage[0]]
    width = item_size(dtype)
    assert width is not None
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    span = 0 if 0 in shape else (last + 1) * width
    if span and offset * width + span > extent.size:
        raise BadPickle("a tensor lies outside of its storage")
    start = extent.start + offset * width if span else extent.start
    return StoredTensor(dtype, shape, place, start, span, strides, big_endian=big_endian)


def _dtype(storage: str, rest: list[Any]) -> str:
    """Return the type of a tensor; newer ones name it apart from their storage."""
    match rest:
        case [_, _, Name("torch", name), *_]:
            if name not in _DTYPES:
                raise BadPickle(f"{name} is a type that is not known")
            return _DTYPES[name]
    return storage
