"""Backups: everything comes back, whoever writes, dies or damages something meanwhile."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.content import Vault, open_bucket, prune, sending_to
from omprov.content._backups import _vault
from omprov.errors import Busy, Conflict, Damaged, NotFound, SchemaMismatch, StorageFull
from omprov.records import Policy, Treatment
from omprov.repository import MetricPoint, Output, Repository, list_backups

NOW = timedelta(0)


def told(repo):
    """Everything that a repository tells: its database row by row, its files byte by byte."""
    with closing(sqlite3.connect(repo.path / "catalog.db")) as database:
        rows = [line for line in database.iterdump() if 'INTO "snapshot"' not in line]
    files = {}
    for asset in repo.list_assets():
        for version in repo.list_versions(str(asset.name)):
            if version.digest is not None:
                files[version.reference] = {
                    entry.path: repo.open_file(version, entry.path).read()
                    for entry in repo.tree(version).walk()
                }
    return rows, files, repo.workspace.list(), repo.config.items()


def fill(repo, seed=0, count=4):
    rng = random.Random(seed)
    for n in range(count):
        repo.add_version("dataset/d", {f"f{i}": rng.randbytes(3000) for i in range(3)})
        repo.add_version("algorithm/a", {"train.py": b"x = %d\n" % n})
        repo.record_run(
            inputs={"dataset": f"dataset/d:v{rng.randint(1, n + 1)}", "algorithm": "algorithm/a"},
            outputs={"model": Output("model/m", {"w": rng.randbytes(100)})},
            params={"lr": n},
            metrics={"loss": 1 / (n + 1)},
            points=[MetricPoint("curve", 1, 0.5, datetime(2026, 1, 1, tzinfo=UTC))],
            tags={"who": "me"},
        )
    repo.set_alias("model/m:v1", "champion")
    repo.set_tags("dataset/d:v1", {"quality": "good"})
    repo.set_policy("model/m", Policy({"algorithm": Treatment.FREE}))
    repo.remove_version(f"dataset/d:v{count}")
    repo.config.set("user.name", "Ada")


@pytest.fixture
def filled(repo):
    fill(repo)
    return repo


def restored(url, folder, clock, **extra):
    done = Repository.restore(url, folder, **extra)
    return done, Repository.open(folder, who="ada", clock=clock)


def vault_at(url, options=None):
    return Vault(open_bucket(url, options=options))


@pytest.mark.parametrize("where", ["folder", "url", "s3"])
def test_everything_comes_back(where, filled, tmp_path, clock, request):
    options = request.getfixturevalue("s3_options") if where == "s3" else None
    url = {"folder": lambda: str(tmp_path / "vault"), "url": (tmp_path / "vault").as_uri}.get(
        where, lambda: request.getfixturevalue("s3_url")
    )()
    folder = tmp_path / "work"
    filled.content.materialize(filled.get_version("dataset/d:v1").digest, folder)
    filled.workspace.remember(folder, filled.get_version("dataset/d:v1"))
    done = filled.back_up(url, options=options)
    assert done.sent.packs == len(done.backup.packs) > 0
    assert done.backup.absent == 0
    back, again = restored(url, tmp_path / "new", clock, options=options)
    with again:
        assert told(again) == told(filled)
        assert again.check() == []
    assert back.packs == len(done.backup.packs)
    assert back.bytes == done.sent.bytes
    assert sorted(path.name for path in (tmp_path / "new" / ".omprov").iterdir()) == sorted(
        {path.name for path in filled.path.iterdir()}
        - {"catalog.db-wal", "catalog.db-shm", "workspace.lock"}
    )


def test_an_empty_repository_comes_back(repo, tmp_path, clock):
    repo.back_up(str(tmp_path / "vault"))
    _, again = restored(str(tmp_path / "vault"), tmp_path / "new", clock)
    with again:
        assert told(again) == told(repo)


def test_only_what_is_new_is_sent(filled, tmp_path):
    url = str(tmp_path / "vault")
    first = filled.back_up(url)
    filled.add_version("dataset/d", {"new": os.urandom(5000)})
    second = filled.back_up(url)
    assert (second.sent.packs, second.sent.present) == (1, first.sent.packs)
    assert second.sent.present_bytes == first.sent.bytes
    third = filled.back_up(url)
    assert third.sent.packs == 0
    assert [one.id for one in list_backups(url)] == [
        done.backup.id for done in (third, second, first)
    ]
    assert list_backups(str(tmp_path / "nothing")) == []


def test_progress_tells_what_is_to_be_sent_and_fetched(filled, tmp_path):
    told_of = []
    done = filled.back_up(str(tmp_path / "vault"), progress=told_of.append)
    assert told_of[0] == (done.sent.packs, done.sent.bytes)
    assert [sum(c) for c in zip(*told_of[1:], strict=True)] == list(told_of[0])
    told_of.clear()
    Repository.restore(str(tmp_path / "vault"), tmp_path / "new", progress=told_of.append)
    assert [sum(c) for c in zip(*told_of[1:], strict=True)] == list(told_of[0])


def test_a_backup_is_found_by_time_and_by_id(filled, tmp_path, clock):
    url = str(tmp_path / "vault")
    one = filled.back_up(url).backup
    filled.add_version("dataset/d", {"later": b"1"})
    two = filled.back_up(url).backup
    for at, wanted in (
        (None, two),
        (one.id, one),
        (two.id[:-3], two),
        (one.time, one),
        (two.time - timedelta(microseconds=1), one),
        (two.time + timedelta(days=1), two),
    ):
        done = Repository.restore(url, tmp_path / f"new{clock().second}", at=at)
        assert done.backup == wanted
    for at in (one.time - timedelta(seconds=1), "2020"):
        with pytest.raises(NotFound):
            Repository.restore(url, tmp_path / "none", at=at)
    assert not (tmp_path / "none").exists()


def age(folder, hours=48):
    for path in folder.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - hours * 3600
            os.utime(path, (then, then))


def test_pruning_keeps_the_newest_and_what_they_need(filled, tmp_path, clock):
    url, folder = str(tmp_path / "vault"), tmp_path / "vault"
    filled.back_up(url)
    filled.remove_version("dataset/d:v1")
    filled.collect(grace=NOW)
    age(folder)
    done = filled.back_up(url, keep=1)
    assert len(done.pruned.backups) == 1
    assert done.pruned.packs > 0
    assert [one.id for one in list_backups(url)] == [done.backup.id]
    assert {p.stem for p in (folder / "packs").iterdir()} == set(done.backup.packs)
    assert [p.name for p in (folder / "catalogs").iterdir()] == [done.backup.catalog.digest]
    _, again = restored(url, tmp_path / "new", clock)
    with again:
        assert told(again) == told(filled)


def test_what_is_young_is_not_pruned(filled, tmp_path):
    url, folder = str(tmp_path / "vault"), tmp_path / "vault"
    filled.back_up(url)
    (folder / "packs" / ("0" * 64 + ".pack")).write_bytes(b"of a backup that was killed")
    assert filled.back_up(url, keep=1).pruned.packs == 0
    age(folder)
    assert filled.back_up(url, keep=1).pruned.packs == 1


def test_pruning_and_backing_up_keep_out_of_each_others_way(filled, tmp_path):
    url, folder = str(tmp_path / "vault"), tmp_path / "vault"
    filled.back_up(url)
    vault = vault_at(url)
    with sending_to(vault):
        assert prune(vault, 1).postponed
    with vault.marked(_vault.PRUNING), pytest.raises(Busy, match="prunes"):
        filled.back_up(url)
    (folder / "pruning").mkdir(exist_ok=True)
    (folder / "pruning" / "dead").write_bytes(b"")
    with pytest.raises(Busy):
        filled.back_up(url)
    age(folder)  # nobody prunes for two days
    filled.back_up(url)
    assert list((folder / "pruning").iterdir()) == []


def test_a_manifest_that_is_damaged_is_told_and_nothing_is_pruned(filled, tmp_path):
    url = str(tmp_path / "vault")
    for _ in range(3):
        filled.back_up(url)
    ids = [one.id for one in list_backups(url)]
    flip(tmp_path / "vault" / "backups" / ids[0], 300)
    listed = list_backups(url)
    assert [one.backup is None for one in listed] == [True, False, False]
    assert "damaged" in listed[0].problem
    with pytest.raises(Damaged):
        Repository.restore(url, tmp_path / "new")
    Repository.restore(url, tmp_path / "new", at=ids[1])
    packs = set((tmp_path / "vault" / "packs").iterdir())
    age(tmp_path / "vault")
    with pytest.raises(Damaged):
        prune(vault_at(url), 2)
    assert packs == set((tmp_path / "vault" / "packs").iterdir())


@pytest.mark.parametrize("holds", ["files", "remote", "other backups"])
def test_a_place_that_holds_something_else_is_refused(holds, filled, tmp_path, clock):
    folder = tmp_path / "place"
    if holds == "files":
        folder.mkdir()
        (folder / "thesis.tex").write_text("years of work")
    elif holds == "remote":
        filled.push(remote=str(folder))
    else:
        with Repository.create(tmp_path / "other", who="bob", clock=clock) as other:
            other.back_up(str(folder))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(Conflict):
        filled.back_up(str(folder))
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_pushed_into_backups_but_they_can_be_read_from(filled, tmp_path):
    url = str(tmp_path / "vault")
    filled.back_up(url)
    with pytest.raises(Conflict, match="backups"):
        filled.push(remote=url)
    assert filled.pull(remote=url).packs == 0


def test_restoring_overwrites_nothing(filled, tmp_path):
    url = str(tmp_path / "vault")
    filled.back_up(url)
    with pytest.raises(Conflict, match="is a repository"):
        Repository.restore(url, filled.path.parent)
    for name in ("taken/file", "taken2/.omprov/file"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("mine")
        with pytest.raises(Conflict, match="overwrites nothing"):
            Repository.restore(url, tmp_path / name.split("/", maxsplit=1)[0])
        assert (tmp_path / name).read_text() == "mine"
    with pytest.raises(Conflict, match="a file stands"):
        Repository.restore(url, tmp_path / "taken" / "file")
    with pytest.raises(NotFound):
        Repository.restore(str(tmp_path / "nowhere"), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    Repository.restore(url, tmp_path / "empty")


def test_a_backup_of_a_newer_release_is_refused(filled, tmp_path, monkeypatch):
    url = str(tmp_path / "vault")
    monkeypatch.setattr("omprov.repository._backups.SCHEMA", "9999")
    filled.back_up(url)
    with pytest.raises(SchemaMismatch, match="upgrade"):
        Repository.restore(url, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << at % 8
    path.write_bytes(bytes(data))


@pytest.mark.slow
def test_a_bit_that_flipped_anywhere_is_found(filled, tmp_path, clock):
    url, folder = str(tmp_path / "vault"), tmp_path / "vault"
    backup = filled.back_up(url).backup
    wanted = told(filled)
    parts = [folder / "packs" / f"{name}.pack" for name in backup.packs]
    parts += [folder / "catalogs" / backup.catalog.digest, folder / "backups" / backup.id]
    rng = random.Random(3)
    for n, path in enumerate(parts * 3):
        whole = path.read_bytes()
        flip(path, rng.randrange(len(whole)))
        target = tmp_path / f"new{n}"
        with pytest.raises(Damaged):
            Repository.restore(url, target)
        with pytest.raises(NotFound):
            Repository.open(target, who="x", clock=clock)
        path.write_bytes(whole)
        if n % 7 == 0:
            _, again = restored(url, target, clock)
            with again:
                assert told(again) == wanted


def test_a_pack_that_is_gone_is_named(filled, tmp_path):
    url = str(tmp_path / "vault")
    backup = filled.back_up(url).backup
    (tmp_path / "vault" / "packs" / f"{backup.packs[0]}.pack").unlink()
    with pytest.raises(Damaged, match=backup.packs[0]):
        Repository.restore(url, tmp_path / "new")
    done = filled.back_up(url)  # which sends it again
    assert done.sent.packs == 1
    Repository.restore(url, tmp_path / "new", at=backup.id)


def test_what_is_damaged_here_is_not_backed_up(filled, tmp_path):
    url = str(tmp_path / "vault")
    filled.back_up(url)
    filled.add_version("dataset/d", {"big": os.urandom(9000)})
    newest = max((filled.path / "content/packs").iterdir(), key=lambda path: path.stat().st_mtime)
    flip(newest, 40)
    with pytest.raises(Damaged):
        filled.back_up(url)
    assert len(list_backups(url)) == 1


def test_a_full_disk_interrupts_a_restore_that_goes_on_later(filled, tmp_path, small_disk, clock):
    filled.add_version("dataset/d", {str(n): os.urandom(100_000) for n in range(12)})
    filled.add_version("dataset/d", {str(n): os.urandom(100_000) for n in range(12)})
    url = str(tmp_path / "vault")
    filled.back_up(url)
    (small_disk / "ballast").write_bytes(bytes(2_000_000))
    target = small_disk / "in" / ".omprov"
    with pytest.raises(StorageFull):
        Repository.restore(url, target)
    (small_disk / "ballast").unlink()
    done, again = restored(url, target, clock)
    assert done.present > 0
    with again:
        assert told(again) == told(filled)


BACK_UP = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from omprov.repository import Repository
def tell(news):
    print("step", flush=True)
what, source, target = sys.argv[1:]
tell(0)
if what == "restore":
    Repository.restore(source, Path(target), progress=tell)
else:
    with Repository.open(Path(source), who="x", clock=lambda: datetime.now(UTC)) as repo:
        for n in range(1 if what == "backup" else 10**9):
            if what == "backup":
                repo.back_up(target, progress=tell)
            elif what == "add":
                repo.add_version("dataset/busy", {str(n): b"%d" % n * 500})
                if n > 2:
                    repo.remove_version(f"dataset/busy:v{n - 2}")
            else:
                try:
                    from datetime import timedelta
                    repo.collect(grace=timedelta(hours=1))
                except Exception as error:
                    if type(error).__name__ != "Busy":
                        raise
            tell(0)
print("done", flush=True)
"""


def start(what, source, target):
    return subprocess.Popen(
        [sys.executable, "-c", BACK_UP, what, str(source), str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_after(process, steps):
    for _ in range(steps):
        process.stdout.readline()
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_killed_backups_leave_the_older_ones_whole_and_go_on(filled, tmp_path, clock):
    url = str(tmp_path / "vault")
    first = filled.back_up(url).backup
    before = told(filled)
    for n in range(20):
        filled.add_version("dataset/more", {"f": os.urandom(200_000), "n": b"%d" % n})
    rng = random.Random(1)
    for n in range(8):
        kill_after(start("backup", filled.path, url), rng.randint(1, 24))
        Repository.restore(url, tmp_path / f"k{n}", at=first.id)
    filled.back_up(url)
    assert not list(filled.path.glob("scratch-*"))
    for at, wanted in ((first.id, before), (None, told(filled))):
        _, again = restored(url, tmp_path / f"new{at}", clock, at=at)
        with again:
            assert again.check() == []
            assert told(again)[1] == wanted[1]


@pytest.mark.slow
def test_a_killed_restore_is_no_repository_and_goes_on(filled, tmp_path, clock):
    for n in range(20):
        filled.add_version("dataset/more", {"f": os.urandom(200_000), "n": b"%d" % n})
    url, target = str(tmp_path / "vault"), tmp_path / "new"
    filled.back_up(url)
    rng = random.Random(2)
    for _ in range(8):
        kill_after(start("restore", url, target), rng.randint(1, 30))
        if (target / ".omprov" / "catalog.db").exists():
            break
        with pytest.raises(NotFound):
            Repository.open(target, who="x", clock=clock)
    else:
        assert Repository.restore(url, target).present > 0
    with Repository.open(target, who="x", clock=clock) as again:
        assert again.check() == []
        assert told(again) == told(filled)


@pytest.mark.slow
def test_backups_are_whole_while_others_add_and_collect(filled, tmp_path, clock):
    """What is removed all the while is old enough to be collected at once."""
    url = str(tmp_path / "vault")
    for n in range(12):
        filled.add_version("dataset/old", {"f": os.urandom(2000), "n": b"%d" % n})
    old = [version.digest for version in filled.list_versions("dataset/old")]
    age(filled.path / "content" / "packs")
    others = [start("add", filled.path, ""), start("collect", filled.path, "")]
    try:
        for n in range(6):
            for other in others:
                assert other.stdout.readline(), other.communicate()[1]
            for version in (2 * n + 1, 2 * n + 2):
                filled.remove_version(f"dataset/old:v{version}")
            filled.back_up(url)
            _, again = restored(url, tmp_path / f"new{n}", clock)
            with again:
                assert again.check() == []
                told(again)
    finally:
        for other in others:
            other.kill()
            other.communicate()
    assert filled.check() == []
    filled.collect(grace=timedelta(hours=1))
    assert not any(filled.content.contains(digest) for digest in old)


@pytest.mark.slow
def test_two_backups_at_once_are_both_whole(filled, tmp_path, clock):
    for n in range(10):
        filled.add_version("dataset/more", {"f": os.urandom(100_000), "n": b"%d" % n})
    url = str(tmp_path / "vault")
    processes = [start("backup", filled.path, url) for _ in range(2)]
    for process in processes:
        out, errors = process.communicate()
        assert out.endswith("done\n"), errors
    backups = list_backups(url)
    assert len(backups) == 2
    for one in backups:
        _, again = restored(url, tmp_path / one.id, clock, at=one.id)
        with again:
            assert told(again) == told(filled)


def test_backing_up_leaves_packs_as_old_as_they_were(filled, tmp_path):
    age(filled.path / "content" / "packs")
    packs = list((filled.path / "content" / "packs").iterdir())
    before = {path: path.stat().st_mtime_ns for path in packs}
    relied = []

    def rely_on_one(_):
        if not relied:
            relied.append(filled.add_version("dataset/e", {"f": b"x = 0\n"}))

    filled.add_version("algorithm/b", {"f": b"x = 0\n"})
    filled.back_up(str(tmp_path / "vault"), progress=rely_on_one)
    after = {path: path.stat().st_mtime_ns for path in packs}
    assert sum(after[path] != before[path] for path in packs) <= 1
    assert relied


def test_what_is_collected_after_the_snapshot_is_in_the_backup(filled, tmp_path, clock):
    """The collector passes over what a backup at work needs."""
    wanted = told(filled)
    done = []

    def remove_and_collect(_):
        if not done:
            done.append(True)
            filled.remove_version("dataset/d:v1")
            done.append(filled.collect(grace=NOW))

    filled.back_up(str(tmp_path / "vault"), progress=remove_and_collect)
    _, again = restored(str(tmp_path / "vault"), tmp_path / "new", clock)
    with again:
        assert told(again) == wanted
        assert again.check() == []
    assert filled.collect(grace=NOW).content.removed > 0


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "run", "remove", "alias", "tag", "gc", "backup"]),
        st.integers(0, 5),
    ),
    max_size=12,
)


@given(ACTIONS)
@settings(max_examples=25)
def test_any_repository_comes_back(actions):
    with tempfile.TemporaryDirectory() as name:
        top, ticks = Path(name), iter(range(10**6))

        def clock():
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(ticks))

        url = str(top / "vault")
        with Repository.create(top / "a", who="ada", clock=clock) as repo:
            for action, n in actions:
                act(repo, action, n, url)
            repo.back_up(url, keep=2)
            Repository.restore(url, top / "b")
            with Repository.open(top / "b", who="ada", clock=clock) as again:
                assert told(again) == told(repo)
                assert again.check() == repo.check()


def act(repo, action, n, url):
    there = [a for a in repo.list_assets() if str(a.name) == "dataset/d"]
    versions = repo.list_versions("dataset/d") if there else []
    if action == "add" or not versions:
        repo.add_version("dataset/d", {"f": b"%d" % n * 100, f"g/{n}": b"%d" % n})
    elif action == "run":
        version = versions[n % len(versions)]
        repo.record_run(
            inputs={"dataset": version}, outputs={"m": Output("model/m", {"w": b"%d" % n})}
        )
    elif action == "remove":
        repo.remove_version(versions[n % len(versions)])
    elif action == "alias":
        repo.set_alias(versions[n % len(versions)], "best")
    elif action == "tag":
        repo.set_tags(versions[n % len(versions)], {"t": str(n)})
    elif action == "gc":
        repo.collect(grace=NOW)
    else:
        repo.back_up(url)
