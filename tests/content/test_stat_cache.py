from __future__ import annotations

import os

import pytest
from content_folders import make_folder

from omprov.content._adding import _intake
from omprov.content._adding._stats import StatCache

SECOND = 10**9


@pytest.fixture
def cache(tmp_path):
    made = StatCache(tmp_path / "stats.sqlite")
    yield made
    made.close()


def seen(path, **changes):
    """A stat result with some fields changed."""
    real = path.stat()
    fields = {
        name: getattr(real, name)
        for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns", "st_mode")
    }
    return type("Stat", (), {**fields, **changes})()


def test_a_file_is_known_while_it_looks_the_same(cache, tmp_path):
    (tmp_path / "f").write_bytes(b"1")
    stat = seen(tmp_path / "f", st_mtime_ns=SECOND + 1, st_ctime_ns=SECOND + 2)
    cache.add(stat, b"d" * 32, now=SECOND + 3)
    cache.write()
    assert cache.find([stat]) == {(stat.st_dev, stat.st_ino): b"d" * 32}
    for change in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_dev"):
        other = seen(tmp_path / "f", st_mtime_ns=SECOND + 1, st_ctime_ns=SECOND + 2)
        setattr(other, change, getattr(stat, change) + 1)
        assert cache.find([other]) == {}


@pytest.mark.parametrize("field", ["st_mtime_ns", "st_ctime_ns"])
def test_a_file_that_changed_in_the_tick_it_was_read_in_is_not_remembered(cache, tmp_path, field):
    (tmp_path / "f").write_bytes(b"1")
    times = {"st_mtime_ns": SECOND + 1, "st_ctime_ns": SECOND + 1}
    stat = seen(tmp_path / "f", **{**times, field: SECOND + 50})
    cache.add(stat, b"d" * 32, now=SECOND + 50)
    cache.write()
    assert cache.find([stat]) == {}


def test_times_that_look_coarse_or_foreign_need_a_margin(cache, tmp_path):
    (tmp_path / "f").write_bytes(b"1")
    coarse = seen(tmp_path / "f", st_mtime_ns=5 * SECOND, st_ctime_ns=5 * SECOND)
    foreign = seen(tmp_path / "f", st_dev=99, st_mtime_ns=5 * SECOND + 1, st_ctime_ns=1)
    for stat in (coarse, foreign):
        cache.add(stat, b"d" * 32, now=6 * SECOND)
        cache.write()
        assert cache.find([stat]) == {}
        cache.add(stat, b"d" * 32, now=8 * SECOND)
        cache.write()
        assert cache.find([stat])


def test_files_of_one_inode_number_on_two_devices_are_told_apart(cache, tmp_path):
    (tmp_path / "f").write_bytes(b"1")
    stats = [seen(tmp_path / "f", st_dev=device, st_mtime_ns=1, st_ctime_ns=1) for device in (7, 8)]
    for stat, digest in zip(stats, (b"a" * 32, b"b" * 32), strict=True):
        cache.add(stat, digest, now=9 * SECOND)
    cache.write()
    assert cache.find(stats) == {
        (7, stats[0].st_ino): b"a" * 32,
        (8, stats[0].st_ino): b"b" * 32,
    }


def test_inode_numbers_of_64_bits_are_kept(cache, tmp_path):
    (tmp_path / "f").write_bytes(b"1")
    stat = seen(tmp_path / "f", st_ino=2**64 - 5, st_mtime_ns=1, st_ctime_ns=1)
    cache.add(stat, b"a" * 32, now=9 * SECOND)
    cache.write()
    assert cache.find([stat]) == {(stat.st_dev, 2**64 - 5): b"a" * 32}


def let_the_clock_tick(store, after):
    """Wait until the file system's clock is past a file's change time."""
    while store._stats.now() <= after.stat().st_ctime_ns:
        pass


def test_unchanged_files_are_not_read_again(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {"a": b"1", "b": {"c": b"2"}})
    let_the_clock_tick(store, folder / "b" / "c")
    summary = store.put_tree(folder)

    def never(*_):
        raise AssertionError("read again")

    with monkeypatch.context() as patch:
        patch.setattr(_intake, "read_steadily", never)
        assert store.put_tree(folder) == store.hash_tree(folder) == summary
    (folder / "a").write_bytes(b"3")
    assert store.put_tree(folder).digest != summary.digest


def test_a_change_that_keeps_size_and_modification_time_is_seen(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"1"})
    let_the_clock_tick(store, folder / "a")
    summary = store.put_tree(folder)
    before = (folder / "a").stat()
    (folder / "a").write_bytes(b"2")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.put_tree(folder) != summary


def test_changes_in_quick_succession_are_all_seen(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"00"})
    digests = set()
    for number in range(60):
        (folder / "a").write_bytes(b"%02d" % number)
        digests.add(store.put_tree(folder).digest)
        (folder / "a").write_bytes(b"%02d" % (number + 100))
        digests.add(store.hash_tree(folder).digest)
    assert len(digests) == 120


def test_known_files_are_stored_again_where_the_store_lost_them(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"1", "big": bytes(300_000)})
    let_the_clock_tick(store, folder / "big")
    summary = store.put_tree(folder)
    for pack in (store.path / "packs").iterdir():
        pack.unlink()
    assert store.put_tree(folder) == summary
    assert store.fsck() == []
    assert store.check_reachable([summary.digest]) == {}
    assert store.open_file(summary.digest, "big").read() == bytes(300_000)
