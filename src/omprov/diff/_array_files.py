"""Where the tensors of ``.safetensors``, ``.npy`` and ``.npz`` files lie. Reads headers only."""

from __future__ import annotations

import io
import json
import math
import zipfile
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ._number_formats import item_size, name_of
from ._sources import Unreadable, archive_faults_told
from ._stored_tensors import StoredTensor

if TYPE_CHECKING:
    from ._pairs import Place

_LONGEST_HEADER = 100_000_000  # bytes; safetensors' own limit
_LONGEST_NPY_HEADER = 1 << 20
_LOCAL_HEADER = 30  # bytes before the name of a member of a ZIP archive


def read_safetensors(place: Place, file: BinaryIO) -> dict[str, StoredTensor]:
    """Return the tensors of a safetensors file by name.

    Raises:
        Unreadable: it is none.
    """
    path, size = place[1].path, place[1].size
    start = 8 + int.from_bytes(file.read(8), "little")
    if start > min(size, _LONGEST_HEADER):
        raise Unreadable(f"{path} is no safetensors file")
    try:
        header = json.loads(file.read(start - 8))
        header.pop("__metadata__", None)
        return {name: _described(place, start, described) for name, described in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{path} is no safetensors file ({error})") from error


def _described(place: Place, start: int, described: dict[str, Any]) -> StoredTensor:
    dtype, shape = str(described["dtype"]), tuple(described["shape"])
    begin, end = described["data_offsets"]
    numbers = [begin, end, *shape]
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError("an offset or size is no whole number")
    width = item_size(dtype)
    if not begin <= end <= place[1].size - start:
        raise ValueError("a tensor lies outside of the file")
    if width is not None and end - begin != width * math.prod(shape):
        raise ValueError("a tensor is not as long as its shape says")
    return StoredTensor(dtype, shape, place, start + begin, end - begin)


def read_npy(place: Place, file: BinaryIO) -> dict[str, StoredTensor]:
    """Return the one array of a ``.npy`` file, by no name.

    Raises:
        Unreadable: it is none.
    """
    return {"": _read_array(place, file, place[1].size)}


def read_npz(place: Place, file: BinaryIO) -> dict[str, StoredTensor]:
    """Return the arrays of a ``.npz`` file by name.

    Raises:
        Unreadable: it is none.
    """
    with archive_faults_told(place[1].path), zipfile.ZipFile(file) as archive:
        return {
            info.filename.removesuffix(".npy"): _read_member(place, file, archive, info)
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }


def start_of(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a member of a ZIP archive begin."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("a member has no header")
    name, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    return info.header_offset + _LOCAL_HEADER + name + extra


def _read_member(
    place: Place, file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> StoredTensor:
    if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
        start = start_of(file, info)
        file.seek(start)
        return _read_array(place, file, start + info.file_size)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Unreadable(f"{place[1].path} is compressed in a way that is not known")
    with archive.open(info) as member:
        head = io.BytesIO(member.read(_LONGEST_NPY_HEADER))
    return _read_array(place, head, info.file_size, member=info.filename)


def _read_array(place: Place, file: BinaryIO, end: int, *, member: str = "") -> StoredTensor:
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(file, max_header_size=_LONGEST_NPY_HEADER)
    except (ValueError, TypeError, KeyError, SyntaxError, TokenError, RecursionError) as error:
        raise Unreadable(f"{place[1].path} holds what is no array ({error})") from error
    offset = file.tell()
    size = end - offset if dtype.hasobject else math.prod(shape) * dtype.itemsize
    if size > end - offset or any(length < 0 for length in shape):
        raise Unreadable(f"{place[1].path} ends within an array")
    strides = None
    if is_fortran and len(shape) > 1:
        strides = tuple(math.prod(shape[:place]) for place in range(len(shape)))
    big_endian = dtype.newbyteorder("=").byteorder != dtype.byteorder and dtype.byteorder == ">"
    return StoredTensor(
        name_of(dtype), tuple(shape), place, offset, size, strides, member, big_endian
    )
