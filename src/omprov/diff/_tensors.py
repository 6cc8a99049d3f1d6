"""The measure ``tensors``: weights, tensor by tensor."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from omprov.records import Change, Difference

from ._array_files import read_npy, read_npz, read_safetensors
from ._distances import distance
from ._evidence import listed
from ._pairs import pair_files
from ._sources import Unreadable
from ._stored_tensors import OpenFiles
from ._torch_files import read_torch
from ._trees import path_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping
    from typing import BinaryIO

    from omprov.records import Digest

    from ._pairs import Pairs, Place
    from ._stored_tensors import StoredTensor
    from ._trees import Tree

_READERS: dict[str, Callable[[Place, BinaryIO], dict[str, StoredTensor]]] = {
    ".safetensors": read_safetensors,
    ".npy": read_npy,
    ".npz": read_npz,
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), read_torch),
}


class TensorsMeasure:
    """How far the tensors of two trees are apart, each weighed by how many numbers it has.

    Tensors of one name, shape and type are ‖new - old‖ / (‖old‖ + ‖new‖) apart; all others differ
    wholly. safetensors, NumPy's files and PyTorch's checkpoints hold tensors; no pickle is
    executed. Any other file, and one that cannot be read, counts as one number: its digest.
    """

    name = "tensors"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,  # noqa: ARG002  no words here
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`."""
        with OpenFiles() as files:
            comparison = _Comparison(pair_files(old, new), files)
            changed = comparison.changes()
        counts = comparison.counts
        return Difference(
            measure=self.name,
            amount=min(math.fsum(found.amount for found in changed), comparison.total),
            total=comparison.total,
            counts={
                sort: counts[sort]
                for sort in ("tensors", "changed", "added", "removed", "reshaped", "other_files")
            },
            changes=tuple(
                found.change
                for found in heapq.nlargest(sample, changed, lambda found: found.amount)
            ),
            changed=len(changed),
            exact=not comparison.unsure,
            note=listed(comparison.problems),
        )


class _Changed(NamedTuple):
    change: Change
    amount: float


class _Side:
    """The tensors of one tree, and its files that hold none, by path."""

    def __init__(self) -> None:
        self.tensors: dict[str, dict[str, StoredTensor]] = {}
        self.others: set[str] = set()

    def has_namesakes(self) -> bool:
        """Tell whether two files hold tensors of one name."""
        names = [name for tensors in self.tensors.values() for name in tensors if name]
        return len(set(names)) < len(names)

    def named(self, *, by_file: bool) -> dict[str, StoredTensor]:
        """Return the tensors by their names, the file before them if asked for."""
        return {
            (f"{path}:{name}" if by_file else name) if name else path: tensor
            for path, tensors in self.tensors.items()
            for name, tensor in tensors.items()
        }


class _Comparison:
    """What is met on the way through two trees.

    Attributes:
        total: the numbers of both sides.
        counts: how many tensors there are, and of which sort their changes are.
        problems: what the reader of the figure should know.
        unsure: whether a tensor counts as wholly different for want of memory.
    """

    def __init__(self, pairs: Pairs, files: OpenFiles) -> None:
        self._files = files
        self.total = 0
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.unsure = False
        self._old, self._new = _Side(), _Side()
        self._fill([*pairs.same, *pairs.renamed], self._old, self._new)
        self._fill([*pairs.removed, *(old for old, _ in pairs.changed)], self._old)
        self._fill([*pairs.added, *(new for _, new in pairs.changed)], self._new)
        self._renames = pairs.renames
        self._unchanged = {leaf.path for _, leaf in [*pairs.same, *pairs.renamed]}

    def changes(self) -> list[_Changed]:
        """Compare all tensors, renames first, then the files that hold none."""
        renames = [Change(new.path, "renamed", old_name=old.path) for old, new in self._renames]
        return [
            *(_Changed(change, 0) for change in renames),
            *self._compare_others(),
            *self._compare_tensors(),
        ]

    def _fill(self, places: Iterable[Place], *sides: _Side) -> None:
        """Read the headers of files into one side, or into both where they did not change."""
        for place in places:
            path = place[1].path
            tensors = self._read(place, told=len(sides) == 1)
            for side in sides:
                if tensors:
                    side.tensors[path] = tensors
                else:
                    side.others.add(path)

    def _read(self, place: Place, *, told: bool) -> dict[str, StoredTensor]:
        tree, leaf = place
        if leaf.mode == "symlink" or not is_weights(leaf.path):
            return {}
        try:
            with tree.open(leaf.path) as file:
                return _READERS[_ending(leaf.path)](place, file)
        except Unreadable as problem:
            if told:
                self.problems.append(f"{problem}: it counts as one number")
            return {}

    def _compare_others(self) -> Iterator[_Changed]:
        """Count the files without tensors; one that did not change is on both sides, and read."""
        old, new = self._old.others, self._new.others
        self.total += len(old) + len(new)
        for path in sorted(old | new, key=path_order):
            if path in self._unchanged:
                continue
            self.counts["other_files"] += 1
            amount = (path in old) + (path in new)
            change: Literal["changed", "removed", "added"]
            change = "changed" if amount == 2 else "removed" if path in old else "added"
            yield _Changed(Change(path, change), amount)

    def _compare_tensors(self) -> Iterator[_Changed]:
        by_file = self._old.has_namesakes() or self._new.has_namesakes()
        old, new = self._old.named(by_file=by_file), self._new.named(by_file=by_file)
        for name in sorted(old.keys() | new.keys()):
            self.counts["tensors"] += 1
            before, after = old.get(name), new.get(name)
            self.total += sum(tensor.weight for tensor in (before, after) if tensor is not None)
            if before is not after:
                yield from self._compare(name, before, after)

    def _compare(
        self, name: str, before: StoredTensor | None, after: StoredTensor | None
    ) -> Iterator[_Changed]:
        if before is None or after is None:
            tensor = before or after
            assert tensor is not None
            sort: Literal["added", "removed"] = "added" if before is None else "removed"
            self.counts[sort] += 1
            change = Change(name, sort, counts={"numbers": tensor.numbers})
            yield _Changed(change, tensor.weight)
        elif (before.dtype, before.shape) != (after.dtype, after.shape):
            self.counts["reshaped"] += 1
            change = Change(name, "changed", old=before.shown, new=after.shown)
            yield _Changed(change, before.weight + after.weight)
        elif apart := self._distance(name, before, after):
            self.counts["changed"] += 1
            counts = {"distance": apart, "numbers": after.numbers}
            yield _Changed(Change(name, "changed", counts=counts), apart * 2 * after.weight)

    def _distance(self, name: str, before: StoredTensor, after: StoredTensor) -> float:
        try:
            apart = distance(before, after, self._files)
        except Unreadable as problem:
            self.problems.append(f"{problem}: {name} differs wholly")
            return 1.0
        if apart is None:
            self.unsure = True
            self.problems.append(f"{name} is too large to be put in order: it differs wholly")
            return 1.0
        return apart


def is_weights(path: str) -> bool:
    """Tell whether a file's name says that it holds tensors."""
    return _ending(path) in _READERS


def _ending(path: str) -> str:
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    return (dot + ending).lower() if stem else ""
