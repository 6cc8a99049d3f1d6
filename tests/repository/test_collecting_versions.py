"""Collecting garbage of a repository: which versions keep their content, which copies go."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from omprov.errors import InvalidInput, NotFound
from omprov.repository import Output, Repository, parse_duration

NOW = timedelta(0)


def big(number):
    return {"f": bytes([number]) * 20, "g": os.urandom(5000)}


def test_removed_versions_lose_their_content_and_others_keep_it(repo):
    versions = [repo.add_version("dataset/d", big(n), inherits=()).version for n in range(4)]
    repo.add_version("dataset/e", {"f": bytes([3]) * 20})
    repo.remove_version("dataset/d:v2")
    foreseen = repo.collect(grace=NOW, dry_run=True)
    assert repo.content.contains(versions[1].digest)
    freed = repo.collect(grace=NOW)
    assert freed.content.removed == foreseen.content.removed == 1
    assert freed.bytes > 5000
    assert not repo.content.contains(versions[1].digest)
    for number in (0, 2, 3):
        assert repo.open_file(versions[number], "f").read() == bytes([number]) * 20
    assert repo.check() == []
    repo.remove_asset("dataset/d")
    repo.collect(grace=NOW)
    assert not repo.content.contains(versions[0].digest)
    assert repo.open_file("dataset/e", "f").read() == bytes([3]) * 20
    assert repo.check() == []


def test_content_that_no_version_names_yet_stays_for_the_grace_period(repo):
    put = repo.content.put_files(big(1))
    repo.collect()
    assert repo.add_version("dataset/d", put).created
    repo.collect(grace=NOW)
    assert repo.open_file("dataset/d", "f").read() == bytes([1]) * 20


def test_the_grace_period_can_be_set(repo):
    put = repo.content.put_files(big(1))
    repo.config.set("gc.grace", "0")
    repo.collect(grace=timedelta(hours=1))
    assert repo.content.contains(put.digest)
    repo.collect()
    assert not repo.content.contains(put.digest)
    with pytest.raises(InvalidInput, match="soon"):
        repo.config.set("gc.grace", "soon")


@pytest.mark.parametrize("role", ["params", "dataset"])
def test_what_weights_rest_on_stays_though_it_is_removed(repo, role):
    """Inferring a graph anew computes the weights of free roles from contents."""
    repo.add_version("algorithm/a", {"f": b"1"})
    kept = repo.add_version("dataset/d", {str(n): b"1" for n in range(4)}, inherits=()).version
    other = repo.add_version("dataset/d", {str(n): b"1" for n in range(3)}, inherits=()).version
    repo.record_run(
        inputs={"algorithm": "algorithm/a", role: kept}, outputs={"model": Output("model/m")}
    )
    repo.record_run(
        inputs={"algorithm": "algorithm/a", role: other}, outputs={"model": Output("model/m")}
    )
    before = repo.history("model/m").edges
    repo.remove_version(kept)
    repo.collect(grace=NOW)
    assert repo.content.contains(kept.digest) == (role == "params")
    assert repo.check() == []
    assert repo.history("model/m").edges == before


def test_a_folder_of_the_workspace_keeps_what_it_was_checked_out_from(repo, tmp_path):
    version = repo.add_version("dataset/d", big(1)).version
    repo.checkout(version, tmp_path / "work")
    (tmp_path / "work" / "f").write_bytes(b"changed")
    repo.remove_version(version)
    repo.collect(grace=NOW)
    assert [delta.path for delta in repo.changes_on_disk(tmp_path / "work")] == ["f"]
    repo.add_version("dataset/d", tmp_path / "work")
    repo.collect(grace=NOW)
    assert not repo.content.contains(version.digest)
    assert repo.check() == []


def test_copies_of_removed_versions_go_once_nobody_uses_them(repo, clock):
    version = repo.add_version("dataset/d", big(1)).version
    with Repository.open(repo.path, who="eve", clock=clock) as user:
        path = user.local_copy(version)
        repo.remove_version(version)
        freed = repo.collect(grace=NOW)
        assert freed.copies.removed == 0
        assert (path / "f").read_bytes() == bytes([1]) * 20
    assert repo.collect(grace=timedelta(hours=1)).copies.removed == 0
    freed = repo.collect(grace=NOW)
    assert freed.copies.removed == 1
    assert freed.content.files == 5020
    assert not path.exists()
    assert list(path.parent.iterdir()) == []


def test_copies_of_versions_go_when_long_unused_and_come_back(repo, clock):
    version = repo.add_version("dataset/d", big(1)).version
    with Repository.open(repo.path, who="eve", clock=clock) as user:
        path = user.local_copy(version)
    assert repo.collect(grace=NOW).copies.removed == 0
    os.utime(path, (0, 0))
    assert repo.collect(grace=NOW, dry_run=True).copies.removed == 1
    assert path.exists()
    assert repo.collect(grace=NOW).copies.removed == 1
    assert (repo.local_copy(version) / "f").read_bytes() == bytes([1]) * 20


def test_copies_that_were_changed_stay(repo, clock):
    version = repo.add_version("dataset/d", big(1)).version
    with Repository.open(repo.path, who="eve", clock=clock) as user:
        path = user.local_copy(version)
    (path / "result").write_text("of days of work")
    os.utime(path, (0, 0))
    repo.remove_version(version)
    copies = repo.collect(grace=NOW).copies
    assert (copies.removed, copies.changed) == (0, 1)
    assert (path / "result").read_text() == "of days of work"


def test_unfinished_copies_go(repo):
    version = repo.add_version("dataset/d", big(1)).version
    repo.local_copy(version)
    leftover = repo.path / "copies" / "partial-abc"
    leftover.mkdir()
    (leftover / "x").write_bytes(b"123")
    freed = repo.collect(grace=NOW)
    assert (freed.copies.removed, freed.copies.bytes) == (1, 3)
    assert not leftover.exists()


def test_usage_adds_up(repo):
    common = os.urandom(10_000)
    repo.add_version("dataset/a", {"x": common, "y": common})
    repo.add_version("dataset/a", {"x": common})
    repo.add_version("dataset/b", {"x": common, "z": os.urandom(3000)})
    repo.add_version("dataset/none")
    usage = repo.usage()
    a, b, none = usage.assets
    assert (str(a.asset), a.versions, a.logical, a.distinct) == ("dataset/a", 2, 30_000, 10_000)
    assert (b.versions, b.logical, b.distinct) == (1, 13_000, 13_000)
    assert (none.versions, none.logical, none.stored) == (1, 0, 0)
    assert a.stored > 10_000
    assert a.shared == b.shared == usage.content.shared == 10_000
    assert usage.content.stored == a.stored + b.stored - 10_000
    assert usage.logical == 43_000
    assert usage.ratio == 43_000 / usage.content.stored
    repo.remove_asset("dataset/b")
    assert repo.usage().content.dead > 3000
    repo.collect(grace=NOW)
    assert repo.usage().content.dead == 0


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0", NOW),
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("30 m", timedelta(minutes=30)),
        ("1.5h", timedelta(hours=1.5)),
        ("1 day", timedelta(days=1)),
        ("2 Weeks", timedelta(weeks=2)),
    ],
)
def test_lengths_of_time_are_read(text, length):
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "h", "-1h", "1 moon", "1h 2m", "999999999w", "١h1", "nan"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_duration(text)


def test_an_index_is_made_again_without_opening_the_repository(repo, tmp_path):
    repo.add_version("dataset/d", big(1))
    (repo.path / "content" / "index.sqlite").write_bytes(b"nonsense" * 1000)
    rebuilt = Repository.rebuild_index(repo.path)
    assert (rebuilt.packs, rebuilt.objects) == (1, 3)
    with pytest.raises(NotFound):
        Repository.rebuild_index(tmp_path / "nowhere")
