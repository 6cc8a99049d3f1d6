"""The frame around every command: help, errors, exit codes, completion, pipes, start-up."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from reference_page import PAGE, page
from test_json import every_command

import omprov.errors
from omprov.cli import application
from omprov.cli._application import SECTIONS, _guarded
from omprov.errors import OmprovError


def all_errors(root=OmprovError):
    yield root
    for child in root.__subclasses__():
        yield from all_errors(child)


def raised(kind):
    error = kind.__new__(kind)
    error.args = ("what happened",)

    def action():
        raise error

    return action


OWN_ERRORS = [kind for kind in all_errors() if kind.__module__ == omprov.errors.__name__]


@pytest.mark.parametrize("kind", OWN_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_code_and_one_line(kind, capsys):
    assert _guarded(raised(kind), ["show", "x"]) == kind.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "omprov: what happened\n"


def test_every_exit_code_is_met():
    assert {kind.exit_code for kind in OWN_ERRORS} == {1, 2, 3, 4, 5}


def test_an_error_in_json_goes_to_standard_error(omprov):
    assert omprov("show", "--json", "dataset/none", code=3) == ""
    error = json.loads(omprov.errors)["error"]
    assert error == {"type": "NotFound", "message": "no asset 'dataset/none'"}
    assert omprov("show", "--json", code=2) == ""
    assert json.loads(omprov.errors)["error"]["type"] == "UsageError"


def test_an_unexpected_error_shows_its_traceback_only_when_asked(capsys, monkeypatch):
    def broken():
        raise ZeroDivisionError("by nought")

    assert _guarded(broken, []) == 1
    assert capsys.readouterr().err == (
        "omprov: unexpected ZeroDivisionError: by nought (--debug shows where)\n"
    )
    assert _guarded(broken, ["--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("OMPROV_DEBUG", "1")
    assert _guarded(broken, []) == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_the_system_refuses_is_one_line_with_the_file(capsys):
    assert _guarded(Path("/no/such/file").read_bytes, []) == 5
    assert capsys.readouterr().err == "omprov: /no/such/file: No such file or directory\n"


def test_an_interrupt_ends_quietly(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert _guarded(interrupted, []) == 130
    assert capsys.readouterr().err == "omprov: interrupted\n"


def test_a_mistyped_command_is_told_what_it_looks_like(omprov):
    omprov("grpah", code=2)
    assert "Did you mean 'graph'?" in omprov.errors
    omprov("graph", "--no-such-option", code=2)
    assert "omprov graph --help" in omprov.errors


def test_a_group_without_a_command_shows_its_help(omprov):
    omprov("edge", code=2)
    assert omprov.errors.startswith("Usage: omprov edge")
    omprov(code=2)
    assert omprov.errors.startswith("Usage: omprov")


def test_the_demo_wants_a_folder_of_its_own(omprov):
    omprov.write({"taken/file": "1"})
    omprov("demo", "taken", code=4)
    omprov("demo", "taken/file", code=2)
    assert (omprov.folder / "taken/file").read_text() == "1"


@pytest.mark.parametrize("name", [name for name, _ in every_command()])
def test_the_help_of_every_command_has_an_example(omprov, name):
    shown = omprov(*name.split(), "--help")
    assert "Example:\n    omprov " in shown
    assert "--json" in shown


def test_the_list_of_commands_says_what_they_say_of_themselves(omprov):
    listed = {name: about for part in SECTIONS.values() for name, (_, about) in part.items()}
    shown = omprov("--help")
    for name, about in listed.items():
        assert f"  {name} " in shown
        assert about.endswith(".")
    assert listed.keys() == {name for name, _ in every_command() if " " not in name}


def test_every_example_is_a_command_line_that_parses():
    for name, command in every_command():
        for line in command.example.replace("\\\n", "").splitlines():
            if "&&" in line or "|" in line:
                continue
            words = line.split("#")[0].split()
            at = len(name.split()) + 1
            assert words[:at][0] == "omprov"
            assert " ".join(words[1:]).startswith(name.split()[0])


def test_the_reference_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/cli/reference_page.py"


def test_help_loads_neither_the_database_nor_the_tables(omprov):
    script = (
        "import sys; sys.argv[1:] = ['--help'];"
        "from omprov.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'rich', 'numpy', 'omprov.repository'} & set(sys.modules)\n"
        "sys.exit(1 if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"lineage" in done.stdout


def test_a_reader_that_goes_away_is_no_error(story):
    for words in (("log",), ("graph", "--json"), ("completion", "zsh")):
        child = story.process(*words)
        child.stdout.close()
        error = child.stderr.read()
        child.stderr.close()
        assert child.wait() in (0, 141)
        assert error == b""


def test_without_a_terminal_there_are_no_colours(story):
    for words in (("log",), ("graph",), ("runs",), ("show", "model/net"), ("lineage", "model/net")):
        assert "\x1b" not in story(*words)


def test_where_the_encoding_lacks_lines_ascii_stands_in(story, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for words in (
        ("graph", "model/net"),
        ("lineage", "model/net"),
        ("log",),
        ("show", "model/net"),
    ):
        out, err = story.process(*words).communicate()
        assert err == b""
        assert out.isascii()
        assert b"\\u" not in out


def completed(line, cursor_word):
    values = {
        "_OMPROV_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(cursor_word),
    }
    return CliRunner().invoke(application, [], env=values).stdout.split()


def test_assets_versions_and_aliases_complete(story):
    story("alias", "model/net:v1", "champion")
    assert completed("omprov show data", 2) == ["plain,dataset/digits"]
    assert "plain,digits" in completed("omprov show d", 2)
    # bash cuts words at colons, and wants only what follows the last one
    found = completed("omprov show model/net : ", 4)
    assert found == ["plain,latest", "plain,champion", "plain,v2", "plain,v1"]
    assert completed("omprov show model/net : v", 4) == ["plain,v2", "plain,v1"]
    assert completed("omprov show model/net :", 3) == found
    assert "plain,dataset/digits" in completed("omprov diff model/net : v1 ", 5)
    assert "plain,lineage" in completed("omprov l", 1)


def test_completion_outside_a_repository_offers_nothing(omprov):
    shutil.rmtree(omprov.folder / ".omprov")
    assert completed("omprov show d", 2) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_script_for_bash_completes_in_bash(story, monkeypatch):
    program = story.folder / "bin" / "omprov"
    program.parent.mkdir()
    main = "from omprov.cli import main; main()"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{main}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    ask = (
        f"{story('completion', 'bash')}\n"
        "COMP_WORDS=(omprov show model/net : v); COMP_CWORD=4; _omprov_completion omprov\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["v2", "v1"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(omprov, shell):
    assert "_OMPROV_COMPLETE" in omprov("completion", shell)


def test_a_question_is_asked_of_people_only(story, monkeypatch):
    monkeypatch.setattr("omprov.cli._session.Session.is_interactive", property(lambda _: True))
    story("rm", "model/net:v1", stdin="n\n", code=1)
    assert story.json("show", "model/net:v1")["version"]["removed"] is None
    story("rm", "model/net:v1", stdin="", code=130)
    assert "Removed model/net:v1" in story("rm", "model/net:v1", stdin="y\n")


def test_text_that_is_no_utf8_is_refused_in_one_line(omprov):
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", "dataset/x", "-m", "\udcff", code=2)
    assert "Unicode" in omprov.errors


def test_options_of_every_command_may_stand_before_or_after_its_name(story):
    assert json.loads(story("--json", "log")) == json.loads(story("log", "--json"))
    assert "omprov" in story("--version")
