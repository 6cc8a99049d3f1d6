"""What is asked for when a command is run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from omprov.records import Run, Version


@dataclass(frozen=True, slots=True)
class DeclaredOutput:
    """An output that somebody named.

    Attributes:
        asset: gets the next version.
        path: a folder or file that the command makes.
    """

    asset: str
    path: Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command to be run and recorded.

    Attributes:
        command: its words.
        folder: where it runs.
        name: what to call the run.
        inputs: role → version, as somebody named them.
        outputs: role → what somebody named.
        params: parameters that somebody named; they win over captured ones.
        metrics: the file in which the command leaves its metrics: no output of its own.
        read_metrics: reads them, once it has ended.
        message: what to say of the versions that it makes.
        captures: capture code, environment, parameters, files and resources.
        watch: how files are watched: ``auto``, ``python``, ``strace``, ``none``.
    """

    command: Sequence[str]
    folder: Path
    name: str
    inputs: Mapping[str, Version] = field(default_factory=dict)
    outputs: Mapping[str, DeclaredOutput] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Path | None = None
    read_metrics: Callable[[], Mapping[str, float]] | None = None
    message: str = ""
    captures: bool = True
    watch: str = "auto"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file was taken or left.

    Attributes:
        path: of the file.
        what: ``read`` or ``written``.
        rule: the rule that decided, in words.
        taken: whether it counts.
    """

    path: str
    what: str
    rule: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command.

    Attributes:
        run: as it was recorded.
        exit_status: of the command.
        problems: what could not be recorded as it was asked for; the run failed by them.
        notes: what people should know.
        reasons: why each file was taken or left.
    """

    run: Run
    exit_status: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


class Ended(Protocol):
    """How a command ended."""

    @property
    def exit_status(self) -> int:
        """As a shell reports it."""
        ...

    @property
    def killed(self) -> bool:
        """Whether somebody stopped it."""
        ...


class Execute(Protocol):
    """Runs a command to its end, passing its output and signals through."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path | None,
        on_start: Callable[[int], None],
    ) -> Ended:
        """Run it; `on_start` is called with the number of its process."""
        ...
