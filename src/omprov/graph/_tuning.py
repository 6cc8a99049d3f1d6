"""Figures that trade memory for speed in an inferred graph. None of them changes an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """Where the inference switches from one way of working to another.

    Attributes:
        row_bytes: memory for cached bitmap rows, per role and graph.
        down_set_bytes: memory for cached down-sets of groups.
        least_rows: rows kept however large they are.
        neighbours: cached rows compared as a start for a new one.
        flips: a row is made from a neighbour if at most this many groups differ, or
            `flip_share` of all.
        flip_share: see `flips`.
        fresh_versions: versions that may be missing from the sorted number table before it is
            sorted anew, or `fresh_share` of all.
        fresh_share: see `fresh_versions`.
        few: sets up to this size are peeled group by group.
        listed: sets up to this size are tested version by version rather than by down-sets.
        peels: elements peeled off by down-set before the rest is peeled group by group.
        first_search: groups that the first upward search may see.
        last_search: groups that the last one may see; each sees four times what the former saw.
        replayed: insertions that a cached down-set catches up with one by one.
    """

    row_bytes: int = 32 << 20
    down_set_bytes: int = 64 << 20
    least_rows: int = 48
    neighbours: int = 4
    flips: int = 256
    flip_share: float = 0.05
    fresh_versions: int = 64
    fresh_share: float = 0.06
    few: int = 256
    listed: int = 1024
    peels: int = 64
    first_search: int = 8
    last_search: int = 512
    replayed: int = 12
