"""Adding with several processes: the same store as with one, whoever is killed and when."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from io import BytesIO
from itertools import pairwise

import pytest
from blake3 import blake3
from content_folders import folders, leaves, make_folder, random_bytes, read_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omprov.content import ContentStore, Done, Expected
from omprov.content._adding import _crew as crew_module
from omprov.content._adding import _intake as intake_module
from omprov.content._adding._chunking import LARGEST, find_lengths, iter_chunks, iter_windows
from omprov.content._adding._putting import put_content
from omprov.content._adding._writer import ObjectWriter
from omprov.content._format._objects import Key, ObjectType, decode_file
from omprov.errors import Conflict, InvalidInput, Unavailable


@pytest.fixture
def always(monkeypatch):
    """Let a crew do everything, however little there is."""
    monkeypatch.setattr(intake_module, "_FEW", 0)
    monkeypatch.setattr(intake_module, "_LITTLE", 0)
    monkeypatch.setattr(intake_module, "cores", lambda: 2)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(folder=folders, checkpoint=st.sampled_from([0.0, 30.0]))
def test_a_crew_stores_what_one_process_stores(folder, checkpoint, tmp_path_factory):
    base = tmp_path_factory.mktemp("crew")
    place = make_folder(base / "in", folder)
    with pytest.MonkeyPatch.context() as patch, ContentStore.create(base / "s") as store:
        expected = store.hash_tree(place)
        patch.setattr(intake_module, "_FEW", 0)
        patch.setattr(intake_module, "cores", lambda: 2)
        patch.setattr(crew_module, "_CHECKPOINT", checkpoint)
        assert store.hash_tree(place) == expected
        assert store.put_tree(place) == expected
        assert store.fsck() == []
        store.materialize(expected.digest, base / "out")
    assert leaves(read_folder(base / "out")) == leaves(folder)


def test_windows_hold_a_file_and_end_where_chunks_do():
    content = random_bytes(3, 3_000_000) + bytes(900_000) + random_bytes(3, 20_000_001)
    for size in (1_000_000, 2_500_000, 8_000_000, len(content), len(content) + 1):
        whole, found = blake3(), []
        windows = iter_windows(
            BytesIO(content), lambda size=size: memoryview(bytearray(size)), whole.update
        )
        for view in windows:
            start = sum(map(len, found))
            assert bytes(view) == content[start : start + len(view)]
            found.append(bytes(view))
            assert sum(find_lengths(view)) == len(view)
        assert b"".join(found) == content
        assert whole.digest() == blake3(content).digest()
    assert list(iter_chunks(BytesIO(b""))) == []


def test_what_is_inserted_changes_the_chunks_around_it_alone():
    content = random_bytes(3, 60_000_000)
    chunks = {bytes(chunk) for chunk in iter_chunks(BytesIO(content))}
    for place in (0, 1, 7_999_999, 8 << 20, 31_234_567, len(content)):
        longer = content[:place] + b"something else" + content[place:]
        new = [len(chunk) for chunk in iter_chunks(BytesIO(longer)) if bytes(chunk) not in chunks]
        assert sum(new) <= 4 * LARGEST, place


def test_a_large_file_is_cut_by_a_crew_as_by_one_process(store, always, tmp_path):
    content = random_bytes(1, 20_000_000) + b"text " * 1_000_000 + random_bytes(2, 3_000_000)
    folder = make_folder(tmp_path / "in", {"big": content, "same": content, "none": b""})
    summary = store.put_tree(folder)
    assert store.open_file(summary.digest, "big").read() == content
    digest = blake3(content).digest()
    stored = decode_file(store._reader.get(Key(ObjectType.FILE, digest)), digest)
    with ContentStore.create(tmp_path / "other") as other:
        with ObjectWriter(other.path, other._index) as writer:
            assert put_content(content, writer) == digest
            writer.commit()
        assert stored == decode_file(other._reader.get(Key(ObjectType.FILE, digest)), digest)
        assert abs(other.size() - store.size()) < 2000


def test_ten_megabytes_in_the_middle_grow_the_store_by_little_more(store, always, tmp_path):
    content, more = random_bytes(1, 30_000_000), random_bytes(2, 5_000_000)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "f").write_bytes(content)
    store.put_tree(tmp_path / "in")
    before = store.size()
    (tmp_path / "in" / "f").write_bytes(content[:13_234_567] + more + content[13_234_567:])
    store.put_tree(tmp_path / "in")
    assert len(more) <= store.size() - before < 1.05 * len(more)


def test_what_several_workers_meet_is_stored_once(store, always, tmp_path):
    files = {f"{n}": random_bytes(n % 500, 3000) for n in range(2000)}
    large = {f"{n}": random_bytes(9, 9_000_000) for n in range(3)}
    store.put_tree(make_folder(tmp_path / "in", {"small": files, "large": large}))
    assert 500 * 3000 + 9_000_000 < store.size() < 500 * 3000 + 9_000_000 + 400_000
    before = store.size()
    store.put_tree(make_folder(tmp_path / "again", {"more": files}))
    assert store.size() - before < 150_000


def test_progress_of_a_crew_adds_up(store, always, tmp_path):
    files = {f"{n}": random_bytes(n, 5000) for n in range(400)} | {"big": bytes(20_000_000)}
    told = []
    store.put_tree(make_folder(tmp_path / "in", files), progress=told.append)
    assert told[0] == Expected(401, 22_000_000)
    assert sum(done.items for done in told if isinstance(done, Done)) == 401
    assert sum(done.bytes for done in told if isinstance(done, Done)) == 22_000_000


def test_a_second_add_reads_nothing(store, always, tmp_path, monkeypatch):
    files = {f"{n}": random_bytes(n, 5000) for n in range(30)} | {"big": bytes(20_000_000)}
    folder = make_folder(tmp_path / "in", files)
    for path in folder.iterdir():
        os.utime(path, ns=(10**18 + 1, 10**18 + 1))
    marks = [store._stats.now() + 10**9 for _ in range(2)]
    monkeypatch.setattr(store._stats, "now", lambda: marks[0])
    summary = store.put_tree(folder)

    def never(*_):
        raise AssertionError("read again")

    monkeypatch.setattr(intake_module.Intake, "begin", never)
    assert store.put_tree(folder) == summary


def test_errors_of_workers_are_those_of_one_process(store, always, tmp_path):
    folder = make_folder(tmp_path / "in", {f"{n}": b"%d" % n for n in range(50)})
    real = intake_module.Intake.begin

    def losing(self, file):
        real(self, file)
        (folder / "31").unlink(missing_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_module.Intake, "begin", losing)
        with pytest.raises(Conflict, match="31 changes while it is read"):
            store.put_tree(folder)
    with pytest.raises(InvalidInput, match="socket"):
        subprocess.run(
            [sys.executable, "-c", "import socket; socket.socket(1).bind('s')"],
            cwd=folder,
            check=True,
        )
        store.put_tree(folder)
    (folder / "s").unlink()
    assert store.put_tree(folder).files == 49
    assert list((store.path / "tmp").iterdir()) == []


def test_the_death_of_a_worker_is_told_and_does_no_harm(store, always, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {f"{n}": random_bytes(n, 400_000) for n in range(60)})
    real = crew_module.Crew._take_files

    def killing(self, worker, *facts):
        self._workers._children[1 - worker].kill()
        real(self, worker, *facts)

    with monkeypatch.context() as patch:
        patch.setattr(crew_module.Crew, "_take_files", killing)
        with pytest.raises(Unavailable, match="worker process ended by signal 9"):
            store.put_tree(folder)
    summary = store.put_tree(folder)
    assert store.fsck() == []
    assert store.check_reachable([summary.digest]) == {}


ADDER = """
import sys
import omprov.content._adding._intake as intake
import omprov.content._adding._crew as crew
from omprov.content import ContentStore
intake._FEW = intake._LITTLE = 0
intake.cores = lambda: 2
crew._CHECKPOINT = float(sys.argv[3])
with ContentStore.open(sys.argv[1]) as store:
    told = 0
    def tell(done):
        global told
        told += 1
        print(told, flush=True)
    print("whole", store.put_tree(sys.argv[2], progress=tell).digest, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", [0.0, 30.0])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_add_goes_on_from_what_was_stored(tmp_path, end, checkpoint):
    small = {f"{n}": random_bytes(n, 2000) for n in range(2000)}
    large = {f"{n}": random_bytes(n, 12_000_000) for n in range(5)}
    folder = make_folder(tmp_path / "in", {"small": small, "large": large})
    ContentStore.create(tmp_path / "s").close()
    moments = random.Random(str(end))
    sizes = [0]
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", ADDER, tmp_path / "s", folder, str(checkpoint)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(moments.randrange(2, 40)):
            process.stdout.readline()
        process.send_signal(end)
        process.communicate()
        with ContentStore.open(tmp_path / "s") as store:
            store._reader.refresh()
            assert store.fsck() == []
            sizes.append(store.size())
    assert all(one <= other for one, other in pairwise(sizes))
    with ContentStore.open(tmp_path / "s") as store:
        summary = store.put_tree(folder)
        assert store.check_reachable([summary.digest]) == {}
        assert store.size() < 1.2 * summary.size
        assert store.open_file(summary.digest, "large/3").read() == large["3"]
        assert store.open_file(summary.digest, "small/77").read() == small["77"]
