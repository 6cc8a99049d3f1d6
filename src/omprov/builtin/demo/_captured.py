"""The second act of the demo: the same trainings again, with nothing declared.

The code is checked out by git and the data by OMProv, as people do; then `omprov run` captures what
the script reads and writes. What it infers has to be what the declarations led to.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from omprov.capture import Wanted, record_command
from omprov.errors import Unavailable

from ._code import check_out
from ._jobs import JOBS, PARAMS, read_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from omprov.records import AssetName, Run, Version
    from omprov.repository import Repository

    from ._jobs import Job

NAME = "captured"
"""What the runs of this act are called."""


@dataclass(frozen=True, slots=True)
class _Ended:
    exit_status: int
    killed: bool = False


def train_again(
    repository: Repository,
    commits: Mapping[str, str],
    data: Mapping[str, Version],
) -> Iterator[Run]:
    """Run every job again, one after the other in the same folders, and record what is captured.

    Args:
        repository: that of the first act; code lies in ``code``, data in ``data`` beside it.
        commits: name of a step of the code → its commit.
        data: name of a step of the dataset → its version.

    Raises:
        Unavailable: a job failed.
    """
    home = repository.path.parent
    for job in JOBS:
        check_out(home / "code", commits[job.code])
        repository.checkout(data[job.data], home / "data" / "digits")
        rmtree(home / "out", ignore_errors=True)
        outcome = record_command(repository, _wanted(job, home), _execute(home))
        if outcome.exit_status or outcome.problems:
            raise Unavailable(
                f"training {job.code} on {job.data} ended with exit status "
                f"{outcome.exit_status}: {'; '.join(outcome.problems) or 'see its log'}"
            )
        yield outcome.run


def edges_of(repository: Repository, runs: Sequence[Run]) -> set[tuple[int, int]]:
    """Return which training's model inherits which other's, by their places in the sequence."""
    place = {run.outputs["model"].key: number for number, run in enumerate(runs)}
    return {
        (place[edge.newer.key], place[edge.older.key])
        for run in runs
        for edge in repository.inherits(run.outputs["model"])
    }


def asset_of(runs: Sequence[Run]) -> AssetName:
    """Return the name that the captured models got."""
    return runs[0].outputs["model"].asset


def _wanted(job: Job, home: Path) -> Wanted:
    command = [sys.executable, "-B", "code/train.py", "--data", "data/digits"]
    command += ["--test", "data/digits-test", "--out", "out"]
    for name, value in {**PARAMS, **job.params}.items():
        command += [f"--{name}", str(value)]
    metrics = home / "out" / "metrics.json"
    read = partial(read_metrics, metrics)
    return Wanted(command, home, NAME, metrics=metrics, read_metrics=read)


def _execute(home: Path) -> Callable[..., _Ended]:
    def execute(
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path | None,
        on_start: Callable[[int], None],
    ) -> _Ended:
        with (log or Path("/dev/null")).open("ab") as output:
            child = subprocess.Popen(
                command, cwd=home, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            on_start(child.pid)
            return _Ended(child.wait())

    return execute
