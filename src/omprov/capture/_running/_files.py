"""The files of a command: watched while it runs, and turned into inputs and outputs after it."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.capture._placing import (
    copy_limit,
    find_written,
    place_reads,
    place_writes,
    remember_outputs,
)
from omprov.capture._tensorboard._importing import metrics_of_event_files
from omprov.capture._watching import apply_rules, make_rules, watch_files

from ._wanted import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from omprov.capture._accesses import Accesses
    from omprov.capture._placing import PlacedOutputs
    from omprov.capture._runs._active import ActiveRun
    from omprov.capture._watching import Watch
    from omprov.content import Progress
    from omprov.records import Run, Version
    from omprov.repository import Repository

    from ._wanted import Wanted


class FileCapture:
    """Use it in a ``with`` statement around the command, then `place`.

    Args:
        repository: where versions are looked for and recorded.
        wanted: the command.
        scratch: a folder for what is noted meanwhile.
        environ: the command's variables.

    Attributes:
        command: what to run.
        environment: variables to set for it.
        notes: what people should know.
        reasons: why each file was taken or left.

    Raises:
        InvalidInput: a pattern of ``capture.ignore`` or ``capture.keep`` is none.
    """

    def __init__(
        self, repository: Repository, wanted: Wanted, scratch: Path, environ: Mapping[str, str]
    ) -> None:
        self.command: Sequence[str] = wanted.command
        self.environment: Mapping[str, str] = {}
        self.notes: list[str] = []
        self.reasons: tuple[Reason, ...] = ()
        self._repository, self._wanted = repository, wanted
        self._scratch, self._environ = scratch, environ
        self._stack = ExitStack()
        self._watch: Watch | None = None
        self._began = time.time_ns()
        self._root = _project_root(repository, wanted.folder)
        self._rules = make_rules(  # now: a bad pattern is said before anything runs
            self._root,
            ignore=repository.config.get("capture.ignore"),
            keep=repository.config.get("capture.keep"),
            variables=environ,
        )
        self._placed: PlacedOutputs | None = None
        self._inputs: set[str] = set()

    def __enter__(self) -> Self:
        wanted = self._wanted
        if wanted.captures:
            watching = watch_files(
                self._scratch, wanted.command, method=wanted.watch, variables=self._environ
            )
            try:
                self._watch = self._stack.enter_context(watching)
            except OSError as error:  # a full disk: it is run all the same
                self.notes.append(f"what it reads and writes cannot be noted: {error}")
                return self
            self.command = self._watch.command
            self.environment = self._watch.environment
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def place(self, run: ActiveRun, *, succeeded: bool, progress: Progress | None) -> None:
        """Say to the run which versions it used and made, as its files tell.

        Args:
            run: of the command, which has ended.
            succeeded: whether it made anything: what a run that failed wrote is no version.
            progress: told of what is stored.
        """
        if self._watch is None:
            return
        watched = self._watch.accesses()
        run.note({"files watched by": self._watch.method})
        if watched.accesses.not_covered:
            unseen = ", ".join(watched.accesses.not_covered)
            self.notes.append(f"what these read by themselves was not seen: {unseen}")
        if not watched.complete:
            self.notes.append("some processes could not note what they read: the disk was full")
        judged = apply_rules(watched, self._rules)
        taken = judged.accesses
        known = self._recorded(run)
        reasons = {
            path: Reason(path, what, one.rule, taken=one.taken)
            for what, verdicts in (("read", judged.reads), ("written", judged.writes))
            for path, one in verdicts.items()
        }
        if judged.overwritten:
            names = ", ".join(sorted(judged.overwritten)[:3])
            self.notes.append(f"written after they were read, so what was read is gone: {names}")
        try:
            reasons |= self._place_inputs(run, taken, known, progress)
            if succeeded and self._wanted.watch != "none":
                reasons |= self._place_outputs(run, taken, progress)
        finally:
            self.reasons = tuple(reasons.values())

    def remember(self, recorded: Run) -> None:
        """Let the workspace know what the folders hold whose content is now recorded."""
        if self._placed is not None:
            remember_outputs(self._repository, self._placed, recorded)

    def _recorded(self, run: ActiveRun) -> Run:
        """Return the run with what its own script has said of itself."""
        run.sync_journal()
        run.delivery.deliver(self._repository)
        return self._repository.get_run(run.id)

    def _place_inputs(
        self, run: ActiveRun, taken: Accesses, known: Run, progress: Progress | None
    ) -> dict[str, Reason]:
        declared: dict[str, Version] = {**known.inputs, **self._wanted.inputs}
        placed = place_reads(
            self._repository,
            taken,
            project_root=self._root,
            run_name=self._wanted.name,
            limit_reference=copy_limit(self._repository),
            started_ns=self._began,
            declared=declared,
            progress=progress,
        )
        self._inputs = {one.id for one in (*declared.values(), *placed.inputs.values())}
        for role, version in placed.inputs.items():
            run.capture("captured", {"role": role, "version": version.id})
        self.notes += placed.notes
        return {path: Reason(path, "read", why, taken=True) for path, why in placed.reasons.items()}

    def _place_outputs(
        self, run: ActiveRun, taken: Accesses, progress: Progress | None
    ) -> dict[str, Reason]:
        repository = self._repository
        written = find_written(self._root, self._began, known=self._input_folders())
        if not written.complete:
            self.notes.append(
                f"{self._root} holds more than {written.looked_at} files: not all were looked at "
                "for outputs"
            )
        others = {str(path): "changed meanwhile" for path in written.paths}
        writes = {**others, **taken.writes}
        if self._wanted.metrics is not None:
            writes.pop(os.path.realpath(self._wanted.metrics), None)
        everything = replace(taken, writes=writes)
        declared = {output.path: output.asset for output in self._wanted.outputs.values()}
        declared |= self._logged(run)
        placed = place_writes(
            repository,
            everything,
            project_root=self._root,
            run_name=self._wanted.name,
            started_ns=self._began,
            declared=declared,
            progress=progress,
        )
        for role, output in placed.outputs.items():
            run.log_stored(output, role=role)
        self._placed = placed
        self.notes += placed.notes
        self._take_summaries(run, placed)
        return {
            path: Reason(path, "written", why, taken=True) for path, why in placed.reasons.items()
        }

    def _input_folders(self) -> list[Path]:
        """Return the folders that hold inputs: what a run writes there, its watch sees."""
        workspace = self._repository.workspace
        return [workspace.path_of(one) for one in workspace.list() if one.version in self._inputs]

    def _logged(self, run: ActiveRun) -> dict[Path, str]:
        """Return what the command's own runs have named as outputs: path → asset."""
        named = dict(run.delivery.named_outputs())
        made = {
            version.id: str(version.asset)
            for child in self._repository.list_runs(parent=run.id, limit=None)
            for version in child.outputs.values()
        }
        workspace = self._repository.workspace
        for held in workspace.list():
            if held.version in made:
                named[workspace.path_of(held)] = made[held.version]
        return named

    def _take_summaries(self, run: ActiveRun, placed: PlacedOutputs) -> None:
        """Take the metrics from event files among the outputs."""
        paths = [
            Path(path)
            for path in placed.reasons
            if Path(path).name.startswith("events.out.tfevents")
        ]
        if paths:
            for point in metrics_of_event_files(paths):
                run.log_point(point.name, point.step, point.value, point.time)


def _project_root(repository: Repository, folder: Path) -> Path:
    """Return the folder of the project: the nearest git checkout or workspace, else the folder.

    The root of the file system is none, whatever lies there.
    """
    real = Path(os.path.realpath(folder))
    home = Path(os.path.realpath(repository.workspace.root))
    folders = (one for one in (real, *real.parents) if one != one.parent)
    nearest = (one for one in folders if one == home or (one / ".git").exists())
    return next(nearest, real)
