"""What the plug-in of hyperparameters keeps in event files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ._wire import double, iter_fields, number, submessage, text

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN = "hparams"

_FAILED = 2


@dataclass(frozen=True, slots=True)
class HParams:
    """What is said of one run.

    Attributes:
        params: name → value: a number, a text, a truth value, or a list or mapping of them.
        began: when it began, in seconds since 1970.
        ended: when it ended.
        has_failed: whether it is said to have failed.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    began: float | None = None
    ended: float | None = None
    has_failed: bool = False


def read(content: bytes, before: HParams | None) -> HParams:
    """Read one message of the plug-in, and join it to those before.

    Raises:
        BadMessage: it is none.
    """
    found = before or HParams()
    for key, value in iter_fields(content):
        if key == 3:
            found = _start(submessage(value), found)
        elif key == 4:
            found = _end(submessage(value), found)
    return found


def _start(message: bytes, found: HParams) -> HParams:
    params = dict(found.params)
    began = found.began
    for key, value in iter_fields(message):
        if key == 1:
            params |= _entry(submessage(value))
        elif key == 5:
            began = double(value)
    return replace(found, params=params, began=began)


def _end(message: bytes, found: HParams) -> HParams:
    status, ended = 0, found.ended
    for key, value in iter_fields(message):
        if key == 1:
            status = number(value)
        elif key == 2:
            ended = double(value)
    return replace(found, ended=ended, has_failed=status == _FAILED)


def _entry(message: bytes) -> dict[str, Any]:
    """Read one entry of a mapping from names to values."""
    name, found = "", None
    for key, value in iter_fields(message):
        if key == 1:
            name = text(value)
        elif key == 2:
            found = _json(submessage(value))
    return {name: found}


def _json(message: bytes) -> Any:
    """Read a JSON value in the form that protocol buffers give it."""
    found: Any = None
    for key, value in iter_fields(message):
        if key == 2:
            found = double(value)
            found = int(found) if found.is_integer() and abs(found) < 1 << 53 else found
        elif key == 3:
            found = text(value)
        elif key == 4:
            found = bool(number(value))
        elif key == 5:
            found = {
                name: one
                for f, inner in iter_fields(submessage(value))
                if f == 1
                for name, one in _entry(submessage(inner)).items()
            }
        elif key == 6:
            found = [_json(submessage(one)) for f, one in iter_fields(submessage(value)) if f == 1]
    return found
