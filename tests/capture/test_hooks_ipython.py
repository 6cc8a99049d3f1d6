"""IPython: a cell is a run, and the cells so far are its algorithm."""

from __future__ import annotations

import json

import pytest
from framework_runs import careful, need

import omprov
from omprov.records import RunStatus

pytestmark = [careful, need("IPython")]


@pytest.fixture
def shell(project, tmp_path):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.HistoryManager.hist_file = ":memory:"
    settings.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=settings, ipython_dir=str(tmp_path / "ipython"))
    from omprov.capture.hooks.ipython import load_ipython_extension

    load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def run_cell(shell, text):
    return shell.run_cell(text, store_history=True)


def cells(project, version):
    copy = project.local_copy(version)
    (path,) = copy.iterdir()
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"]], path.name


def test_a_cell_is_a_run_with_parameters_and_the_cells_so_far(project, shell, capsys):
    run_cell(shell, "a = 2")
    cell = "%%omprov train --param lr=0.1 -p name=x\nrun.log_metric('b', a * 3)\na + 40"
    result = run_cell(shell, cell)
    assert result.success
    assert "42" in capsys.readouterr().out
    (run,) = project.list_runs()
    assert (run.name, run.status) == ("train", RunStatus.SUCCEEDED)
    assert run.params == {"lr": 0.1, "name": "x"}
    assert run.metrics == {"b": 6.0}
    version = run.inputs["algorithm"]
    assert str(version) == "algorithm/notebook:v1"
    assert cells(project, version) == (["a = 2", cell], "notebook.ipynb")
    assert "run" not in shell.user_ns


def test_a_later_cell_makes_a_version_that_inherits_and_differs_by_cells(project, shell):
    run_cell(shell, "a = 2")
    run_cell(shell, "%%omprov\npass")
    run_cell(shell, "%%omprov\npass")
    second, first = project.list_runs()
    newer, older = second.inputs["algorithm"], first.inputs["algorithm"]
    assert (older.number, newer.number) == (1, 2)
    difference = project.diff(str(older), str(newer), measure="cells")
    assert 0 < difference.weight < 1
    assert [edge.older.number for edge in omprov.get_version(str(newer)).inherits] == [1]


def test_a_cell_that_raises_is_a_failed_run_and_shows_its_error(project, shell, capsys):
    run_cell(shell, "%%omprov broken\n1 / 0")
    assert "ZeroDivisionError" in capsys.readouterr().out
    (run,) = project.list_runs()
    assert (run.name, run.status) == ("broken", RunStatus.FAILED)


@pytest.mark.parametrize("place", ["__session__", "__vsc_ipynb_file__", "JPY_SESSION_NAME"])
def test_the_notebooks_own_file_counts_without_its_outputs(
    project, shell, tmp_path, monkeypatch, place
):
    cell = "%%omprov\n'done'"
    path = tmp_path / "My Study.ipynb"

    def save(output):
        code = {"cell_type": "code", "metadata": {"a": output}, "source": [cell]}
        outputs = {"outputs": [{"output_type": "stream", "text": output}], "execution_count": 9}
        text = {"cell_type": "markdown", "metadata": {}, "source": "# Why"}
        path.write_text(json.dumps({"cells": [text, {**code, **outputs}], "nbformat": 4}))

    if place == "JPY_SESSION_NAME":
        monkeypatch.setenv(place, str(path))
    else:
        shell.user_ns[place] = str(path)
    for output in ("first", "second"):
        save(output)
        run_cell(shell, cell)
    for run in project.list_runs():
        assert run.name == "my-study"
        assert str(run.inputs["algorithm"]) == "algorithm/my-study:v1"
    assert cells(project, run.inputs["algorithm"]) == (["# Why", cell], "my-study.ipynb")


def test_a_file_that_lacks_the_cell_that_runs_does_not_count(project, shell, tmp_path):
    path = tmp_path / "stale.ipynb"
    path.write_text(json.dumps({"cells": [], "nbformat": 4}))
    shell.user_ns["__session__"] = str(path)
    run_cell(shell, "%%omprov\npass")
    (run,) = project.list_runs()
    assert cells(project, run.inputs["algorithm"]) == (["%%omprov\npass"], "stale.ipynb")


@pytest.mark.parametrize("line", ["a b", "--param lr", "--nothing"])
def test_a_line_that_cannot_be_read_is_said_and_runs_nothing(project, shell, capsys, line):
    result = run_cell(shell, f"%%omprov {line}\nran = True")
    assert not result.success
    assert "%%omprov" in str(result.error_in_exec)
    assert "ran" not in shell.user_ns
    assert project.list_runs() == []
