"""Large JSON files, one element of the lists at their top at a time, and what is beside them."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ._canonical_json import decode, end_of_value
from ._sources import BLOCK, LONGEST, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_NUMBERS = re.compile(r"[-+.0-9eE]*")
_SPACE = re.compile(r"[ \t\n\r]*")


class Element(NamedTuple):
    """A value at the top of a JSON file, or an element of a list there.

    Attributes:
        key: under which name it stands; ``None`` where the file itself is a list or a lone value.
        in_list: whether it is an element of a list.
        text: itself, as it is written.
    """

    key: str | None
    in_list: bool
    text: str


def iter_elements(file: BinaryIO, name: str) -> Iterator[Element]:
    """Yield the elements of a JSON file in order; one at a time is in memory.

    Raises:
        Unreadable: it is no JSON, not in UTF-8, or an element is longer than 8 MiB.
    """
    text = _Text(file, name)
    match text.peek():
        case "{":
            yield from _iter_members(text)
        case "[":
            yield from _iter_list(text, None)
        case _:
            yield Element(None, in_list=False, text=text.value())
    if text.peek():
        raise text.unreadable("something follows its end")


def _iter_members(text: _Text) -> Iterator[Element]:
    text.take("{")
    more = text.peek() != "}"
    while more:
        key = decode(text.value())
        if not isinstance(key, str):
            raise text.unreadable("a key is no text")
        text.take(":")
        if text.peek() == "[":
            yield from _iter_list(text, key)
        else:
            yield Element(key, in_list=False, text=text.value())
        more = text.goes_on("}")
    text.take("}")


def _iter_list(text: _Text, key: str | None) -> Iterator[Element]:
    text.take("[")
    more = text.peek() != "]"
    while more:
        yield Element(key, in_list=True, text=text.value())
        more = text.goes_on("]")
    text.take("]")


class _Text:
    """A text file with a place in it; only what lies ahead and near is in memory."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._ahead, self._place, self._ended = "", 0, False

    def unreadable(self, reason: str) -> Unreadable:
        return Unreadable(f"{self._name} cannot be read as JSON ({reason})")

    def peek(self) -> str:
        """Return the next character that is no space; nothing at the end."""
        character = self._ahead[self._place : self._place + 1]
        if character > " ":
            return character
        while True:
            found = _SPACE.match(self._ahead, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._ahead) or not self._read_on():
                return self._ahead[self._place : self._place + 1]

    def take(self, character: str) -> None:
        if self.peek() != character:
            raise self.unreadable(f"{character!r} is missing")
        self._place += 1

    def goes_on(self, end: str) -> bool:
        """Pass over a comma, if there is one and no end."""
        if self.peek() == end:
            return False
        self.take(",")
        return True

    def value(self) -> str:
        """Pass over a value and return how it is written."""
        self.peek()
        while True:
            try:
                end = end_of_value(self._ahead, self._place)
            except RecursionError as error:
                raise self.unreadable("it is nested too deep") from error
            except ValueError as error:
                if not self._read_on():
                    raise self.unreadable(str(error)) from error
                continue
            rest = _OF_NUMBERS.match(self._ahead, end)  # a number may go on
            if rest is None or rest.end() < len(self._ahead) or not self._read_on():
                start, self._place = self._place, end
                return self._ahead[start:end]

    def _read_on(self) -> bool:
        """Read more, at least as much as lies ahead; tell whether there was more."""
        ahead = len(self._ahead) - self._place
        if self._ended:
            return False
        if ahead > LONGEST:
            raise self.unreadable(f"an element is longer than {LONGEST >> 20} MiB")
        content = self._file.read(max(BLOCK, ahead))
        self._ended = not content
        try:
            text = self._decoder.decode(content, final=self._ended)
        except UnicodeDecodeError as error:
            raise self.unreadable("it is not in UTF-8") from error
        self._ahead, self._place = self._ahead[self._place :] + text, 0
        return bool(text) or not self._ended
