"""One call of the protocol: who asks for what, with arguments that are checked as they are read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from ._errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omprov.repository import Repository

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 2**63
_LONGEST_LIST = 10_000
"""Values of one list; databases do not compare with more."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call.

    Attributes:
        repository: as the person who asks may see it, in the project that they ask about.
        arguments: from the path, and from the body or the query.
    """

    repository: Repository
    arguments: Mapping[str, Any]

    @property
    def project(self) -> str:
        """The project that the call is about."""
        return self.repository.project

    def text(self, *names: str) -> str:
        """Return a text that must be there, by the first of these names that is given.

        Raises:
            Refused: there is none.
        """
        found = self.find_text(*names)
        if not found:
            raise invalid(f"Missing value for required parameter '{names[0]}'.")
        return found

    def find_text(self, *names: str) -> str | None:
        """Return a text, or ``None``."""
        for name in names:
            value = self.arguments.get(name)
            if value is not None:
                return checked_text(value, name)
        return None

    def number(self, name: str, otherwise: int) -> int:
        """Return a whole number."""
        value = self.arguments.get(name)
        return otherwise if value is None or value == "" else checked_number(value, name)

    def items(self, name: str) -> list[Mapping[str, Any]]:
        """Return a list of objects."""
        value = self.arguments.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise invalid(f"Invalid value for parameter '{name}': it takes a list of objects.")
        _check_length(value, name)
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.arguments.get(name)
        if value is None:
            return []
        given = value if isinstance(value, list) else [value]
        _check_length(given, name)
        return [checked_text(one, name) for one in given]


Handler: TypeAlias = "Callable[[Call], Mapping[str, Any]]"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call that is offered.

    Attributes:
        path: behind ``/api/``; parts in braces are arguments.
        writes: whether it changes anything.
    """

    method: str
    path: str
    handler: Handler
    writes: bool = True


def checked_text(value: Any, name: str) -> str:
    """Return a text that can be stored.

    Raises:
        Refused: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise invalid(f"Invalid value for parameter '{name}': it takes a string.")
    text = str(value)
    if "\0" in text:
        raise invalid(f"Invalid value for parameter '{name}': it holds a NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise invalid(
                f"Invalid value for parameter '{name}': it holds half a character."
            ) from error
    return text


def said_json(text: str, otherwise: Any) -> Any:
    """Return what a text that clients set says as JSON; something else where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _check_length(items: list[Any], name: str) -> None:
    if len(items) > _LONGEST_LIST:
        raise invalid(f"Parameter '{name}' takes at most {_LONGEST_LIST} values at once.")


def checked_number(value: Any, name: str) -> int:
    """Return a whole number of 64 bits.

    Raises:
        Refused: it is none.
    """
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = _MOST
    if isinstance(value, bool) or not -_MOST <= number < _MOST or number != _plain(value):
        raise invalid(f"Invalid value {value!r} for parameter '{name}': it takes an integer.")
    return number


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, str) else value


def checked_float(value: Any, name: str) -> float:
    """Return a number, NaN and the infinities included.

    Raises:
        Refused: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise invalid(f"Invalid value {value!r} for parameter '{name}': it takes a number.")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise invalid(
            f"Invalid value {value!r} for parameter '{name}': it takes a number."
        ) from error


def time_of(milliseconds: int, name: str = "timestamp") -> datetime:
    """Return the time that MLflow writes as milliseconds since 1970.

    Raises:
        Refused: no calendar has it.
    """
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise invalid(f"Invalid value {milliseconds} for parameter '{name}'.") from error


def milliseconds_of(time: datetime | None) -> int | None:
    """Return a time as MLflow writes it."""
    return None if time is None else (time - _EPOCH) // timedelta(milliseconds=1)


def shown_float(value: float) -> float | str:
    """Return a number as JSON can hold it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
