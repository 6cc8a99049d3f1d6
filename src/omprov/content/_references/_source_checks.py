"""Looks whether what trees hold by reference is still there, and still what it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.content._format._nodes import EntryKind
from omprov.content._format._objects import content_key
from omprov.content._progress import Done
from omprov.errors import Damaged, OmprovError

from ._elsewhere import known_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omprov.content._format._nodes import Entry, TreeNode
    from omprov.content._format._objects import Reference
    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader
    from omprov.records import Digest

    from ._sources import Sources

_LOOKS_AT_ONCE = 16
_BELOW = {EntryKind.FOLDER, EntryKind.PAGE}


@dataclass(frozen=True, slots=True)
class SourceLosses:
    """What became of the files of one tree that are kept by reference.

    Attributes:
        count: how many are gone, changed or out of reach.
        reasons: a few of them, one sentence each.
    """

    count: int
    reasons: tuple[str, ...]


_WELL = SourceLosses(0, ())
_TOLD = 3


def count_elsewhere(roots: Iterable[Digest], reader: ObjectReader, index: ChunkIndex) -> int:
    """Return how many files of these trees are kept by reference; shared folders count once."""
    if not index.has_references():
        return 0
    seen: set[bytes] = set()
    todo = [bytes.fromhex(root) for root in roots]
    count = 0
    while todo:
        digest = todo.pop()
        if digest not in seen:
            seen.add(digest)
            node = reader.get_node(digest)
            todo += [entry.digest for entry in node.entries if entry.kind in _BELOW]
            count += sum(1 for _ in iter_elsewhere(node, reader, index))
    return count


def iter_elsewhere(
    node: TreeNode, reader: ObjectReader, index: ChunkIndex
) -> Iterator[tuple[Entry, Reference]]:
    """Give the entries of one node whose bytes are kept by reference, with where they lie."""
    leaves = [entry for entry in node.entries if entry.kind not in _BELOW]
    keys = {
        entry.digest: content_key(entry.size, entry.digest)
        for entry in leaves
        if entry.kind != EntryKind.REFERENCE
    }
    held = index.known((key for key in keys.values() if key is not None), held=True)
    for entry in leaves:
        key = keys.get(entry.digest)
        if entry.kind == EntryKind.REFERENCE or (key is not None and key not in held):
            reference = reader.elsewhere.find(entry)
            if reference is not None:
                yield entry, reference


def check_sources(
    roots: Iterable[Digest],
    reader: ObjectReader,
    index: ChunkIndex,
    sources: Sources,
    *,
    read: bool,
    progress: Progress | None,
) -> dict[Digest, SourceLosses]:
    """Return those of `roots` that hold something by reference which is not what it was.

    Args:
        roots: digests of trees.
        reader: reads nodes and references.
        index: knows what is held.
        sources: looks at the files.
        read: read every file of known digest; else look at sizes and ETags.
        progress: told the files and bytes done.
    """
    if not index.has_references():
        return {}
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
        search = _Search(reader, index, sources, pool, read=read, progress=progress)
        found: dict[Digest, SourceLosses] = {}
        for root in roots:
            with suppress(Damaged):  # a tree that cannot be read is told by other checks
                found[root] = search.losses_in(bytes.fromhex(root))
    return {root: losses for root, losses in found.items() if losses.count}


class _Search:
    """Walks trees from their roots; each node once, however many roots share it."""

    def __init__(
        self,
        reader: ObjectReader,
        index: ChunkIndex,
        sources: Sources,
        pool: ThreadPoolExecutor,
        *,
        read: bool,
        progress: Progress | None,
    ) -> None:
        self._reader = reader
        self._index = index
        self._sources = sources
        self._pool = pool
        self._read = read
        self._progress = progress
        self._found: dict[bytes, SourceLosses] = {}

    def losses_in(self, digest: bytes) -> SourceLosses:
        if digest not in self._found:
            node = self._reader.get_node(digest)
            below = [self.losses_in(e.digest) for e in node.entries if e.kind in _BELOW]
            self._found[digest] = _sum([*below, self._losses_at(node)])
        return self._found[digest]

    def _losses_at(self, node: TreeNode) -> SourceLosses:
        elsewhere = list(iter_elsewhere(node, self._reader, self._index))
        reasons = [why for why in self._pool.map(self._look, elsewhere) if why is not None]
        if self._progress is not None and elsewhere:
            self._progress(Done(len(elsewhere), sum(entry.size for entry, _ in elsewhere)))
        return SourceLosses(len(reasons), tuple(reasons[:_TOLD]))

    def _look(self, file: tuple[Entry, Reference]) -> str | None:
        entry, reference = file
        digest = known_digest(entry)
        try:
            if self._read and digest is not None:
                self._sources.verify(reference, digest)
            else:
                self._sources.check(reference)
        except OmprovError as error:
            if self._reader.elsewhere.find_other(entry, reference) is None:
                return str(error)
        return None


def _sum(losses: Sequence[SourceLosses]) -> SourceLosses:
    some = [one for one in losses if one.count]
    if not some:
        return _WELL
    reasons = tuple(reason for one in some for reason in one.reasons)
    return SourceLosses(sum(one.count for one in some), reasons[:_TOLD])
