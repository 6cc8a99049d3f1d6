"""--json: every command prints one JSON object, with the keys that the reference page promises."""

from __future__ import annotations

import json
import math
import subprocess
from io import StringIO, TextIOWrapper
from pathlib import Path

import pytest

from omprov.cli import application
from omprov.cli._json_shapes import SHAPES
from omprov.cli._session import print_json

EVENTS = Path(__file__).parents[1] / "capture" / "fixtures" / "logs"

CALLS = {
    "init": ["init", "elsewhere"],
    "doctor": ["doctor"],
    "config": ["config"],
    "completion": ["completion", "zsh"],
    "add": ["add", "data"],
    "run": ["run", "--", "true"],
    "sync": ["sync"],
    "checkout": ["checkout", "dataset/digits:v1", "copy"],
    "status": ["status"],
    "tag": ["tag", "model/net:v1", "a=b"],
    "alias": ["alias", "model/net:v1", "best"],
    "rm": ["rm", "model/net:v1", "--yes"],
    "log": ["log"],
    "show": ["show", "model/net:v2", "--files"],
    "cat": ["cat", "dataset/digits:v1:a.txt"],
    "diff": ["diff", "dataset/digits:v1", "dataset/digits:v2"],
    "graph": ["graph", "model/net"],
    "lineage": ["lineage", "model/net:v2", "--depth", "1"],
    "runs": ["runs"],
    "runs show": ["runs", "show"],
    "edge add": ["edge", "add", "model/net:v2", "model/net:v1", "--weight", "0.5"],
    "edge rm": ["edge", "rm", "dataset/digits:v2", "dataset/digits:v1"],
    "policy": ["policy", "model/net", "params=ignored", "--missing", "oldest"],
    "fsck": ["fsck", "--rebuild-index"],
    "backup": ["backup", "vault", "--keep", "1"],
    "restore": ["restore", "vault", "new"],
    "copy": ["copy", "--to", "copied"],
    "du": ["du"],
    "gc": ["gc", "--dry-run"],
    "remote add": ["remote", "add", "disk", "/nowhere/disk"],
    "remote ls": ["remote", "ls"],
    "remote rm": ["remote", "rm", "office"],
    "push": ["push"],
    "pull": ["pull"],
    "git sync": ["git", "sync", "project"],
    "git hook": ["git", "hook", "install", "project"],
    "import tensorboard": ["import", "tensorboard", str(EVENTS)],
    "user add": ["user", "add", "bob", "--password-stdin"],
    "user ls": ["user", "ls"],
    "user set": ["user", "set", "ada", "--owner"],
    "user rm": ["user", "rm", "bob"],
    "user member": ["user", "member", "default", "ada", "--role", "editor"],
    "token add": ["token", "add", "laptop", "--user", "ada"],
    "token ls": ["token", "ls", "--user", "ada"],
    "token rm": ["token", "rm", "laptop", "--user", "ada"],
    "cache ls": ["cache", "ls"],
    "cache clear": ["cache", "clear"],
    "cache limit": ["cache", "limit", "1G"],
    "migrate": ["migrate"],
    "server migrate": ["server", "migrate", "--catalog", ".omprov/catalog.db"],
    "logout": ["logout", "http://127.0.0.1:6677"],
}


def make_project(folder):
    """Make a git repository with one commit."""
    subprocess.run(["git", "init", "-q", folder], check=True)
    words = ["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*words, "commit", "-q", "--allow-empty", "-m", "begin"], check=True)


def every_command(group=application, before=()):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        words = (*before, name)
        yield " ".join(words), command
        if hasattr(command, "list_commands"):
            yield from every_command(command, words)


def test_every_command_is_called_here():
    names = {name for name, command in every_command() if command.keys}
    assert names == CALLS.keys() | {"demo", "login"}  # these are run by their own tests


@pytest.mark.parametrize("name", CALLS)
def test_the_answer_has_the_keys_that_are_promised(story, name):
    words = CALLS[name]
    if name in {"remote rm", "push", "pull"}:
        story("remote", "add", "office", str(story.folder / "away"))
        story("push")
    if name.startswith(("user", "token")):
        story("user", "add", "ada", "--owner", "--password-stdin", stdin="correct horse\n")
    if name == "user rm":
        story("user", "add", "bob", "--password-stdin", stdin="correct horse\n")
    if name == "token rm":
        story("token", "add", "laptop", "--user", "ada")
    if name in {"git sync", "git hook"}:
        make_project(story.folder / "project")
    if name == "runs show":
        words = [*words, json.loads(story("runs", "--json"))["runs"][0]["id"]]
    if name == "restore":
        story("backup", "vault")
    stdin = "battery staple\n" if name == "user add" else None
    words = ["--json", *words] if name == "run" else [*words, "--json"]
    answer = json.loads(story(*words, stdin=stdin))
    assert list(answer) == list(dict(every_command())[name].keys)


def test_the_shapes_have_the_keys_that_are_promised(story):
    shown = story.json("show", "model/net:v2")
    lineage = story.json("lineage", "model/net:v2")
    difference = story.json("diff", "dataset/digits:v1", "dataset/digits:v2")["difference"]
    for shape, given in {
        "version": shown["version"],
        "run": shown["run"],
        "edge": shown["inherits"][0],
        "difference": difference,
        "link": lineage["links"][0],
    }.items():
        assert list(given) == list(SHAPES[shape]), shape
    assert list(shown["inherits"][0]["because"][0]) == ["role", "newer", "older", "distance"]


def test_an_answer_of_no_says_so_in_json_too(omprov):
    assert omprov.json("config", "user.name", code=1) == {"settings": {}}
    assert omprov.json("runs") == {"runs": []}
    assert omprov.json("status") == {"folders": []}
    assert omprov.json("graph") == {"graphs": []}


def test_a_graph_in_json_goes_from_top_to_bottom_with_metrics(story):
    (graph,) = story.json("graph", "model/net")["graphs"]
    assert [version["number"] for version in graph["versions"]] == [2, 1]
    assert graph["versions"][0]["metrics"]["accuracy"] == 0.95
    assert [(edge["newer"], edge["older"]) for edge in graph["edges"]] == [
        ("model/net:v2", "model/net:v1")
    ]
    (cut,) = story.json("graph", "model/net", "-n", "1")["graphs"]
    assert len(cut["versions"]) == 1


def test_a_policy_spells_out_every_role_that_was_used(story):
    policy = story.json("policy", "model/net")["policy"]
    roles = {
        "algorithm": "lineage",
        "dataset": "lineage",
        "environment": "ignored",
        "params": "free",
    }
    assert policy == {"roles": roles, "missing": "separate"}
    changed = story.json("policy", "model/net", "dataset=ignored")["policy"]
    assert changed["roles"]["dataset"] == "ignored"
    again = story.json("policy", "model/net", "dataset=default")["policy"]
    assert again == policy
    assert "dataset = lineage  (default)" in story("policy", "model/net")
    story("policy", "model/net", "dataset=often", code=2)
    story("policy", "model/net", "dataset", code=2)


def test_a_late_edge_is_declared_and_taken_away(story):
    story.write({"data/a.txt": "apart"})
    story("add", "data", "--root")
    story("edge", "add", "dataset/digits:v3", "dataset/digits:v2", "--weight", "0.25")
    edges = story.json("log", "dataset/digits")["assets"][0]["versions"][0]["inherits"]
    assert [(edge["older"], edge["weight"]) for edge in edges] == [("dataset/digits:v2", 0.25)]
    story("edge", "add", "dataset/digits:v1", "dataset/digits:v3", code=4)
    story("edge", "rm", "dataset/digits:v3", "dataset/digits:v2")
    assert not story.json("show", "dataset/digits:v3")["inherits"]
    story("edge", "add", "dataset/digits:v3", "algorithm/train", code=2)
    story("edge", code=2)


def test_numbers_that_json_lacks_become_null():
    stream = StringIO()
    print_json({"a": [math.nan, math.inf, 1.5], "b": {"c": -math.inf}}, stream)
    assert json.loads(stream.getvalue()) == {"a": [None, None, 1.5], "b": {"c": None}}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_any_name_can_be_written_in_any_encoding(tmp_path, encoding):
    name = "数é\udcff"
    with TextIOWrapper((tmp_path / "out").open("wb"), encoding=encoding) as stream:
        print_json({"name": name}, stream)
    assert json.loads((tmp_path / "out").read_text(encoding))["name"] == name
