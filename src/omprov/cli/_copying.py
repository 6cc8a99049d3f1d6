"""The command that copies a whole repository into a new one: copy."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput

from . import _wording
from ._command import command

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.client import RemoteEnd
    from omprov.repository import Copied, Repository

    from ._session import Session

_FOLDER = click.Path(file_okay=False, path_type=Path)


@command(
    "copy",
    example="omprov copy --to https://omprov.example.org\n"
    "omprov copy --to postgresql://db.example.org/omprov --to-content s3://team/omprov\n"
    "omprov copy --from https://omprov.example.org --to mine",
    keys={
        "from": "where from; null of the nearest repository",
        "to": "where to",
        "position": "of the change feed of both",
        "contents": "how many trees of files versions and runs name",
        "absent": "how many of them the source does not have either",
        "rows": "how many rows this call copied",
        "resumed": "true where an interrupted call had begun",
        "was_finished": "true where it had done everything",
    },
)
@click.option(
    "--from",
    "source",
    metavar="URL|PATH",
    help="A folder, http(s)://… or postgresql://…; default: the nearest repository.",
)
@click.option("--to", "target", metavar="URL|PATH", required=True, help="The same; a new one.")
@click.option("--from-content", metavar="URL", help="Content of a source in PostgreSQL: s3://….")
@click.option("--to-content", metavar="URL", help="The same of a target.")
@click.option(
    "--from-folder", metavar="PATH", type=_FOLDER, help="Folder of the server over PostgreSQL."
)
@click.option("--to-folder", metavar="PATH", type=_FOLDER, help="The same of a target.")
@click.option(
    "--people",
    is_flag=True,
    help="With users, tokens and sessions; between folders and databases only.",
)
def copy_command(
    session: Session,
    *,
    source: str | None,
    target: str,
    from_content: str | None,
    to_content: str | None,
    from_folder: Path | None,
    to_folder: Path | None,
    people: bool,
) -> None:
    """Copy a whole repository into a new one: folder, server, or database with a bucket.

    Everything is there as it was recorded: ids, numbers, times, relations, runs, labels, the audit.
    The target has to be new. Interrupted, the same command goes on. To and from a server it takes a
    token of an owner of the server.
    """
    from omprov.repository import copy_repository

    where = source if source is not None else session.url
    with ExitStack() as stack:
        begin = _open_source(session, stack, where, from_content, from_folder)
        end = _open_target(stack, target, to_content, to_folder)
        progress = stack.enter_context(session.progress("copying content"))
        rows = stack.enter_context(session.progress("copying rows", by_items=True))
        done = copy_repository(begin, end, people=people, progress=progress, rows_progress=rows)
    said = _name(where) if where is not None else "this repository"
    session.answer(
        {
            "from": None if where is None else _name(where),
            "to": _name(target),
            "position": done.position,
            "contents": done.contents,
            "absent": done.absent,
            "rows": done.rows,
            "resumed": done.resumed,
            "was_finished": done.was_finished,
        },
        lambda out: _show(out, done, said, _name(target)),
    )


def _open_source(
    session: Session,
    stack: ExitStack,
    where: str | None,
    content: str | None,
    folder: Path | None,
) -> Repository | RemoteEnd:
    from omprov._front import connect
    from omprov.capture import sync_runs
    from omprov.catalog import open_catalog
    from omprov.repository import JOURNAL

    if where is not None and _is_database(where):
        open_catalog(where).close()  # make none
        return _open_shared(stack, where, content, folder, "--from-folder")
    _refuse_places(where, content, folder)
    remote = _server(where, stack)
    if remote is not None:
        return remote
    repository = stack.enter_context(connect(where, create=False))
    if (repository.path / JOURNAL).exists():
        for problem in sync_runs(repository).problems:
            session.warn(f"a run could not be delivered, and is not copied: {problem}")
    return repository


def _open_target(
    stack: ExitStack, where: str, content: str | None, folder: Path | None
) -> Repository | RemoteEnd:
    from omprov._front import connect

    if _is_database(where):
        return _open_shared(stack, where, content, folder, "--to-folder")
    _refuse_places(where, content, folder)
    return _server(where, stack) or stack.enter_context(connect(where))


def _server(where: str | None, stack: ExitStack) -> RemoteEnd | None:
    """Return the end on a server; ``None`` where it is a folder."""
    from omprov._front import connection_to, is_server
    from omprov.client import RemoteEnd

    url = where if where is not None else os.environ.get("OMPROV_URL") or ""
    if not is_server(url):
        return None
    connection = connection_to(url)
    stack.callback(connection.close)
    return RemoteEnd(connection)


def _open_shared(
    stack: ExitStack, where: str, content: str | None, folder: Path | None, option: str
) -> Repository:
    from omprov.repository import Repository

    from ._serving import shared_folder, user_name

    if content is None and folder is None:
        raise InvalidInput(
            f"say where the content of {_name(where)} lies: {option.replace('folder', 'content')} "
            f"s3://…, or {option} PATH where it is in the server's folder"
        )
    opened = Repository.open_shared(
        shared_folder() if folder is None else folder,
        catalog=where,
        content=content,
        who=user_name(),
        clock=lambda: datetime.now(UTC),
    )
    return stack.enter_context(opened)


def _is_database(where: str) -> bool:
    return where.startswith(("postgresql://", "postgres://", "postgresql+psycopg://"))


def _refuse_places(where: str | None, content: str | None, folder: Path | None) -> None:
    if content is not None or folder is not None:
        raise InvalidInput(
            f"{where or 'the nearest repository'} has its content with it: --…-content and "
            "--…-folder go with postgresql://…"
        )


def _name(where: str) -> str:
    """Return an address without what may be secret."""
    if not _is_database(where):
        return where
    from sqlalchemy import make_url

    return make_url(where).set(query={}).render_as_string(hide_password=True)


def _show(out: Console, done: Copied, source: str, target: str) -> None:
    if done.was_finished:
        out.print(f"{target} is a copy of {source} already.", soft_wrap=True)
        return
    out.print(f"{'Completed the copy of' if done.resumed else 'Copied'} {source} to {target}")
    out.print(
        f"{_wording.plural(done.rows, 'row')}; {_wording.plural(done.contents, 'content')}",
        soft_wrap=True,
    )
    if done.absent:
        out.print(
            f"{_wording.plural(done.absent, 'content')} not stored in the source, so not in the "
            "copy (omprov pull)",
            style="yellow",
            soft_wrap=True,
        )
