"""Matches the words of many pairs of files in several processes, before they are asked for."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Self, TypeAlias

import pygit2

from omprov._cores import cores
from omprov._workers import Workers
from omprov.diff import WordCounts, compare_words

from ._objects import read_raw

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from omprov.diff import WordMemory
    from omprov.records import Digest

    Pair: TypeAlias = tuple[Digest, Digest]
    Blobs: TypeAlias = tuple[bytes, bytes]
    """The same two files, as git names them."""

LARGEST = 4 << 20
"""Bytes of a file; larger ones are matched in slices, when they are asked for."""
_FEW = 200
"""Pairs for which no process is started: that takes 0.2 s."""
_MOST_WORKERS = 8
_JOB = 64
"""Pairs in a job: messages must fit between two processes without waiting."""
_AHEAD = 2
"""So many jobs wait for a worker."""
_figures = attrgetter(*(field.name for field in fields(WordCounts)))
"""A tuple travels much faster than a record."""


class Matching:
    """Some processes that match words. Use it in a ``with`` statement.

    Args:
        repository: where they read.
        memory: where what they find is put.
    """

    def __init__(self, repository: pygit2.Repository, memory: WordMemory) -> None:
        self._path = repository.path
        self._memory = memory
        self._workers: Workers | None = None
        self._left: dict[Pair, Blobs] = {}
        self._asked: set[Pair] = set()
        self._waiting: list[list[list[Pair]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._workers is not None:
            self._workers.close() if kind is None else self._workers.kill()

    def add(self, pairs: Mapping[Pair, Blobs]) -> None:
        """Begin to match pairs of files, unless they were matched before."""
        for pair, blobs in pairs.items():
            if pair not in self._memory.matches and pair not in self._asked:
                self._left[pair] = blobs
        if self._workers is None:
            if len(self._left) < _FEW or cores() == 1:
                return
            self._workers = Workers(serve, self._path, count=min(cores(), _MOST_WORKERS))
            self._waiting = [[] for _ in range(len(self._workers))]
        if len(self._left) >= _JOB:
            while self._workers.has_message():
                self._hear(self._workers)
            while len(self._left) >= _JOB and min(map(len, self._waiting)) < _AHEAD:
                self._send(self._workers)

    def finish(self) -> None:
        """Wait until what was added is matched; a few pairs in all are left to be asked for."""
        if self._workers is not None:
            while self._left or any(self._waiting):
                if self._left and min(map(len, self._waiting)) < _AHEAD:
                    self._send(self._workers)
                else:
                    self._hear(self._workers)
        self._left.clear()

    def _send(self, workers: Workers) -> None:
        job = dict(islice(self._left.items(), _JOB))
        worker = min(range(len(self._waiting)), key=lambda one: len(self._waiting[one]))
        workers.send(worker, list(job.values()))
        self._waiting[worker].append(list(job))
        self._asked.update(job)
        for pair in job:
            del self._left[pair]

    def _hear(self, workers: Workers) -> None:
        worker, found = workers.receive()
        pairs = self._waiting[worker].pop(0)
        self._asked.difference_update(pairs)
        for (old, new), figures in zip(pairs, found, strict=True):
            self._memory.remember(old, new, WordCounts(*figures))


def serve(link: Connection, path: str) -> None:
    """Match what is asked for, in a process of its own."""
    repository = pygit2.Repository(path)
    while True:
        link.send(
            [
                _figures(compare_words(read_raw(repository, old)[1], read_raw(repository, new)[1]))
                for old, new in link.recv()
            ]
        )
