"""Records the code of a run: the commit's version, and what was changed since, as its child."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.capture._parameters import find_invocation
from omprov.errors import NotFound, Unavailable

from ._code import Code
from ._request import Request
from ._rules import DEFAULT_LIMITS
from ._script import find_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omprov.capture._parameters import Invocation
    from omprov.content import Progress
    from omprov.repository import Repository

    from ._rules import Limits


def record_code(
    repository: Repository,
    folder: Path,
    *,
    command: Sequence[str] = (),
    as_: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    outside: Iterable[Path] = (),
    invocation: Invocation | None = None,
    progress: Progress | None = None,
) -> Code:
    """Record which version of which algorithm a run uses.

    In a git checkout that is the version of the commit that is checked out; where the checkout has
    changes, a child of it with them. Without git, or where git's history cannot be read, it is a
    snapshot of the source files. Nothing is recorded twice, and nothing is written into the git
    repository. Safe in several processes at once.

    Args:
        repository: where to record.
        folder: where the command runs.
        command: its words: the script among them decides whose checkout counts.
        as_: which algorithm; named as ``omprov git sync`` does where left out.
        limits: how much is recorded beyond what is committed.
        outside: files and folders that are inputs or outputs and so no code.
        invocation: the command taken apart, where that was done already.
        progress: told of an import of history.

    Raises:
        Busy: another process held the repository for too long.
        InvalidInput: `as_` cannot be the name of an algorithm.
    """
    found = invocation or find_invocation(command)
    script = find_script(found, folder)
    request = Request(as_, limits, _held(repository, outside), script, progress)
    notes: list[str] = []
    try:
        for place in dict.fromkeys([script.parent if script is not None else folder, folder]):
            code = _from_git(repository, place, request, notes)
            if code is not None:
                return code
        from ._snapshot import record_snapshot

        return record_snapshot(repository, folder, found, request, notes)
    except NotFound as error:  # an asset that was removed keeps its name
        return Code(None, notes=(*notes, f"the code was not recorded: {error}"))


def _from_git(
    repository: Repository,
    place: Path,
    request: Request,
    notes: list[str],
) -> Code | None:
    """Record a folder's checkout; ``None`` where it lies in none."""
    if _find_git(place) is None:
        return None
    from ._git_code import Checkout  # draws in libgit2

    try:
        checkout = Checkout.open(place, notes)
    except NotFound:
        return None
    except Unavailable as error:
        notes.append(f"git cannot read {place}: {error}")
        return None
    if checkout is None:
        return None
    script = request.script
    if script is not None and not script.is_relative_to(os.path.realpath(checkout.top)):
        if place != script.parent:
            return None  # the script lies elsewhere: what it is made of is there
    elif script is not None and checkout.ignores(script):
        notes.append(f"git ignores {script}: it is no part of the version")
    return checkout.record(repository, request)


def _find_git(place: Path) -> Path | None:
    """Return the nearest folder with a ``.git``, so that libgit2 loads only there."""
    real = Path(os.path.realpath(place))
    return next((one for one in (real, *real.parents) if (one / ".git").exists()), None)


def _held(repository: Repository, outside: Iterable[Path]) -> dict[Path, str]:
    """Return files and folders that are known to be something else than code."""
    held = {
        repository.workspace.path_of(one): f"it is {one.reference}"
        for one in repository.workspace.list()
        if one.reference.split("/")[-2:-1] != ["algorithm"]
    }
    return held | dict.fromkeys(map(Path, outside), "it is an input or output of the run")
