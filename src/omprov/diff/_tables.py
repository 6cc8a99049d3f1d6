"""Tables in files: which files are tables, how many rows they have, which rows two do not share."""

from __future__ import annotations

from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ._canonical_json import canonical, decode
from ._delimited import find_order, iter_delimited
from ._parquet import count_parquet, iter_parquet
from ._sources import iter_line_blocks, open_plain
from ._tally import DIGEST_SIZE, Tally, member_digest
from ._waiting import Waiting

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from ._trees import Leaf, Tree

    Batches = Iterator[list[bytes]]

_DELIMITERS = {".csv": b",", ".tsv": b"\t"}
_JSON_LINES = {".jsonl", ".ndjson"}
_PARQUET = {".parquet", ".pq"}


def is_table(path: str) -> bool:
    """Tell whether a file's name says that it is a table."""
    sort = _sort(path)
    return sort in _DELIMITERS or sort in _JSON_LINES or sort in _PARQUET


def is_parquet(path: str) -> bool:
    """Tell whether a file's name says that it is a Parquet file."""
    return _sort(path) in _PARQUET


def count_rows(tree: Tree, leaf: Leaf) -> int:
    """Count the rows of a table.

    Raises:
        Unreadable: it is none.
    """
    if is_parquet(leaf.path):
        return count_parquet(tree, leaf)
    with open_plain(tree, leaf) as file:
        return sum(map(len, _text_rows(file, leaf.path)))


def compare_rows(old: tuple[Tree, Leaf], new: tuple[Tree, Leaf]) -> tuple[int, int, int, int]:
    """Compare two tables of one format as multisets of rows.

    Returns:
        The rows of the older one and of the newer one; those only in the older one and those only
        in the newer one.

    Raises:
        Unreadable: one is no table.
    """
    with Tally() as tally:
        if is_parquet(old[1].path):
            counts = _add_parquet(tally, *old, 1), _add_parquet(tally, *new, -1)
        else:
            counts = _add_texts(tally, old, new)
        removed, added = tally.surplus()
    return *counts, removed, added


def _sort(path: str) -> str:
    name = path.lower().rpartition("/")[2]
    stem, dot, ending = name.removesuffix(".gz").rpartition(".")
    sort = dot + ending if stem else ""
    return sort if not (sort in _PARQUET and name.endswith(".gz")) else ""


def _add_parquet(tally: Tally, tree: Tree, leaf: Leaf, sign: int) -> int:
    rows = 0
    for digests in iter_parquet(tree, leaf):
        tally.add(digests, sign)
        rows += len(digests) // DIGEST_SIZE
    return rows


def _text_rows(file: BinaryIO, path: str) -> Batches:
    blocks = iter_line_blocks(file, path)
    delimiter = _DELIMITERS.get(_sort(path))
    if delimiter is not None:
        return iter_delimited(blocks, delimiter, path)
    return ([line for row in block.split(b"\n") if (line := row.strip())] for block in blocks)


def _add_texts(tally: Tally, old: tuple[Tree, Leaf], new: tuple[Tree, Leaf]) -> tuple[int, int]:
    path = old[1].path
    with open_plain(*old) as old_file, open_plain(*new) as new_file:
        olds, news = _text_rows(old_file, path), _text_rows(new_file, new[1].path)
        delimiter = _DELIMITERS.get(_sort(path))
        if delimiter is not None:
            olds, news = _aligned(olds, news, delimiter)
        waiting = Waiting(partial(_pass_on, tally, _canonical_line if delimiter is None else bytes))
        old_rows = new_rows = 0
        nothing: list[bytes] = []
        for before, after in zip_longest(olds, news, fillvalue=nothing):
            old_rows += len(before)
            new_rows += len(after)
            waiting.add(before, after)
        waiting.flush()
    return old_rows, new_rows


def _pass_on(
    tally: Tally, spell: Callable[[bytes], bytes], rows: Counter[bytes], sign: int
) -> None:
    digests = b"".join(member_digest(spell(row)) for row in rows)
    tally.add(digests, sign * np.fromiter(rows.values(), np.int64, len(rows)))


def _aligned(olds: Batches, news: Batches, delimiter: bytes) -> tuple[Batches, Batches]:
    """Bring the newer side's columns into the older side's order, where both have names."""
    old_first, new_first = next(olds, []), next(news, [])
    order = find_order(old_first[0], new_first[0], delimiter) if old_first and new_first else None
    olds, news = chain([old_first], olds), chain([new_first], news)
    return olds, news if order is None else (list(map(order, batch)) for batch in news)


def _canonical_line(line: bytes) -> bytes:
    """Write a line of JSON so that equal values are equal bytes; what is no JSON stays itself."""
    try:
        return b"=" + canonical(decode(line.decode()))
    except (ValueError, RecursionError):
        return b"?" + line
