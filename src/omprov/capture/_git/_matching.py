"""Matches the words of many pairs of files in several processes, before they are asked for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Self, TypeAlias

import pygit2

from omprov._workers import Workers, cores
from omprov.diff import compare_words

from ._objects import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from omprov.diff import WordMemory
    from omprov.records import Digest

    Pair: TypeAlias = tuple[Digest, Digest]
    Blobs: TypeAlias = tuple[str, str]
    """The same two files, as git names them."""

LARGEST = 4 << 20
"""Bytes of a file; larger ones are matched in slices, when they are asked for."""
_FEW = 200
"""Pairs for which no process is started: that takes 0.2 s."""
_MOST_WORKERS = 8
_JOB = 16
"""Pairs in a job: messages must fit between two processes without waiting."""
_AHEAD = 2
"""So many jobs wait for a worker."""


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._workers is not None:
            self._workers.close() if kind is None else self._workers.kill()

    def match(self, pairs: Mapping[Pair, Blobs]) -> None:
        """Match pairs of files and remember what they share; few are left to be asked for."""
        if len(pairs) < _FEW or cores() == 1:
            return
        if self._workers is None:
            self._workers = Workers(serve, self._path, count=min(cores(), _MOST_WORKERS))
        waiting: list[list[list[Pair]]] = [[] for _ in range(len(self._workers))]
        left = iter(pairs.items())
        while job := list(islice(left, _JOB)):
            if min(map(len, waiting)) == _AHEAD:
                self._hear(self._workers, waiting)
            worker = min(range(len(waiting)), key=lambda one: len(waiting[one]))
            self._workers.send(worker, [blobs for _, blobs in job])
            waiting[worker].append([pair for pair, _ in job])
        while any(waiting):
            self._hear(self._workers, waiting)

    def _hear(self, workers: Workers, waiting: list[list[list[Pair]]]) -> None:
        worker, found = workers.receive()
        for (old, new), counts in zip(waiting[worker].pop(0), found, strict=True):
            self._memory.remember(old, new, counts)


def serve(link: Connection, path: str) -> None:
    """Match what is asked for, in a process of its own."""
    repository = pygit2.Repository(path)
    while True:
        link.send(
            [
                compare_words(read_object(repository, old).data, read_object(repository, new).data)
                for old, new in link.recv()
            ]
        )
