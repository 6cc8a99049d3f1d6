"""omprov run with nothing declared: real scripts in real git, and what is known afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omprov.repository import Repository

MAIN = "from omprov.cli import main; main()"
TRAIN = """
    import argparse, pathlib
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("--data", default="data")
    parser.add_argument("--api-key")
    args = parser.parse_args()
    text = "".join(path.read_text() for path in sorted(pathlib.Path(args.data).iterdir()))
    out = pathlib.Path("out")
    out.mkdir(exist_ok=True)
    (out / "model.pt").write_text(text + str(args.lr))
    print("trained")
"""


class Project:
    """A git checkout with a training script and data that git ignores."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.write("train.py", TRAIN)
        self.write(".gitignore", "data/\nout/\n.omprov/\n")
        self.git("init", "-q", "-b", "main")
        self.commit("One")
        for number in range(3):
            self.write(f"data/{number}.txt", str(number))
        self.omprov("init")

    def write(self, path, text):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))

    def git(self, *words):
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *identity, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)

    def start(self, *words, **environment):
        given = {**os.environ, **environment}
        given.pop("OMPROV_URL", None)
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *words],
            cwd=self.folder,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def omprov(self, *words, code=0, **environment):
        process = self.start(*words, **environment)
        out, self.errors = process.communicate(timeout=300)
        assert process.returncode == code, self.errors
        return out

    def run(self, *words, code=0, options=(), **environment):
        self.omprov("run", *options, "--", *words, code=code, **environment)
        return self.last()

    def train(self, *words, **more):
        return self.run(sys.executable, "train.py", *words, **more)

    def last(self):
        return json.loads(self.omprov("runs", "--json"))["runs"][0]

    def open(self):
        return Repository.open(self.folder, who="ada", clock=lambda: pytest.fail("only reads"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("OMPROV_RUN", raising=False)
    monkeypatch.delenv("OMPROV_PARENT_RUN", raising=False)
    return Project(tmp_path / "digits")


def test_a_script_that_knows_nothing_of_omprov_is_recorded_whole(project):
    run = project.train("--lr", "0.5", "--api-key", "geheim99")
    assert run["name"] == "train"
    assert run["inputs"] == {
        "algorithm": "algorithm/digits:v1",
        "dataset": "dataset/data:v1",
        "environment": "environment/digits:v1",
        "params": "params/digits:v1",
    }
    assert run["outputs"] == {"model": "model/digits:v1"}
    assert run["params"] == {"lr": 0.5, "api_key": "[redacted]"}
    assert "geheim99" not in json.dumps(run)
    assert run["source"]["dirty"] is False
    assert run["source"]["files watched by"] == "python"
    assert run["exit_status"] == 0
    with project.open() as repository:
        log = repository.content.tree(repository.get_run(run["id"]).files["files"])
        assert log.open("log.txt").read() == b"trained\n"


def test_what_changes_is_versioned_and_what_does_not_is_not(project):
    first = project.train("--lr", "0.5")
    again = project.train("--lr", "0.5")
    assert again["inputs"] == first["inputs"]
    project.write("data/3.txt", "3")
    with (project.folder / "train.py").open("a") as file:
        file.write("# better\n")
    other = project.train("--lr", "0.7")
    assert other["inputs"]["dataset"] == "dataset/data:v2"
    assert other["inputs"]["algorithm"] == "algorithm/digits:v2"
    assert other["source"]["dirty"] is True
    with project.open() as repository:
        edges = repository.history("model/digits").edges
        assert {(e.newer.number, e.older.number) for e in edges} == {(2, 1), (3, 2)}
        assert repository.check() == []


def test_explain_names_the_rule_behind_each_file(project):
    project.write(".env", "TOKEN=1\n")
    project.write("train.py", TRAIN + '    open(".env").read(); import json; json.loads("{}")\n')
    out = project.omprov("run", "--json", "--", sys.executable, "train.py", "--lr", "1")
    _, _, answer = out.partition("{")
    files = {
        os.path.relpath(one["path"], project.folder): one
        for one in json.loads("{" + answer)["files"]
    }
    assert files["data/0.txt"]["taken"] is True
    assert files["out/model.pt"]["what"] == "written"
    assert (files[".env"]["taken"], files[".env"]["rule"]) == (False, "secret")
    assert files["train.py"]["taken"] is False
    project.omprov("config", "capture.ignore", "data/2.txt")
    project.omprov("run", "--explain", "--", sys.executable, "train.py", "--lr", "1")
    assert "capture.ignore" in project.errors


def test_a_run_inside_the_script_joins(project):
    project.write(
        "train.py",
        """
        import omprov, pathlib
        with omprov.start_run("inner", params={"lr": 3}) as run:
            data = run.use("data").path
            pathlib.Path("out").mkdir()
            pathlib.Path("out/w").write_text("".join(p.read_text() for p in data.iterdir()))
            run.log_metric("loss", 0.25, step=1)
            run.log_output("model/own", "out/w")
        with omprov.start_run("second"):
            pass
        """,
    )
    project.train("--lr", "1")
    runs = {run["name"]: run for run in json.loads(project.omprov("runs", "--json"))["runs"]}
    assert runs.keys() == {"train", "second"}
    run = runs["train"]
    assert runs["second"]["parent"] == run["id"]
    assert run["params"] == {"lr": 3}
    assert run["metrics"]["loss"] == 0.25
    assert run["inputs"]["dataset"] == "dataset/data:v1"
    assert run["outputs"] == {"model": "model/own:v1"}


def test_a_failing_script_makes_no_versions_but_is_known(project):
    project.write("train.py", TRAIN + "    raise SystemExit(7)\n")
    run = project.train("--lr", "1", code=7)
    assert (run["status"], run["exit_status"], run["outputs"]) == ("failed", 7, {})
    assert run["inputs"]["dataset"] == "dataset/data:v1"


def test_a_killed_recorder_leaves_a_run_that_the_next_look_marks(project):
    project.write("train.py", "import time; print('ready', flush=True); time.sleep(600)\n")
    process = project.start("run", "--", sys.executable, "train.py", "--lr", "1")
    assert process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 60
    while project.last()["status"] != "running":
        assert time.monotonic() < deadline
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    process.kill()
    process.communicate()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    assert project.last()["status"] == "killed"
    assert project.last()["params"] == {"lr": 1}


def test_other_programs_are_named_where_their_files_cannot_be_seen(project):
    run = project.run("sh", "-c", "mkdir -p out; cat data/* > out/model.pt")
    assert run["outputs"] == {"model": "model/digits:v1"}
    assert "cat" in str(run["source"]["notes"])
    project.omprov("run", "--watch", "nonsense", "--", "true", code=2)


def test_only_what_is_named_is_recorded_where_that_is_asked_for(project):
    run = project.train("--lr", "1", options=["--no-capture", "-i", "dataset=data"])
    assert run["inputs"] == {"dataset": "dataset/data:v1"}
    assert run["outputs"] == {}
    assert run["files"] == {}


@pytest.mark.parametrize("words", [("train.py", "--lr"), ("-c", "import os; os.close(1)")])
def test_commands_of_any_kind_end_as_they_would(project, words):
    plain = subprocess.run(
        [sys.executable, *words], cwd=project.folder, check=False, capture_output=True
    )
    project.run(sys.executable, *words, code=plain.returncode)


def test_a_script_in_a_detached_head_or_a_shallow_clone_is_recorded(project, tmp_path):
    project.git("checkout", "-q", "--detach")
    assert project.train("--lr", "1")["inputs"]["algorithm"] == "algorithm/digits:v1"
    project.git("commit", "-q", "--allow-empty", "-m", "Two")
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{project.folder}", shallow],
        check=True,
        capture_output=True,
    )
    (shallow / "data").mkdir()
    (shallow / "data" / "a.txt").write_text("1")
    subprocess.run([sys.executable, "-c", MAIN, "init"], cwd=shallow, check=True)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "run", "--", sys.executable, "train.py", "--lr", "1"],
        cwd=shallow,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "shallow" in done.stderr


def test_what_cannot_begin_leaves_nothing_behind(project):
    project.omprov("config", "capture.ignore", "data/[")
    project.omprov("run", "--", "no-such-program-anywhere", code=3)
    assert json.loads(project.omprov("runs", "--json"))["runs"] == []
    assert list((project.folder / ".omprov" / "journal").iterdir()) == []


def test_a_repository_that_is_locked_at_the_end_gets_the_run_later(project):
    project.write("train.py", "print('ready', flush=True); input()\n")
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "run", "--", sys.executable, "train.py", "--lr", "1"],
        cwd=project.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    with (
        Repository.open(
            project.folder, who="ada", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
        ) as other,
        other._writing(),
    ):
        _, err = process.communicate("\n", timeout=300)
    assert process.returncode == 5, err
    assert "omprov sync" in err
    run = project.last()
    assert (run["status"], run["params"], run["exit_status"]) == ("succeeded", {"lr": 1}, 0)
