"""What event files say: points of curves, hyperparameters, how a run ended.

Our own reader of a format that has been stable for ten years, because what a training leaves behind
must be readable with nothing else installed. See docs/design/tensorboard.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import _hparams
from ._records import is_intact, iter_records
from ._tensors import scalar_of
from ._wire import BadMessage, double, iter_fields, number, single, submessage, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._hparams import HParams
    from ._records import Record

NAME_PART = "tfevents"
"""What the name of every event file has in it."""

_SMALL = 4096  # bytes of a record that is verified before it is looked into
_SCALARS = "scalars"


class Event(NamedTuple):
    """A point of a curve."""

    tag: str
    step: int
    wall_time: float
    value: float


@dataclass(slots=True)
class FileEvents:
    """What an event file says from some offset on.

    Attributes:
        points: of all curves, in the order in which they were written.
        hparams: what it says about hyperparameters, if it does.
        begun: the time of the first record read, in seconds since 1970.
        ended: the time of the last one.
        records: how many there were, without the one that only gives the format's version.
        size: the offset behind the last whole record.
    """

    points: list[Event] = field(default_factory=list)
    hparams: HParams | None = None
    begun: float | None = None
    ended: float | None = None
    records: int = 0
    size: int = 0


def is_event_file(path: str | Path) -> bool:
    """Tell whether a file's name says that it is an event file."""
    return NAME_PART in Path(path).name


def read_events(path: str | Path) -> Iterator[Event]:
    """Read the points of the curves in an event file: tag, step, time, value.

    The file may still be written: what is there of its last record counts once it is whole. Reading
    ends at damage. A file that is no event file has no points.

    Args:
        path: the file.
    """
    yield from read_file(path).points


def read_file(path: str | Path, offset: int = 0) -> FileEvents:
    """Read an event file from the offset behind some whole record on."""
    found = FileEvents(size=offset)
    plugins: dict[str, str] = {}
    with Path(path).open("rb") as file:
        file.seek(offset)
        for record in iter_records(file):
            try:
                if not _take(record, found, plugins):
                    break
            except BadMessage:
                break
            found.size = record.end
    return found


def _take(record: Record, found: FileEvents, plugins: dict[str, str]) -> bool:
    """Add what a record says; tell whether it is intact.

    Large records hold pictures and graphs; only of those that tell something else, which is rare,
    the checksum is worth its time.
    """
    is_verified = len(record.content) <= _SMALL
    if is_verified and not is_intact(record):
        return False
    wall_time, step, is_version, values = 0.0, 0, False, []
    for key, value in iter_fields(record.content):
        if key == 1:
            wall_time = double(value)
        elif key == 2:
            step = number(value)
        elif key == 3:
            is_version = True
        elif key == 5:
            values += [
                _value(submessage(one)) for f, one in iter_fields(submessage(value)) if f == 1
            ]
    points = [
        Event(one.tag, step, wall_time, one.number)
        for one in values
        if one.number is not None
        and (one.is_simple or plugins.setdefault(one.tag, one.plugin) == _SCALARS)
    ]
    said = [one.said for one in values if one.plugin == _hparams.PLUGIN]
    if (points or said) and not is_verified and not is_intact(record):
        return False
    found.points += points
    for content in said:
        found.hparams = _hparams.read(content, found.hparams)
    if found.begun is None:
        found.begun = wall_time
    found.ended = wall_time
    found.records += not is_version
    return True


class _Value(NamedTuple):
    tag: str
    number: float | None
    is_simple: bool
    plugin: str
    said: bytes


def _value(message: bytes) -> _Value:
    """Read a summary's value: its tag, its number if it is one, and whose plug-in's it is."""
    tag, found, is_simple, plugin, said = "", None, False, "", b""
    tensor: bytes | None = None
    for key, value in iter_fields(message):
        if key == 1:
            tag = text(value)
        elif key == 2:
            found, is_simple = single(value), True
        elif key == 8:
            tensor = submessage(value)
        elif key == 9:
            plugin, said = _plugin(submessage(value))
    if tensor is not None and not is_simple and plugin in ("", _SCALARS):
        found = scalar_of(tensor)
    return _Value(tag, found, is_simple, plugin, said)


def _plugin(metadata: bytes) -> tuple[str, bytes]:
    name, content = "", b""
    for key, value in iter_fields(metadata):
        if key == 1:
            for part, inner in iter_fields(submessage(value)):
                if part == 1:
                    name = text(inner)
                elif part == 2:
                    content = submessage(inner)
    return name, content
