"""Checkouts by several processes: the same folder, the same errors, and no harm when killed."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from content_folders import make_folder, random_bytes, read_folder

from omprov.content import (
    Checkout,
    ContentStore,
    Done,
    Expected,
    RemoteSettings,
    RemoteSetup,
)
from omprov.content._checkout import _hands, _materialize
from omprov.errors import (
    Conflict,
    Damaged,
    LocalChanges,
    SourceChanged,
    StorageFull,
    Unavailable,
)

LARGE = random_bytes(5, 2_000_000)
FOLDER = {
    "a": b"1",
    "large": LARGE,
    "run": ("x", random_bytes(6, 700_000)),
    "up": ("->", "../elsewhere"),
    "empty": b"",
    "none": {},
    "d": {f"{number:03d}": b"%d" % number for number in range(600)} | {"e": {"f": b"2"}},
}


@pytest.fixture(params=["alone", "crew"])
def hands(request, monkeypatch):
    """Either this process alone, or two workers for whatever there is; ranges of 256 KiB."""
    crew = request.param == "crew"
    monkeypatch.setattr(_hands, "MANY_FILES", 0 if crew else 1 << 40)
    monkeypatch.setattr(_hands, "MUCH", 0 if crew else 1 << 60)
    monkeypatch.setattr(_hands, "cores", lambda: 2)
    monkeypatch.setattr(_hands, "RANGE", 256 << 10)
    return request.param


@pytest.fixture
def alone(monkeypatch):
    monkeypatch.setattr(_hands, "cores", lambda: 1)
    monkeypatch.setattr(_hands, "RANGE", 256 << 10)


@pytest.fixture
def crew(monkeypatch):
    monkeypatch.setattr(_hands, "MANY_FILES", 0)
    monkeypatch.setattr(_hands, "cores", lambda: 2)
    monkeypatch.setattr(_hands, "RANGE", 256 << 10)


def put(store, folder, tmp_path):
    return store.put_tree(make_folder(tmp_path / "in", folder)).digest


@pytest.mark.usefixtures("hands")
def test_the_folder_is_what_was_put(store, tmp_path):
    digest = put(store, FOLDER, tmp_path)
    assert store.materialize(digest, tmp_path / "out") == Checkout(606, 0)
    assert read_folder(tmp_path / "out") == FOLDER
    second = store.put_files({"a": b"9", "large": LARGE[::-1], "d/000": b"9"}).digest
    done = store.materialize(second, tmp_path / "out", current=digest)
    assert done == Checkout(written=3, removed=603)
    assert read_folder(tmp_path / "out") == {"a": b"9", "large": LARGE[::-1], "d": {"000": b"9"}}


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("mode", ["reflink", "link"])
def test_shared_files_are_made_by_workers_too(store, tmp_path, mode):
    folder = FOLDER | {"again": LARGE, "more": LARGE}
    digest = put(store, folder, tmp_path)
    store.materialize(digest, tmp_path / "out", mode=mode)
    assert read_folder(tmp_path / "out") == folder


@pytest.mark.usefixtures("hands")
def test_progress_adds_up_and_the_stat_cache_knows_every_file_at_once(store, tmp_path):
    news = []
    digest = put(store, FOLDER, tmp_path)
    tree = store.tree(digest)
    store.materialize(digest, tmp_path / "out", progress=news.append)
    assert news[0] == Expected(tree.files, tree.size)
    done = [one for one in news if isinstance(one, Done)]
    assert Done(*map(sum, zip(*done, strict=True))) == Done(tree.files, tree.size)
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file() and not p.is_symlink()]
    assert len(store._stats.find([path.stat() for path in files])) == len(files) == 605


def test_progress_is_of_what_is_left_or_chosen(store, tmp_path):
    news = []
    digest = put(store, FOLDER, tmp_path)
    store.materialize(digest, tmp_path / "out")
    (tmp_path / "out" / "a").unlink()
    news.clear()
    store.materialize(digest, tmp_path / "out", progress=news.append)
    assert news == [Expected(1, 1), Done(1, 1)]
    news.clear()
    store.materialize(digest, tmp_path / "part", paths=["d/e", "large"], progress=news.append)
    assert news[0] == Expected(2, len(LARGE) + 1)


def test_a_change_right_after_a_checkout_is_always_seen(store, tmp_path):
    digest = store.put_files({f"{number}": b"good" for number in range(30)}).digest
    out = tmp_path / "out"
    for number in range(30):
        store.materialize(digest, out, current=digest, force=True)
        (out / f"{number}").write_bytes(b"evil")  # as long, and in the same tick, maybe
        assert [delta.path for delta in store.changes_on_disk(digest, out)] == [f"{number}"]


@pytest.mark.usefixtures("alone")
def test_zeros_come_back_as_holes(store, tmp_path):
    size = 64 << 20
    sparse = tmp_path / "in" / "sparse"
    sparse.parent.mkdir()
    with sparse.open("wb") as file:
        file.truncate(size)
        file.seek(size // 2)
        file.write(b"data")
    (sparse.parent / "end").write_bytes(b"x" * 300_000 + bytes(600_000))
    (sparse.parent / "zeros").write_bytes(bytes(100_000))
    digest = store.put_tree(sparse.parent).digest
    assert store.size() < 2 << 20
    store.materialize(digest, tmp_path / "out")
    for name in ("sparse", "end", "zeros"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "in" / name).read_bytes()
    assert (tmp_path / "out" / "sparse").stat().st_blocks * 512 < 2 << 20


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("content", [LARGE, LARGE[:2000]])
def test_the_file_whose_bytes_are_damaged_is_named(store, tmp_path, content):
    digest = store.put_files({"d/bad": content, "good": b"1"}).digest
    (pack,) = store.path.glob("packs/*.pack")
    raw = pack.read_bytes()
    place = raw.index(content[-1000:-500])
    pack.write_bytes(raw[:place] + b"\0" * 10 + raw[place + 10 :])
    with pytest.raises(Damaged, match=r"out/d/bad cannot be written: chunk \w+ in pack"):
        store.materialize(digest, tmp_path / "out")
    assert not (tmp_path / "out" / "d" / "bad").exists()
    assert not (tmp_path / "out" / ".omprov-partial").exists()


@pytest.mark.usefixtures("hands")
def test_a_full_disk_is_told(store, tmp_path):
    digest = put(store, FOLDER, tmp_path)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, old[1]))
        with pytest.raises(StorageFull, match="out"):
            store.materialize(digest, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == FOLDER


class Stop:
    """Raises, or does what it is told, when the so manieth news comes."""

    def __init__(self, after, act):
        self.left, self.act = after, act

    def __call__(self, _):
        self.left -= 1
        if not self.left:
            self.act()


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupt_leaves_whole_files_and_the_next_checkout_goes_on(store, tmp_path, after):
    digest = put(store, FOLDER, tmp_path)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.materialize(digest, tmp_path / "out", progress=Stop(after, interrupt))
    assert not (tmp_path / "out" / ".omprov-partial").exists()
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == FOLDER


@pytest.mark.usefixtures("crew")
def test_the_death_of_a_worker_is_told_and_the_next_checkout_goes_on(store, tmp_path, monkeypatch):
    digest = put(store, FOLDER, tmp_path)
    crews = []
    make = _hands.Crew.__init__

    def remember(crew, site, maker, reader, workers, account):
        crews.append(workers)
        make(crew, site, maker, reader, workers, account)

    monkeypatch.setattr(_hands.Crew, "__init__", remember)

    def kill():
        crews[0]._children[0].kill()

    with pytest.raises(Unavailable, match="ended by signal 9"):
        store.materialize(digest, tmp_path / "out", progress=Stop(2, kill))
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == FOLDER


PROGRAM = """
import sys
from omprov.content import ContentStore
from omprov.content._checkout import _hands
_hands.MANY_FILES, _hands.RANGE, _hands.cores = 0, 256 << 10, lambda: 2
with ContentStore.open(sys.argv[1]) as store:
    store.materialize(sys.argv[2], sys.argv[3], progress=lambda news: print(news, flush=True))
"""


@pytest.mark.parametrize("lines", [1, 3, 7])
def test_a_killed_checkout_is_finished_by_the_next(store, tmp_path, lines):
    digest = put(store, FOLDER, tmp_path)
    words = [sys.executable, "-c", PROGRAM, str(store.path), digest, str(tmp_path / "out")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
    for path, content in iter_files(tmp_path / "out"):
        assert content == (tmp_path / "in" / path).read_bytes()
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == FOLDER


def iter_files(folder):
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and inside.parts[0] != ".omprov-partial":
            yield inside, path.read_bytes()


@pytest.mark.usefixtures("hands")
def test_a_symlink_put_in_the_way_meanwhile_is_not_followed(store, tmp_path, monkeypatch):
    monkeypatch.setattr(_materialize, "_BATCH_FILES", 1)
    digest = store.put_files({f"d/{n}/{m}": b"%d" % n for n in range(20) for m in (1, 2)}).digest
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    for number in range(20):
        (outside / f"{number}").mkdir()

    def swap():
        (out / "d").rename(out / "moved")
        (out / "d").symlink_to(outside)

    try:
        store.materialize(digest, out, progress=Stop(4, swap))
    except Conflict as error:
        assert "changed the folders" in str(error)  # noqa: PT017 - either outcome is right
    assert not [path for path in outside.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("alone")
def test_paths_longer_than_the_system_takes_are_made_changed_and_removed(store, tmp_path):
    deep = "/".join(["n" * 200] * 30)
    first = store.put_files({f"{deep}/a": b"1", f"{deep}/b": b"2", "c": b"3"}).digest
    second = store.put_files({f"{deep}/a": b"9", "c": b"3"}).digest
    third = store.put_files({"c": b"3"}).digest
    out = tmp_path / "out"
    store.materialize(first, out)
    assert read_deep(out) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    assert store.materialize(first, out, current=first) == Checkout(0, 0)
    store.materialize(second, out, current=first)
    assert read_deep(out) == {b"a": b"9", b"c": b"3"}
    with pytest.raises(LocalChanges):
        store.materialize(first, out, current=third)
    store.materialize(third, out, current=second)
    assert read_folder(out) == {"c": b"3"}


def read_deep(folder):
    found = {}
    for _, _, names, opened in os.fwalk(os.fsencode(folder)):
        for name in names:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=opened)
            found[name] = os.read(descriptor, 100)
            os.close(descriptor)
    return found


def test_a_plan_of_many_files_goes_to_the_disk(store, tmp_path, monkeypatch):
    monkeypatch.setattr("omprov.content._checkout._pile.BLOCK", 3)
    first = store.put_files({f"{n % 7}/{n}": b"%d" % n for n in range(100)}).digest
    second = store.put_files({f"{n % 5}/{n}": b"%d" % n for n in range(50)}).digest
    work = make_folder(tmp_path / "work", {"mine": b"0"})
    store.materialize(first, work)
    assert store.materialize(second, work, current=first).written > 3
    expected = {f"{n % 5}/{n}" for n in range(50)} | {"mine"}
    assert {str(p.relative_to(work)) for p in work.rglob("*") if p.is_file()} == expected
    assert {p.name for p in work.iterdir()} == {"0", "1", "2", "3", "4", "mine"}


def test_a_read_only_file_in_the_way_is_replaced(store, tmp_path):
    first, second = (store.put_files({"a": content}).digest for content in (b"1", b"2"))
    store.materialize(first, tmp_path / "work")
    (tmp_path / "work" / "a").chmod(0o400)
    store.materialize(second, tmp_path / "work", current=first)
    assert (tmp_path / "work" / "a").read_bytes() == b"2"


@pytest.mark.usefixtures("alone")
def test_a_folder_that_may_not_be_written_is_named(nobody):
    with tempfile.TemporaryDirectory() as name, ContentStore.create(Path(name) / "store") as store:
        first, second = (store.put_files({"d/a": c, "b": c}).digest for c in (b"1", b"2"))
        work = Path(name) / "work"
        store.materialize(first, work)
        with nobody(Path(name)):
            (work / "d").chmod(0o500)
            with pytest.raises(Unavailable, match=re.escape("work/d/a cannot be written: perm")):
                store.materialize(second, work, current=first)
            assert not (work / ".omprov-partial").exists()
            (work / "d").chmod(0o700)
            store.materialize(second, work, current=first, force=True)
        assert read_folder(work) == {"d": {"a": b"2"}, "b": b"2"}


@pytest.mark.usefixtures("crew")
def test_where_no_process_can_be_started_this_one_does_it_all(store, tmp_path, monkeypatch):
    digest = put(store, FOLDER, tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == FOLDER


@pytest.mark.usefixtures("hands")
@pytest.mark.parametrize("mode", ["copy", "reflink", "link"])
@pytest.mark.parametrize("hashed", [True, False])
def test_files_kept_by_reference_come_from_their_source(store, tmp_path, hashed, mode):
    source = make_folder(tmp_path / "source", FOLDER | {"again": LARGE})
    store.put_files({"large": LARGE, "d/007": b"7"})
    digest = store.put_reference(source, hashed=hashed).summary.digest
    kept = {file.path: file.reference is not None for file in store.iter_files(digest)}
    assert kept["run"]
    assert kept["large"] == kept["d/007"] == (not hashed)
    store.materialize(digest, tmp_path / "out", mode=mode)
    run = FOLDER["run"] if hashed else FOLDER["run"][1]  # what nobody read is no program
    assert read_folder(tmp_path / "out") == FOLDER | {"again": LARGE, "run": run}
    assert store.materialize(digest, tmp_path / "out", current=digest) == Checkout(0, 0)
    assert list(store.changes_on_disk(digest, tmp_path / "out")) == []


@pytest.mark.usefixtures("hands")
@pytest.mark.parametrize("hashed", [True, False])
def test_a_source_that_changed_is_told_as_such(store, tmp_path, hashed):
    source = make_folder(tmp_path / "source", FOLDER)
    digest = store.put_reference(source, hashed=hashed).summary.digest
    (source / "large").write_bytes(LARGE[::-1])
    with pytest.raises(SourceChanged) as caught:
        store.materialize(digest, tmp_path / "out")
    assert caught.value.address.endswith("/source/large")
    assert not (tmp_path / "out" / "large").exists()


@pytest.mark.usefixtures("hands")
def test_what_is_stored_in_a_remote_alone_is_read_from_there(store, tmp_path):
    digest = put(store, FOLDER, tmp_path)
    bucket = RemoteSettings("origin", f"file://{tmp_path}/bucket")
    with closing(store.remote(bucket)) as remote:
        store.push(remote, [digest])
    ContentStore.create(tmp_path / "other").close()
    with ContentStore.open(tmp_path / "other", RemoteSetup([bucket])) as other:
        assert not other.contains(digest)
        other.materialize(digest, tmp_path / "out")
        assert not other.contains(digest)
    assert read_folder(tmp_path / "out") == FOLDER
