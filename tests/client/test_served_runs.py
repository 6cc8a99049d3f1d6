"""Real processes: `omprov ui` that is killed, and trainings that do not mind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from omprov.repository import Repository

OMPROV = [sys.executable, "-c", "from omprov.cli import main; main()"]
TRAINING = """
import os, sys
import omprov
from pathlib import Path

with omprov.start_run("train", params={"lr": 0.1}) as run:
    data = run.use("dataset/numbers")
    for step in range(200):
        run.log_metric("loss", step / 8, step=step)
        if step == 100:
            print("half", flush=True)
            sys.stdin.readline()
    run.log_output("model/mean", {"weights": (data.path / "n.txt").read_bytes() * 2})
"""


class ServedFolder:
    """`omprov ui` on a folder, in a process of its own, at one address."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.port = "0"
        self.url = ""
        self.start()

    def start(self) -> None:
        command = [*OMPROV, "ui", "--json", "--no-open", "--port", self.port]
        self.process = subprocess.Popen(
            [*command, "--folder", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=without_url(),
        )
        lines = [self.process.stdout.readline() for _ in range(3)]
        self.url = json.loads("".join(lines))["address"]
        self.port = self.url.rpartition(":")[2]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def without_url():
    return {name: value for name, value in os.environ.items() if name != "OMPROV_URL"}


@pytest.fixture
def served(tmp_path, clock):
    with Repository.create(tmp_path / "server", who="ada", clock=clock) as repository:
        repository.add_version("dataset/numbers", {"n.txt": b"1 2 3"})
    server = ServedFolder(tmp_path / "server")
    yield server
    server.kill()


@pytest.fixture
def environment(served, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "work"], check=True)
    return {
        "cwd": tmp_path / "work",
        "env": {**without_url(), "OMPROV_URL": served.url},
        "text": True,
    }


@pytest.mark.slow
def test_a_training_outlives_a_server_that_is_killed(served, environment, clock):
    script = environment["cwd"] / "train.py"
    script.write_text(TRAINING)
    training = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **environment,
    )
    assert training.stdout.readline() == "half\n"
    served.kill()
    _, errors = training.communicate("go on\n")
    assert training.returncode == 0
    assert "kept in its journal" in errors
    away = subprocess.run([*OMPROV, "runs"], check=False, capture_output=True, **environment)
    assert away.returncode == 5
    assert "cannot be reached" in away.stderr
    served.start()
    synced = subprocess.run(
        [*OMPROV, "sync", "--json"], check=True, capture_output=True, **environment
    )
    (told,) = json.loads(synced.stdout)["runs"]
    with Repository.open(served.folder, who="ada", clock=clock) as behind:
        (run,) = behind.list_runs()
        assert (run.id, run.status, run.params) == (told["id"], "succeeded", {"lr": 0.1})
        points = behind.metric_points(run.id, "loss")
        assert [(p.step, p.value) for p in points] == [(n, n / 8) for n in range(200)]
        assert str(run.inputs["dataset"]) == "dataset/numbers:v1"
        assert behind.open_file("model/mean", "weights").read() == b"1 2 31 2 3"
        assert behind.check() == []


@pytest.mark.slow
def test_a_command_is_captured_on_a_server_as_in_a_folder(served, environment, clock):
    work = environment["cwd"]
    (work / "data").mkdir()
    (work / "data" / "a.csv").write_text("7,1,4")
    (work / "train.py").write_text(
        "from pathlib import Path\n"
        "Path('out').mkdir(exist_ok=True)\n"
        "Path('out/model.pt').write_text(Path('data/a.csv').read_text())\n"
    )
    command = [*OMPROV, "run", "--", sys.executable, "train.py", "--lr", "0.1"]
    for text in ("7,1,4", "7,1,5"):
        (work / "data" / "a.csv").write_text(text)
        subprocess.run(command, check=True, capture_output=True, **environment)
    with Repository.open(served.folder, who="ada", clock=clock) as behind:
        last = behind.list_runs(limit=1)[0]
        assert {role.partition(".")[0] for role in last.inputs} >= {"algorithm", "dataset"}
        assert [str(version) for version in last.outputs.values()] == ["model/work:v2"]
        assert [str(edge.older) for edge in behind.inherits("model/work:v2")] == ["model/work:v1"]
        assert behind.check() == []
    shown = subprocess.run(
        [*OMPROV, "cat", "model/work:v1:model.pt"], check=True, capture_output=True, **environment
    )
    assert shown.stdout == "7,1,4"
