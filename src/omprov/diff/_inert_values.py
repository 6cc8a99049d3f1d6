"""What a pickle says, as values that cannot do anything; `_inert_pickle` makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_VALUES = 1_000_000  # that are looked at
_DEEPEST = 64  # levels of dictionaries, lists and objects


class BadPickle(Exception):
    """What was read is no pickle, or a broken one."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a pickle refers to by name; it is not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Opaque:
    """What a pickle would have made by a call; nothing was called.

    Attributes:
        maker: what would have been called.
        args: with which arguments.
        state: what it would have been given afterwards.
        items: what would have been put into it, pairs for a mapping.
    """

    maker: Any
    args: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """A reference to something outside of the pickle."""

    id: Any


@dataclass(slots=True, eq=False)
class Pairs:
    """A dictionary; its keys need not be hashable."""

    items: list[tuple[Any, Any]] = field(default_factory=list)


def iter_values(
    value: Any, inner: Callable[[Any], Iterator[tuple[str, Any]]]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield a value and all that is in it, in order, each with the keys that lead to it.

    Args:
        value: as `read_pickle` gave it.
        inner: gives what a value holds; `inner_values`, or less.

    Raises:
        BadPickle: there are more than a million.
    """
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    seen = 0
    while waiting:
        keys, current = waiting.pop()
        yield keys, current
        seen += 1
        if len(keys) < _DEEPEST:
            found = [((*keys, key), item) for key, item in inner(current)]
            waiting.extend(reversed(found))
        if seen + len(waiting) > _MOST_VALUES:
            raise BadPickle("it holds too many values")


def inner_values(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a value holds directly, with its key or place."""
    match value:
        case Pairs(items):
            yield from ((_key(key), item) for key, item in items)
        case list() | tuple():
            yield from ((str(place), item) for place, item in enumerate(value))
        case Opaque(_, args, state, items):
            yield from inner_values(args)
            yield from inner_values(state)
            for place, item in enumerate(items):
                is_pair = isinstance(item, tuple) and len(item) == 2
                yield (_key(item[0]), item[1]) if is_pair else (str(place), item)


def _key(key: Any) -> str:
    return str(key) if isinstance(key, str | int | float | None) else "?"
