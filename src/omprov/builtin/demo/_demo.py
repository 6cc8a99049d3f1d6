"""The demo from the empty folder to the last line."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import AlreadyExists, InvalidInput
from omprov.repository import Repository

from . import _report
from ._captured import asset_of, train_again
from ._code import STEPS, check_out, make_history
from ._digits import dataset_steps, held_out_images, load_digits, write_images
from ._drop import find_drop, measured_steps
from ._jobs import JOBS, MODEL, train_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from rich.console import Console

    from omprov.records import AssetName, Run, Version

    from ._digits import Digit
    from ._drop import Drop
    from ._jobs import Job
    from ._report import DrawGraph

CODE, DATA, TEST_DATA = "algorithm/digits", "dataset/digits", "dataset/digits-test"
CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo made.

    Attributes:
        folder: where it lies.
        runs: the trainings, in the order they were recorded.
        captured: the same trainings again, with nothing declared.
        drop: the largest drop of accuracy along an inferred edge, explained.
        commands: what to try in the folder, as people type it.
    """

    folder: Path
    runs: tuple[Run, ...]
    captured: tuple[Run, ...]
    drop: Drop | None
    commands: tuple[str, ...]


def run_demo(
    folder: Path,
    console: Console,
    *,
    draw_graph: DrawGraph,
    clock: Callable[[], datetime],
    who: str = "demo",
) -> DemoResult:
    """Make a repository full of real trainings, and show what OMProv knows about them.

    Takes about half a minute on two cores. Uses no network, and git without the user's settings.

    Args:
        folder: where to make it: an empty folder, or none yet.
        console: where to show it.
        draw_graph: draws a version graph; it gets the history and the metrics of its versions.
        clock: tells the time.
        who: the name recorded with every change.

    Raises:
        AlreadyExists: the folder is not empty.
        InvalidInput: it is no folder.
        MissingExtra: scikit-learn or Pillow is not installed.
        Unavailable: git is missing, or a training failed.
    """
    _check_empty(folder)
    digits = load_digits()
    with Repository.create(folder, who=who, clock=clock) as repository:
        _report.show_title(console, folder)
        with console.status("Committing code and recording it"):
            code, commits = _add_code(repository)
        _report.show_code(console, repository, CODE, draw_graph)
        with console.status("Collecting digits"):
            data, test = _add_data(repository, digits)
        _report.show_data(console, repository, DATA, draw_graph)

        def inputs_of(job: Job) -> dict[str, Version]:
            return {
                "algorithm": code[job.code],
                "dataset": data[job.data],
                "dataset.test": test,
            }

        runs = []
        with console.status("") as status:
            jobs = train_all(repository, inputs_of, folder / "jobs", clock=clock)
            for number in range(len(JOBS)):
                status.update(f"Training {number + 1} of {len(JOBS)}")
                runs.append(next(jobs))
        shutil.rmtree(folder / "jobs")
        _name_champion(repository, runs)
        recorded = tuple(repository.get_run(run.id) for run in runs)  # as they stand by now
        drop = _show_results(console, repository, recorded, draw_graph)
        again = []
        with console.status("") as status:
            for number, run in enumerate(train_again(repository, commits, data), start=1):
                status.update(f"Training {number} of {len(JOBS)} again, with nothing declared")
                again.append(run)
        captured = tuple(repository.get_run(run.id) for run in again)
        _put_back(repository, data)
        _report.show_captured(console, repository, recorded, captured)
        commands = _suggestions(drop, asset_of(captured))
        _report.show_commands(console, repository.path.parent, commands)
        return DemoResult(folder, recorded, captured, drop, commands)


def _check_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder: pass one for the demo")
    if folder.exists() and any(folder.iterdir()):
        raise AlreadyExists(
            "folder", folder, "The demo wants an empty one: pass another, or remove this one."
        )


def _put_back(repository: Repository, data: dict[str, Version]) -> None:
    """Leave code and data as the story ends."""
    home = repository.path.parent
    check_out(home / "code", STEPS[-1].branch)
    repository.checkout(max(data.values(), key=lambda one: one.number), home / "data" / "digits")


def _add_code(repository: Repository) -> tuple[dict[str, Version], dict[str, str]]:
    """Record every commit, with the commits' parents.

    Returns:
        Name in the story → version, and name → commit.
    """
    folder = repository.path.parent / "code"
    by_name: dict[str, Version] = {}
    by_commit: dict[str, Version] = {}
    commits: dict[str, str] = {}
    for step, commit in zip(STEPS, make_history(folder), strict=True):
        check_out(folder, commit.id)
        added = repository.add_version(
            CODE,
            folder,
            message=commit.message,
            inherits=[by_commit[parent] for parent in commit.parents],
            source={"git": {"commit": commit.id}},
        )
        by_name[step.name] = by_commit[commit.id] = added.version
        commits[step.name] = commit.id
    check_out(folder, STEPS[-1].branch)
    return by_name, commits


def _add_data(repository: Repository, digits: list[Digit]) -> tuple[dict[str, Version], Version]:
    """Record every state of the folder of images; return name in the story → version, and the test.

    Only the merge names its parents: otherwise the workspace knows what the folder held before.
    """
    folder = repository.path.parent / "data" / "digits"
    by_name: dict[str, Version] = {}
    for step in dataset_steps(digits):
        if step.parents:
            repository.checkout(by_name[step.parents[0]], folder)
        write_images(folder, step.images)
        parents = [by_name[name] for name in step.parents]
        added = repository.add_version(
            DATA, folder, message=step.message, inherits=parents if len(parents) > 1 else "auto"
        )
        by_name[step.name] = added.version
    held_out = folder.with_name("digits-test")
    write_images(held_out, held_out_images(digits))
    test = repository.add_version(TEST_DATA, held_out, message="Never learned from")
    return by_name, test.version


def _name_champion(repository: Repository, runs: list[Run]) -> None:
    best = max(runs, key=lambda run: run.metrics["accuracy"])
    repository.set_alias(best.outputs["model"], CHAMPION)


def _show_results(
    console: Console, repository: Repository, runs: tuple[Run, ...], draw_graph: DrawGraph
) -> Drop | None:
    accuracy = {run.outputs["model"].key: run.metrics["accuracy"] for run in runs}
    edges = [edge for run in runs for edge in repository.inherits(run.outputs["model"])]
    steps = measured_steps(edges, accuracy)
    drop = find_drop(steps)
    _report.show_runs(console, runs)
    _report.show_models(console, repository, MODEL, accuracy, draw_graph)
    _report.show_reasons(console, steps)
    _report.show_drop(console, repository, drop)
    return drop


def _suggestions(drop: Drop | None, captured: AssetName) -> tuple[str, ...]:
    found = ["omprov status", f"omprov log {DATA}", f"omprov graph {MODEL}"]
    found += [f"omprov graph {captured}"]
    if drop is not None:
        found += [f"omprov show {drop.step.edge.newer}"]
        for suspect in drop.suspects:
            newer, older = suspect.reason.newer, suspect.reason.older
            if newer is not None and older is not None:
                found += [f"omprov diff {older} {newer}", f"omprov runs --using {newer}"]
    found += [f"omprov lineage {MODEL}:{CHAMPION}", "omprov fsck"]
    return tuple(found)
