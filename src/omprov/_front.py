"""What ``import omprov`` offers to scripts: the nearest repository, without opening it by hand.

A repository is a folder, or on a server: then a folder on this machine, within the ``.omprov`` of
the place, keeps what is kept here of it, and names the server. So everything that is handed the
folder of a repository works with either.

Beside the command line this is the one place that reads the environment and the clock.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import omprov.capture
import omprov.client
import omprov.repository
from omprov._lazy import Later
from omprov.errors import AlreadyExists, InvalidInput, NotFound, OmprovError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omprov.capture import ActiveRun, Home
    from omprov.client import Connection, Credentials
    from omprov.records import Difference
    from omprov.repository import Added, ByReference, Repository, VersionHandle

_openlineage = Later("omprov.interop.openlineage", "omprov")
"""Stands above what stands on this module; and nobody else needs HTTP."""
_DELIVER = "import sys; from omprov._front import deliver; deliver(sys.argv[1])"
_TELLING_SECONDS = 5.0
"""The longest that others are told of runs, by those who have something else to do."""
_Function = TypeVar("_Function", bound="Callable[..., Any]")


def connect(url: str | Path | None = None, *, create: bool = True) -> Repository:
    """Open a repository.

    Args:
        url: where it is, a folder or the address of a server; else ``OMPROV_URL``; else the nearest
            ``.omprov`` upwards from the current folder; else a new ``.omprov`` at the root of the
            git checkout, or here. Of a server nothing is asked yet.
        create: make a new one where there is none.

    Raises:
        NotFound: there is none, and `create` is false.
    """
    folder = _place(url)
    if omprov.client.read_address(folder) is not None:
        return _open(folder)
    try:
        return _open(folder)
    except NotFound:
        if not create:
            raise
    try:
        return omprov.repository.Repository.create(folder, who=_user(), clock=_now)
    except AlreadyExists:  # another process was quicker
        return _open(folder)


def open_shared(catalog: str, folder: Path, *, content: str | None = None) -> Repository:
    """Open a repository whose catalog many use; see `Repository.open_shared`."""
    return omprov.repository.Repository.open_shared(
        folder, catalog=catalog, content=content, who=_user(), clock=_now
    )


def find_repository(url: str | Path | None = None) -> Path:
    """Return the ``.omprov`` folder that `connect` would open, without opening it.

    Of a repository on a server it is the folder that is kept for it here.

    Raises:
        NotFound: there is none.
    """
    folder = _place(url)
    if omprov.client.read_address(folder) is not None:
        return folder
    path = folder if folder == _own(folder.parent) else _own(folder)
    if not (path / "catalog.db").exists():
        raise NotFound("repository", path, hint="`omprov init` makes one.")
    return path


def start_run(
    name: str = "run",
    *,
    id: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    repository: Repository | None = None,
) -> ActiveRun:
    """Begin a run; use it in a ``with`` statement, or call its `finish`.

    Within a run, a nested one begins. Under `omprov run`, the first process to call this joins that
    run. Of a distributed job (torchrun, Slurm, MPI), rank 0 begins the run and the others join it.

    Args:
        name: what to call it.
        id: of a run that goes on: one that has ended, or one that another process began.
        params: parameters known from the start.
        tags: tags of the run.
        repository: the nearest one where left out; given, the run is delivered when it finishes.

    Raises:
        NotFound: there is no run of this id.
    """
    if repository is not None:
        home = omprov.capture.Home(
            repository.path,
            lambda: repository,
            repository=repository,
            facts=_facts,
            delivered=tell_of_runs,
        )
    else:
        home = _home(os.environ.get("OMPROV_URL"), Path.cwd())
    known = None if id is None else home.find_run(id)
    return omprov.capture.start_run(home, name, id=known, params=params, tags=tags)


@overload
def run(function: _Function, /) -> _Function: ...
@overload
def run(*, name: str | None = None) -> Callable[[_Function], _Function]: ...


def run(function: Any = None, /, *, name: str | None = None) -> Any:
    """Make every call of a function a run, with its plain arguments as parameters.

    Use it as a decorator: ``@omprov.run`` or ``@omprov.run(name="train")``. Inside, `active_run`
    gives the run.

    Args:
        function: what runs.
        name: of the run; the function's where left out.
    """
    if function is not None:
        return omprov.capture.recorded_calls(start_run, function, name)
    return partial(omprov.capture.recorded_calls, start_run, name=name)


def get_version(reference: str, *, repository: Repository | None = None) -> VersionHandle:
    """Return the version that a reference names; without a selector, the latest.

    Raises:
        NotFound: there is none; with near matches.
        AmbiguousReference: several could be meant.
    """
    home = repository or _nearby()
    return omprov.repository.VersionHandle(home, home.get_version(reference))


def add_version(
    asset: str, content: str | Path | Mapping[str, bytes] | ByReference, **facts: Any
) -> Added:
    """Record the state of an asset in the nearest repository; see `Repository.add_version`."""
    return _nearby().add_version(asset, content, **facts)


def difference(older: str, newer: str, *, measure: str | None = None) -> Difference:
    """Measure by how much `newer` differs from `older`; see `Repository.diff`."""
    return _nearby().diff(older, newer, measure=measure)


def _nearby() -> Repository:
    settle()
    return _home(os.environ.get("OMPROV_URL"), Path.cwd()).repository


def settle() -> None:
    """Wait until the runs that this process has finished are recorded in the nearest repository."""
    _home(os.environ.get("OMPROV_URL"), Path.cwd()).settle()


@lru_cache(maxsize=8)
def _home(url: str | None, here: Path) -> Home:
    del here  # only part of the key: the nearest repository depends on it
    try:
        path = find_repository(url)
    except NotFound:
        with connect(url) as made:
            path = made.path
    command = [sys.executable, "-P", "-c", _DELIVER, str(path)] if sys.executable else []
    return omprov.capture.Home(
        path, partial(_open, path), facts=_facts, deliver_command=command, delivered=tell_of_runs
    )


def _facts(repository: Repository, script: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return omprov.capture.script_facts(repository, script, os.environ)


def deliver(folder: str) -> None:
    """Deliver what is in the journals of a repository, when the process that wrote them ends."""
    with _open(Path(folder)) as repository:
        for problem in omprov.capture.sync_runs(repository, _facts).problems:
            sys.stderr.write(f"{problem}\n")
        tell_of_runs(repository)


def tell_of_runs(repository: Repository, *, insist: bool = False) -> str:
    """Tell whoever ``OMPROV_OPENLINEAGE_URL`` names of the runs of a repository that it lacks.

    Args:
        repository: whose runs.
        insist: take all the time it needs, and ask a receiver that was away just now.

    Returns:
        Why the receiver took nothing more; empty where all is well, or nobody is named.
    """
    url = os.environ.get("OMPROV_OPENLINEAGE_URL")
    if not url:
        return ""
    key = os.environ.get("OMPROV_OPENLINEAGE_API_KEY") or None
    namespace = os.environ.get("OMPROV_OPENLINEAGE_NAMESPACE") or f"omprov://{socket.gethostname()}"
    try:
        emitter = _emitter(url, key, namespace)
        seconds = None if insist else _TELLING_SECONDS
        problem: str = emitter.emit(repository, seconds=seconds, insist=insist).problem
    except (OmprovError, OSError) as error:
        return str(error)
    return problem


@lru_cache(maxsize=2)
def _emitter(url: str, key: str | None, namespace: str) -> Any:
    return _openlineage.Emitter(_openlineage.Receiver(url, key, namespace))


def _open(folder: Path) -> Repository:
    url = omprov.client.read_address(folder)
    if url is not None:
        opened = omprov.client.RemoteRepository.open(folder, connection_to(url), who=_user())
        return cast("Repository", opened)  # its twin: the same calls
    return omprov.repository.Repository.open(folder, who=_user(), clock=_now)


def connection_to(url: str, token: str | None = None) -> Connection:
    """Return a connection to a server; nothing is asked of it yet.

    Args:
        url: of the server.
        token: proves who asks; else ``OMPROV_TOKEN``; else what `omprov login` kept.
    """
    url = omprov.client.check_url(url)
    if token is None:
        token = os.environ.get("OMPROV_TOKEN") or None
    if token is None:
        kept = credentials().find(url)
        token = None if kept is None else kept.token
    return omprov.client.Connection(url, token)


def credentials() -> Credentials:
    """Return the tokens that `omprov login` keeps for this user."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return omprov.client.Credentials(Path(base, "omprov", "credentials"))


def address_of(url: str | Path | None = None) -> str:
    """Return what names, from anywhere, the repository that `connect` would open."""
    path = find_repository(url)
    return omprov.client.read_address(path) or str(path.parent)


def is_server(where: str | Path) -> bool:
    """Say whether an address is a server's."""
    return str(where).startswith(("http://", "https://"))


def _place(url: str | Path | None) -> Path:
    """Return the folder of a repository, be it there or about to be made."""
    where = url if url is not None else os.environ.get("OMPROV_URL") or None
    if where is not None and is_server(where):
        return _place_of_server(str(where))
    if where is not None:
        return _folder(where)
    return _nearest(Path.cwd()) or _git_root(Path.cwd()) or Path.cwd()


def _folder(where: str | Path) -> Path:
    text = str(where)
    if text.startswith("postgresql://"):
        raise Unavailable(
            f"{text.partition('@')[2] or text}: a shared catalog is opened by a server; start it "
            "with `omprov ui --catalog`, and give its address"
        )
    if "://" in text and not text.startswith("file://"):
        raise InvalidInput(f"{text!r} is no repository: give a folder")
    return Path(text.removeprefix("file://")).expanduser()


def _place_of_server(url: str) -> Path:
    """Return the folder that is kept here for a server; made now, so that it names the server."""
    here = Path.cwd()
    folders = (f for f in (here, *here.parents) if f != f.parent)  # / is nobody's working directory
    own = _own(next((f for f in folders if _own(f).is_dir() or (f / ".git").exists()), here))
    url = omprov.client.check_url(url)
    folder = omprov.client.folder_of(own, url)
    if omprov.client.read_address(folder) is None:
        omprov.client.make_local(folder, url)
    return folder


def _nearest(start: Path) -> Path | None:
    folders = (start, *start.parents)
    return next(
        (f for f in folders if (f / omprov.repository.FOLDER / "catalog.db").exists()), None
    )


def _own(folder: Path) -> Path:
    return folder / omprov.repository.FOLDER


def _git_root(start: Path) -> Path | None:
    return next((f for f in (start, *start.parents) if (f / ".git").exists()), None)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"uid-{os.getuid()}"


def _now() -> datetime:
    return datetime.now(UTC)
