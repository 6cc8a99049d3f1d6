"""A server in this process, on a repository with a small story; and real ones as processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path  # noqa: TC003 used in annotations of tests

import pytest
from server_story import Clock, tell_story
from starlette.testclient import TestClient

from omprov.repository import Repository
from omprov.server import Settings, create_app

HOME = "http://127.0.0.1:6677"


@pytest.fixture
def clock(story):
    clock = Clock()
    clock.now = story[1]
    return clock


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """A folder with the story, told once, and the time at its end."""
    folder, clock = tmp_path_factory.mktemp("story"), Clock()
    with Repository.create(folder, who="ada", clock=clock) as repository:
        tell_story(repository)
    return folder, clock.now


@pytest.fixture
def repo(tmp_path, story, clock):
    shutil.copytree(story[0], tmp_path, dirs_exist_ok=True)
    with Repository.open(tmp_path, who="ada", clock=clock) as repository:
        yield repository


@pytest.fixture
def settings(tmp_path, repo, clock):
    del repo
    return Settings(tmp_path, who="ada", clock=clock)


@pytest.fixture
def start(settings):
    """Serve the repository in this process, with other settings maybe."""
    started = []

    def begin(**changes):
        base = changes.pop("base_url", HOME)
        application = create_app(replace(settings, **changes))
        client = TestClient(application, base_url=base, raise_server_exceptions=False)
        started.append(client)
        return client.__enter__()

    yield begin
    for client in started:
        client.__exit__(None, None, None)


@pytest.fixture
def ask(start):
    """A client of the embedded server."""
    return start()


class Server:
    """A server that is a process of its own."""

    def __init__(self, folder: Path, *words: str, log: Path) -> None:
        command = "from omprov.cli import main; main()"
        self._log = log.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-c", command, "ui", "--port", "0", "--no-open", "--json", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        text = ""
        while not text.endswith("}\n"):
            line = self.process.stdout.readline()
            assert line, f"the server ended: {log.read_text()}"
            text += line
        self.address = json.loads(text)["address"]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def end(self) -> int:
        """Stop it; one that does not stop is killed."""
        self.process.terminate()
        timer = threading.Timer(60, self.process.kill)
        timer.start()
        self.process.communicate()
        timer.cancel()
        self._log.close()
        return self.process.returncode


@pytest.fixture
def launch(tmp_path):
    """Start servers on a repository in a folder of its own."""
    started = []

    def begin(folder: Path, *words: str) -> Server:
        server = Server(folder, *words, log=tmp_path / f"log-{len(started)}")
        started.append(server)
        return server

    yield begin
    for server in started:
        if server.process.returncode is None:
            server.end()
