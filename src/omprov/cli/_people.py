"""The commands about people: user, token."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput, NotFound
from omprov.records import Role

from . import _wording
from ._command import group, subcommand
from ._json_shapes import token_json, user_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from omprov.records import Member, Token, User
    from omprov.repository import Repository

    from ._session import Session

_USER = {"user": "the *user*, as it is now"}
_ROLES = click.Choice([role.value for role in Role])
_shared = click.option(
    "--catalog",
    metavar="URL",
    envvar="OMPROV_CATALOG",
    show_envvar=True,
    help="Of the shared server: postgresql://…; else the nearest repository.",
)


@group("user", example="omprov user add ada --owner", keys={}, no_args_is_help=True)
def user_command(session: Session) -> None:
    """Say who can sign in to the shared server, and what they may do in which project."""


@subcommand(
    user_command,
    "add",
    example="omprov user add ada --owner\nomprov user add bob --password-stdin < secret",
    keys=_USER,
)
@click.argument("name")
@click.option("--owner", is_flag=True, help="The whole server is theirs; the first user's must be.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_shared
def user_add_command(
    session: Session, *, name: str, owner: bool, password_stdin: bool, catalog: str | None
) -> None:
    """Make a user, who is in no project yet (an owner is in all). Asks for a password, twice."""
    with _opened(session, catalog) as repository:
        password = _password(session, name, from_stdin=password_stdin)
        user = repository.add_user(name, password, owner=owner)
    words = f"Added {user.name}" + (", who owns the server" if user.is_owner else "")
    session.answer({"user": user_json(user)}, lambda out: out.print(words, soft_wrap=True))


@subcommand(
    user_command,
    "ls",
    example="omprov user ls\nomprov user ls --project vision",
    keys={"users": "list of *user*; with --project those with a role there, each with `role`"},
)
@click.option("--project", metavar="NAME", help="Only its members, with their roles.")
@_shared
def user_ls_command(session: Session, *, project: str | None, catalog: str | None) -> None:
    """List the users, or the members of a project."""
    with _opened(session, catalog) as repository:
        if project is not None:
            members = repository.list_members(project)
            users = [member.user for member in members]
        else:
            members, users = [], repository.list_users()
    session.answer(
        {
            "users": [{**user_json(one.user), "role": one.role.value} for one in members]
            if project is not None
            else [user_json(user) for user in users]
        },
        lambda out: _show_users(out, users, members),
    )


@subcommand(
    user_command,
    "set",
    example="omprov user set bob --owner\nomprov user set bob --password",
    keys=_USER,
)
@click.argument("name")
@click.option("--owner/--no-owner", default=None, help="Whether the whole server is theirs.")
@click.option("--password", "ask", is_flag=True, help="Ask for a new password.")
@click.option("--password-stdin", is_flag=True, help="Read a new one from standard input.")
@click.option("--enable", is_flag=True, help="Let a disabled user sign in again.")
@_shared
def user_set_command(
    session: Session,
    *,
    name: str,
    owner: bool | None,
    ask: bool,
    password_stdin: bool,
    enable: bool,
    catalog: str | None,
) -> None:
    """Change a user. A new password signs them out everywhere; their tokens stay."""
    with _opened(session, catalog) as repository:
        repository.get_user(name)
        password = None
        if ask or password_stdin:
            password = _password(session, name, from_stdin=password_stdin)
        user = repository.set_user(
            name, password=password, owner=owner, disabled=False if enable else None
        )
    session.answer({"user": user_json(user)}, lambda out: _show_users(out, [user], []))


@subcommand(user_command, "rm", example="omprov user rm bob", keys=_USER)
@click.argument("name")
@_shared
def user_rm_command(session: Session, *, name: str, catalog: str | None) -> None:
    """Disable a user: signed out, and their tokens stop. History keeps their name.

    `omprov user set NAME --enable` takes it back.
    """
    with _opened(session, catalog) as repository:
        user = repository.set_user(name, disabled=True)
    session.answer(
        {"user": user_json(user)},
        lambda out: out.print(f"{user.name} cannot sign in any more", soft_wrap=True),
    )


@subcommand(
    user_command,
    "member",
    example="omprov user member vision bob --role editor\nomprov user member vision bob --remove",
    keys={"project": "its name", "user": "name", "role": "what they may do there now, or null"},
)
@click.argument("project")
@click.argument("name")
@click.option("--role", type=_ROLES, help="viewer sees, editor changes, owner decides.")
@click.option("--remove", is_flag=True, help="Take their role away.")
@_shared
def user_member_command(
    session: Session,
    *,
    project: str,
    name: str,
    role: str | None,
    remove: bool,
    catalog: str | None,
) -> None:
    """Give a user a role in a project, or take it away."""
    if (role is None) != remove:
        raise InvalidInput("say either --role viewer|editor|owner, or --remove")
    with _opened(session, catalog) as repository:
        repository.set_member(project, name, None if role is None else Role(role))
    words = f"{name} is no member of {project}" if role is None else f"{name}: {role} in {project}"
    session.answer(
        {"project": project, "user": name, "role": role},
        lambda out: out.print(words, soft_wrap=True),
    )


@group("token", example="omprov token add laptop", keys={}, no_args_is_help=True)
def token_command(session: Session) -> None:
    """Make tokens, with which programs sign in to the shared server in a user's name."""


@subcommand(
    token_command,
    "add",
    example="omprov token add laptop --expires 90d\n"
    "omprov token add ci --user bob --role editor --project vision",
    keys={"secret": "the token itself, shown this once", "token": "the *token*"},
)
@click.argument("name")
@click.option(
    "--role", type=_ROLES, default=Role.EDITOR.value, help="No more than this; else editor."
)
@click.option("--project", metavar="PROJECT", help="The only project it works in; else all.")
@click.option("--expires", metavar="TIME", help="After so long, for instance 90d; else never.")
@click.option("--user", metavar="NAME", help="Whose; else yours.")
@_shared
def token_add_command(
    session: Session,
    *,
    name: str,
    role: str,
    project: str | None,
    expires: str | None,
    user: str | None,
    catalog: str | None,
) -> None:
    """Make a token. Its secret is printed once, and stored nowhere."""
    from omprov.repository import parse_duration  # start-up: `--help` needs no database

    end = None if expires is None else session.now + parse_duration(expires)
    with _opened(session, catalog) as repository:
        whose = _user(repository, user)
        secret, token = repository.add_token(
            whose, name, role=Role(role), project=project, expires=end
        )
    session.answer(
        {"secret": secret, "token": token_json(token)},
        lambda out: out.print(secret, soft_wrap=True),
    )
    if not session.as_json:
        session.warn(f"this is the only time that the token of {whose} is shown")


@subcommand(
    token_command, "ls", example="omprov token ls --user bob", keys={"tokens": "list of *token*"}
)
@click.option("--user", metavar="NAME", help="Whose; else yours.")
@_shared
def token_ls_command(session: Session, *, user: str | None, catalog: str | None) -> None:
    """List the tokens of a user."""
    with _opened(session, catalog) as repository:
        tokens = repository.list_tokens(_user(repository, user))
    session.answer(
        {"tokens": [token_json(token) for token in tokens]},
        lambda out: _show_tokens(out, tokens),
    )


@subcommand(
    token_command,
    "rm",
    example="omprov token rm laptop\nomprov token rm 019a… --user bob",
    keys={"token": "the *token* that works no longer"},
)
@click.argument("token", metavar="ID|NAME")
@click.option("--user", metavar="NAME", help="Whose; else yours.")
@_shared
def token_rm_command(
    session: Session, *, token: str, user: str | None, catalog: str | None
) -> None:
    """Revoke a token, by its id (or how it begins) or its name. It stops at once."""
    with _opened(session, catalog) as repository:
        whose = _user(repository, user)
        found = _find_token(repository.list_tokens(whose), token)
        repository.remove_token(whose, found.id)
    session.answer(
        {"token": token_json(found)},
        lambda out: out.print(f"Revoked {found.name} of {found.user}", soft_wrap=True),
    )


def _password(session: Session, name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not session.is_interactive:
        raise InvalidInput("nobody is here to type a password: pass it with --password-stdin")
    answer: str = click.prompt(
        f"Password of {name}", hide_input=True, confirmation_prompt="The same again", err=True
    )
    return answer


def _user(repository: Repository, name: str | None) -> str:
    """Return whose tokens are meant: one's own where nobody is named."""
    if name is not None:
        return repository.get_user(name).name
    try:
        return repository.get_user(repository.who).name
    except NotFound as error:
        raise InvalidInput(
            f"{repository.who} is no user here: say whose token with --user NAME"
        ) from error


def _find_token(tokens: list[Token], wanted: str) -> Token:
    found = [token for token in tokens if wanted == token.name]
    if not found and len(wanted) >= 8:
        found = [token for token in tokens if token.id.startswith(wanted)]
    if len(found) > 1:
        raise InvalidInput(f"{len(found)} tokens are called {wanted!r}: take the id of one")
    if not found:
        raise NotFound("token", wanted, hint="`omprov token ls` lists them.")
    return found[0]


def _show_users(out: Console, users: list[User], members: list[Member]) -> None:
    roles = {member.user.name: f"  {member.role}" for member in members}
    if not users:
        out.print("Nobody yet.")
    for user in users:
        words = roles.get(user.name, "")
        words += "  owns the server" if user.is_owner else ""
        words += "  disabled" if user.disabled else ""
        out.print(f"{user.name}{words}", soft_wrap=True)


def _show_tokens(out: Console, tokens: list[Token]) -> None:
    if not tokens:
        out.print("There is no token; `omprov token add NAME` makes one.", soft_wrap=True)
    for token in tokens:
        where = f" in {token.project}" if token.project else ""
        ends = f"  until {token.expires:%Y-%m-%d %H:%M}" if token.expires else ""
        used = f"  used {token.last_used:%Y-%m-%d %H:%M}" if token.last_used else "  never used"
        out.print(
            f"{token.id}  {_wording.printable(token.name)}  {token.role}{where}{ends}{used}",
            soft_wrap=True,
        )


@contextmanager
def _opened(session: Session, catalog: str | None) -> Iterator[Repository]:
    """Open a shared catalog, or the repository that the session names."""
    if catalog is None:
        with session.repository() as repository:
            yield repository
        return
    from omprov._front import open_shared  # start-up: `--help` needs no database

    with (
        tempfile.TemporaryDirectory(prefix="omprov-") as folder,  # people need no content
        open_shared(catalog, Path(folder)) as repository,
    ):
        yield repository
