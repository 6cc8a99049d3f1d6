"""From the files that a run read to the versions that are its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._file_sorts import is_scratch
from ._ground import Ground
from ._read_rules import READ_RULES
from ._reading import Reading
from ._roles import give_roles
from ._wording import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from omprov.capture._accesses import Accesses
    from omprov.content import Progress
    from omprov.records import Version
    from omprov.repository import Repository


@dataclass(frozen=True, slots=True)
class PlacedInputs:
    """The inputs of a run.

    Attributes:
        inputs: role → version.
        reasons: path of each file read → of which version it is and why, or why it is of none.
        notes: what a person should know.
    """

    inputs: Mapping[str, Version]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]


def place_reads(
    repository: Repository,
    accesses: Accesses,
    *,
    project_root: Path,
    run_name: str,
    limit_reference: int,
    started_ns: int | None = None,
    declared: Mapping[str, Version] | None = None,
    progress: Progress | None = None,
) -> PlacedInputs:
    """Find, or record, the versions that the files are of which a run read.

    Folders that are not known yet are recorded and remembered. What cannot be placed is left out
    and said: this raises for a broken repository only. The same files on the same disk give the
    same versions and roles, in whatever order they were read. Nothing is recorded twice.

    Args:
        repository: where to look and record.
        accesses: what was read and written; what a run wrote itself is none of its inputs.
        project_root: the folder of the project.
        run_name: names what has no name of its own.
        limit_reference: data of more bytes stays where it is; see `copy_limit`.
        started_ns: when the run began, in ns since 1970: files that changed later are said.
        declared: inputs that are given already, by role; they are not given again.
        progress: told the files and bytes done.

    Raises:
        Unavailable: the repository cannot be read.
    """
    reading = Reading(
        repository,
        Ground(project_root, (one for one in accesses.writes if not is_scratch(one))),
        run_name=run_name,
        limit=limit_reference,
        written=frozenset(accesses.writes),
        declared=declared or {},
        progress=progress,
    )
    rest = reading.look(accesses.reads, started_ns)
    for take in READ_RULES:
        rest = take(reading, rest)
    inputs = give_roles(repository, reading.placed, reading.declared)
    notes = tuple(dict.fromkeys(map(plain, reading.notes)))
    return PlacedInputs(inputs, reading.reasons, notes)
