"""remote, push, pull and cache, as people use them."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def shared(story):
    """A story whose content is in a remote folder."""
    story("remote", "add", "office", f"file://{story.folder}/away")
    story("push")
    return story


def lose_content(shell) -> None:
    """Leave of the content only what the remote has."""
    for path in (shell.folder / ".omprov" / "content").iterdir():
        if path.name.startswith("index.sqlite"):
            path.unlink()
    shutil.rmtree(shell.folder / ".omprov" / "content" / "packs")
    (shell.folder / ".omprov" / "content" / "packs").mkdir()


def test_remotes_are_added_listed_and_forgotten(omprov):
    assert "no remote" in omprov("remote", "ls")
    away = f"file://{omprov.folder}/away"
    assert "nothing is there yet" in omprov("remote", "add", "office", away)
    assert omprov("remote", "ls") == f"office  {away}  (default)\n"
    omprov("remote", "add", "office", away, code=4)
    omprov("remote", "rm", "office")
    omprov("remote", "rm", "office", code=3)


def test_push_and_pull_say_what_they_did(shared):
    assert "0 packs" in shared("push")
    assert "a store is there" in shared("remote", "add", "b", f"file://{shared.folder}/away")
    lose_content(shared)
    assert "versions fetched, 0 there already" in shared("pull")
    assert shared("fsck") == "All is well.\n"


def test_files_are_read_without_a_pull(shared):
    lose_content(shared)
    shared("checkout", "dataset/digits:v1", "again")
    assert (shared.folder / "again" / "b.txt").read_text() == "three\n"
    assert "2 versions" not in shared("cache", "ls")
    assert shared.json("cache", "ls")["bytes"] > 0
    assert shared.json("cache", "limit", "0")["bytes"] == 0
    assert shared.json("cache", "clear")["bytes"] == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["push", "--remote", "nowhere"], 3, "no remote 'nowhere'"),
        (["push", "--remote", "ftp://x/y"], 2, "is no remote"),
        (["push", "dataset/none:v1"], 3, "none"),
        (["pull", "--remote", "{folder}/empty"], 3, "no content store"),
        (["remote", "add", "x", "s3://b", "--option", "secret_access_key=x"], 2, "secret"),
        (["remote", "add", "x", "s3://b", "--option", "endpoint"], 2, "NAME=VALUE"),
        (["cache", "limit", "much"], 2, "no size"),
    ],
)
def test_mistakes_are_told_in_one_line(shared, words, code, message):
    shared(*(word.replace("{folder}", str(shared.folder)) for word in words), code=code)
    assert message in shared.errors
    assert shared.errors.count("\n") == 1


def test_an_unreachable_remote_exits_with_5(story, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fake")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fake")
    where = ["remote", "add", "x", "s3://b/c", "--option", "endpoint=http://127.0.0.1:1"]
    story(*where, code=5)
    assert "cannot be reached" in story.errors
    assert story.json("remote", "ls") == {"remotes": []}
