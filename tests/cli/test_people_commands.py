"""user and token: accounts of the shared server, made from the command line."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from omprov.repository import Repository


@pytest.fixture
def shell(omprov):
    """The command line in a repository that ada owns, and bob can sign in to."""
    omprov("user", "add", "ada", "--owner", "--password-stdin", stdin="correct horse\n")
    omprov("user", "add", "bob", "--password-stdin", stdin="battery staple\r\n")
    return omprov


@pytest.fixture
def opened(shell):
    with Repository.open(shell.folder, who="x", clock=lambda: datetime.now(UTC)) as repository:
        yield repository


def test_the_first_user_must_own_the_server(omprov):
    omprov("user", "add", "bob", "--password-stdin", stdin="battery staple\n", code=4)
    assert "first user" in omprov.errors
    told = omprov("user", "add", "ada", "--owner", "--password-stdin", stdin="correct horse\n")
    assert told == "Added ada, who owns the server\n"
    assert omprov("user", "ls") == "ada  owns the server\n"


def test_a_password_comes_in_whole_from_standard_input(opened):
    assert opened.check_password("ada", "correct horse").is_owner
    assert not opened.check_password("bob", "battery staple").is_owner


def test_short_passwords_and_taken_names_are_refused(shell):
    shell("user", "add", "eve", "--password-stdin", stdin="1234567\n", code=2)
    assert "8 characters" in shell.errors
    shell("user", "add", "bob", "--password-stdin", stdin="correct horse\n", code=4)
    shell("user", "add", "Eve!", "--password-stdin", stdin="correct horse\n", code=2)
    shell("user", "add", "eve", stdin="correct horse\n", code=2)
    assert "--password-stdin" in shell.errors


def test_a_terminal_is_asked_twice_and_shows_nothing(shell, opened):
    def typed(*passwords):
        leader, follower = pty.openpty()
        words = [sys.executable, "-c", "from omprov.cli import main; main()", "user", "add", "eve"]
        asked = subprocess.Popen(
            words, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
        )
        os.close(follower)
        seen = b""
        for password in passwords:
            while not seen.endswith(b": "):
                seen += os.read(leader, 1000)
            os.write(leader, password.encode() + b"\n")
            seen += b"|"
        try:
            while data := os.read(leader, 1000):
                seen += data
        except OSError:  # the other end is closed
            pass
        os.close(leader)
        return asked.wait(), seen.decode()

    code, seen = typed("first words", "second words", "eve's words", "eve's words")
    assert code == 0, seen
    assert "do not match" in seen
    assert "words" not in seen
    assert opened.check_password("eve", "eve's words").name == "eve"


def test_users_are_changed_disabled_and_enabled(shell, opened):
    assert shell("user", "set", "bob", "--owner") == "bob  owns the server\n"
    shell("user", "set", "bob", "--password-stdin", stdin="another one\n")
    assert opened.check_password("bob", "another one").is_owner
    assert shell("user", "rm", "bob") == "bob cannot sign in any more\n"
    assert shell("user", "ls") == "ada  owns the server\nbob  owns the server  disabled\n"
    shell("user", "rm", "ada", code=4)
    shell("user", "set", "bob", "--enable", "--no-owner")
    assert shell.json("user", "ls")["users"][1]["disabled"] is False
    shell("user", "set", "ada", "--no-owner", code=4)
    assert "last who owns the server" in shell.errors
    shell("user", "rm", "eve", code=3)
    shell("user", "set", "eve", "--password-stdin", stdin="whatever it is\n", code=3)


def test_members_are_given_roles(shell):
    assert shell("user", "member", "default", "bob", "--role", "editor") == (
        "bob: editor in default\n"
    )
    assert shell("user", "ls", "--project", "default") == "bob  editor\n"
    (member,) = shell.json("user", "ls", "--project", "default")["users"]
    assert (member["name"], member["role"]) == ("bob", "editor")
    shell("user", "member", "default", "bob", "--remove")
    assert shell.json("user", "ls", "--project", "default") == {"users": []}
    assert shell("user", "ls", "--project", "default") == "Nobody yet.\n"
    shell("user", "member", "default", "bob", code=2)
    shell("user", "member", "default", "bob", "--role", "viewer", "--remove", code=2)
    shell("user", "member", "default", "bob", "--role", "king", code=2)
    shell("user", "member", "nowhere", "bob", "--role", "viewer", code=3)
    shell("user", "member", "default", "eve", "--role", "viewer", code=3)


def test_a_token_is_shown_once_and_works_until_it_is_revoked(shell, opened):
    made = shell("token", "add", "ci", "--user", "bob", "--project", "default", "--role", "viewer")
    assert "only time" in shell.errors
    user, token = opened.find_token(made.strip())
    assert (user.name, token.role, token.project) == ("bob", "viewer", "default")
    listed = shell("token", "ls", "--user", "bob")
    assert "ci  viewer in default  used " in listed
    assert made.strip() not in listed
    shell("token", "rm", token.id[:13], "--user", "ada", code=3)
    assert shell("token", "rm", token.id[:13], "--user", "bob") == "Revoked ci of bob\n"
    assert "There is no token" in shell("token", "ls", "--user", "bob")
    with Repository.open(shell.folder, who="x", clock=lambda: datetime.now(UTC)) as another:
        assert another.find_token(made.strip()) is None


def test_a_token_expires_when_it_is_told_to(shell):
    token = shell.json("token", "add", "ci", "--user", "bob", "--expires", "90d")["token"]
    length = datetime.fromisoformat(token["expires"]) - datetime.fromisoformat(token["created"])
    assert timedelta(days=89, hours=23) < length <= timedelta(days=90)
    shell("token", "add", "ci", "--user", "bob", "--expires", "never", code=2)
    shell("token", "add", "ci", "--user", "bob", "--expires", "0d", code=2)


def test_tokens_are_one_s_own_where_nobody_is_named(shell):
    shell("token", "ls", code=2)
    assert "--user NAME" in shell.errors
    shell("config", "user.name", "bob")
    assert shell.json("token", "add", "laptop")["token"]["user"] == "bob"
    shell("token", "add", "laptop")
    shell("token", "rm", "laptop", code=2)
    assert "take the id" in shell.errors
    shell("token", "rm", "lap", code=3)
