"""Events as OpenLineage writes them, taken apart and checked; nothing is recorded here."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput
from omprov.records import RunId

from ._names import Named

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNS = uuid.UUID("2d3c8a52-6d2e-5b0e-9a4e-0f6a3c1d7b91")
"""The name space of ids of runs whose own id is no UUID."""
_LONGEST_NAME = 8_192


class EventType(StrEnum):
    """What an event says of its run."""

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self in {EventType.COMPLETE, EventType.ABORT, EventType.FAIL}


_ORDER = (
    EventType.START,
    EventType.RUNNING,
    EventType.OTHER,
    EventType.COMPLETE,
    EventType.FAIL,
    EventType.ABORT,
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as an event names it, with its facets of every sort."""

    named: Named
    facets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: of a run, or (where `run` is ``None``) of a job or a dataset by itself.

    Attributes:
        said_run: the id of the run as the event has it.
        key: tells this event from others of its run: what comes twice is the same event.
        raw: the event, as JSON data.
    """

    type: EventType
    time: datetime
    run: RunId | None
    said_run: str
    job: Named | None
    run_facets: Mapping[str, Any]
    job_facets: Mapping[str, Any]
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    dataset: Dataset | None
    key: str
    raw: Mapping[str, Any]

    @property
    def turn(self) -> tuple[datetime, int]:
        """Where the event stands among others, however they arrived."""
        return self.time, _ORDER.index(self.type)


def parse_event(data: Any) -> Event:
    """Take an event apart.

    Raises:
        InvalidInput: it is none; the message says what is wrong.
    """
    event = _mapping(data, "an event")
    time = parse_time(event.get("eventTime"))
    type_ = _type(event.get("eventType"))
    run = _mapping(event.get("run", {}), "run")
    job = event.get("job")
    dataset = event.get("dataset")
    if job is None and dataset is None:
        raise InvalidInput("an event says its job, or its dataset: this one has neither")
    said = run.get("runId")
    if "run" in event and not (isinstance(said, str) and said.strip()):
        raise InvalidInput("run.runId is missing")
    named = None if job is None else _named(_mapping(job, "job"), "job")
    if named is None and "run" in event:
        raise InvalidInput("an event of a run says its job")
    return Event(
        type=type_,
        time=time,
        run=None if "run" not in event else run_id(str(said)),
        said_run=str(said or ""),
        job=named,
        run_facets=_facets(run, "run"),
        job_facets={} if job is None else _facets(job, "job"),
        inputs=_datasets(event.get("inputs"), "inputs", "inputFacets"),
        outputs=_datasets(event.get("outputs"), "outputs", "outputFacets"),
        dataset=None if dataset is None else _dataset(dataset, "dataset", "facets"),
        key=_key(type_, time, event),
        raw=event,
    )


def run_id(text: str) -> RunId:
    """Return the id of a run; one that is no UUID gets one made of it, always the same."""
    try:
        return RunId(str(uuid.UUID(text)))
    except ValueError:
        plain = text.encode("utf-8", "replace").decode()  # halves of characters come in JSON
        return RunId(str(uuid.uuid5(_RUNS, plain)))


def parse_time(said: Any) -> datetime:
    """Read a time; one without an offset is UTC.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(said, str):
        raise InvalidInput(f"eventTime has to be a time as ISO 8601 writes it, not {said!r:.80}")
    try:
        time = datetime.fromisoformat(said.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{said!r:.80} is no time: write it as 2024-05-01T10:00:00.000Z"
        ) from None


def canonical(data: Any) -> str:
    """Write JSON data the same way always."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def _key(type_: EventType, time: datetime, event: Mapping[str, Any]) -> str:
    digits = hashlib.sha256(canonical(event).encode()).hexdigest()[:12]
    return f"{time:%Y%m%dT%H%M%S.%fZ}-{type_}-{digits}"


def _type(said: Any) -> EventType:
    if said is None:
        return EventType.OTHER
    try:
        return EventType(str(said).upper())
    except ValueError:
        raise InvalidInput(
            f"eventType {said!r:.40} is unknown: it is one of {', '.join(EventType)}"
        ) from None


def _mapping(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise InvalidInput(f"{what} has to be a JSON object")
    return data


def _named(data: Mapping[str, Any], what: str) -> Named:
    named = Named(*(data.get(part) for part in ("namespace", "name")))  # type: ignore[arg-type]
    for part, text in zip(("namespace", "name"), named, strict=True):
        if not isinstance(text, str) or not text:
            raise InvalidInput(f"{what}.{part} is missing")
        if len(text) > _LONGEST_NAME:
            raise InvalidInput(f"{what}.{part} is longer than {_LONGEST_NAME} characters")
        if "\0" in text or not _is_unicode(text):
            raise InvalidInput(f"{what}.{part} holds characters that no text has")
    return named


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _facets(data: Mapping[str, Any], what: str, key: str = "facets") -> dict[str, Any]:
    facets = data.get(key)
    return {} if facets is None else dict(_mapping(facets, f"{what}.{key}"))


def _datasets(data: Any, what: str, more: str) -> tuple[Dataset, ...]:
    if data is None:
        return ()
    if not isinstance(data, list):
        raise InvalidInput(f"{what} has to be a JSON array")
    return tuple(_dataset(one, f"{what}[{at}]", more) for at, one in enumerate(data))


def _dataset(data: Any, what: str, more: str) -> Dataset:
    found = _mapping(data, what)
    facets = {**_facets(found, what), **_facets(found, what, more)}
    return Dataset(_named(found, what), facets)
