"""Files of programs that are not Python, as strace sees them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from watched_scripts import place_in

from omprov.capture._watching._ledger import Ledger
from omprov.capture._watching._strace import read_strace, strace_command
from omprov.capture._watching._watch import watch_files
from omprov.errors import Unavailable

traces = pytest.mark.skipif(
    strace_command(("true",), os.devnull) is None,
    reason="strace is not installed, or may not trace here",
)


@traces
def test_a_program_that_is_no_python_is_traced_by_itself(tmp_path):
    place = place_in(tmp_path)
    place.write("in.txt", "text")
    place.run("cat", "in.txt", method="auto")
    assert place.done.stdout == b"text"
    assert place.reads == {"in.txt"}
    assert place.how("in.txt") == "strace"
    assert place.watched.accesses.method == "strace"
    assert place.watched.accesses.not_covered == ()


@traces
def test_a_shell_its_children_and_their_folders_are_followed(tmp_path):
    place = place_in(tmp_path)
    place.write("a/in", "text")
    place.write("never", "text")
    place.run(
        "sh",
        "-c",
        "cat nofile; (cd a && cat in > out.tmp && mv out.tmp ../out && cat ../out) & wait; "
        "mkdir d; cd d; cp ../a/in copy; ln copy link; rm copy; exit 3",
        method="strace",
    )
    assert place.done.returncode == 3
    assert (place.reads, place.writes) == ({"a/in"}, {"out", "d/link"})
    assert str(place.folder / "out") in place.watched.read_back


@traces
@pytest.mark.parametrize("name", [b"na\nme", b"\xff\xfe", b'quo"te', b"a<b>(c)", b" "])
def test_any_name_comes_through_strace(tmp_path, name):
    place = place_in(tmp_path)
    (place.folder / os.fsdecode(name)).write_bytes(b"x")
    place.run("cp", os.fsdecode(name), os.fsdecode(name + b"2"), method="strace")
    assert place.reads == {os.fsdecode(name)}
    assert place.writes == {os.fsdecode(name + b"2")}


@traces
def test_python_threads_and_native_readers_are_seen_by_strace(tmp_path):
    place = place_in(tmp_path)
    for number in range(50):
        place.write(f"data/{number}")
    place.script(
        "import concurrent.futures as c, os, subprocess, sys\n"
        "with c.ThreadPoolExecutor(8) as p: list(p.map(os.stat, os.listdir('data') and []))\n"
        "with c.ThreadPoolExecutor(8) as p:\n"
        "    list(p.map(lambda n: open(f'data/{n}').read(), range(50)))\n"
        "subprocess.run([sys.executable, '-I', '-c', \"open('made', 'w')\"], cwd='data')\n"
        "import sqlite3; c = sqlite3.connect('n.db'); c.execute('create table t(a)'); c.commit()",
        method="strace",
    )
    assert place.reads == {f"data/{number}" for number in range(50)}
    assert place.writes == {"data/made", "n.db"}


@traces
def test_a_signal_ends_the_command_as_without_strace(tmp_path):
    command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
    with watch_files(tmp_path, command, method="strace") as watch:
        child = subprocess.Popen(watch.command, stdout=subprocess.PIPE)
        child.stdout.read(1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == -signal.SIGTERM
        child.stdout.close()


@traces
def test_a_program_that_is_not_there_fails_as_without_strace(tmp_path):
    with watch_files(tmp_path, ["no-such-program"], method="strace") as watch:
        assert watch.command == ("no-such-program",)


def test_strace_that_cannot_be_used_is_told(tmp_path, monkeypatch):
    from omprov.capture._watching import _watch

    monkeypatch.setattr(_watch, "strace_command", lambda *_: None)
    with (
        pytest.raises(Unavailable, match="strace"),
        watch_files(tmp_path, ["cat"], method="strace"),
    ):
        pass
    with watch_files(tmp_path, ["cat"]) as watch:
        assert watch.method == "python"


def test_calls_that_others_interrupt_are_put_together(tmp_path):
    def hexed(text):
        return "".join(f"\\x{byte:02x}" for byte in text.encode())

    log = tmp_path / "log"
    log.write_text(
        f'7 chdir("{hexed("/w")}") = 0\n'
        "7 clone(child_stack=NULL, flags=CLONE_VM|SIGCHLD <unfinished ...>\n"
        f'8 chdir("{hexed("sub")}") = 0\n'
        f'8 openat(AT_FDCWD<{hexed("/w/sub")}>, "{hexed("in")}", O_RDONLY <unfinished ...>\n'
        "7 <... clone resumed>) = 8\n"
        f'7 rename("{hexed("a")}", "{hexed("b")}") = 0\n'
        f"8 <... openat resumed>) = 3<{hexed('/w/sub/in')}>\n"
        f'8 rename("{hexed("a")}", "{hexed("b")}") = 0\n'
        f'8 rename("{hexed("c")}", "{hexed("d")}") = -1 ENOENT (No such file or directory)\n'
        f'8 openat(3<{hexed("/x")}>, "{hexed("y")}", O_RDWR|O_CREAT, 0644) = 4<{hexed("/x/y")}>\n'
        "7 +++ exited with 0 +++\nnonsense\n"
    )
    ledger = Ledger()
    read_strace(log, "/start", ledger)
    assert set(ledger.reads) == {"/w/sub/in", "/x/y"}
    assert ledger.writes["/x/y"] < ledger.reads["/x/y"]
    assert [move[1:] for move in ledger.moves] == [("/w/a", "/w/b"), ("/w/sub/a", "/w/sub/b")]
