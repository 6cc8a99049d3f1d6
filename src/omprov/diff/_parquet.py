"""Parquet files as rows, through Arrow: each row as a digest of its typed values by column name."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from omprov.errors import MissingExtra

from ._sources import open_watched
from ._tally import DIGEST_SIZE, member_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from numpy.typing import NDArray

    from ._trees import Leaf, Tree

    Cells = NDArray[np.uint8]  # one row of bytes for each value, all of one width

_BATCH = 1 << 14  # rows that are decoded at once
_BUFFER = 1 << 20  # bytes of a column that are read at once


def is_parquet_readable() -> bool:
    """Tell whether the library that reads Parquet is installed."""
    return _find_arrow() is not None


def missing_tables() -> MissingExtra:
    """Return the error that names what to install."""
    return MissingExtra("tables", "comparing Parquet files row by row")


@cache
def _find_arrow() -> ModuleType | None:
    try:
        import pyarrow.parquet
    except ImportError:
        return None
    found: ModuleType = pyarrow
    return found


def count_parquet(tree: Tree, leaf: Leaf) -> int:
    """Return how many rows a file has; reads its footer only.

    Raises:
        Unreadable: it is no Parquet file, or a damaged one.
    """
    arrow = _arrow()
    with open_watched(tree, leaf, arrow.ArrowException, OSError) as file:
        rows: int = arrow.parquet.ParquetFile(file).metadata.num_rows
    return rows


def iter_parquet(tree: Tree, leaf: Leaf) -> Iterator[bytes]:
    """Yield the digests of the rows, 16 bytes each, in batches.

    Raises:
        Unreadable: it is no Parquet file, or a damaged one.
    """
    arrow = _arrow()
    with open_watched(tree, leaf, arrow.ArrowException, OSError) as file:
        table = arrow.parquet.ParquetFile(file, buffer_size=_BUFFER)
        for batch in table.iter_batches(batch_size=_BATCH, use_threads=False):
            yield _batch_digests(batch)


def _arrow() -> Any:
    arrow = _find_arrow()
    if arrow is None:
        raise missing_tables()
    return arrow


def _batch_digests(batch: Any) -> bytes:
    """Digest the rows of a batch: values in order of the columns' names, and names and types."""
    columns = sorted(
        zip(batch.schema.names, batch.columns, strict=True), key=lambda named: named[0]
    )
    cells, sorts = [], []
    for name, column in columns:
        encoded, sort = _encode(column)
        cells.append(encoded)
        sorts.append((name, sort))
    heading = np.frombuffer(member_digest(repr(sorts).encode()), np.uint8)
    table = np.concatenate([np.tile(heading, (batch.num_rows, 1)), *cells], axis=1)
    width, content = table.shape[1], table.tobytes()
    return b"".join(
        member_digest(content[start : start + width]) for start in range(0, len(content), width)
    )


def _encode(array: Any) -> tuple[Cells, str]:
    """Give each value of an Arrow array as bytes of one width, and the name of its sort.

    Whole numbers are of one sort, and so are floating ones, text of any layout, lists of any
    layout: how a value is stored does not count. Null is no value of any sort.
    """
    arrow = _arrow()
    kind, types = array.type, arrow.types
    valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), np.uint8)[:, None]
    if types.is_dictionary(kind):
        return _encode(array.dictionary_decode())
    if isinstance(kind, arrow.BaseExtensionType):
        return _encode(array.storage)
    if types.is_struct(kind):
        cells, sort = _encode_struct(array)
    elif types.is_map(kind):
        cells, sort = _encode_lists(array, array.offsets, _entries(array))
    elif types.is_list(kind) or types.is_large_list(kind):
        cells, sort = _encode_lists(array, array.offsets, array.values)
    elif types.is_fixed_size_list(kind):
        offsets = arrow.array(
            (np.arange(len(array) + 1, dtype=np.int64) + array.offset) * kind.list_size
        )
        cells, sort = _encode_lists(array, offsets, array.values)
    else:
        cells, sort = _encode_flat(array)
    cells[valid[:, 0] == 0] = 0
    return np.concatenate([valid, cells], axis=1), sort


def _encode_struct(array: Any) -> tuple[Cells, str]:
    fields = sorted((array.type.field(i).name, i) for i in range(array.type.num_fields))
    cells, sorts = [np.empty((len(array), 0), np.uint8)], []
    for name, place in fields:
        encoded, sort = _encode(array.field(place))
        cells.append(encoded)
        sorts.append((name, sort))
    return np.concatenate(cells, axis=1), f"struct{sorts!r}"


def _entries(array: Any) -> Any:
    return _arrow().StructArray.from_arrays([array.keys, array.items], ["key", "value"])


def _encode_lists(array: Any, offsets: Any, values: Any) -> tuple[Cells, str]:
    """Digest the values of each list; lists of single bytes and of records alike."""
    bounds = np.asarray(offsets.to_numpy(zero_copy_only=False), np.int64)
    first, last = (int(bounds[0]), int(bounds[-1])) if len(bounds) else (0, 0)
    encoded, sort = _encode(values.slice(first, last - first))
    width, content = encoded.shape[1], encoded.tobytes()
    ends = ((bounds - first) * width).tolist()
    digests = b"".join(member_digest(content[start:end]) for start, end in pairwise(ends))
    return _cells(digests, len(array)), f"list<{sort}>"


def _encode_flat(array: Any) -> tuple[Cells, str]:
    arrow = _arrow()
    kind, types = array.type, arrow.types
    if types.is_unsigned_integer(kind) or types.is_signed_integer(kind):
        return _encode_whole(array)
    if types.is_floating(kind):
        numbers = array.cast(arrow.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        numbers = numbers + 0.0  # minus nothing is nothing
        numbers = np.where(np.isnan(numbers), np.nan, numbers)  # whatever else its bits say
        return _as_cells(numbers), "number"
    if types.is_boolean(kind):
        flags = array.fill_null(False).to_numpy(zero_copy_only=False)
        return _as_cells(np.asarray(flags, np.uint8)), "boolean"
    if types.is_null(kind):
        return np.zeros((len(array), 0), np.uint8), "null"
    if types.is_temporal(kind) and not types.is_interval(kind):
        return _encode_times(array)
    return _encode_texts(array)


def _encode_whole(array: Any) -> tuple[Cells, str]:
    arrow = _arrow()
    wide = arrow.uint64() if arrow.types.is_uint64(array.type) else arrow.int64()
    numbers = array.cast(wide).fill_null(0).to_numpy(zero_copy_only=False)
    above = (numbers > np.iinfo(np.int64).max).astype(np.uint8)[:, None]
    return np.concatenate([_as_cells(numbers), above], axis=1), "whole number"


def _encode_times(array: Any) -> tuple[Cells, str]:
    arrow = _arrow()
    bits = {32: arrow.int32(), 64: arrow.int64()}[array.type.bit_width]
    numbers = array.view(bits).cast(arrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return _as_cells(numbers), str(array.type)


def _encode_texts(array: Any) -> tuple[Cells, str]:
    """Digest each distinct text, or other value, once."""
    arrow = _arrow()
    types, kind = arrow.types, array.type
    if types.is_decimal(kind):
        array, sort = array.cast(arrow.string()), "decimal"
    elif types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        sort = "text"
    elif types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        sort = "bytes"
    else:
        values = [repr(value).encode() for value in array.to_pylist()]
        return _cells(b"".join(map(member_digest, values)), len(array)), str(kind)
    coded = array.cast(arrow.large_binary()).dictionary_encode()
    if not len(coded.dictionary):
        return np.zeros((len(array), DIGEST_SIZE), np.uint8), sort
    known = _cells(
        b"".join(map(member_digest, coded.dictionary.to_pylist())), len(coded.dictionary)
    )
    return known[coded.indices.fill_null(0).to_numpy(zero_copy_only=False)], sort


def _as_cells(numbers: NDArray[Any]) -> Cells:
    width = numbers.dtype.itemsize
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), width).copy()


def _cells(digests: bytes, count: int) -> Cells:
    return np.frombuffer(digests, np.uint8).reshape(count, DIGEST_SIZE).copy()
