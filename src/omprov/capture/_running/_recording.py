"""Running a command and recording it, with all that can be captured around it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from omprov.capture._journal._folders import FILES
from omprov.capture._redaction import DEFAULT
from omprov.capture._resources import sample_resources
from omprov.capture._runs._active import ActiveRun, Opening
from omprov.capture._runs._homes import Home
from omprov.capture._runs._starting import PARENT_RUN, RUN_FOLDER
from omprov.errors import OmprovError, Unavailable
from omprov.records import RunId, RunStatus, new_id
from omprov.repository import Output

from ._changes import newest_change
from ._facts import Facts
from ._files import FileCapture
from ._live import LiveDelivery
from ._wanted import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.capture._resources import Sampler
    from omprov.content import Progress
    from omprov.repository import Repository

    from ._wanted import DeclaredOutput, Ended, Execute, Wanted

_LOG = "log.txt"
"""Among the files of the run: what it printed."""


def record_command(
    repository: Repository, wanted: Wanted, execute: Execute, *, progress: Progress | None = None
) -> Outcome:
    """Run a command to its end, and record it.

    What cannot be captured is said and stops nothing. What was asked for and cannot be recorded is
    a problem, by which the run fails. The run is seen while it runs; if this process is killed, the
    next command that looks marks it as killed.

    Args:
        repository: where; nobody else uses it meanwhile.
        wanted: what to run.
        execute: runs it.
        progress: told of what is stored.

    Raises:
        NotFound: there is no such program; nothing is recorded.
        InvalidInput: it is no program; nothing is recorded.
    """
    return _Recording(repository, wanted, progress).run(execute)


class _Recording:
    """One command on its way."""

    def __init__(self, repository: Repository, wanted: Wanted, progress: Progress | None) -> None:
        self._repository, self._wanted, self._progress = repository, wanted, progress
        self._environ = dict(os.environ)
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._is_started = False
        self._sampler: Sampler | None = None
        self._facts = self._find_facts() if wanted.captures else None
        self._run = self._begin()

    def _find_facts(self) -> Facts:
        wanted = self._wanted
        return Facts(
            self._repository,
            wanted.command,
            wanted.folder,
            self._environ,
            outside=[output.path for output in wanted.outputs.values()],
            takes_code="algorithm" not in wanted.inputs,
            progress=self._progress,
        )

    def _begin(self) -> ActiveRun:
        repository, wanted = self._repository, self._wanted
        home = Home(repository.path, lambda: repository, repository=repository)
        made = RunId(new_id(datetime.now(UTC)))
        parent = self._environ.get(PARENT_RUN)
        opening = Opening(
            home.journals / made,
            made,
            wanted.name,
            is_owner=True,
            parent=RunId(parent) if parent else None,
        )
        return ActiveRun(home, opening)

    def run(self, execute: Execute) -> Outcome:
        wanted, run = self._wanted, self._run
        before = {role: newest_change(output.path) for role, output in wanted.outputs.items()}
        try:
            files = FileCapture(self._repository, wanted, run.folder, self._environ)
            with files, LiveDelivery(self._repository, run) as live:
                ended = execute(
                    files.command,
                    environment=self._child_environment(files),
                    log=self._log(),
                    on_start=lambda pid: self._started(pid, live),
                )
        except BaseException:
            if not self._is_started:
                run.discard()
            raise
        self._end_sampling()
        self._take_facts()
        self._take_files(files, ended, before)
        return self._finish(ended, files)

    def _log(self) -> Path | None:
        if not self._wanted.captures:
            return None
        folder = self._run.folder / FILES
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._notes.append(f"its log is not kept: {error}")
            return None
        return folder / _LOG

    def _child_environment(self, files: FileCapture) -> dict[str, str]:
        own = {
            RUN_FOLDER: str(self._run.folder),
            PARENT_RUN: self._run.id,
            "OMPROV_URL": self._environ.get("OMPROV_URL") or str(self._repository.path),
        }
        return {**self._environ, **files.environment, **own}

    def _started(self, pid: int, live: LiveDelivery) -> None:
        """Say what is known once there is a process."""
        self._is_started = True
        wanted, run, facts = self._wanted, self._run, self._facts
        run.capture("command", DEFAULT.words(wanted.command))
        for role, version in wanted.inputs.items():
            run.capture("use", {"role": role, "version": version.id})
        captured = {} if facts is None else facts.options()
        params = {**captured, **wanted.params}
        if params:
            run.log_params(params)
        if facts is None:
            run.note({"folder": str(wanted.folder)})
        else:
            run.note(facts.source())
            if facts.code is not None and facts.code.version is not None:
                version = facts.code.version
                run.capture("captured", {"role": "algorithm", "version": version.id})
            self._sampler = sample_resources(pid, gpus=self._environ.get("CUDA_VISIBLE_DEVICES"))
        live.start()

    def _end_sampling(self) -> None:
        if self._sampler is None:
            return
        used = self._sampler.stop()
        for name, step, value, time in used.points(self._run.began):
            self._run.log_point(name, step, value, time)
        self._run.note({"resources": used.to_json()})

    def _take_facts(self) -> None:
        if self._facts is None:
            return
        words = self._facts.words()
        if words:
            self._run.capture("captured params", words)
        found = self._facts.environment()
        self._notes += self._facts.notes
        if found is not None:
            self._run.capture("environment", dict(found.content))
            self._run.note(found.facts)
            self._notes += found.notes

    def _take_files(self, files: FileCapture, ended: Ended, before: dict[str, int]) -> None:
        """Turn what was read and written into inputs and outputs."""
        wanted, run = self._wanted, self._run
        if not ended.exit_status:
            for role, output in wanted.outputs.items():
                self._take_declared(role, output, before[role])
        if wanted.captures:
            try:
                files.place(run, succeeded=not ended.exit_status, progress=self._progress)
            except (OmprovError, OSError) as error:  # how it ended is recorded all the same
                self._notes.append(f"what it read and wrote could not be recorded: {error}")
            self._notes += files.notes

    def _take_declared(self, role: str, output: DeclaredOutput, before: int) -> None:
        """Take an output that somebody named, if the command made it."""
        what: str | None
        if not output.path.exists():
            what = f"output {output.path} is not there; {output.asset} got no version"
        elif before == newest_change(output.path):
            what = (
                f"output {output.path} was not written by the command; "
                f"{output.asset} got no version"
            )
        else:
            what = self._store(role, output)
        if what is not None:
            self._problems.append(what)

    def _store(self, role: str, output: DeclaredOutput) -> str | None:
        """Store an output; say why that cannot be."""
        try:
            stored = self._repository.content.put_tree(output.path, progress=self._progress)
        except (OmprovError, OSError) as error:
            return f"the outputs could not be recorded: {error}"
        message = self._wanted.message
        self._run.log_stored(Output(output.asset, stored, message), role=role)
        return None

    def _finish(self, ended: Ended, files: FileCapture) -> Outcome:
        run = self._run
        self._take_metrics(ended)
        if self._notes:
            run.note({"notes": self._notes})
        run.finish(
            self._status(ended),
            message="; ".join(self._problems),
            exit_status=ended.exit_status,
        )
        recorded = run.recorded
        if recorded is None:
            raise Unavailable(
                f"the command ended with exit status {ended.exit_status}, and its run could not be "
                "recorded now: it is kept in its journal, and `omprov sync` delivers it"
            )
        said = recorded.source.get("problems", [])
        for role, output in self._wanted.outputs.items():
            if role in recorded.outputs:
                self._repository.workspace.remember(output.path, recorded.outputs[role])
        files.remember(recorded)
        return Outcome(
            recorded,
            ended.exit_status,
            (*self._problems, *said),
            tuple(self._notes),
            files.reasons,
        )

    def _take_metrics(self, ended: Ended) -> None:
        """Read the metrics; of a failed command those that it got to write."""
        read = self._wanted.read_metrics
        if read is None:
            return
        try:
            self._run.log_metrics(read(), step=0)
        except OmprovError as error:
            if not ended.exit_status:
                self._problems.append(str(error))

    def _status(self, ended: Ended) -> RunStatus:
        if ended.killed and ended.exit_status:
            return RunStatus.KILLED
        is_well = not ended.exit_status and not self._problems
        return RunStatus.SUCCEEDED if is_well else RunStatus.FAILED
