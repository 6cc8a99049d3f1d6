"""Collects garbage: does away with packs of which little or nothing is reached any more.

Each moment of it leaves a store that is whole; `docs/design/content-store.md` has the argument.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from omprov.content._adding._packing import PACK_OBJECTS, PACK_SIZE
from omprov.content._durable import disk_errors_told
from omprov.content._pack_folder import index_new_packs, pack_file, remove_leftovers
from omprov.content._progress import Done
from omprov.content._reliance import only_collector, packs_removable
from omprov.errors import StorageFull

from ._condemned import CONDEMNED, write_condemned
from ._reach import PackReader
from ._repack import Repacker
from ._shared_files import remove_unlinked
from ._survey import live_bytes, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta
    from pathlib import Path

    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress
    from omprov.records import Digest

    from ._repack import Moved
    from ._survey import Survey

    Roots = Callable[[], Iterable[Digest]]

_TRIES = 3
_AT_ONCE = 256
"""So many packs go in one step, while no writer can look anything up."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the collector did, or (on a dry run) would do.

    Attributes:
        packs: how many there were.
        bytes: of those packs.
        removed: how many of them went, their content moved where it lives.
        made: how many new ones hold what was moved.
        freed: bytes of packs, less those of the new ones.
        young: packs that were left alone because of the grace period or a writer at work.
        damaged: packs that had to stay: the only copy of something that lives is damaged there.
        absent: contents to keep of which this store holds nothing.
        files: bytes freed of whole files that no checkout links to.
        leftovers: bytes freed of what dead writers left.
    """

    packs: int
    bytes: int
    removed: int = 0
    made: int = 0
    freed: int = 0
    young: int = 0
    damaged: tuple[str, ...] = ()
    absent: int = 0
    files: int = 0
    leftovers: int = 0


def collect(
    folder: Path,
    index: ChunkIndex,
    roots: Roots,
    *,
    grace: timedelta,
    dry_run: bool,
    now: int,
    progress: Progress | None,
) -> Collected:
    """Collect garbage; see `ContentStore.collect`.

    Args:
        folder: of the store.
        index: is kept in step.
        roots: gives what to keep; may be called several times.
        grace: how long after an object was written or relied upon nobody touches it.
        dry_run: only say what would be done.
        now: in ns, by the clock of the machine: for a dry run, which writes nothing.
        progress: told the packs and bytes dealt with.
    """
    length = int(grace.total_seconds() * 1e9)
    if dry_run:
        found = survey(folder, roots(), now=now, grace=length)
        return _with_caches(_foreseen(found), _clear(folder, now - length, dry_run=True))
    with disk_errors_told(), only_collector(folder) as clock:
        cleared = _clear(folder, clock - length, dry_run=False)  # first: it needs no room
        found = _condemn(folder, roots, clock, length)
        return _with_caches(_Sweep(folder, index, found, progress).run(), cleared)


def _condemn(folder: Path, roots: Roots, now: int, grace: int) -> Survey:
    """Find out what lives, and publish what does not, with no writer in between."""
    packs = folder / "packs"
    found = None
    for _ in range(_TRIES - 1):
        found = survey(folder, roots(), now=now, grace=grace, earlier=found)
        with packs_removable(folder):
            if found.is_unchanged(packs):
                _publish(folder, found)
                return found
    with packs_removable(folder):  # writers never rest: let them wait
        found = survey(folder, roots(), now=now, grace=grace, earlier=found)
        _publish(folder, found)
        return found


def _publish(folder: Path, found: Survey, gone: Iterable[int] = ()) -> None:
    """Write the list of the condemned: the nodes that nothing reaches, in packs that are there."""
    kept = np.ones(len(found.census.packs), np.bool_)
    kept[list(gone)] = False
    rows = found.is_dead_node() & kept[found.census.pack]
    keys = np.unique(found.census.keys[rows])
    path = folder / CONDEMNED
    if not len(keys):
        path.unlink(missing_ok=True)
        return
    write_condemned(folder, keys.astype("<u8").tobytes())


@dataclass
class _Sweep:
    """Does away with the victims of a survey, round by round."""

    folder: Path
    index: ChunkIndex
    found: Survey
    progress: Progress | None
    gone: set[int] = field(default_factory=set)
    damaged: set[int] = field(default_factory=set)
    made: dict[str, int] = field(default_factory=dict)

    def run(self) -> Collected:
        reader = PackReader(self.folder / "packs", self.found.census)
        try:
            repacker = Repacker(self.folder, self.index, self.found, reader)
            for packs in _rounds(self.found):
                self._do_away_with(packs, repacker.move(packs))
        finally:
            reader.close()
        with packs_removable(self.folder):
            _publish(self.folder, self.found, self.gone)
        return self._told()

    def _do_away_with(self, packs: list[int], moved: Moved) -> None:
        self.damaged |= moved.broken
        kept = set() if moved.made is None else {moved.made[0]}
        seen = self.found.census.packs
        going = [p for p in packs if p not in moved.broken and seen[p].name not in kept]
        for pack in going:  # each in a step of its own: others want to write to the index, too
            with suppress(StorageFull):  # its rows go below, when there is room again
                self.index.remove_packs([seen[pack].name])
        with packs_removable(self.folder):
            gone = {pack for pack in going if self._remove(pack)}
        if moved.made is not None and (gone or moved.made[0] not in {p.name for p in seen}):
            self.made[moved.made[0]] = moved.made[1]
        self.gone |= gone
        if len(gone) < len(going):
            index_new_packs(self.folder / "packs", self.index)
        self.index.remove_packs(seen[pack].name for pack in gone)
        if self.progress is not None:
            self.progress(Done(len(packs), sum(seen[pack].size for pack in packs)))

    def _remove(self, pack: int) -> bool:
        """Delete a pack, unless a writer has come to rely on it."""
        seen = self.found.census.packs[pack]
        path = self.folder / "packs" / pack_file(seen.name)
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns != seen.modified:
                return False
            path.unlink()
        return True

    def _told(self) -> Collected:
        seen = self.found.census.packs
        made = {
            name: size for name, size in self.made.items() if name not in {p.name for p in seen}
        }
        return replace(
            _untouched(self.found),
            removed=len(self.gone),
            made=len(made),
            freed=sum(seen[pack].size for pack in self.gone) - sum(made.values()),
            damaged=tuple(sorted(seen[pack].name for pack in self.damaged)),
        )


def _rounds(found: Survey) -> Iterator[list[int]]:
    """Give the victims, together as many as one new pack takes in."""
    alive, count = live_bytes(found), found.census.counts(found.live)
    packs: list[int] = []
    size = objects = 0
    for pack in found.victims:
        if size:
            full = size + alive[pack] > PACK_SIZE or objects + count[pack] > PACK_OBJECTS
        else:  # what only has to be deleted goes first, by itself
            full = bool(alive[pack]) or len(packs) == _AT_ONCE
        if packs and full:
            yield packs
            packs, size, objects = [], 0, 0
        packs.append(pack)
        size += int(alive[pack])
        objects += int(count[pack])
    if packs:
        yield packs


def _untouched(found: Survey) -> Collected:
    packs = found.census.packs
    return Collected(
        packs=len(packs),
        bytes=sum(pack.size for pack in packs),
        young=int(found.young.sum()),
        absent=found.absent,
    )


def _foreseen(found: Survey) -> Collected:
    alive = live_bytes(found)
    rounds = [packs for packs in _rounds(found) if sum(alive[pack] for pack in packs)]
    moved = int(sum(alive[pack] for pack in found.victims))
    return replace(
        _untouched(found),
        removed=len(found.victims),
        made=len(rounds),
        freed=sum(found.census.packs[pack].size for pack in found.victims) - moved,
    )


def _clear(folder: Path, before: int, *, dry_run: bool) -> tuple[int, int]:
    """Delete whole files and leftovers that nobody uses; return the bytes of both."""
    files = remove_unlinked(folder / "files", before, dry_run=dry_run)
    return files, remove_leftovers(folder, dry_run=dry_run)


def _with_caches(done: Collected, cleared: tuple[int, int]) -> Collected:
    return replace(done, files=cleared[0], leftovers=cleared[1])
