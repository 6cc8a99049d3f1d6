"""Delivering what the journals of a run say to the repository: everything once, in any process."""

from __future__ import annotations

import hashlib
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.capture._journal._folders import (
    FILES,
    alone_with,
    is_closed,
    is_leftover,
    list_journals,
    remove_folder,
)
from omprov.capture._journal._tail import Said, peek
from omprov.content import TreeSummary
from omprov.errors import Conflict, NotFound, OmprovError, Unavailable
from omprov.records import Digest, RunId, RunStatus, VersionId
from omprov.repository import MetricPoint, Output, RunBegin, RunEnd, RunUpdate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omprov.capture._journal._tail import JournalTail
    from omprov.records import Run, Version
    from omprov.repository import Repository

    from ._homes import Facts

_AT_ONCE = 100_000
"""Records of one transaction."""
OUTPUTS = ":outputs"
"""Added to the name of a journal: how far its outputs were recorded, which is done at its end."""


@dataclass
class _Gathered:
    """What is new in the journals of a run."""

    params: dict[str, Any] = field(default_factory=dict)
    points: list[MetricPoint] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    command: list[str] | None = None
    journals: dict[str, tuple[int, int]] = field(default_factory=dict)
    count: int = 0

    def take(self, said: Said) -> None:
        """Take one record."""
        self.count += 1
        match said.kind:
            case "point":
                name, step, time, value = said.data
                self.points.append(MetricPoint(name, step, value, _time(time)))
            case "params":
                self.params |= said.data
            case "tags":
                self.tags |= said.data
            case "source":
                self.source |= said.data
            case "use":
                self.inputs.setdefault(said.data["role"], said.data["version"])
            case "command":
                self.command = said.data
            case _:  # kept elsewhere, or a later release's
                pass


class Delivery:
    """The journals of one run on their way to the repository. Not for several threads at once.

    Several processes may deliver the same run: they take turns, and what one has recorded the next
    passes over. Killing one at any moment loses nothing and records nothing twice.

    Args:
        folder: of the run.

    Attributes:
        recorded: the run, as it was recorded last by this object.
        is_ended: whether the end of the run is recorded; processes that it began may go on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recorded: Run | None = None
        self.is_ended = False
        self._tails: dict[Path, JournalTail] = {}
        self._outputs: dict[str, dict[str, dict[str, Any]]] = {}
        self._ends: dict[str, dict[str, Any]] = {}
        self._environment: dict[str, Any] = {}
        self._captured: dict[str, str] = {}
        self._captured_params: dict[str, Any] = {}
        self._late = _Gathered()

    def named_outputs(self) -> Iterator[tuple[Path, str]]:
        """Give the folders and files that were named as outputs so far, with their assets."""
        for outputs in self._outputs.values():
            for said in outputs.values():
                if said.get("from"):
                    yield Path(said["from"]), said["asset"]

    def deliver(
        self, repository: Repository, facts: Facts | None = None, *, is_own: bool = True
    ) -> bool:
        """Record what is new; once all its processes are gone, remove the folder.

        Args:
            repository: where.
            facts: captures what belongs to a script that this process was started by to deliver.
            is_own: whether this process ships the run as it goes. Else a run that is shipped by its
                own process is left to that, however long its journals are.

        Returns:
            Whether nothing is left of the run.

        Raises:
            Unavailable: the repository takes nothing now; later it goes on from where it was.
        """
        with alone_with(self.folder) as is_alone:
            if not is_alone:
                return not self.folder.exists()
            try:
                return self._deliver(repository, facts, is_own=is_own)
            except BaseException:
                self._tails.clear()  # what was read and not recorded is read again
                raise

    def _deliver(self, repository: Repository, facts: Facts | None, *, is_own: bool) -> bool:
        paths = list_journals(self.folder)
        for path in paths:
            if path not in self._tails or not self._tails[path].opened:
                self._tails[path] = peek(path)
        tails = sorted(
            (self._tails[path] for path in paths), key=lambda tail: tail.opened.get("time", 0)
        )
        closed = {
            tail.path for tail in tails if is_closed(tail.path, tail.opened.get("host", ""))
        }  # what is read after that is all there is
        opened = [tail for tail in tails if tail.opened]
        id_ = self._run_id(opened)
        if id_ is None and opened and closed == set(paths):  # rank 0 never began the run
            id_ = _id_of(opened[0])
        if id_ is None:
            if not opened and closed == set(paths) and is_leftover(self.folder):
                remove_folder(self.folder)
                return True
            return False
        known = repository.journal_positions(id_)
        at_work = [tail for tail in tails if tail.is_owner and tail.path not in closed]
        if not is_own and at_work and all(tail.name in known for tail in at_work):
            return False
        for gathered in self._gather(tails, dict(known)):
            is_new = not known or any(one.is_owner and one.name not in known for one in tails)
            update = RunUpdate(begin=self._begin(tails) if is_new else None)
            self._write(repository, id_, update, gathered, known)
        if facts is not None:
            self._capture(repository, tails, facts)
        return self._close(repository, id_, tails, closed, known)

    def _capture(self, repository: Repository, tails: list[JournalTail], facts: Facts) -> None:
        """Capture what the process that has just ended had no time for."""
        for tail in tails:
            script = tail.opened.get("script")
            if script and not self._captured and tail.opened.get("pid") == os.getppid():
                for kind, data in facts(repository, script):
                    said = Said(kind, data, 0)
                    self._keep(tail, said)
                    self._late.take(said)

    def _run_id(self, tails: list[JournalTail]) -> RunId | None:
        named = [tail.opened["run"] for tail in tails if tail.opened.get("run")]
        return RunId(named[0]) if named else None

    def _begin(self, tails: list[JournalTail]) -> RunBegin:
        """Say how the run began: as its owner says, else as the first who was there says."""
        opened = [tail for tail in tails if tail.opened]
        first = min(opened, key=lambda one: (not one.is_owner, one.opened["time"])).opened
        parent = first.get("parent")
        return RunBegin(first["name"], _time(first["time"]), RunId(parent) if parent else None)

    def _gather(self, tails: list[JournalTail], known: Mapping[str, int]) -> Iterator[_Gathered]:
        """Read what is new, in parts that fit one transaction."""
        part = _Gathered()
        for tail in tails:
            recorded = start = known.get(tail.name, 0)
            for said in tail.read():
                self._keep(tail, said)
                if said.end <= recorded:
                    continue
                part.take(said)
                part.journals[tail.name] = (start, said.end)
                if part.count >= _AT_ONCE:
                    yield part
                    part = _Gathered()
                    start = said.end
            if tail.at > start and tail.name not in part.journals:
                part.journals[tail.name] = (start, tail.at)  # it was opened
        if part.journals:
            yield part

    def _keep(self, tail: JournalTail, said: Said) -> None:
        match said.kind:
            case "output":
                self._outputs.setdefault(tail.name, {})[said.data["role"]] = said.data
            case "end":
                self._ends[tail.name] = said.data
            case "environment":
                self._environment |= said.data
            case "captured params":
                self._captured_params |= said.data
            case "captured":
                self._captured.setdefault(said.data["role"], said.data["version"])
            case _:
                pass

    def _write(
        self,
        repository: Repository,
        id_: RunId,
        update: RunUpdate,
        gathered: _Gathered,
        known: dict[str, int],
    ) -> None:
        inputs, problems = _versions(repository, gathered.inputs)
        source = dict(gathered.source)
        if problems:
            source["problems"] = problems
        whole = replace(
            update,
            inputs=inputs,
            params=gathered.params,
            points=gathered.points,
            tags=gathered.tags,
            source=source,
            command=gathered.command,
            journals=gathered.journals,
        )
        self.recorded = repository.update_run(id_, whole)
        known.update({name: to for name, (_, to) in whole.journals.items()})

    def _close(
        self,
        repository: Repository,
        id_: RunId,
        tails: list[JournalTail],
        closed: set[Path],
        known: dict[str, int],
    ) -> bool:
        """Record outputs and the end, once the owner is gone; then those of who stayed longer."""
        owners = [tail for tail in tails if tail.is_owner]
        if owners and not all(tail.path in closed for tail in owners):
            return False
        if not owners and not all(tail.path in closed for tail in tails):
            return False
        done = [tail for tail in tails if tail.path in closed]
        new = [tail for tail in done if known.get(tail.name + OUTPUTS, 0) == 0]
        if new:
            self._record_end(repository, id_, owners or tails, new)
        self.is_ended = True
        if len(done) == len(tails) and list_journals(self.folder) == sorted(self._tails):
            remove_folder(self.folder)
            return True
        return False

    def _record_end(
        self, repository: Repository, id_: RunId, owners: list[JournalTail], new: list[JournalTail]
    ) -> None:
        outputs: dict[str, Output] = {}
        problems: list[str] = []
        for tail in new:
            for role, said in self._outputs.get(tail.name, {}).items():
                output = _output(said, problems)
                if output is not None:
                    outputs[_free_role(outputs, role, output)] = output
        is_ending = any(tail in new for tail in owners)
        end = self._end(owners) if is_ending else None
        files = self.folder / FILES
        inputs: dict[str, Version] = {}
        params: dict[str, Any] = {}
        if end is not None:
            run = repository.get_run(id_)
            inputs, missing = self._captured_inputs(repository, run)
            problems += missing
            params = {k: v for k, v in self._captured_params.items() if k not in run.params}
        update = RunUpdate(
            inputs=inputs,
            params=params,
            outputs=outputs,
            files=files if end is not None and files.is_dir() else None,
            end=end,
            environment=self._environment or None,
            source={**self._late.source, **({"problems": problems} if problems else {})},
            command=self._late.command,
            journals={tail.name + OUTPUTS: (0, tail.at) for tail in new},
        )
        try:
            self.recorded = repository.update_run(id_, update)
            self._remember(repository, self.recorded, new)
        except (Unavailable, Conflict):
            raise
        except (OmprovError, OSError) as error:
            problems.append(f"the outputs could not be recorded: {error}")
            self.recorded = repository.update_run(
                id_,
                replace(update, outputs={}, end=_failed(end), source={"problems": problems}),
            )

    def _remember(self, repository: Repository, run: Run, new: list[JournalTail]) -> None:
        """Let the workspace know what the folders held that were named as outputs."""
        for tail in new:
            for role, said in self._outputs.get(tail.name, {}).items():
                if said.get("from") and role in run.outputs:
                    with suppress(OSError):
                        repository.workspace.remember(Path(said["from"]), run.outputs[role])

    def _captured_inputs(
        self, repository: Repository, run: Run
    ) -> tuple[dict[str, Version], list[str]]:
        """Return the captured inputs in whose roles nothing was used, and that nobody named."""
        named = {version.id for version in run.inputs.values()}
        wanted = {
            role: version
            for role, version in self._captured.items()
            if role not in run.inputs and version not in named
        }
        return _versions(repository, wanted)

    def _end(self, owners: list[JournalTail]) -> RunEnd:
        """Say how the run ended; of one whose owner said nothing, that it was killed."""
        began = min(tail.opened["time"] for tail in owners)
        said = next((self._ends[o.name] for o in reversed(owners) if o.name in self._ends), None)
        if said is None:
            last = max(_changed(tail.path) for tail in owners)
            message = "its process ended without a word"
            return RunEnd(RunStatus.KILLED, _time(max(began, last)), message=message)
        return RunEnd(
            RunStatus(said["status"]),
            _time(max(began, said["time"])),
            said.get("exit_status"),
            said.get("message", ""),
        )


def _id_of(tail: JournalTail) -> RunId:
    """Make the id (UUIDv7) of a run that nobody gave one: of its first journal, always the same."""
    milliseconds = int(tail.opened["time"] * 1000).to_bytes(6, "big")
    made = bytearray(milliseconds + hashlib.sha256(tail.name.encode()).digest()[:10])
    made[6] = 0x70 | made[6] & 0x0F
    made[8] = 0x80 | made[8] & 0x3F
    return RunId(str(uuid.UUID(bytes=bytes(made))))


def _free_role(outputs: Mapping[str, Output], role: str, output: Output) -> str:
    """Return the role, with a number where another process named another asset in it."""
    number = 1
    free = role
    while free in outputs and outputs[free].asset != output.asset:
        number += 1
        free = f"{role}.{number}"
    return free


def _failed(end: RunEnd | None) -> RunEnd | None:
    return None if end is None else replace(end, status=RunStatus.FAILED)


def _versions(
    repository: Repository, wanted: Mapping[str, str]
) -> tuple[dict[str, Version], list[str]]:
    found: dict[str, Version] = {}
    problems = []
    for role, id_ in wanted.items():
        try:
            found[role] = repository.get_version_by_id(VersionId(id_))
        except NotFound as error:
            problems.append(f"input {role}: {error}")
    return found, problems


def _output(said: Mapping[str, Any], problems: list[str]) -> Output | None:
    stored = said.get("stored")
    message = said.get("message", "")
    if stored is not None:
        digest, size, files = stored
        return Output(said["asset"], TreeSummary(Digest(digest), size, files), message)
    path = said.get("path")
    if path is None:
        return Output(said["asset"], None, message)
    if not Path(path).exists():
        problems.append(f"output {said['asset']}: {path} is gone")
        return None
    return Output(said["asset"], Path(path), message)


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
