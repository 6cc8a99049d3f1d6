"""The events of a run as they came, kept word for word in trees of the run's files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omprov.content import ContentStore
    from omprov.records import Digest, Run

    from ._events import Event

TREE = "openlineage"
"""What the tree is called, and with a number those after it."""
_FILES = 100
"""Events of one tree: each new one writes its tree anew."""
_ENDING = ".json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A tree of events that holds one more."""

    name: str
    digest: Digest


def trees_of(run: Run) -> list[tuple[str, Digest]]:
    """Return the trees of a run's events, the one that is filled last."""
    names = [name for name in run.files if name == TREE or name.startswith(f"{TREE}.")]
    return [(name, run.files[name]) for name in sorted(names, key=_number)]


def keep_event(store: ContentStore, run: Run | None, event: Event) -> Kept | None:
    """Store an event beside those of its run; ``None`` where it is there already."""
    trees = [] if run is None else trees_of(run)
    wanted = event.key + _ENDING
    if any(store.tree(digest).has(wanted.encode()) for _, digest in trees):
        return None
    files: dict[str, bytes] = {}
    name = trees[-1][0] if trees else TREE
    if trees:
        tree = store.tree(trees[-1][1])
        if tree.files < _FILES:
            files = {one: _read(tree.open(one)) for one, _ in tree.iter_top()}
        else:
            name = f"{TREE}.{_number(name) + 1}"
    files[wanted] = json.dumps(event.raw, indent=1).encode()
    return Kept(name, store.put_files(files).digest)


def iter_events(store: ContentStore, run: Run) -> Iterator[dict[str, Any]]:
    """Give the events of a run, by their time."""
    for _, digest in trees_of(run):
        tree = store.tree(digest)
        for name, _ in tree.iter_top():
            yield json.loads(_read(tree.open(name)))


def _read(file: Any) -> bytes:
    with file:
        content: bytes = file.read()
        return content


def _number(name: str) -> int:
    return int(name.partition(".")[2] or 1)
