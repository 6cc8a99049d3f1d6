"""Reads the arguments of a script as ``argparse``, Click, Fire and Hydra write them.

Without the script's own definitions some readings are guesses; ``docs/design/run-facts.md`` states
them. Nothing is lost: a word that belongs to no option is a positional argument.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._values import is_number, put_nested, to_value

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONG = re.compile(r"--(?P<name>[^\W\d_][\w.:/-]*)(?:=(?P<value>.*))?", re.DOTALL)
_SHORT = re.compile(r"-(?P<name>[^\W\d_][\w.-]*)(?:=(?P<value>.*))?", re.DOTALL)
_ATTACHED = re.compile(r"-(?P<name>[^\W\d_])(?P<value>[+-]?\.?\d[\d.eE+-]*)")
_COUNTED = re.compile(r"-(?P<letter>[^\W\d_])(?P=letter)+")
_OVERRIDE = re.compile(
    r"(?P<sign>\+{0,2})(?P<name>[A-Za-z_][\w.@/-]*(?:\.\d+)?)=(?P<value>.*)", re.DOTALL
)
_REMOVED = re.compile(r"~(?P<name>[A-Za-z_][\w.@/-]*)(?:=.*)?", re.DOTALL)


@dataclass(slots=True)
class Flags:
    """The arguments of a script, taken apart.

    Attributes:
        texts: option or override → what was given, as text, in the order given; an empty list for
            an option without a value.
        flags: option → its truth value, of those without a value.
        removed: what Hydra was told to leave out.
        positional: words that belong to no option.
        overrides: the names among `texts` that are Hydra's.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    flags: dict[str, bool | int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    overrides: set[str] = field(default_factory=set)

    def values(self) -> dict[str, Any]:
        """Return typed values, nested by the dots in their names."""
        values: dict[str, Any] = {}
        for name, value in self.flags.items():
            put_nested(values, name, value)
        for name, texts in self.texts.items():
            typed = [to_value(text) for text in texts]
            put_nested(values, name, typed[0] if len(typed) == 1 else typed)
        for name in self.removed:
            values[f"~{name}"] = None
        return values


def read_flags(words: Sequence[str]) -> Flags:
    """Take arguments apart.

    - ``--lr 0.1``, ``--lr=0.1``, ``-b 32``, ``-b32``, ``-lr 0.1``: a value; a negative number is
      one. A following number joins an option whose value is a number (``--betas 0.9 0.999``).
    - ``--flag``: true; ``--no-flag``: false; ``-vvv``: 3.
    - an option given several times is a list.
    - ``model.lr=0.1``, ``+x=1``, ``++x=1``, ``~y``: overrides as of Hydra.
    - after ``--`` everything is positional.

    Dashes in names count as underscores, as in what ``argparse`` gives to the script.
    """
    found = Flags()
    waiting = list(words)[::-1]
    while waiting:
        word = waiting.pop()
        if word == "--":
            found.positional += waiting[::-1]
            break
        if is_option(word):
            _read_option(found, word, waiting)
        elif removed := _REMOVED.fullmatch(word):
            found.removed.append(removed["name"])
        elif override := _OVERRIDE.fullmatch(word):
            found.texts.setdefault(override["name"], []).append(override["value"])
            found.overrides.add(override["name"])
        else:
            found.positional.append(word)
    return found


def is_option(word: str) -> bool:
    """Say whether a word is an option rather than a value."""
    return not is_number(word) and (
        _LONG.fullmatch(word) is not None or _SHORT.fullmatch(word) is not None
    )


def _read_option(found: Flags, word: str, waiting: list[str]) -> None:
    counted = _COUNTED.fullmatch(word)
    if counted is not None:
        name = counted["letter"]
        found.flags[name] = int(found.flags.get(name, 0)) + len(word) - 1
        return
    attached = _ATTACHED.fullmatch(word)
    match = attached or _LONG.fullmatch(word) or _SHORT.fullmatch(word)
    assert match is not None
    name = match["name"].replace("-", "_")
    if match["value"] is not None:
        found.texts.setdefault(name, []).append(match["value"])
        return
    values = _following(waiting)
    if values:
        found.texts.setdefault(name, []).extend(values)
    elif name.startswith("no_") and len(name) > 3:
        found.flags[name[3:]] = False
    else:
        found.flags[name] = True


def _following(waiting: list[str]) -> list[str]:
    """Take the values of an option off what is waiting: one, or all numbers that follow one."""
    values: list[str] = []
    while waiting and waiting[-1] != "--" and not is_option(waiting[-1]):
        word = waiting[-1]
        if not values and (_OVERRIDE.fullmatch(word) or _REMOVED.fullmatch(word)):
            break
        if values and not (is_number(values[0]) and is_number(word)):
            break
        values.append(waiting.pop())
    return values
