"""CSV and TSV as rows: records of RFC 4180, each as one line with no more quotes than it needs."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ._sources import LONGEST, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def iter_delimited(blocks: Iterable[bytes], delimiter: bytes, name: str) -> Iterator[list[bytes]]:
    """Yield the rows of a CSV file in lists, from blocks of whole lines.

    Two rows are equal as bytes if and only if their fields are. A blank line is no row. A quote
    opens a field only at its beginning; one that is never closed ends with the file.

    Raises:
        Unreadable: a row is longer than 8 MiB.
    """
    rest = b""
    for block in blocks:
        if rest or b'"' in block:
            rows, rest = _split_quoted(rest + block, delimiter)
            if len(rest) > LONGEST:
                raise Unreadable(f"{name} has a row of more than {LONGEST >> 20} MiB")
        else:
            rows = block.replace(b"\r\n", b"\n").split(b"\n")
            rows.pop()  # what follows the last line's end
        yield [row for row in rows if row] if b"" in rows else rows
    if rest:
        closed, _ = _split_quoted(_closed(rest), delimiter)
        yield closed


def fields_of(row: bytes, delimiter: bytes) -> list[bytes]:
    """Split a row as `iter_delimited` gives it into its fields."""
    if b'"' not in row:
        return row.split(delimiter)
    fields, _ = _read_record(row + b"\n", 0, delimiter)
    return fields


def find_order(old: bytes, new: bytes, delimiter: bytes) -> Callable[[bytes], bytes] | None:
    """Tell how to bring the rows of the newer side into the column order of the older one.

    Args:
        old: the first row of the older side.
        new: the first row of the newer side.
        delimiter: what stands between fields.

    Returns:
        What reorders a row; ``None`` unless both rows hold the same names in another order: fields
        that are all distinct, none of them empty or a number.
    """
    olds, news = fields_of(old, delimiter), fields_of(new, delimiter)
    if olds == news or sorted(olds) != sorted(news) or len(set(olds)) < len(olds):
        return None
    if any(not name or _is_number(name) for name in olds):
        return None
    places = [news.index(name) for name in olds]

    def reorder(row: bytes) -> bytes:
        fields = fields_of(row, delimiter)
        if len(fields) != len(places):
            return row
        return _joined([fields[place] for place in places], delimiter)

    return reorder


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _split_quoted(block: bytes, delimiter: bytes) -> tuple[list[bytes], bytes]:
    """Split into rows; what begins a record without ending it is given back."""
    rows: list[bytes] = []
    start = 0
    while start < len(block):
        end = block.find(b"\n", start)
        if end < 0:
            break
        if block.find(b'"', start, end) < 0:
            rows.append(block[start:end].removesuffix(b"\r"))
            start = end + 1
            continue
        fields, after = _read_record(block, start, delimiter)
        if after < 0:
            break
        rows.append(_joined(fields, delimiter))
        start = after
    return rows, block[start:]


def _read_record(block: bytes, start: int, delimiter: bytes) -> tuple[list[bytes], int]:
    """Return the fields of the record at `start` and where the next one begins, -1 if it is cut."""
    field = _field_pattern(delimiter)
    fields: list[bytes] = []
    while found := field.match(block, start):
        quoted, plain, end = found.groups()
        plain = plain.removesuffix(b"\r") if end == b"\n" else plain
        fields.append(plain if quoted is None else quoted.replace(b'""', b'"') + plain)
        start = found.end()
        if end == b"\n":
            return fields, start
    return fields, -1


@cache
def _field_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    plain = rb"[^\n" + re.escape(delimiter) + rb"]*+"
    quoted = rb'"([^"]*+(?:""[^"]*+)*+)"'
    return re.compile(
        rb"(?:" + quoted + rb'|(?!"))(' + plain + rb")(" + re.escape(delimiter) + rb"|\n)"
    )


def _joined(fields: Sequence[bytes], delimiter: bytes) -> bytes:
    row = delimiter.join(fields)
    if row and b'"' not in row and b"\n" not in row and row.count(delimiter) == len(fields) - 1:
        return row
    if fields == [b""]:
        return b'""'
    return delimiter.join(
        b'"' + field.replace(b'"', b'""') + b'"'
        if b'"' in field or b"\n" in field or delimiter in field
        else field
        for field in fields
    )


def _closed(record: bytes) -> bytes:
    """Close the quote that a record leaves open at the end of its file."""
    return record.removesuffix(b"\n") + b'"\n'
