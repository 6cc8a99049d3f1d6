"""Push and pull: moves what one store lacks of some trees, data before the trees that name it.

Whatever was placed stays when the process dies: the next call goes on with the rest.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from omprov.content._progress import Expected
from omprov.errors import NotFound

from ._exchange_plan import plan_moves
from ._movers import Receiver, Sender
from ._needed import Search
from ._new_packs import build_packs, compressed
from ._transfer import PACKS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader
    from omprov.records import Digest

    from ._exchange_plan import MovingPlan
    from ._movers import LocalStore, Moved, Mover
    from ._remote import Remote


def push(
    store: LocalStore,
    reader: ObjectReader,
    remote: Remote,
    roots: Iterable[Digest],
    progress: Progress | None,
    *,
    fresh: float = 0.0,
) -> Moved:
    """Bring what a remote lacks of some trees there; see `ContentStore.push`."""
    if not remote.is_fresh(fresh):
        remote.make()
        remote.refresh()
    search = Search(reader, store.index, remote.index, prune=True)
    with closing(search.needed):
        return _exchange(Sender(store, remote, progress), search, reader, roots, store.path)


def pull(
    store: LocalStore,
    reader: ObjectReader,
    remote: Remote,
    roots: Iterable[Digest],
    progress: Progress | None,
) -> Moved:
    """Bring what is lacking here of some trees from a remote; see `ContentStore.pull`.

    The reader reads from the store, else from this remote.
    """
    remote.refresh()
    search = Search(reader, remote.index, store.index, prune=False)
    with closing(search.needed):
        return _exchange(Receiver(store, remote, progress), search, reader, roots, store.path)


def send_back(
    store: LocalStore,
    reader: ObjectReader,
    remote: Remote,
    roots: Iterable[Digest],
    progress: Progress | None,
) -> Moved:
    """Bring to a remote what it has lost of some trees, as far as it is whole here."""
    search = Search(reader, store.index, remote.index, prune=False, lenient=True)
    with closing(search.needed):
        return _exchange(Sender(store, remote, progress), search, reader, roots, store.path)


def bring_back(
    store: LocalStore,
    reader: ObjectReader,
    remote: Remote,
    roots: Iterable[Digest],
    progress: Progress | None,
) -> Moved:
    """Bring here what was lost of some trees, as far as a remote has it."""
    remote.refresh()
    search = Search(reader, remote.index, store.index, prune=False, lenient=True)
    with closing(search.needed):
        return _exchange(Receiver(store, remote, progress), search, reader, roots, store.path)


def _exchange(
    mover: Mover,
    search: Search,
    reader: ObjectReader,
    roots: Iterable[Digest],
    store: Path,
) -> Moved:
    for root in dict.fromkeys(roots):
        try:
            needs = search.add_tree(root)
        except NotFound:
            mover.moved.absent.append(root)
        else:
            (mover.moved.moved if needs else mover.moved.complete).append(root)
    needs_of = {need.pack: need for need in search.needed.packs()}
    whole = [
        need.pack
        for need in needs_of.values()
        if mover.is_whole(need.pack, search.needed, need.objects)
    ]
    plan = plan_moves(needs_of, whole, search.nodes)
    _tell_expected(plan, mover, {pack: need.stored for pack, need in needs_of.items()})
    mover.move(plan.first)
    contents = (
        one for pack in plan.copied for one in mover.contents(pack, search.needed.contents_in(pack))
    )
    mover.place(build_packs(store, contents), PACKS_AT_ONCE)
    for step in plan.steps:
        mover.move(step.packs)
        objects = (compressed(key, reader.get(key)) for key in step.objects)
        mover.place(build_packs(store, objects), 1)
    return mover.moved


def _tell_expected(plan: MovingPlan, mover: Mover, stored: Mapping[str, int]) -> None:
    if mover.progress is None:
        return
    whole = [*plan.first, *(pack for step in plan.steps for pack in step.packs)]
    copied = sum(stored[pack] for pack in plan.copied)
    items = len(whole) + bool(copied)
    mover.progress(Expected(items, sum(map(mover.size, whole)) + copied))
