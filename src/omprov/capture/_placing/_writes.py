"""From the files that a run wrote to the versions that are its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.records import Kind
from omprov.repository import Output

from ._ground import Ground
from ._wording import plain
from ._write_rules import WRITE_RULES, full_name
from ._writing import Writing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.capture._accesses import Accesses
    from omprov.content import Progress
    from omprov.records import Run
    from omprov.repository import Repository

    from ._writing import Made


@dataclass(frozen=True, slots=True)
class PlacedOutputs:
    """The outputs of a run.

    Attributes:
        outputs: role → what to record; the content is stored already.
        places: role → the folder or file that holds all of it, and nothing else.
        reasons: path of each file written → into which asset it went and why, or why into none.
        notes: what a person should know.
    """

    outputs: Mapping[str, Output]
    places: Mapping[str, Path]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]


def place_writes(
    repository: Repository,
    accesses: Accesses,
    *,
    project_root: Path,
    run_name: str,
    started_ns: int,
    declared: Mapping[Path, str] | None = None,
    progress: Progress | None = None,
) -> PlacedOutputs:
    """Group the files that a run wrote into outputs, and store them.

    The same program run again gives the same assets. What cannot be stored is left out and said.
    Call `remember_outputs` once the run is recorded.

    Args:
        repository: where to store.
        accesses: what was read and written.
        project_root: the folder of the project.
        run_name: names what has no name of its own.
        started_ns: when the run began, in ns since 1970: what did not change since was not written.
        declared: folders and files that are recorded as outputs anyway → their assets.
        progress: told the files and bytes done.

    Raises:
        Unavailable: the repository cannot be read.
    """
    given = declared or {}
    writing = Writing(
        repository,
        Ground(project_root, (one for one in accesses.reads if one not in accesses.writes)),
        run_name=run_name,
        reads=tuple(one for one in accesses.reads if one not in accesses.writes),
        declared=tuple(str(Path(path).resolve()) for path in given),
        taken={full_name(repository, asset) for asset in given.values()},
        progress=progress,
    )
    rest = writing.look(accesses.writes, started_ns)
    for take in WRITE_RULES:
        rest = take(writing, rest)
    roles = _roles(writing.made)
    return PlacedOutputs(
        {role: Output(made.asset, made.content) for role, made in roles.items()},
        {role: Path(made.place) for role, made in roles.items() if made.place is not None},
        writing.reasons,
        tuple(map(plain, writing.notes)),
    )


def remember_outputs(repository: Repository, placed: PlacedOutputs, run: Run) -> None:
    """Let the workspace know which folders hold what was recorded as outputs.

    So the next run that reads them uses the very versions that this one made.
    """
    for role, path in placed.places.items():
        if role in run.outputs:
            repository.workspace.remember(path, run.outputs[role])


def _roles(made: list[Made]) -> dict[str, Made]:
    """Give each output its kind as role; with the asset's name where several are of one kind."""
    kinds = [one.asset.kind for one in made]
    roles: dict[str, Made] = {}
    for one in made:
        head = "files" if one.asset.kind is Kind.FILE else str(one.asset.kind)
        only = kinds.count(one.asset.kind) == 1
        roles[head if only else f"{head}.{one.asset.name}"[:128]] = one
    return roles
