"""The jobs of the demo: real trainings, each in a process of its own, on recorded files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import TYPE_CHECKING, Any

from omprov.errors import Unavailable
from omprov.repository import MetricPoint, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from omprov.records import Run, Version
    from omprov.repository import Repository

MODEL = "model/digits"
PARAMS = {"hidden": 32, "rate": 0.01, "epochs": 20, "seed": 0}
PACKAGES = ("numpy", "pillow", "scikit-learn", "torch")
WORKERS = 4


@dataclass(frozen=True, slots=True)
class Job:
    """One training, by the story's names of its code and its data.

    Attributes:
        code: name of a step of the code.
        data: name of a step of the dataset.
        params: parameters that differ from `PARAMS`.
    """

    code: str
    data: str
    params: Mapping[str, Any] = field(default_factory=dict)


JOBS = (  # as people run them: old code on new data, new code on old data, and the past at the end
    Job("scale", "more"),
    Job("merged", "corrected"),
    Job("moved", "merged"),
    Job("merged", "batch"),
    Job("scale", "corrected"),
    Job("standardise", "copies"),
    Job("scale", "batch"),
    Job("merged", "repaired"),
    Job("first", "first"),
    Job("moved", "corrected"),
    Job("deeper", "more"),
    Job("moved", "merged", {"hidden": 64}),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that is ready to go.

    Attributes:
        inputs: role → version.
        params: every parameter.
        command: the command line, as it runs in the folder of the demo.
        out: where its output goes.
    """

    inputs: Mapping[str, Version]
    params: Mapping[str, Any]
    command: Sequence[str]
    out: Path


@dataclass(frozen=True, slots=True)
class Trained:
    """A job that is over."""

    planned: Planned
    started: datetime
    ended: datetime


def train_all(
    repository: Repository,
    inputs_of: Callable[[Job], Mapping[str, Version]],
    out: Path,
    *,
    clock: Callable[[], datetime],
) -> Iterator[Run]:
    """Run every job, a few at a time, and record each in the order of `JOBS`.

    Args:
        repository: where the inputs are, and the runs are recorded.
        inputs_of: role → version of a job.
        out: an empty folder for what the jobs write, in the folder of the repository.
        clock: tells the time.

    Raises:
        Unavailable: a job failed.
    """
    planned = [
        _plan(repository, job, inputs_of(job), out / f"{number:02}")
        for number, job in enumerate(JOBS, start=1)
    ]
    with ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as pool:
        running = [pool.submit(_train, one, repository.path.parent, clock) for one in planned]
        try:
            for future in running:
                yield _record(repository, future.result())
        finally:
            pool.shutdown(cancel_futures=True)


def _plan(repository: Repository, job: Job, inputs: Mapping[str, Version], out: Path) -> Planned:
    """Put the files of the inputs in place, and write the command line."""
    home = repository.path.parent

    def local(role: str) -> str:
        return os.path.relpath(repository.local_copy(inputs[role]), home)

    params = {**PARAMS, **job.params}
    command = [sys.executable, "-B", f"{local('algorithm')}/train.py"]
    command += ["--data", local("dataset"), "--test", local("dataset.test")]
    command += ["--out", os.path.relpath(out, home)]
    for name, value in params.items():
        command += [f"--{name}", str(value)]
    return Planned(inputs, params, command, out)


def _train(planned: Planned, folder: Path, clock: Callable[[], datetime]) -> Trained:
    started = clock()
    done = subprocess.run(planned.command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(
            f"training {planned.inputs['algorithm']} on {planned.inputs['dataset']} ended with "
            f"exit status {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    return Trained(planned, started, clock())


def _record(repository: Repository, trained: Trained) -> Run:
    job = trained.planned
    return repository.record_run(
        inputs=job.inputs,
        outputs={"model": Output(MODEL, job.out / "model")},
        name="train",
        started=trained.started,
        ended=trained.ended,
        params=job.params,
        metrics=read_metrics(job.out / "metrics.json"),
        points=list(_iter_points(job.out / "curve.jsonl")),
        environment={"python": python_version(), "packages": _installed(PACKAGES)},
        command=job.command,
        exit_status=0,
    )


def read_metrics(file: Path) -> dict[str, float]:
    """Return the metrics that a job has written."""
    found: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _iter_points(curve: Path) -> Iterator[MetricPoint]:
    for line in curve.read_text(encoding="utf-8").splitlines():
        point = json.loads(line)
        time = datetime.fromisoformat(point["time"])
        yield MetricPoint("loss", point["epoch"], point["loss"], time)


def _installed(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # torch need not be there
            continue
    return found
