"""The command that serves a repository: ui."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omprov.errors import MissingExtra

from ._command import command
from ._session import print_json

if TYPE_CHECKING:
    from ._session import Session

_ADDRESS = "address"


@command(
    "ui",
    example="omprov ui\nomprov ui --catalog postgresql://db/omprov --content s3://bucket/omprov "
    "--host 0.0.0.0 --workers 4",
    keys={},
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    default=6677,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port; 0 takes a free one.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many processes answer.",
)
@click.option(
    "--catalog",
    metavar="URL",
    envvar="OMPROV_CATALOG",
    show_envvar=True,
    help="A shared catalog: postgresql://….",
)
@click.option("--content", metavar="URL", help="Its content store, for instance s3://….")
@click.option(
    "--folder",
    metavar="PATH",
    type=click.Path(file_okay=False, path_type=Path),
    help="The repository; of a shared one, what this server may lose.",
)
@click.option("--project", metavar="NAME", help="The project of references that name none.")
@click.option(
    "--allow-host", "hosts", metavar="NAME", multiple=True, help="A name the server may be called."
)
@click.option("--no-open", is_flag=True, help="Open no browser.")
def ui_command(
    session: Session,
    *,
    host: str,
    port: int,
    workers: int,
    catalog: str | None,
    content: str | None,
    folder: Path | None,
    project: str | None,
    hosts: tuple[str, ...],
    no_open: bool,
) -> None:
    """Serve the repository to browsers and programs, until Ctrl-C.

    On this machine alone nobody has to sign in, unless there are users. Where others can reach it
    (another --host, or a shared --catalog), everybody has to: make the first user with
    `omprov user add --owner NAME`. With --json the address is printed as JSON when it answers.
    """
    try:
        from omprov.server import Settings, serve  # start-up, and an extra
    except ImportError as error:
        raise MissingExtra("server", "omprov ui") from error
    from omprov._front import tell_of_runs

    settings = Settings(
        folder=_place(session, folder, shared=catalog is not None),
        catalog=catalog,
        content=content,
        host=host,
        port=port,
        workers=workers,
        project=project,
        who=user_name(),
        hosts=hosts,
        tell=tell_of_runs if os.environ.get("OMPROV_OPENLINEAGE_URL") else None,
    )

    def tell(address: str) -> None:
        if session.as_json:
            print_json({_ADDRESS: address})
        else:
            session.out.print(f"OMProv is at {address}  (Ctrl-C ends it)", soft_wrap=True)
        session.out.file.flush()
        if not no_open and session.is_interactive and not settings.is_shared:
            import webbrowser  # few open one

            webbrowser.open(address)

    serve(settings, tell)


def _place(session: Session, folder: Path | None, *, shared: bool) -> Path:
    """Return the folder of the repository, or that of what a shared server keeps."""
    from omprov._front import find_repository

    if not shared:
        return find_repository(session.url if folder is None else folder)
    return shared_folder() if folder is None else folder


def shared_folder() -> Path:
    """Return where a shared server keeps what it may lose, unless told otherwise."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "omprov", "server")


def user_name() -> str:
    """Return whose changes those are that nobody signed in for."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"uid-{os.getuid()}"
