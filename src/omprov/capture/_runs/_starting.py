"""Starting runs: new ones, nested ones, and joining what another process has begun."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from omprov.capture._journal._folders import is_closed, list_folders, list_journals
from omprov.capture._journal._tail import peek
from omprov.errors import InvalidInput
from omprov.records import RunId, new_id
from omprov.repository import JOURNAL

from ._active import ActiveRun, Opening
from ._homes import Home, state_folder
from ._ranks import find_rank

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._ranks import Rank

RUN_FOLDER = "OMPROV_RUN"
"""Names the folder of a run that the first process to start a run joins."""
PARENT_RUN = "OMPROV_PARENT_RUN"
"""Names the run that began this process."""
_CLAIM = "claimed"
_LONGEST = 100
"""Items of a list that is a setting, and not data."""

_innermost: ContextVar[ActiveRun | None] = ContextVar("omprov_run", default=None)
_running: list[ActiveRun] = []
_alive: WeakSet[ActiveRun] = WeakSet()
_lock = threading.Lock()
_turns = itertools.count()
"""How many runs this rank has started: the ranks of a job start theirs in the same order."""


def active_run() -> ActiveRun | None:
    """Return the innermost run of this thread, else the last that this process started."""
    run = _innermost.get()
    if run is not None and not run.is_finished:
        return run
    return _running[-1] if _running else None


def start_run(
    home: Home,
    name: str,
    *,
    id: RunId | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> ActiveRun:
    """Begin a run, or join one.

    With `id`, that run goes on. Within a run, a nested one begins. Under `omprov run`, the first
    process to call this joins that run, and so do the other ranks of its job; whoever comes later
    begins a run within it. Of a distributed job, rank 0 begins the run and the others join it.

    Args:
        home: where it goes.
        name: what to call it.
        id: of a run that goes on.
        params: parameters known from the start.
        tags: tags of the run.
    """
    around = active_run()
    rank = find_rank(os.environ) if around is None else None
    opening = _opening(home, name, id, around, rank)
    if opening.is_owner and home.captures:
        opening = replace(opening, script=_script())
    run = ActiveRun(home, opening)
    if params:
        run.log_params(params)
    for tag, value in (tags or {}).items():
        run.set_tag(tag, value)
    _enter(run, around)
    home.started(run)
    return run


def _opening(
    home: Home, name: str, id_: RunId | None, around: ActiveRun | None, rank: Rank | None
) -> Opening:
    number = None if rank is None else rank.rank
    if id_ is not None:
        folder = _folder_of_running(home, id_)
        if folder is not None:
            return Opening(folder, id_, name, is_owner=False, rank=number)
        return Opening(_writable(home.journals / id_), id_, name, is_owner=True)
    if around is not None:
        made = _new_id()
        folder = _writable(home.journals / made)
        return Opening(folder, made, name, is_owner=True, parent=around.id)
    turn = next(_turns) if rank is not None else 0
    given = os.environ.get(RUN_FOLDER)
    if given and turn == 0 and _claim(Path(given), rank):
        return Opening(Path(given), RunId(Path(given).name), name, is_owner=False, rank=number)
    made = _new_id()
    parent = RunId(os.environ[PARENT_RUN]) if os.environ.get(PARENT_RUN) else None
    if rank is None:
        return Opening(_writable(home.journals / made), made, name, is_owner=True, parent=parent)
    folder = _writable(home.journals / f"job-{rank.job}-{turn}")
    if rank.rank:
        return Opening(folder, None, name, is_owner=False, parent=parent, rank=number)
    return Opening(folder, made, name, is_owner=True, parent=parent, rank=number)


def _script() -> dict[str, Any]:
    """Say what runs in this process, as a command that would run it."""
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    begin = ["-m", main.name] if main is not None else sys.argv[:1]
    return {
        "argv": [sys.executable, *begin, *sys.argv[1:]],
        "folder": str(Path.cwd()),
        "python": sys.executable,
    }


def _folder_of_running(home: Home, id_: RunId) -> Path | None:
    """Return the folder of a run whose owner is at work; ``None`` where it has ended."""
    for folder in list_folders(home.journals):
        for path in list_journals(folder):
            tail = peek(path)
            is_meant = tail.is_owner and tail.opened["run"] == id_
            if is_meant and not is_closed(path, tail.opened["host"]):
                return folder
    return None


def _new_id() -> RunId:
    return RunId(new_id(datetime.now(UTC)))


def _writable(folder: Path) -> Path:
    """Return the folder, or one in the user's own where the repository takes none."""
    parent = folder.parent
    with suppress(OSError):
        parent.mkdir(exist_ok=True)
        if os.access(parent, os.W_OK | os.X_OK):
            return folder
    return state_folder() / JOURNAL / folder.name


def _claim(folder: Path, rank: Rank | None) -> bool:
    """Join the run of `omprov run`, if this process, or its job, is the first to."""
    job = f"rank {rank.job}" if rank is not None else f"process {os.getpid()}"
    path = folder / _CLAIM
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(job)
    except FileExistsError:
        return rank is not None and path.read_text("ascii", errors="replace") in {"", job}
    except OSError:
        return False
    return True


def _enter(run: ActiveRun, around: ActiveRun | None) -> None:
    """Make the run the innermost one until it finishes, for child processes, too."""
    before = os.environ.get(PARENT_RUN)
    owns = run.is_owner
    if owns:
        os.environ[PARENT_RUN] = run.id
    token = _innermost.set(run)
    with _lock:
        _running.append(run)
        _alive.add(run)

    def leave() -> None:
        with _lock, suppress(ValueError):
            _running.remove(run)
        with suppress(ValueError):  # finished by another thread
            _innermost.reset(token)
        if _innermost.get() is run:
            _innermost.set(around)
        if owns and os.environ.get(PARENT_RUN) == run.id:
            if before is None:
                os.environ.pop(PARENT_RUN, None)
            else:
                os.environ[PARENT_RUN] = before

    run.on_finish(leave)


def recorded_calls(
    start: Callable[..., ActiveRun], function: Callable[..., Any], name: str | None
) -> Callable[..., Any]:
    """Return a function whose every call is a run, with its arguments as parameters.

    Args:
        start: starts a run.
        function: what runs.
        name: of the run; the function's where left out.

    Raises:
        InvalidInput: it is no plain function.
    """
    import inspect  # start-up

    if not callable(function):
        raise InvalidInput("@omprov.run stands before a function")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidInput(
            "@omprov.run takes plain functions: use `with omprov.start_run(…)` inside of it"
        )
    called = name or getattr(function, "__name__", "run")
    signature = inspect.signature(function)

    @functools.wraps(function)
    def recorded(*values: Any, **named: Any) -> Any:
        bound = signature.bind(*values, **named)
        bound.apply_defaults()
        with start(called, params=_simple(bound.arguments)):
            return function(*values, **named)

    return recorded


def _simple(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the arguments that are settings, and not models or data."""
    return {name: value for name, value in arguments.items() if _is_setting(value)}


def _is_setting(value: Any) -> bool:
    if isinstance(value, list | tuple | dict):
        return len(value) <= _LONGEST
    return value is None or isinstance(value, bool | int | float | str | os.PathLike)


def _in_child() -> None:
    if _lock.locked():  # by a thread that is not here
        _lock.release()
    runs = [run for run in _alive if not run.is_finished]
    for home in {run.home for run in runs}:
        home.forget_parent()
    for run in runs:
        run.join_after_fork()


os.register_at_fork(after_in_child=_in_child)
