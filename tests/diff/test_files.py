import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from diff_oracle import diff_rq, trees
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import FolderTree, MemoryTree, compare

NAMES = [b"a", b"a-b", b"b", b"c.txt", b"d e", "ü".encode(), b"\xff\xfe", b"x"]


@given(trees(), trees())
def test_it_counts_files_of_either_side_by_definition(old, new):
    before = {leaf.path: leaf for leaf in old.walk()}
    after = {leaf.path: leaf for leaf in new.walk()}
    shared = before.keys() & after.keys()
    differing = [path for path in shared if not before[path].same_content(after[path])]
    difference = compare(old, new, "files")
    assert difference.counts["added"] == len(after.keys() - before.keys())
    assert difference.counts["removed"] == len(before.keys() - after.keys())
    assert difference.counts["changed"] == len(differing)
    assert difference.total == len(before.keys() | after.keys())
    assert difference.amount == len(before.keys() ^ after.keys()) + len(differing)


@given(trees(), trees(), trees())
def test_differing_files_obey_the_triangle_inequality(a, b, c):
    direct = compare(a, c, "files").amount
    assert direct <= compare(a, b, "files").amount + compare(b, c, "files").amount


def test_a_renamed_file_costs_two_and_is_named():
    old, new = MemoryTree({"a": b"1", "b": b"2"}), MemoryTree({"c": b"1", "b": b"2"})
    difference = compare(old, new, "files")
    assert (difference.amount, difference.total) == (2, 3)
    [change] = difference.changes
    assert (change.change, change.old_name, change.name) == ("renamed", "a", "c")


def test_a_changed_executable_bit_costs_nothing_and_is_named():
    old = MemoryTree({"run.sh": b"1"})
    new = MemoryTree({"run.sh": b"1"}, modes={"run.sh": "executable"})
    difference = compare(old, new, "files")
    assert (difference.amount, difference.counts["mode"]) == (0, 1)
    [change] = difference.changes
    assert (change.old, change.new) == ("file", "executable")


def test_it_reads_no_file():
    class Unreadable(MemoryTree):
        def open(self, path):
            raise AssertionError(path)

    assert compare(Unreadable({"a": b"1"}), Unreadable({"a": b"2"}), "files").weight == 1


def test_the_sample_holds_the_largest_changes():
    new = MemoryTree({str(size): b"x" * size for size in range(300)})
    difference = compare(None, new, "files", sample=2)
    assert [change.name for change in difference.changes] == ["299", "298"]
    assert difference.changed == 300


def fill(rng, folder: Path, depth=0):
    for name in rng.sample(NAMES, rng.randrange(len(NAMES))):
        place = folder / os.fsdecode(name)
        sort = rng.random()
        if sort < 0.3 and depth < 2:
            place.mkdir()
            fill(rng, place, depth + 1)
        elif sort < 0.45:
            place.symlink_to(rng.choice(["a", "nowhere", "x/../y", "/"]))
        else:
            place.write_bytes(rng.choice([b"", b"1", b"2", b"1\n"]))
            place.chmod(rng.choice([0o644, 0o755]))


@pytest.mark.skipif(not shutil.which("diff"), reason="GNU diff is not installed")
@given(seed=st.integers(0, 2**32))
def test_it_sees_what_diff_rq_sees(seed):
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        old, new = Path(place, "old"), Path(place, "new")
        for folder in (old, new):
            folder.mkdir()
            fill(rng, folder)
        report = diff_rq(old, new)
        difference = compare(FolderTree(old), FolderTree(new), "files", sample=10_000)
    ours = {}
    for change in difference.changes:
        if change.old_name is not None:
            ours[os.fsencode(change.old_name)] = "removed"
            ours[os.fsencode(change.name)] = "added"
        elif change.counts:  # it has none where only the executable bit changed
            ours[os.fsencode(change.name)] = change.change
    assert ours == report
    assert difference.amount == len(report)
