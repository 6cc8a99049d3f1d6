"""Runs: recorded executions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ._assets import Version
    from ._ids import Digest, RunId


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded execution.

    Attributes:
        inputs: role → version used. The lineage roles among them are the provenance tuple of every
            output.
        outputs: role → version made.
        params: parameters as they were given; JSON values.
        metrics: name → last value.
        command: the command line, where there was one.
        source: more facts (host, working folder, resources, …), as JSON data.
        parent: the run that began it, where there is one; it need not be recorded.
        files: trees of what it left that is no version: its log, texts, figures.
    """

    id: RunId
    project: str
    name: str
    status: RunStatus
    started: datetime
    ended: datetime | None
    creator: str
    inputs: Mapping[str, Version] = field(default_factory=dict)
    outputs: Mapping[str, Version] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    exit_status: int | None = None
    message: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parent: RunId | None = None
    files: Mapping[str, Digest] = field(default_factory=dict)
