"""The two directions in which packs and objects are moved: to a remote, and from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from omprov.content._pack_folder import pack_file, read_pack_footer
from omprov.content._progress import Done
from omprov.errors import Damaged, NotFound

from ._new_packs import StoredObject, abandoned_after, verified
from ._remote import in_parallel, pack_name
from ._transfer import RANGES_AT_ONCE, fetch_packs, send_packs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from omprov.content._adding._packing import PackFile
    from omprov.content._format._pack import Packed
    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress
    from omprov.records import Digest

    from ._needed import NeededObjects
    from ._remote import Remote

_SPAN = 8 << 20
_GAP = 128 << 10
"""What is not needed between two needed objects of a pack is fetched along up to this size."""


@dataclass(slots=True)
class Moved:
    """What a push or a pull did.

    Attributes:
        packs: how many were placed.
        objects: how many objects were in them.
        bytes: of these packs.
        moved: the trees of which something was moved.
        complete: the trees that were there already.
        absent: the trees that the source does not have either.
    """

    packs: int = 0
    objects: int = 0
    bytes: int = 0
    moved: list[Digest] = field(default_factory=list)
    complete: list[Digest] = field(default_factory=list)
    absent: list[Digest] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LocalStore:
    """The parts of a content store that packs are moved from or to."""

    path: Path
    index: ChunkIndex

    @property
    def packs(self) -> Path:
        """The folder of packs."""
        return self.path / "packs"


class Mover(Protocol):
    """The one direction or the other."""

    moved: Moved
    progress: Progress | None

    def is_whole(self, pack: str, needed: NeededObjects, objects: int) -> bool:
        """Say whether everything in a pack is needed; so many objects of it are."""
        ...

    def size(self, pack: str) -> int:
        """Return the bytes of a pack of the source."""
        ...

    def move(self, packs: Iterable[str]) -> None:
        """Place packs of the source as they are, in any order."""
        ...

    def contents(self, pack: str, rows: Iterator[Packed]) -> Iterator[StoredObject]:
        """Give objects of a pack of the source, verified, which come by position."""
        ...

    def place(self, packs: Iterable[PackFile], at_once: int) -> None:
        """Place new packs; in their order if it is one at once."""
        ...


class Sender:
    """Moves packs from a store to a remote."""

    def __init__(self, store: LocalStore, remote: Remote, progress: Progress | None) -> None:
        self._store = store
        self._remote = remote
        self.progress = progress
        self.moved = Moved()

    def is_whole(self, pack: str, needed: NeededObjects, objects: int) -> bool:
        footer = read_pack_footer(self._store.packs, pack)
        return len(footer) == objects or needed.has_all(packed.key for packed in footer)

    def size(self, pack: str) -> int:
        return (self._store.packs / pack_file(pack)).stat().st_size

    def move(self, packs: Iterable[str]) -> None:
        files = ((pack, self._store.packs / pack_file(pack)) for pack in packs)
        for pack in send_packs(self._remote.bucket, files, self.progress):
            self._note(pack, read_pack_footer(self._store.packs, pack), self.size(pack))

    def contents(self, pack: str, rows: Iterator[Packed]) -> Iterator[StoredObject]:
        with (self._store.packs / pack_file(pack)).open("rb") as file:
            for packed in rows:
                file.seek(packed.offset)
                yield verified(packed, file.read(packed.stored), pack)

    def place(self, packs: Iterable[PackFile], at_once: int) -> None:
        def send(pack: PackFile) -> None:
            with abandoned_after(pack) as name:
                for _ in send_packs(self._remote.bucket, [(name, pack.path)], self.progress):
                    self._note(name, pack.objects, pack.size)

        for _ in in_parallel(send, packs, at_once):
            pass

    def _note(self, pack: str, objects: list[Packed], size: int) -> None:
        self._remote.index.add_pack(pack, objects)
        _count(self.moved, objects, size)


class Receiver:
    """Moves packs from a remote to a store."""

    def __init__(self, store: LocalStore, remote: Remote, progress: Progress | None) -> None:
        self._store = store
        self._remote = remote
        self.progress = progress
        self.moved = Moved()

    def is_whole(self, pack: str, needed: NeededObjects, objects: int) -> bool:
        del needed
        return pack in self._remote.sizes and self._remote.lists_only(pack, objects)

    def size(self, pack: str) -> int:
        return self._remote.sizes[pack]

    def move(self, packs: Iterable[str]) -> None:
        for pack in fetch_packs(self._remote.bucket, packs, self._store.path, self.progress):
            objects = read_pack_footer(self._store.packs, pack)
            self._store.index.add_pack(pack, objects)
            _count(self.moved, objects, self.size(pack))

    def contents(self, pack: str, rows: Iterator[Packed]) -> Iterator[StoredObject]:
        for part in in_parallel(
            lambda span: self._read_span(pack, span), _spans(rows), RANGES_AT_ONCE
        ):
            yield from part

    def _read_span(self, pack: str, span: list[Packed]) -> list[StoredObject]:
        start = span[0].offset
        length = span[-1].offset + span[-1].stored - start
        for last in (False, True):
            try:
                data = self._remote.bucket.read_range(pack_name(pack), start, length)
                return [
                    verified(
                        packed,
                        data[packed.offset - start : packed.offset - start + packed.stored],
                        pack,
                    )
                    for packed in span
                ]
            except NotFound as error:
                raise Damaged(f"pack {pack} is gone from {self._remote.url}") from error
            except Damaged as error:
                if last:
                    raise Damaged(f"{self._remote.url}: {error}") from error
        raise AssertionError

    def place(self, packs: Iterable[PackFile], at_once: int) -> None:
        del at_once
        for pack in packs:
            name = pack.seal()
            self._store.index.add_pack(name, pack.objects)
            _count(self.moved, pack.objects, pack.size)
            if self.progress is not None:
                self.progress(Done(1, pack.size))


def _spans(rows: Iterator[Packed]) -> Iterator[list[Packed]]:
    """Group objects that lie close together, in parts of bounded size."""
    span: list[Packed] = []
    for packed in rows:
        if span:
            end = span[-1].offset + span[-1].stored
            if packed.offset - end > _GAP or packed.offset + packed.stored > span[0].offset + _SPAN:
                yield span
                span = []
        span.append(packed)
    if span:
        yield span


def _count(moved: Moved, objects: list[Packed], size: int) -> None:
    moved.packs += 1
    moved.objects += len(objects)
    moved.bytes += size
