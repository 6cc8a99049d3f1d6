"""What is captured of a run in some folder, what is not, and why. Changes nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.errors import NotFound, OmprovError
from omprov.repository import JOURNAL

from ._environment import describe_environment, find_interpreter
from ._journal._folders import list_folders
from ._parameters import find_invocation
from ._resources._energy import CpuEnergy
from ._resources._processes import is_readable
from ._running._facts import ENVIRONMENT_CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omprov.repository import Repository

_FRAMEWORKS = {
    "torch": "PyTorch",
    "lightning": "Lightning",
    "transformers": "Hugging Face Transformers",
    "keras": "Keras",
    "sklearn": "scikit-learn",
    "optuna": "Optuna",
}
_SHOWN = 5


class Captured(StrEnum):
    """Whether something is captured."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What of one kind of fact is captured.

    Attributes:
        topic: what it is about: ``code``, ``data``, …
        captured: whether it is.
        what: what is there, in a sentence.
        advice: what to do, where something would be better.
    """

    topic: str
    captured: Captured
    what: str
    advice: str = ""


def diagnose(
    repository: Repository | None, folder: Path, environ: Mapping[str, str]
) -> list[Diagnosis]:
    """Say what of a run in `folder` is captured, what is not, and why.

    Args:
        repository: where runs go; ``None`` where there is none yet.
        folder: where runs would start.
        environ: their variables.
    """
    return [
        _repository(repository),
        *_code(folder),
        _data(repository),
        _parameters(),
        *_environment(repository, folder, environ),
        *_files(),
        *_resources(environ),
        *_hooks(),
    ]


def _repository(repository: Repository | None) -> Diagnosis:
    if repository is None:
        return Diagnosis("repository", Captured.NO, "there is none yet", "omprov init")
    waiting = len(list_folders(repository.path / JOURNAL))
    if not waiting:
        return Diagnosis("repository", Captured.YES, str(repository.path))
    what = f"{repository.path}; {waiting} runs are not recorded to their end"
    return Diagnosis("repository", Captured.YES, what, "omprov sync")


def _code(folder: Path) -> Iterator[Diagnosis]:
    from ._code._checkout import read_changes
    from ._code._request import Request
    from ._code._rules import DEFAULT_LIMITS
    from ._git._history import GitHistory

    try:
        history = GitHistory(folder, may_be_shallow=True)
    except NotFound:
        yield Diagnosis(
            "code",
            Captured.PARTLY,
            f"{folder} is in no git checkout: the script and the source files beside it are kept",
            "git init, and commit",
        )
        return
    except OmprovError as error:
        yield Diagnosis("code", Captured.PARTLY, f"git's history cannot be read: {error}")
        return
    git = history.repository
    if git.is_shallow:
        yield Diagnosis(
            "code",
            Captured.PARTLY,
            "a shallow clone: snapshots are kept, their lineage by content only",
            "git fetch --unshallow",
        )
        return
    if git.head_is_unborn:
        yield Diagnosis(
            "code", Captured.PARTLY, "git has no commit yet: snapshots are kept", "git commit"
        )
        return
    commit = str(git.head.target)
    where = "" if not git.head_is_detached else " (detached)"
    yield Diagnosis("code", Captured.YES, f"git commit {commit[:10]}{where}, changes included")
    changes = read_changes(git, "", Request(None, DEFAULT_LIMITS, {}, None, None))
    if changes.files:
        what = f"{_files_of(len(changes.files))} not as committed: a child of the commit's version"
        yield Diagnosis("changes", Captured.YES, what)
    for left in changes.left_out[:_SHOWN]:
        yield Diagnosis("changes", Captured.NO, f"{left.path}: {left.reason}")
    if len(changes.left_out) > _SHOWN:
        more = len(changes.left_out) - _SHOWN
        yield Diagnosis("changes", Captured.NO, f"{_files_of(more)} more that git does not track")
    hooks = Path(git.path, "hooks", "post-commit")
    has_hook = hooks.exists() and "omprov" in hooks.read_text("utf-8", errors="replace")
    yield Diagnosis(
        "git hook",
        Captured.YES if has_hook else Captured.NO,
        "commits are imported as they are made"
        if has_hook
        else "commits are imported by the next run",
        "" if has_hook else "omprov git hook install",
    )


def _files_of(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _data(repository: Repository | None) -> Diagnosis:
    held = [] if repository is None else repository.workspace.list()
    names = ", ".join(one.path for one in held[:_SHOWN]) + (", …" if len(held) > _SHOWN else "")
    what = f"known folders: {names}" if held else "no folder is known yet"
    return Diagnosis("data", Captured.YES, f"{what}; what a run reads elsewhere is versioned then")


def _parameters() -> Diagnosis:
    if find_spec("yaml") is None:
        return Diagnosis(
            "parameters",
            Captured.PARTLY,
            "options, overrides, JSON and TOML files; no YAML",
            "pip install 'omprov[yaml]'",
        )
    return Diagnosis("parameters", Captured.YES, "options, overrides, YAML, JSON and TOML files")


def _environment(
    repository: Repository | None, folder: Path, environ: Mapping[str, str]
) -> Iterator[Diagnosis]:
    python = find_interpreter(find_invocation(["python"]), folder, environ)
    cache = None if repository is None else repository.path / ENVIRONMENT_CACHE
    found = describe_environment(python, cache=cache, environ=environ)
    packages = found.content.get("packages", {})
    if python is None:
        yield Diagnosis("environment", Captured.PARTLY, "no Python on the path: the machine only")
    else:
        what = f"{python}, {len(packages)} packages, operating system, processor"
        yield Diagnosis("environment", Captured.YES, what)
    for note in found.notes:
        yield Diagnosis("environment", Captured.PARTLY, note)


def _files() -> Iterator[Diagnosis]:
    yield Diagnosis(
        "files",
        Captured.YES,
        "what Python opens, and known libraries that read by themselves",
    )
    if shutil.which("strace"):
        yield Diagnosis("files", Captured.YES, "other programs: with `omprov run --watch strace`")
    else:
        yield Diagnosis(
            "files",
            Captured.NO,
            "what programs other than Python open",
            "name them by --input and --output, or install strace",
        )


def _resources(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    from ._nvml import open_nvml, visible_gpus

    if is_readable():
        yield Diagnosis("resources", Captured.YES, "processor, memory and disk over time")
    else:
        yield Diagnosis("resources", Captured.PARTLY, "totals only: there is no /proc")
    with open_nvml() as nvml:
        gpus = (
            [] if nvml is None else visible_gpus(nvml.gpus(), environ.get("CUDA_VISIBLE_DEVICES"))
        )
    if gpus:
        yield Diagnosis("resources", Captured.YES, f"{len(gpus)} GPUs: use, memory, energy")
    else:
        yield Diagnosis("resources", Captured.NO, "GPUs: no NVIDIA driver answers here")
    if CpuEnergy().joules() is None:
        yield Diagnosis("resources", Captured.NO, "energy of the processor: no counter is readable")


def _hooks() -> Iterator[Diagnosis]:
    found = [title for name, title in _FRAMEWORKS.items() if find_spec(name) is not None]
    what = ", ".join(found) if found else "none of the frameworks with hooks is installed here"
    advice = "omprov.autolog() in the script turns them on" if found else ""
    yield Diagnosis("hooks", Captured.YES if found else Captured.NO, what, advice)
