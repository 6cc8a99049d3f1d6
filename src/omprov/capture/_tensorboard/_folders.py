"""Which folders below a log directory are runs, and which event files belong to each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from ._events import is_event_file, read_file
from ._records import iter_records

_LEFT_OUT = frozenset({".git", ".hg", ".omprov"})
_A_TIME = re.compile(r"\d+(\.\d+)?")


@dataclass(slots=True)
class RunFolder:
    """A folder with event files, which is a run.

    Attributes:
        path: where it is.
        name: its path below the log directory, with ``/``; that directory's own name at the top.
        files: its event files, by their path within it, oldest first.
    """

    path: Path
    name: str
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What stays the same when files grow and when the folder is moved.

        Name and first record of the oldest event file: together they hold the time to the
        microsecond, the host and the process that wrote it. Empty while nothing whole was written.
        """
        for path in self.files.values():
            with path.open("rb") as file:
                first = next(iter_records(file), None)
            if first is not None:
                return blake3(os.fsencode(path.name) + b"\0" + first.content).hexdigest()
        return ""


def find_run_folders(top: Path) -> list[RunFolder]:
    """Return the run folders at and below a log directory, by name.

    What PyTorch's `SummaryWriter.add_hparams` writes lies in a folder of its own, named by the
    time, below that of the run. It counts as the run's; where there are several, the first.
    Symlinks are not followed.
    """
    found: dict[Path, RunFolder] = {}
    for folder, subfolders, files in os.walk(top):
        subfolders[:] = sorted(set(subfolders) - _LEFT_OUT)
        path = Path(folder)
        names = sorted(name for name in files if is_event_file(name) and (path / name).is_file())
        if names:
            name = path.relative_to(top).as_posix() if path != top else top.resolve().name
            found[path] = RunFolder(path, name, {name: path / name for name in names})
    for path in sorted(found, key=lambda one: one.as_posix(), reverse=True):
        _join_hparams(found, path)
    return sorted(found.values(), key=lambda folder: folder.name)


def _join_hparams(found: dict[Path, RunFolder], path: Path) -> None:
    """Give the files of the first folder of hyperparameters below a run to the run."""
    run = found[path]
    below = sorted(one for one in found if one.parent == path and _A_TIME.fullmatch(one.name))
    for one in below:
        if any(read_file(file).hparams is not None for file in found[one].files.values()):
            run.files |= {f"{one.name}/{name}": file for name, file in found.pop(one).files.items()}
            return
