"""omprov run: what is recorded of a command, however it ends."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.cli._job_words import parse_input, parse_output, parse_outputs, parse_params
from omprov.errors import InvalidInput

PYTHON = sys.executable


def runs(omprov, *words):
    return omprov.json("runs", *words)["runs"]


def test_a_run_is_recorded_with_all_that_was_given(story):
    newest, oldest = runs(story)
    assert newest["status"] == "succeeded"
    assert newest["inputs"]["dataset"] == "dataset/digits:v2"
    assert newest["inputs"]["algorithm"] == "algorithm/train:v1"
    assert newest["outputs"] == {"model": "model/net:v2"}
    assert newest["params"] == {"lr": 0.1}
    assert newest["metrics"]["accuracy"] == 0.95
    assert newest["exit_status"] == 0
    assert newest["command"][0] == PYTHON
    assert oldest["outputs"] == {"model": "model/net:v1"}
    (edge,) = story.json("show", "model/net:v2")["inherits"]
    assert edge["older"] == "model/net:v1"
    assert edge["origin"] == "inferred"
    assert edge["weight"] > 0


def test_the_folder_of_an_output_is_known_afterwards(story):
    assert "out  model/net:v2  unchanged" in story("status", "out")
    story("run", "-i", "base=out", "--", PYTHON, "-c", "")
    assert runs(story)[0]["inputs"]["base"] == "model/net:v2"


def test_a_changed_folder_gets_its_version_before_the_command_starts(story):
    story.write({"data/a.txt": "changed"})
    story("run", "-i", "data", "--", PYTHON, "-c", "open('data/a.txt', 'w').write('later')")
    assert "differs from dataset/digits:v2: recorded as dataset/digits:v3" in story.errors
    assert runs(story)[0]["inputs"]["dataset"] == "dataset/digits:v3"
    story("checkout", "dataset/digits:v3", "again")
    assert (story.folder / "again/a.txt").read_text() == "changed"


def test_an_unknown_folder_is_recorded_where_its_role_is_a_kind(story):
    story.write({"More Data/x": "1"})
    story("run", "-i", "dataset.extra=More Data", "--", PYTHON, "-c", "")
    assert runs(story)[0]["inputs"]["dataset.extra"] == "dataset/more-data:v1"
    story.write({"other/x": "1"})
    story("run", "-i", "teacher=./other", "--", PYTHON, "-c", "", code=2)
    assert "omprov add other --as" in story.errors


def test_a_failing_command_passes_its_status_on_and_makes_no_version(story):
    script = "open('out/w', 'w').write('half'); raise SystemExit(7)"
    story("run", "-o", "model/net=out", "--", PYTHON, "-c", script, code=7)
    assert runs(story)[0]["status"] == "failed"
    assert runs(story)[0]["exit_status"] == 7
    assert runs(story)[0]["outputs"] == {}
    assert len(runs(story, "--status", "failed")) == 1


def test_an_output_that_the_command_did_not_write_is_not_recorded(story):
    story("run", "-o", "model/net=out", "-o", "file/log=log.txt", "--", PYTHON, "-c", "", code=1)
    assert "out was not written by the command" in story.errors
    assert "log.txt is not there" in story.errors
    assert runs(story)[0]["status"] == "failed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "no JSON object"),
        ('{"a": "x"}', "not a number"),
        ('{"a": true}', "not a number"),
        ("{", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_metrics_that_cannot_be_read_do_not_lose_the_run(omprov, text, words):
    if text is not None:
        omprov.write({"m.json": text})
    omprov("run", "--metrics", "m.json", "--", PYTHON, "-c", "", code=1)
    assert words in omprov.errors
    (run,) = runs(omprov)
    assert run["status"] == "failed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--", "no-such-program-anywhere"], 3),
        (["--", "."], 2),
        ([], 2),
        (["-i", "dataset/none", "--", "true"], 3),
        (["-i", "./none", "--", "true"], 2),
        (["-o", "model/x", "--", "true"], 2),
        (["-o", "model/x:v1=out", "--", "true"], 2),
        (["-p", "lr", "--", "true"], 2),
        (["-o", "model/x=a", "-o", "model/y=b", "--", "true"], 2),
    ],
)
def test_a_wrong_command_line_starts_nothing_and_records_nothing(omprov, words, code):
    omprov("run", *words, code=code)
    assert runs(omprov) == []


def test_two_inputs_of_one_role_are_refused(story):
    words = ("-i", "dataset/digits:v1", "-i", "dataset/digits:v2")
    story("run", *words, "--", "true", code=4)
    assert "dataset.second=" in story.errors


def test_with_json_only_json_is_printed(omprov):
    child = omprov.process("run", "--json", "--", PYTHON, "-c", "print('loud')")
    out, err = child.communicate()
    assert json.loads(out)["run"]["status"] == "succeeded"
    assert b"loud" in err


def test_output_goes_through(omprov):
    out, err = omprov.process("run", "--", PYTHON, "-c", "print('loud')").communicate()
    assert out == b"loud\n"
    assert b"recorded run" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_all_that_the_command_started_and_the_run_is_recorded(omprov, number):
    inner = "import time; print('ready', flush=True); time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    child = omprov.process("run", "--", PYTHON, "-c", outer)
    assert child.stdout.readline() == b"ready\n"
    os.kill(child.pid, number)
    child.communicate()  # ends only when the innermost process has closed the pipe
    assert runs(omprov)[0]["status"] == "killed"
    assert child.returncode == runs(omprov)[0]["exit_status"] != 0


def test_a_command_that_was_killed_is_recorded_as_killed(omprov):
    omprov("run", "--", PYTHON, "-c", "import os; os.kill(os.getpid(), 9)", code=137)
    assert runs(omprov)[0]["status"] == "killed"
    omprov("run", "--", PYTHON, "-c", "import os; os.abort()", code=134)
    assert runs(omprov)[0]["status"] == "failed"


def test_runs_are_found_by_what_they_used_and_made(story):
    assert len(runs(story, "--using", "algorithm/train:v1")) == 2
    assert len(runs(story, "--using", "dataset/digits:v2")) == 1
    (run,) = runs(story, "--making", "model/net:v1")
    assert len(runs(story, "-n", "1")) == 1
    for part in (run["id"], run["id"].rpartition("-")[2]):
        shown = story("runs", "show", part)
        assert "model = model/net:v1" in shown
        assert "accuracy=0.9" in shown
    story("runs", "show", "ffffffffffff", code=3)
    assert "No such run" in story("runs", "--status", "running")
    assert "accuracy 0.95" in story("runs")


def test_the_words_of_an_input_are_a_path_or_a_reference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dataset/digits").mkdir(parents=True)
    assert parse_input("dataset/digits").path is not None
    assert parse_input("dataset/digits:v1").reference == "dataset/digits:v1"
    assert parse_input("dataset/other").reference == "dataset/other"
    assert parse_input("role=./x=y").path.name == "x=y"
    assert parse_input("./x=y").path.name == "x=y"
    assert parse_input("dataset.val=dataset/other").role == "dataset.val"
    for wrong in ("", "role=", "Role=x"):
        with pytest.raises(InvalidInput):
            parse_input(wrong)


def test_the_words_of_an_output_may_leave_out_the_role():
    short, long = parse_output("model/digits=a=b"), parse_output("best=model/digits=a=b")
    assert (short.role, short.asset, str(short.path)) == ("model", "model/digits", "a=b")
    assert (long.role, long.asset, str(long.path)) == ("best", "model/digits", "a=b")
    assert set(parse_outputs(("model/a=x", "second=model/b=y"))) == {"model", "second"}
    for wrong in ("model/a", "a=b", "model/a:v1=x", "model=a=x"):
        with pytest.raises(InvalidInput):
            parse_output(wrong)
    with pytest.raises(InvalidInput):
        parse_outputs(("model/a=x", "model/b=y"))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_parameter_that_reads_as_json_is_json(value):
    assert parse_params((f"name={json.dumps(value)}",)) == {"name": value}


@pytest.mark.parametrize("text", ["adam", "1e-3x", "NaN", "Infinity", "{", "a=b", ""])
def test_any_other_parameter_is_text(text):
    assert parse_params((f"name={text}",)) == {"name": text}


def test_a_parameter_is_given_once():
    with pytest.raises(InvalidInput):
        parse_params(("a=1", "a=2"))


def test_a_command_may_use_omprov_itself(omprov):
    inner = [PYTHON, "-c", "from omprov.cli import main; main()", "add", "d", "--as", "dataset/x"]
    omprov.write({"d/a": "1"})
    done = omprov.process("run", "--", *inner)
    assert b"dataset/x:v1" in done.communicate()[0]
    assert done.returncode == 0


def test_a_run_whose_outputs_cannot_be_stored_is_recorded_as_failed(omprov):
    omprov("run", "-o", "model/m=out", "--", "sh", "-c", "mkdir out; mkfifo out/p", code=1)
    assert "could not be recorded: out/p is a named pipe" in omprov.errors
    (run,) = omprov.json("runs")["runs"]
    assert (run["status"], run["outputs"]) == ("failed", {})
    assert "named pipe" in run["message"]


def test_what_could_never_be_recorded_is_refused_before_the_command_runs(omprov):
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", "model/gone")
    omprov("rm", "model/gone", "--all", "--yes")
    for words, code in (
        (["-o", "model/gone=out"], 3),
        (["-o", "nowhere/model/m=out"], 3),
        (["-p", "x=\udcff"], 2),
        (["-m", "\udcff"], 2),
        (["--name", "\udcff"], 2),
    ):
        omprov("run", *words, "--", "touch", "ran", code=code)
    assert not (omprov.folder / "ran").exists()


def test_a_metric_that_no_float_can_hold_loses_no_run(omprov):
    script = "import json; json.dump({'a': 10**400}, open('m.json', 'w'))"
    omprov("run", "--metrics", "m.json", "--", sys.executable, "-c", script, code=1)
    assert "too big" in omprov.errors
    assert len(omprov.json("runs")["runs"]) == 1
