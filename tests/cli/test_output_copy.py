"""What a command prints goes through as it is, and a copy is kept."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time

from omprov.cli import _output_copy
from omprov.cli._child import run_child

PYTHON = sys.executable


def run(tmp_path, script, **streams):
    """Run a script by a process of its own, as `omprov run` does; return what came through."""
    program = (
        "import sys; from pathlib import Path; from omprov.cli._child import run_child\n"
        "ended = run_child([sys.executable, '-c', sys.argv[1]], log=Path(sys.argv[2]))\n"
        "sys.exit(ended.exit_status)"
    )
    return subprocess.run(
        [PYTHON, "-c", program, script, tmp_path / "log"],
        check=False,
        stdin=subprocess.DEVNULL,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


def test_bytes_of_any_kind_go_through_and_are_kept(tmp_path):
    script = (
        "import os, sys; os.write(1, b'\\xff\\x00out\\r\\n' * 50_000); sys.stdout.flush()\n"
        "os.write(2, b'err'); sys.exit(7)"
    )
    done = run(tmp_path, script)
    assert done.returncode == 7
    assert done.stdout == b"\xff\x00out\r\n" * 50_000
    assert done.stderr == b"err"
    log = (tmp_path / "log").read_bytes()
    assert len(log) == len(done.stdout) + 3
    assert b"err" in log


def test_the_order_of_words_stays_where_both_go_to_one_place(tmp_path):
    script = "import os\nfor n in range(500): os.write(1 + n % 2, b'%d ' % n)"
    done = run(tmp_path, script, stderr=subprocess.STDOUT)
    assert done.stdout.split() == [b"%d" % n for n in range(500)]


def test_a_script_that_closes_its_output_ends_as_it_would(tmp_path):
    done = run(tmp_path, "import os; os.write(1, b'a'); os.close(1); os.close(2)")
    assert (done.returncode, done.stdout) == (0, b"a")


def test_whoever_is_left_behind_goes_on_printing(tmp_path):
    script = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); time.sleep(1); os.write(1, b'later'); os._exit(0)\n"
        "print('first', flush=True)"
    )
    began = time.monotonic()
    with (tmp_path / "out").open("wb") as file:
        done = run(tmp_path, script, stdout=file)
    assert done.returncode == 0
    assert (tmp_path / "log").read_bytes() == b"first\n"
    while (tmp_path / "out").read_bytes() != b"first\nlater":
        assert time.monotonic() - began < 60


def test_more_than_can_be_kept_goes_through(tmp_path, monkeypatch):
    monkeypatch.setattr(_output_copy, "LONGEST", 1000)
    reader, writer = os.pipe()
    with _output_copy.OutputCopy(tmp_path / "log", (writer, writer)) as copy:
        os.write(copy.stdout, b"x" * 3000)
        copy.started()
    os.close(writer)
    assert os.read(reader, 4000) == b"x" * 3000
    os.close(reader)
    assert (tmp_path / "log").read_bytes() == b"x" * 1000
    assert copy.cut == 2000


def test_a_copy_that_cannot_be_made_stops_nothing(tmp_path, capfd):
    ended = run_child(["echo", "hello"], log=tmp_path / "no" / "log")
    assert ended.exit_status == 0
    assert capfd.readouterr().out == "hello\n"


def test_on_a_terminal_the_command_sees_one_of_the_same_size(tmp_path):
    script = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size(1).columns)"
    master, slave = pty.openpty()
    _output_copy._resize(master, b"\x20\x00\x7b\x00\x00\x00\x00\x00")
    run(tmp_path, script, stdout=slave)
    os.close(slave)
    assert os.read(master, 100) == b"True 123\r\n"
    os.close(master)
    assert (tmp_path / "log").read_bytes() == b"True 123\n"
