"""copy: a whole repository, as whoever moves one calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def filled(omprov):
    omprov.write({"data/a.txt": "one\n"})
    omprov("add", "data", "--as", "dataset/digits")
    omprov.write({"data/a.txt": "one\ntwo\n"})
    omprov("add", "data", "--as", "dataset/digits")
    omprov("alias", "dataset/digits:v1", "best")
    return omprov


def test_folders_are_copied_and_named(filled):
    words = filled("copy", "--to", "mine")
    assert words.startswith("Copied this repository to mine\n")
    assert filled.json("log", "--repo", "mine") == filled.json("log")
    assert filled("fsck", "--repo", "mine")
    assert "already" in filled("copy", "--to", "mine")
    filled("copy", "--from", ".", "--to", "other")
    filled("add", "data", "--as", "dataset/more")
    filled("copy", "--to", "mine", code=4)
    assert "new repository" in filled.errors
    filled("copy", "--from", "nowhere", "--to", "third", code=3)
    filled("copy", "--to", "third", "--to-folder", "x", code=2)
    filled("copy", code=2)


def test_a_database_says_where_its_content_lies(filled, pg_empty_url):
    filled("copy", "--to", pg_empty_url, code=2)
    filled("copy", "--from", pg_empty_url, "--from-folder", "x", "--to", "y", code=3)
    place = ("--to-content", str(filled.folder / "bucket"), "--to-folder", "stage")
    answer = filled.json("copy", "--to", pg_empty_url, *place)
    assert (answer["contents"], answer["absent"], answer["from"]) == (2, 0, None)
    assert "host" not in answer["to"]
    place = ("--from-content", str(filled.folder / "bucket"), "--from-folder", "stage")
    filled("copy", "--from", pg_empty_url, *place, "--to", "back")
    assert filled.json("log", "--repo", "back") == filled.json("log")


@pytest.mark.slow
def test_a_server_that_runs_takes_it_and_gives_it(filled):
    (filled.folder / "served").mkdir()
    filled("init", "served")
    server = filled.process("ui", "--folder", "served", "--port", "0", "--no-open", "--json")
    try:
        text = "".join(iter(lambda: server.stdout.readline().decode(), "}\n"))
        address = json.loads(text + "}")["address"]
        filled("copy", "--to", address)
        assert filled.json("log", "--repo", address) == filled.json("log")
        filled("copy", "--from", address, "--to", "back")
        filled("copy", "--from", address, "--to", "people", "--people", code=2)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate()
    assert filled.json("log", "--repo", "back") == filled.json("log")
    filled("copy", "--to", address, code=5)


def test_runs_that_wait_in_their_journals_come_too(filled):
    """The process died, and nobody has looked since."""
    script = (
        "import os, omprov\n"
        "with omprov.start_run('lost') as run:\n"
        "    run.log_metric('x', 1.0)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    lost = subprocess.run([sys.executable, "-c", script], check=False, cwd=filled.folder)
    assert lost.returncode == -signal.SIGKILL
    filled("copy", "--to", "mine")
    (run,) = filled.json("runs", "--repo", "mine")["runs"]
    assert (run["name"], run["status"]) == ("lost", "killed")
