"""What Python processes read and wrote is found, whatever they do, and they do not notice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from watched_scripts import place_in

from omprov.capture._watching._watch import watch_files
from omprov.errors import InvalidInput


@pytest.fixture
def place(tmp_path):
    return place_in(tmp_path)


def make_many(place, number=200):
    for one in range(number):
        place.write(f"data/{one % 7}/{one:05}.bin", "x")
    return {f"data/{one % 7}/{one:05}.bin" for one in range(number)}


def test_reads_and_writes_of_a_script_are_told_in_order(place):
    place.write("b.csv")
    place.write("a.csv")
    place.script("open('b.csv').read(); open('a.csv', 'rb'); open('out.txt', 'w').write('x')")
    assert [path.rpartition("/")[2] for path in place.watched.accesses.reads][-2:] == [
        "b.csv",
        "a.csv",
    ]
    assert place.writes == {"out.txt"}
    assert place.how("b.csv") == "python"
    assert place.watched.accesses.method == "python"
    assert place.watched.accesses.not_covered == ()


def test_relative_paths_count_from_where_the_process_was(place):
    place.write("one/x.csv")
    place.write("two/x.csv")
    place.script(
        "import os; os.chdir('one'); open('x.csv'); os.chdir('../two'); open('made', 'w'); "
        "os.chdir('/')"
    )
    assert place.reads == {"one/x.csv"}
    assert place.writes == {"two/made"}


def test_paths_may_be_bytes_paths_or_descriptors(place):
    place.write("a")
    place.write("b")
    place.script(
        "import os, pathlib; open(b'a'); pathlib.Path('b').read_bytes(); "
        "d = os.open('c', os.O_WRONLY | os.O_CREAT); open(d, 'w').write('x')"
    )
    assert (place.reads, place.writes) == ({"a", "b"}, {"c"})


def test_what_the_run_wrote_itself_is_no_input(place):
    place.write("input")
    place.script("open('made', 'w').write(open('input').read()); open('made').read()")
    assert (place.reads, place.writes) == ({"input"}, {"made"})
    assert place.watched.read_back == {str(place.folder / "made"): "python"}


def test_order_counts_across_processes(place):
    place.script(
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', \"open('made', 'w').write('x')\"], check=True)\n"
        "open('made').read()"
    )
    assert (place.reads, place.writes) == (set(), {"made"})


def test_what_is_read_and_then_overwritten_is_both_and_that_is_said(place):
    state = place.write("state")
    place.script("text = open('state').read(); open('state', 'w').write(text + 'more')")
    assert (place.reads, place.writes) == ({"state"}, {"state"})
    assert place.watched.overwritten == {str(state)}


def test_what_is_opened_for_both_counts_as_written_if_it_changed(place):
    place.write("looked_at")
    place.write("changed")
    place.script("open('looked_at', 'r+').read(); open('changed', 'r+').write('y')")
    assert place.reads == {"looked_at", "changed"}
    assert place.writes == {"changed"}


def test_a_file_that_is_not_there_any_more_is_told_apart(place):
    gone = place.write("gone")
    place.script(
        "import os; open('gone').read(); os.remove('gone'); open('t', 'w'); os.remove('t')"
    )
    assert (place.reads, place.writes) == (set(), set())
    assert place.watched.gone.keys() >= {str(gone)}
    assert str(place.folder / "t") not in place.watched.gone


def test_a_failed_open_is_no_access(place):
    place.script("for mode in 'rw':\n    try: open('no/such', mode)\n    except OSError: pass\n")
    assert (place.reads, place.writes) == (set(), set())


def test_a_temporary_file_renamed_into_place_is_the_output(place):
    place.script(
        "import os; open('out.tmp', 'w').write('x'); os.replace('out.tmp', 'out'); open('out')"
    )
    assert (place.reads, place.writes) == (set(), {"out"})


def test_files_of_a_folder_renamed_into_place_are_outputs(place):
    place.script(
        "import os; os.makedirs('part/deep'); open('part/deep/model', 'w').write('x'); "
        "os.rename('part', 'final')"
    )
    assert place.writes == {"final/deep/model"}


def test_links_lead_to_the_real_file(place):
    real = place.write("store/blob")
    place.folder.joinpath("data").symlink_to("store")
    place.script("open('data/blob').read()")
    assert place.reads == {"store/blob"}
    assert place.watched.opened_as[str(real)] == str(place.folder / "data/blob")


def test_folders_and_devices_are_no_files(place):
    place.script("import os; os.listdir('.'); open('/dev/null').read(); os.open('.', os.O_RDONLY)")
    assert place.reads == set()
    assert "/dev/null" not in place.watched.accesses.reads


@pytest.mark.parametrize("name", [b"na\nme", b"\xff\xfe", b"a\\nb", "größe 数".encode(), b"\n"])
def test_any_name_comes_through(place, name):
    (place.folder / os.fsdecode(name)).write_bytes(b"x")
    place.script(f"open({name!r}).read(); open({name + b'.out'!r}, 'w')")
    assert place.reads == {os.fsdecode(name)}
    assert place.writes == {os.fsdecode(name + b".out")}


def test_sqlite_files_are_seen(place):
    place.script(
        "import sqlite3; c = sqlite3.connect('made.db'); c.execute('create table t(a)'); c.commit()"
    )
    assert (place.reads, place.writes) == (set(), {"made.db"})
    place.script(
        "import sqlite3; sqlite3.connect('made.db').execute('select * from t'); "
        "sqlite3.connect('file:made.db?mode=ro', uri=True).execute('select * from t'); "
        "sqlite3.connect(':memory:')"
    )
    assert (place.reads, place.writes) == ({"made.db"}, set())


def test_threads_lose_nothing(place):
    names = make_many(place, 3000)
    place.script(
        "import os, threading\n"
        "paths = [os.path.join(a, n) for a, _, ns in os.walk('data') for n in ns]\n"
        "def read(part):\n    for path in part: open(path).close()\n"
        "ts = [threading.Thread(target=read, args=(paths[i::8],)) for i in range(8)]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]\n"
    )
    assert place.reads == names


POOL = """
import glob, multiprocessing, os
def size(path):
    with open(path) as file:
        return len(file.read())
if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        assert sum(pool.map(size, glob.glob("data/*/*"))) == {number}
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_that_are_ended_by_a_signal_lose_nothing_they_answered(place, method):
    names = make_many(place, 2000)  # leaving the pool's block terminates its workers
    place.script(POOL.format(method=method, number=2000))
    assert place.reads == names


def test_forked_children_that_leave_by_exit_are_seen(place):
    names = make_many(place, 300)
    place.script(
        "import os, glob\n"
        "paths = sorted(glob.glob('data/*/*')); [open(p).close() for p in paths[:150]]\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    [open(p).close() for p in paths[150:]]\n    os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    assert place.reads == names


def test_a_killed_process_loses_none_of_its_first_reads_and_no_write(place):
    names = make_many(place, 60)
    place.write(
        "script.py",
        "import glob, os, signal\n[open(p).close() for p in glob.glob('data/*/*')]\n"
        "open('out', 'w').close()\nos.kill(os.getpid(), signal.SIGKILL)\n",
    )
    place.run(sys.executable, "script.py")
    assert place.done.returncode == -9
    assert place.reads == names
    assert place.writes == {"out"}


def test_a_killed_process_loses_at_most_the_last_group_of_reads(place):
    make_many(place, 3000)
    place.write(
        "script.py",
        "import glob, os, signal\n[open(p).close() for p in glob.glob('data/*/*')]\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    place.run(sys.executable, "script.py")
    assert 3000 - 512 <= len(place.reads) <= 3000


def test_a_process_that_replaces_itself_loses_nothing(place):
    names = make_many(place, 500)
    place.script(
        "import glob, os, sys\n[open(p).close() for p in glob.glob('data/*/*')]\n"
        "os.execv(sys.executable, [sys.executable, '-c', \"open('last', 'w')\"])\n"
    )
    assert place.reads == names
    assert place.writes == {"last"}


def test_a_process_that_closes_every_descriptor_is_not_written_into(place):
    place.write("late")
    place.script(
        "import os\nopen('script.py').close()\nos.closerange(3, 256)\n"
        "files = [open(f'mine{n}', 'w') for n in range(20)]\nopen('late').close()\n"
        "[f.write('mine') for f in files]\n"
    )
    assert place.reads == {"late"}
    assert all((place.folder / f"mine{n}").read_text() == "mine" for n in range(20))


def test_a_closed_standard_output_changes_nothing(place):
    place.script("import os, sys; sys.stdout.close(); os.close(1); open('out', 'w').write('x')")
    assert place.writes == {"out"}


def test_children_with_their_own_pythonpath_are_covered_if_ours_is_in_it(place):
    place.write("a")
    place.script(
        "import os, subprocess, sys\n"
        "env = {**os.environ, 'PYTHONPATH': 'lib' + os.pathsep + os.environ['PYTHONPATH']}\n"
        "subprocess.run([sys.executable, '-c', \"open('a')\"], check=True, env=env)"
    )
    assert place.reads == {"a"}
    assert place.watched.accesses.not_covered == ()


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_a_python_that_leaves_us_out_is_named(place, option):
    place.write("a")
    place.script(
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, {option!r}, '-c', \"open('a')\"], check=True)"
    )
    assert place.reads == set()
    name = Path(sys.executable).name
    assert place.watched.accesses.not_covered == (f"{name} {option}",)
    place.script("open('a')", option)
    assert place.watched.accesses.not_covered == (f"{name} {option}",)


def test_a_python_with_a_bare_environment_is_named(place):
    place.script("import subprocess, sys; subprocess.run([sys.executable, '-c', '1'], env={})")
    name = Path(sys.executable).name
    assert place.watched.accesses.not_covered == (f"{name} without our PYTHONPATH",)


def test_other_programs_are_named_and_those_that_ask_of_the_machine_are_not(place):
    place.script(
        "import os, subprocess\nsubprocess.run(['uname'], check=True)\n"
        "subprocess.run(['cat', 'script.py'], check=True)\nos.system('A=1 sort script.py | cat')\n"
    )
    assert place.watched.accesses.not_covered == ("cat", "sort")


def test_a_shell_script_is_named_and_its_python_is_covered(place):
    place.write("a")
    place.write("run.sh", f"{sys.executable} -c \"open('a')\"\n")
    place.run("sh", "run.sh", method="auto")
    assert place.reads == {"a"}
    assert place.watched.accesses.not_covered == ("sh",)


def test_the_next_sitecustomize_runs_as_if_ours_were_not_there(place):
    place.write("lib/sitecustomize.py", "import builtins; builtins.chained = __file__")
    watched = place.script(
        "import sitecustomize, sys\n"
        "assert chained.endswith('lib/sitecustomize.py'), chained\n"
        "assert sitecustomize.__file__ == chained\n"
        "assert sys.modules['sitecustomize'].__spec__.origin == chained\n"
        "assert not [p for p in sys.path if '_injected' in p], sys.path\n"
        "assert sys.path[1].endswith('lib'), sys.path\n",
        PYTHONPATH=str(place.folder / "lib"),
    )
    assert str(place.folder / "lib/sitecustomize.py") in watched.accesses.reads


def test_without_another_sitecustomize_there_is_none(place):
    place.script(
        "import sys\nassert 'sitecustomize' not in sys.modules\n"
        "try:\n    import sitecustomize\nexcept ImportError: pass\nelse: raise SystemExit(3)\n"
    )
    assert place.done.stderr == b""


def test_an_error_of_the_next_sitecustomize_is_said_as_always(place):
    place.write("lib/sitecustomize.py", "1 / 0")
    place.script("open('out', 'w')", PYTHONPATH=str(place.folder / "lib"))
    assert b"Error in sitecustomize" in place.done.stderr
    assert place.writes == {"out"}


def test_warnings_as_errors_and_forks_in_threads_are_no_business_of_ours(place):
    place.script(
        "import os, threading\nassert threading.active_count() == 1\n"
        "pid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)\n",
        "-W",
        "error",
    )
    assert place.done.stderr == b""


def test_an_exception_of_a_signal_handler_comes_through(place):
    names = make_many(place, 50)
    place.script(
        "import glob, signal\nclass Stop(Exception): pass\n"
        "def stop(*_): raise Stop\n"
        "signal.signal(signal.SIGVTALRM, stop)\n"
        "paths, caught = glob.glob('data/*/*'), 0\n"
        "while caught < 40:\n"
        "    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001)\n"
        "    try:\n        while True:\n            for path in paths: open(path).close()\n"
        "    except Stop: caught += 1\n"
    )
    assert place.reads == names


def test_events_of_others_with_our_names_do_no_harm(place):
    place.script(
        "import sys; sys.audit('open'); sys.audit('open', 1, 2); sys.audit('os.rename', 5)"
    )
    assert place.done.stderr == b""


def test_a_folder_for_records_that_is_gone_harms_nothing(place):
    place.write("a")
    place.write(
        "script.py",
        "import os, shutil\nshutil.rmtree(os.environ['OMPROV_WATCH'])\n"
        "for _ in range(200): open('a').close()\nos._exit(5)\n",
    )
    place.folder.parent.joinpath("gone").mkdir()
    from omprov.capture._watching._watch import INJECTED

    place.run(
        sys.executable,
        "script.py",
        method="none",
        PYTHONPATH=str(INJECTED),
        OMPROV_WATCH=str(place.folder.parent / "gone"),
    )
    assert (place.done.returncode, place.done.stderr) == (5, b"")


def test_records_that_pile_up_are_taken_in_while_the_run_goes_on(place, tmp_path, monkeypatch):
    from omprov.capture._watching import _records
    from omprov.capture._watching._ledger import Ledger

    monkeypatch.setattr(_records, "_KEPT_PARTS", 0)
    folder = tmp_path / "records"
    folder.mkdir()
    running = f"{os.getpid()}-1"
    for name, path in ((f"{running}.1", "/a"), (f"{running}.2", "/b"), ("999999999-1.1", "/c")):
        (folder / name).write_bytes(b"r\x005\x00/\x00" + path.encode() + b"\0\n")
    ledger = Ledger()
    records = _records.Records(folder, ledger)
    records.read_finished()
    assert set(ledger.reads) == {"/a", "/c"}
    assert [part.name for part in folder.iterdir()] == [f"{running}.2"]
    records.read_all()
    assert set(ledger.reads) == {"/a", "/b", "/c"}


def test_records_that_were_cut_off_are_passed_over():
    from omprov.capture._watching._ledger import Ledger
    from omprov.capture._watching._records import read_records

    whole = b"r\x005\x00/f\x00x\0\n"
    ledger = Ledger()
    for cut in range(len(whole)):
        read_records(whole[:cut], ledger)
    ledger.reads.clear()
    read_records(b"w\x007\x00/f\x00half" + whole + whole, ledger)
    assert set(ledger.reads) == {"/f/x"}


def test_an_unknown_way_to_watch_is_refused(tmp_path):
    with (
        pytest.raises(InvalidInput, match="no way to watch"),
        watch_files(tmp_path, ["true"], method="magic"),
    ):
        pass
