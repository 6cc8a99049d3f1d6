"""The measure ``files``: trees as ``diff -rq --no-dereference`` sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.records import Change, Difference

from ._evidence import largest
from ._renames import find_renames
from ._trees import changes_between

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from omprov.records import Digest

    from ._renames import Rename
    from ._trees import Delta, Tree


class FilesMeasure:
    """Files only in one tree, and files that differ, out of the files in either.

    Digests decide; no file is read. What ``diff -rq`` does not report costs nothing: a changed
    executable bit, and empty folders. A rename costs two files, as it does there, and the evidence
    names it.
    """

    name = "files"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,  # noqa: ARG002  no words here
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`."""
        renames, deltas = find_renames(changes_between(old, new))
        removed = len(renames) + sum(delta.new is None for delta in deltas)
        added = len(renames) + sum(delta.old is None for delta in deltas)
        differing = sum(_differs(delta) for delta in deltas)
        mode_only = len(deltas) - (added + removed - 2 * len(renames)) - differing
        changes = [_change_of_rename(rename) for rename in renames]
        changes += [_change_of(delta) for delta in deltas]
        return Difference(
            measure=self.name,
            amount=added + removed + differing,
            total=(0 if old is None else old.files) + added,
            counts={
                "added": added,
                "removed": removed,
                "changed": differing,
                "renamed": len(renames),
                "mode": mode_only,
            },
            changes=largest(changes, sample, _size),
            changed=len(changes),
        )


def _differs(delta: Delta) -> bool:
    return not (delta.old is None or delta.new is None or delta.old.same_content(delta.new))


def _change_of_rename(rename: Rename) -> Change:
    return Change(
        rename.new.path,
        "renamed",
        old_name=rename.old.path,
        counts={"old_size": rename.old.size, "new_size": rename.new.size},
    )


def _change_of(delta: Delta) -> Change:
    old, new = delta.old, delta.new
    if old is None or new is None:
        counts = {"old_size": old.size} if old is not None else {}
        counts |= {"new_size": new.size} if new is not None else {}
        return Change(delta.path, "added" if old is None else "removed", counts=counts)
    counts = {"old_size": old.size, "new_size": new.size} if _differs(delta) else {}
    if old.mode == new.mode:
        return Change(delta.path, "changed", counts=counts)
    return Change(delta.path, "changed", counts=counts, old=old.mode, new=new.mode)


def _size(change: Change) -> float:
    return max(change.counts.values(), default=-1)
