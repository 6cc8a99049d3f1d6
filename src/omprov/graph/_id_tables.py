"""Which dense number a version id has, and back: compact for rising integers, a dict otherwise."""

from __future__ import annotations

from array import array
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import numpy as np

from omprov.errors import Damaged, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

Id = TypeVar("Id", bound="Hashable")

_SPAN = 16
"""Rising integers are kept in a table while they use at least one in so many of its slots."""

_NEAR = 2000
"""So many of the newest ids are searched for one that looks like a missing one."""

_INT64 = range(-(2**62), 2**62)


class IdTable(Protocol[Id]):
    """Ids numbered 0, 1, 2, … in arrival order."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Id]: ...

    def accepts(self, id: object) -> bool:
        """Tell whether `id`, which is not there yet, can be added."""
        ...

    def append(self, id: Id) -> None:
        """Give `id`, which is accepted, the next number."""
        ...

    def find(self, id: object) -> int | None:
        """Return the number of `id`, or None."""
        ...

    def find_function(self) -> Callable[[Any], int]:
        """Return the fastest ``id → number``, which raises LookupError or TypeError.

        It holds as long as ids are only appended, and there was one already.
        """
        ...

    def on_ids(self, ask: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
        """Return `ask`, which takes two numbers, as a function of two ids.

        One call less for each id than to find them first; it holds and raises as
        `find_function` does.
        """
        ...

    def find_each(self, ids: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
        """Return the numbers of `ids`, -1 where there is none."""
        ...

    def id_of(self, number: int) -> Id:
        """Return the id of a number."""
        ...


class RisingIds:
    """Integers, each greater than the one before: a table of slots, 12 to 72 bytes an id."""

    __slots__ = ("_ids", "_origin", "_slots")

    def __init__(self) -> None:
        self._ids = array("q")
        self._slots = array("i")
        self._origin = 0

    def __len__(self) -> int:
        return len(self._ids)

    def accepts(self, id: object) -> bool:
        if type(id) is not int or id not in _INT64:
            return False
        if not self._ids:
            return True
        span = id - self._origin + 1
        return id > self._ids[-1] and span <= _SPAN * (len(self._ids) + 64)

    def append(self, id: int) -> None:
        if not self._ids:
            self._origin = id
        missing = id - self._origin - len(self._slots)
        if missing:
            self._slots.extend([-1] * missing)
        self._slots.append(len(self._ids))
        self._ids.append(id)

    def find(self, id: object) -> int | None:
        try:
            place = id - self._origin  # type: ignore[operator]
            number = self._slots[place] if place >= 0 else -1
        except (LookupError, TypeError):
            return None
        return number if number >= 0 else None

    def find_function(self) -> Callable[[Any], int]:
        slots, origin = self._slots, self._origin

        def find(id: int) -> int:
            place = id - origin
            if place < 0:
                raise LookupError(id)
            number = slots[place]
            if number < 0:
                raise LookupError(id)
            return number

        return find

    def on_ids(self, ask: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
        slots, origin = self._slots, self._origin

        def ask_by_id(first: int, second: int) -> bool:
            if first < origin or second < origin:
                raise LookupError
            u, w = slots[first - origin], slots[second - origin]
            if u < 0 or w < 0:
                raise LookupError
            return ask(u, w)

        return ask_by_id

    def find_each(self, ids: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
        wanted = np.asarray(ids)
        if wanted.dtype.kind != "i" or not self._ids:
            found = [self.find(one) for one in ids]
            return np.array([-1 if number is None else number for number in found], np.int64)
        slots = np.frombuffer(self._slots, np.int32)
        places = wanted.astype(np.int64, copy=False) - self._origin
        numbers = slots.take(places, mode="clip").astype(np.int64)
        if len(places) and (places.min() < 0 or places.max() >= len(slots)):
            numbers[(places < 0) | (places >= len(slots))] = -1
        return numbers

    def id_of(self, number: int) -> int:
        return self._ids[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def extend(self, ids: Sequence[int] | array[int]) -> None:
        """Fill the empty table with rising ids that are dense enough."""
        self._ids = array("q", ids)
        if not self._ids:
            return
        known = np.frombuffer(self._ids, np.int64)
        self._origin = self._ids[0]
        slots = np.full(int(known[-1]) - self._origin + 1, -1, np.int32)
        slots[known - self._origin] = np.arange(len(known), dtype=np.int32)
        self._slots = array("i", slots.tobytes())


class MappedIds(Generic[Id]):
    """Any hashable ids, in a dict."""

    __slots__ = ("_ids", "_numbers")

    def __init__(self, ids: Iterable[Id] = ()) -> None:
        self._ids = list(ids)
        self._numbers: dict[object, int] = dict(zip(self._ids, range(len(self._ids)), strict=True))

    def __len__(self) -> int:
        return len(self._ids)

    def accepts(self, id: object) -> bool:  # noqa: ARG002  a dict takes anything
        return True

    def append(self, id: Id) -> None:
        self._numbers[id] = len(self._ids)
        self._ids.append(id)

    def find(self, id: object) -> int | None:
        return self._numbers.get(id)

    def find_function(self) -> Callable[[Any], int]:
        return self._numbers.__getitem__

    def on_ids(self, ask: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
        numbers = self._numbers
        return lambda first, second: ask(numbers[first], numbers[second])

    def find_each(self, ids: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
        listed = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        try:
            return np.fromiter(map(self._numbers.__getitem__, listed), np.int64, len(listed))
        except KeyError:
            return np.array([self._numbers.get(one, -1) for one in listed], np.int64)

    def id_of(self, number: int) -> Id:
        return self._ids[number]

    def __iter__(self) -> Iterator[Id]:
        return iter(self._ids)

    @property
    def distinct(self) -> int:
        """How many different ids there are."""
        return len(self._numbers)


def table_of(ids: Sequence[Id]) -> IdTable[Id]:
    """Return the smaller table that can hold `ids`; repeated ones are not looked for."""
    if ids and type(ids[0]) is int and set(map(type, ids)) == {int}:
        whole = cast("Sequence[int]", ids)
        dense = whole[-1] - whole[0] < _SPAN * (len(whole) + 64)
        if dense and whole[0] in _INT64 and whole[-1] in _INT64:
            wanted = np.asarray(whole)
            if (wanted[1:] > wanted[:-1]).all():
                rising = RisingIds()
                rising.extend(whole)
                return cast("IdTable[Id]", rising)
    return MappedIds(ids)


def not_found(ids: IdTable[Id], id: object) -> NotFound:
    """Make the error for an id that is not there; names look-alikes among the newest strings."""
    near: list[str] = []
    if isinstance(id, str):
        numbers = range(len(ids) - 1, -1, -1)
        newest = (ids.id_of(number) for number in islice(numbers, _NEAR))
        near = get_close_matches(id, [other for other in newest if isinstance(other, str)])
    return NotFound("version", id, near)


def ids_to_sections(
    ids: IdTable[Id],
) -> dict[str, bytes | bytearray | array[int]]:
    """Return `ids` as sections of a snapshot.

    Raises:
        InvalidInput: some id is neither an int of 64 bits nor a str.
    """
    kinds = set(map(type, ids))
    if kinds <= {int}:
        try:
            return {"int_ids": array("q", cast("IdTable[int]", ids))}
        except OverflowError:
            raise InvalidInput("state() keeps integer ids of at most 64 bits") from None
    if kinds == {str}:
        encoded = [one.encode("utf-8", "surrogatepass") for one in cast("IdTable[str]", ids)]
        return {"str_ids": b"".join(encoded), "str_lengths": array("i", map(len, encoded))}
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise InvalidInput(f"state() keeps ids that are all int or all str, not {names}")


def ids_from_sections(
    sections: Mapping[str, memoryview],
) -> IdTable[Any]:
    """Read what `ids_to_sections` gave."""
    if "int_ids" in sections:
        numbers = array("q")
        numbers.frombytes(sections["int_ids"])
        known = np.frombuffer(numbers, np.int64)
        rising = len(known) == 0 or bool((known[1:] > known[:-1]).all())
        if rising and (not numbers or numbers[-1] - numbers[0] < _SPAN * (len(numbers) + 64)):
            table = RisingIds()
            table.extend(numbers)
            return table
        return MappedIds(numbers.tolist())
    text = bytes(sections["str_ids"])
    ends = np.cumsum(np.frombuffer(sections["str_lengths"], np.int32), dtype=np.int64).tolist()
    starts = [0, *ends[:-1]]
    if (ends[-1] if ends else 0) != len(text):
        raise Damaged("the ids of a stored version graph are cut off; build it anew")
    return MappedIds(
        [text[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=True)]
    )
