"""The measure ``records``: annotation files, record by record."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Literal

import numpy as np

from omprov.records import Change, Difference

from ._canonical_json import canonical, decode
from ._evidence import largest, listed
from ._json_stream import iter_elements
from ._pairs import pair_files
from ._sources import Unreadable, open_plain
from ._tally import Tally, member_digest
from ._waiting import Waiting

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, MutableMapping

    from omprov.records import Digest

    from ._pairs import Pairs, Place
    from ._trees import Leaf, Tree

    _Heading = tuple[str | None, bool]
    """The key of a section, and whether it is a list."""

_BATCH = 1 << 12  # records of one file that are looked at together


class RecordsMeasure:
    """Records that were added, removed or changed, out of the records of both sides.

    A JSON file of annotations holds lists of objects (images, annotations, categories, …), and each
    object with an ``id`` is matched by it. What has none is matched by its content. Any other file,
    and one that cannot be read, is one record: its digest.
    """

    name = "records"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,  # noqa: ARG002  no words here
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`.

        Raises:
            StorageFull: there is no room for the temporary files in which records wait.
        """
        pairs = pair_files(old, new)
        comparison = _Comparison()
        changes = comparison.changes(pairs)
        unchanged = comparison.count_all([*pairs.same, *pairs.renamed])
        counts = {
            sort: sum(int(change.counts.get(sort, 0)) for change in changes)
            for sort in ("added", "removed", "changed")
        }
        return Difference(
            measure=self.name,
            amount=sum(counts.values()),
            total=unchanged + comparison.records,
            counts=counts,
            changes=largest(changes, sample, _size),
            changed=len(changes),
            note=listed(comparison.problems),
        )


@dataclass(frozen=True, slots=True)
class _Counts:
    union: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(
            self.union + other.union,
            self.added + other.added,
            self.removed + other.removed,
            self.changed + other.changed,
        )

    @property
    def shown(self) -> dict[str, float]:
        named = {"added": self.added, "removed": self.removed, "changed": self.changed}
        return {name: count for name, count in named.items() if count}


class _Section:
    """The records of both sides under one key."""

    def __init__(self, stack: ExitStack, *, in_list: bool) -> None:
        self._in_list = in_list
        self._keys = stack.enter_context(Tally())
        self._records = stack.enter_context(Tally())
        self._waiting = Waiting[str](self._pass_on)
        self._old = 0

    def add(self, old: list[str], new: list[str]) -> None:
        self._old += len(old)
        self._waiting.add(old, new)

    def counts(self) -> _Counts:
        self._waiting.flush()
        removed, added = self._keys.surplus()
        gone, _ = self._records.surplus()
        changed = gone - removed  # those whose key stayed
        return _Counts(self._old + added, added, removed, changed)

    def _pass_on(self, texts: Counter[str], sign: int) -> None:
        keys, records = [], []
        for text in texts:
            key, record = _read(text, in_list=self._in_list)
            keys.append(member_digest(key))
            records.append(member_digest(key + b"\0" + record))
        counts = sign * np.fromiter(texts.values(), np.int64, len(texts))
        self._keys.add(b"".join(keys), counts)
        self._records.add(b"".join(records), counts)


class _Comparison:
    """What is met on the way through two trees.

    Attributes:
        records: of either side, in the files that changed.
        problems: what the reader of the figure should know.
    """

    def __init__(self) -> None:
        self.records = 0
        self.problems: list[str] = []

    def changes(self, pairs: Pairs) -> list[Change]:
        """Compare the files that differ, section by section, renames first."""
        result = [Change(new.path, "renamed", old_name=old.path) for old, new in pairs.renames]
        for before, after in pairs.changed:
            result += self._compare(before, after)
        result += [self._whole(place, "removed") for place in pairs.removed]
        result += [self._whole(place, "added") for place in pairs.added]
        return result

    def count_all(self, places: list[Place]) -> int:
        """Count the records of some files."""
        return sum(self._count(place) for place in places)

    def _whole(self, place: Place, change: Literal["added", "removed"]) -> Change:
        records = self._count(place)
        self.records += records
        return Change(place[1].path, change, counts={change: records})

    def _compare(self, before: Place, after: Place) -> list[Change]:
        path = after[1].path
        try:
            sections = _compare_files(before, after)
        except Unreadable as problem:
            if _is_read(before[1]) or _is_read(after[1]):
                self.problems.append(f"{problem}: all of it differs")
            old, new = self._count(before), self._count(after)
            both = min(old, new)
            sections = {None: _Counts(max(old, new), new - both, old - both, both)}
        self.records += sum(counts.union for counts in sections.values())
        changed = {key: counts for key, counts in sections.items() if counts.shown}
        if not changed:
            return [Change(path, "changed")]
        return [
            Change(path if key is None else f"{path}:{key}", "changed", counts=counts.shown)
            for key, counts in changed.items()
        ]

    def _count(self, place: Place) -> int:
        if not _is_read(place[1]):
            return 1
        try:
            return sum(len(texts) for batch in _batches(place) for texts in batch.values())
        except Unreadable as problem:
            self.problems.append(f"{problem}: it counts as one record")
            return 1


def is_annotations(path: str) -> bool:
    """Tell whether a file's name says that it may hold records."""
    return path.lower().endswith((".json", ".json.gz"))


def _is_read(leaf: Leaf) -> bool:
    return leaf.mode != "symlink" and is_annotations(leaf.path)


def _compare_files(before: Place, after: Place) -> dict[str | None, _Counts]:
    with ExitStack() as stack:
        sections: dict[_Heading, _Section] = {}
        nothing: dict[_Heading, list[str]] = {}
        for old, new in zip_longest(_batches(before), _batches(after), fillvalue=nothing):
            for heading in old.keys() | new.keys():
                if heading not in sections:
                    sections[heading] = _Section(stack, in_list=heading[1])
                sections[heading].add(old.get(heading, []), new.get(heading, []))
        counts: defaultdict[str | None, _Counts] = defaultdict(_Counts)
        for (key, _), section in sections.items():
            counts[key] += section.counts()
        return counts


def _batches(place: Place) -> Iterator[dict[_Heading, list[str]]]:
    """Yield the records of a file as they are written, some at a time, by where they stand.

    Raises:
        Unreadable: it is no JSON file.
    """
    tree, leaf = place
    if not _is_read(leaf):
        raise Unreadable(f"{leaf.path} is no JSON file")
    with open_plain(tree, leaf) as file:
        elements = iter_elements(file, leaf.path)
        while batch := list(islice(elements, _BATCH)):
            texts: defaultdict[_Heading, list[str]] = defaultdict(list)
            for element in batch:
                texts[element.key, element.in_list].append(element.text)
            yield texts


def _read(text: str, *, in_list: bool) -> tuple[bytes, bytes]:
    """Return the key by which a record is matched, and its content."""
    value = decode(text)
    record = canonical(value)
    if not in_list:
        return b"only", record
    identity = value.get("id") if isinstance(value, dict) else None
    is_key = isinstance(identity, int | str) and not isinstance(identity, bool)
    return (b"id" + canonical(identity) if is_key else b"content" + record), record


def _size(change: Change) -> float:
    return sum(change.counts.values())
