"""The commands that keep and forget what proves who asks a server: login, logout."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput, NotSignedIn

from ._command import command

if TYPE_CHECKING:
    from omprov.client import Connection

    from ._session import Session


@command(
    "login",
    example="omprov login https://omprov.example.org\n"
    "omprov login https://omprov.example.org --token-stdin < token",
    keys={
        "url": "the address of the server",
        "who": "the name recorded with what you change there",
        "kept": "whether a token was kept; false where nobody has to sign in",
    },
)
@click.argument("url", required=False)
@click.option("--token-stdin", is_flag=True, help="Read a token from standard input.")
def login_command(session: Session, *, url: str | None, token_stdin: bool) -> None:
    """Keep a token for the server at URL (that of OMPROV_URL where left out).

    Asks for a name and a password, with which the server makes a token, or for a token. It is kept
    in ~/.config/omprov/credentials, which nobody else reads; OMPROV_TOKEN comes before it.
    """
    from omprov._front import credentials  # start-up
    from omprov.client import Connection

    address = _address(session, url)
    who = _whoever(Connection(address))
    token = None
    if who is None:
        token = _read_token() if token_stdin else _ask(session, address)
        who = _whoever(Connection(address, token))
        if who is None:
            raise NotSignedIn(f"{address} does not take this token: it is unknown or expired")
        credentials().keep(address, token, who)
    said = "keeps your token" if token else "asks nobody to sign in"
    session.answer(
        {"url": address, "who": who, "kept": token is not None},
        lambda out: out.print(
            f"You are {who} at {address}: this machine {said}"
            if token
            else f"{address} {said}: you are {who} there",
            soft_wrap=True,
        ),
    )


@command(
    "logout",
    example="omprov logout https://omprov.example.org",
    keys={"url": "the address of the server", "forgotten": "whether a token was kept"},
)
@click.argument("url", required=False)
def logout_command(session: Session, *, url: str | None) -> None:
    """Forget the token of the server at URL (that of OMPROV_URL where left out).

    The token itself stays good: `omprov token rm` on the server takes it back.
    """
    from omprov._front import credentials

    address = _address(session, url)
    forgotten = credentials().forget(address)
    session.answer(
        {"url": address, "forgotten": forgotten},
        lambda out: out.print(
            f"Forgot the token of {address}" if forgotten else f"No token of {address} is kept",
            soft_wrap=True,
        ),
    )


def _address(session: Session, url: str | None) -> str:
    from omprov.client import check_url

    named = url or session.url or os.environ.get("OMPROV_URL")
    if not named:
        raise InvalidInput("say which server: omprov login https://HOST")
    return check_url(named)


def _whoever(connection: Connection) -> str | None:
    """Return as whom a server knows this connection; ``None`` where it does not."""
    try:
        return str(connection.get("/me")["who"])
    except NotSignedIn:
        return None
    finally:
        connection.close()


def _read_token() -> str:
    token = sys.stdin.readline().strip()
    if not token:
        raise InvalidInput("there is no token on standard input")
    return token


def _ask(session: Session, address: str) -> str:
    if not session.is_interactive:
        raise InvalidInput("nobody can be asked here: give a token with --token-stdin")
    name = click.prompt(f"Name at {address} (empty: you have a token)", default="", err=True)
    if not name:
        return str(click.prompt("Token", hide_input=True, err=True)).strip()
    password = click.prompt("Password", hide_input=True, err=True)
    return make_token(address, name, password)


def make_token(address: str, name: str, password: str) -> str:
    """Let a server make a token for somebody; it is limited by nothing but what they may do.

    Raises:
        NotSignedIn: the server does not take name and password.
    """
    from omprov.client import Connection

    connection = Connection(address, person=(name, password))
    try:
        body = {"name": f"omprov login on {platform.node()}"[:200], "role": "owner"}
        return str(connection.send("POST", "/tokens", body)["secret"])
    except NotSignedIn as error:
        raise NotSignedIn(f"{address} does not take this name and password") from error
    finally:
        connection.close()
