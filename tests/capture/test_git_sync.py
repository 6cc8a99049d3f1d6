"""Importing git histories: contents, edges and weights, at once and step by step."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_histories import EXECUTABLE, LINK, MODULE, Step, git, make_history
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.capture import sync_git
from omprov.capture._git import _importing, _matching, _sync
from omprov.capture._git._history import GitHistory
from omprov.errors import Conflict, InvalidInput, NotFound, Unavailable
from omprov.repository import Repository

ODD = b'caf\xe9 \n".txt'


def edges_of(repository, asset):
    """Return version → parent → weight, by numbers."""
    return {
        version.number: {one.older.number: one.weight for one in repository.inherits(version)}
        for version in repository.list_versions(asset)
    }


def files_of(repository, version):
    tree = repository.tree(version)
    return {
        os.fsencode(leaf.path): (leaf.mode, tree.open(leaf.path).read()) for leaf in tree.walk()
    }


def test_a_history_with_a_branch_a_merge_and_a_revert(repository, tmp_path):
    one, two, three = b"a b c d\n", b"a b c e\n", b"x\n"
    commits = make_history(
        tmp_path / "code.git",
        [
            Step((), {b"f": one}, message="Begin: größer".encode()),
            Step((0,), {b"f": two}),
            Step((1,), {b"f": two}, message=b"nothing changed"),
            Step((0,), {b"f": one, b"g": three}, branch="side"),
            Step((2, 3), {b"f": two, b"g": three}, message=b"merge"),
            Step((4,), {b"f": one}, message=b"revert"),
        ],
    )
    synced = sync_git(repository, tmp_path / "code.git")
    assert (synced.asset, synced.commits, synced.versions) == ("algorithm/code", 6, 5)
    assert edges_of(repository, "algorithm/code") == {
        1: {},
        2: {1: 2 / 8},
        3: {1: 1 / 9},
        4: {2: 1 / 9, 3: 2 / 10},
        5: {4: 3 / 9, 1: 0},
    }
    first = repository.get_version("algorithm/code:v1")
    assert first.message == "Begin: größer"
    assert first.creator == "Ada <ada@example.org>"
    assert first.created == datetime.fromtimestamp(1_700_000_000, UTC)
    assert first.source["git"]["commit"] == commits[0]
    found = repository.find_commits("algorithm/code", commits)
    assert [found[commit].number for commit in commits] == [1, 2, 2, 3, 4, 5]
    (evidence,) = [
        one.difference for one in repository.inherits("algorithm/code:v2") if one.older.number == 1
    ]
    assert evidence.counts["changed_new"] == 1
    assert evidence == repository.diff("algorithm/code:v1", "algorithm/code:v2")


def test_nothing_new_writes_nothing(repository, tmp_path):
    make_history(tmp_path / "code", [Step((), {b"f": b"a"}), Step((0,), {b"f": b"b"})])
    sync_git(repository, tmp_path / "code")
    with repository._catalog.read() as reader:
        before = reader.position(), len(reader.list_audit())
    again = sync_git(repository, tmp_path / "code")
    assert (again.commits, again.versions) == (0, 0)
    with repository._catalog.read() as reader:
        assert (reader.position(), len(reader.list_audit())) == before


contents = st.sampled_from(
    [b"a b c", b"a b c d", b"x", b"", b"a\0b", (EXECUTABLE, b"x"), (LINK, b"f")]
)
trees = st.dictionaries(
    st.sampled_from([b"f", b"g/a", b"g/b", b"g-b", ODD, b"h/i/j"]), contents, max_size=4
)


@st.composite
def step_lists(draw):
    steps = []
    for place in range(draw(st.integers(1, 8))):
        parents = (
            draw(st.lists(st.integers(0, place - 1), max_size=2, unique=True)) if place else []
        )
        files = draw(trees)
        if parents and draw(st.booleans()):
            files = steps[parents[0]].files
        steps.append(Step(parents, files, branch=f"b{place}"))
    return steps


@settings(max_examples=25, deadline=None)
@given(step_lists(), st.data())
def test_in_parts_it_comes_out_as_at_once_and_as_recorded_by_hand(steps, data):
    base = Path(tempfile.mkdtemp())
    try:
        commits = make_history(base / "code", steps)
        subfolder = data.draw(st.sampled_from(["", "g"]))
        cut = data.draw(st.integers(0, len(steps) - 1))
        now = datetime(2026, 1, 1, tzinfo=UTC)
        whole = Repository.create(base / "whole", who="x", clock=lambda: now)
        parts = Repository.create(base / "parts", who="x", clock=lambda: now)
        with whole, parts:
            if subfolder and not any(p.startswith(b"g/") for step in steps for p in step.files):
                with pytest.raises(NotFound):
                    sync_git(whole, base / "code", subfolder=subfolder, every=True)
                return
            sync_git(whole, base / "code", subfolder=subfolder, every=True)
            for branch in (f"b{cut}", f"b{len(steps) - 1}"):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(_importing, "_BATCH", 2)
                    try:
                        sync_git(parts, base / "code", subfolder=subfolder, branches=[branch])
                    except NotFound:
                        assert subfolder
            sync_git(parts, base / "code", subfolder=subfolder, every=True)
            check(whole, commits, steps, subfolder)
            assert known(whole, commits) == known(parts, commits)
    finally:
        shutil.rmtree(base)


def known(repository, commits):
    """Return what there is of each commit, whatever numbers versions have."""
    found = repository.find_commits("algorithm/code", commits)
    return {
        commit: version
        and (
            version.source["git"]["commit"],
            version.digest,
            {
                one.older.source["git"]["commit"]: (one.weight, one.difference)
                for one in repository.inherits(version)
                if one.difference is not None
            },
        )
        for commit, version in found.items()
    }


def as_stored(what):
    if not isinstance(what, tuple):
        return "file", what
    mode, content = what
    if mode == MODULE:
        return "file", b"Subproject commit %s\n" % content
    return {EXECUTABLE: "executable", LINK: "symlink"}[mode], content


def check(repository, commits, steps, subfolder):
    """Compare each version with its commit's files, and each edge with a comparison by itself."""
    prefix = f"{subfolder}/".encode() if subfolder else b""
    for commit, version in repository.find_commits("algorithm/code", commits).items():
        if version is None or version.source["git"]["commit"] != commit:
            continue
        files = steps[commits.index(commit)].files
        assert files_of(repository, version) == {
            path.removeprefix(prefix): as_stored(what)
            for path, what in files.items()
            if path.startswith(prefix)
        }
        for edge in repository.inherits(version):
            whole = repository.diff(edge.older, version)
            assert edge.weight == whole.weight
            if edge.difference is not None:
                assert edge.difference == whole
    assert list(repository.check()) == []


def test_what_git_checks_out_has_the_digest_of_the_version(repository, tmp_path):
    files = {b"a": b"1", b"bin/run": (EXECUTABLE, b"#!/bin/sh\n"), b"l": (LINK, b"a"), ODD: b"x"}
    make_history(tmp_path / "code.git", [Step((), files)])
    git(tmp_path, "clone", "-q", "code.git", "out")
    sync_git(repository, tmp_path / "code.git")
    version = repository.get_version("algorithm/code")
    assert repository.content.hash_tree(tmp_path / "out").digest == version.digest


def test_a_submodule_is_the_commit_that_it_is_at(repository, tmp_path):
    files = [{b"m": (MODULE, bit * 40), b"f": b"x"} for bit in (b"a", b"b")]
    make_history(tmp_path / "code", [Step((), files[0]), Step((0,), files[1])])
    assert sync_git(repository, tmp_path / "code").versions == 2
    found = files_of(repository, "algorithm/code:v2")
    assert found[b"m"] == ("file", b"Subproject commit " + b"b" * 40 + b"\n")


def test_odd_messages_and_times(repository, tmp_path):
    make_history(tmp_path / "code", [Step((), {b"f": b"x"}, message=b"caf\xe9 \xff")])
    sync_git(repository, tmp_path / "code")
    assert repository.get_version("algorithm/code").message == "caf\ufffd \ufffd"


def test_only_a_subfolder(repository, tmp_path):
    steps = [
        Step((), {b"other": b"1"}),
        Step((0,), {b"other": b"1", b"src/a.py": b"x"}),
        Step((1,), {b"other": b"2", b"src/a.py": b"x"}),
        Step((2,), {b"other": b"2"}),
        Step((3,), {b"other": b"2", b"src/a.py": b"y"}),
    ]
    commits = make_history(tmp_path / "code", steps)
    synced = sync_git(repository, tmp_path / "code", asset="trainer", subfolder="src/")
    assert (synced.asset, synced.versions) == ("algorithm/trainer", 2)
    found = repository.find_commits("algorithm/trainer", commits)
    numbers = [found[commit] and found[commit].number for commit in commits]
    assert numbers == [None, 1, 1, 1, 2]
    assert files_of(repository, "algorithm/trainer") == {b"a.py": ("file", b"y")}
    with pytest.raises(Conflict, match="holds the folder src"):
        sync_git(repository, tmp_path / "code", asset="trainer")
    with pytest.raises(NotFound, match="nowhere"):
        sync_git(repository, tmp_path / "code", asset="else", subfolder="nowhere")


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(folder, name, text):
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", f"{name} {text}")
    return git(folder, "rev-parse", "HEAD")


def test_what_is_checked_out_is_where_it_begins(repository, checkout):
    commit(checkout, "f", "1")
    git(checkout, "switch", "-q", "-c", "other")
    commit(checkout, "f", "2")
    git(checkout, "switch", "-q", "main")
    below = checkout / "below"
    below.mkdir()
    assert sync_git(repository, below).versions == 1
    assert sync_git(repository, checkout, branches=["other"]).versions == 1
    git(checkout, "switch", "-q", "--detach", "other")
    commit(checkout, "f", "3")
    synced = sync_git(repository, checkout)
    assert (list(synced.tips), synced.versions) == (["HEAD"], 1)


def test_commits_that_vanish_are_kept_and_marked_until_they_come_back(repository, checkout):
    commit(checkout, "f", "1")
    lost = commit(checkout, "f", "2")
    sync_git(repository, checkout)
    git(checkout, "reset", "-q", "--hard", "HEAD^")
    commit(checkout, "f", "3")
    synced = sync_git(repository, checkout)
    assert (synced.versions, synced.vanished) == (1, 1)
    version = repository.find_commits("algorithm/work", [lost])[lost]
    assert version.tags == {"git": "vanished"}
    git(checkout, "branch", "rescued", lost)
    git(checkout, "reset", "-q", "--hard", lost)
    synced = sync_git(repository, checkout)
    assert synced.vanished == 1  # now it is the one that had taken its place
    assert repository.find_commits("algorithm/work", [lost])[lost].tags == {}


def test_commits_that_git_has_cleaned_up(repository, checkout):
    commit(checkout, "f", "1")
    gone = commit(checkout, "f", "2 two")
    sync_git(repository, checkout)
    git(checkout, "reset", "-q", "--hard", "HEAD^")
    git(checkout, "reflog", "expire", "--expire=now", "--all")
    git(checkout, "gc", "-q", "--prune=now")
    commit(checkout, "f", "3")
    assert sync_git(repository, checkout).vanished == 1
    version = repository.find_commits("algorithm/work", [gone])[gone]
    assert files_of(repository, version) == {b"f": ("file", b"2 two")}


def test_an_interrupted_import_goes_on(repository, tmp_path, monkeypatch):
    steps = [Step((n - 1,) if n else (), {b"f": b"%d" % n}) for n in range(10)]
    make_history(tmp_path / "code", steps)
    monkeypatch.setattr(_importing, "_BATCH", 3)
    real, calls = type(repository).add_commits, []

    def failing(self, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(type(repository), "add_commits", failing)
    with pytest.raises(KeyboardInterrupt):
        sync_git(repository, tmp_path / "code")
    assert len(repository.list_versions("algorithm/code")) == 6
    synced = sync_git(repository, tmp_path / "code")
    assert (synced.commits, synced.versions) == (4, 4)
    assert edges_of(repository, "algorithm/code") == {
        n: {n - 1: 1.0} if n > 1 else {} for n in range(1, 11)
    }


def test_two_at_once_record_everything_once(tmp_path):
    make_history(
        tmp_path / "code", [Step((n - 1,) if n else (), {b"f": b"%d" % n}) for n in range(60)]
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    Repository.create(tmp_path / "home", who="x", clock=lambda: now).close()
    words = ["git", "sync", str(tmp_path / "code"), "--repo", str(tmp_path / "home")]
    code = "import sys; from omprov.cli import main; main()"
    both = [subprocess.Popen([os.sys.executable, "-c", code, *words]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    with Repository.open(tmp_path / "home", who="x", clock=lambda: now) as repository:
        assert len(repository.list_versions("algorithm/code")) == 60


def test_what_is_no_repository_to_import(repository, tmp_path, checkout):
    with pytest.raises(NotFound, match="git repository"):
        sync_git(repository, tmp_path / "home")
    with pytest.raises(NotFound, match="commit"):
        sync_git(repository, checkout)
    commit(checkout, "f", "1")
    with pytest.raises(NotFound, match="branch"):
        sync_git(repository, checkout, branches=["mian"])
    with pytest.raises(InvalidInput, match="leads out"):
        sync_git(repository, checkout, subfolder="../x")
    with pytest.raises(InvalidInput, match="names a version"):
        sync_git(repository, checkout, asset="algorithm/x:v1")
    assert repository.list_assets() == []


def test_a_shallow_clone_is_refused(repository, tmp_path, checkout):
    for text in "123":
        commit(checkout, "f", text)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{checkout}", "shallow")
    with pytest.raises(Conflict, match="--unshallow"):
        sync_git(repository, tmp_path / "shallow")


def test_a_damaged_repository(repository, checkout):
    commit(checkout, "f", "1")
    lost = git(checkout, "rev-parse", "HEAD")
    commit(checkout, "f", "2")
    (checkout / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(Unavailable, match=lost):
        sync_git(repository, checkout)
    assert repository.list_assets() == []


def test_several_processes_find_what_one_does(repository, tmp_path, monkeypatch):
    source = random.Random(5)
    steps = []
    for place in range(40):
        files = dict(steps[-1].files) if steps else {b"m": (MODULE, b"a" * 40)}
        for _ in range(3):
            name = b"d%d/f%d" % (source.randrange(2), source.randrange(4))
            files[name] = b" ".join(
                b"w%d" % source.randrange(9) for _ in range(source.randrange(60))
            )
        if place % 7 == 0:
            files |= {b"m": (MODULE, b"%040x" % place), b"l": (LINK, b"a b %d" % place)}
        steps.append(Step([place - 1] if place else [], files))
    commits = make_history(tmp_path / "code", steps)
    sync_git(repository, tmp_path / "code")
    alone = known(repository, commits)
    monkeypatch.setattr(_matching, "_FEW", 0)
    monkeypatch.setattr(_matching, "cores", lambda: 2)
    monkeypatch.setattr(_importing, "_BATCH", 25)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with Repository.create(tmp_path / "other", who="x", clock=lambda: now) as other:
        sync_git(other, tmp_path / "code")
        assert known(other, commits) == alone
        check(other, commits, steps, "")


def test_an_import_that_ended_before_it_noted_where_goes_on(repository, checkout, monkeypatch):
    commit(checkout, "f", "1")
    monkeypatch.setattr(_sync, "_not_forwards", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sync_git(repository, checkout)
    monkeypatch.undo()
    with pytest.raises(Conflict, match="holds the folder"):
        sync_git(repository, checkout, subfolder="src")
    assert sync_git(repository, checkout).commits == 0


def test_another_repository_of_the_same_name_is_refused(repository, checkout, tmp_path):
    commit(checkout, "f", "1")
    sync_git(repository, checkout)
    other = tmp_path / "else" / "work"
    other.mkdir(parents=True)
    git(other, "init", "-q", "-b", "main")
    commit(other, "f", "2")
    with pytest.raises(Conflict, match="another repository"):
        sync_git(repository, other)
    assert sync_git(repository, other, asset="else").versions == 1
    git(checkout, "switch", "-q", "--orphan", "pages")
    commit(checkout, "g", "1")
    assert sync_git(repository, checkout).versions == 1  # a beginning of its own, but known


def test_a_branch_that_was_merged_and_deleted_is_looked_at_once(repository, checkout, monkeypatch):
    commit(checkout, "f", "1")
    git(checkout, "switch", "-q", "-c", "side")
    commit(checkout, "g", "1")
    git(checkout, "switch", "-q", "main")
    git(checkout, "merge", "-q", "--no-ff", "-m", "merge", "side")
    sync_git(repository, checkout, every=True)
    git(checkout, "branch", "-d", "side")
    assert sync_git(repository, checkout, every=True).vanished == 0
    monkeypatch.setattr(GitHistory, "reachable", lambda _: pytest.fail("looked at again"))
    sync_git(repository, checkout, every=True)
    tags = repository.get_asset("algorithm/work").tags
    assert [name for name in tags if name.startswith("git.tip:")] == ["git.tip:refs/heads/main"]


def test_files_that_were_never_fetched(repository, checkout, tmp_path):
    commit(checkout, "f", "1")
    git(checkout, "config", "uploadpack.allowFilter", "true")
    words = ["clone", "-q", "--bare", "--filter=blob:none", f"file://{checkout}", "partial"]
    git(tmp_path, *words)
    with pytest.raises(Unavailable, match="lacks the object"):
        sync_git(repository, tmp_path / "partial")
    assert repository.list_assets() == []


def raw_object(folder, kind, content):
    done = subprocess.run(
        ["git", "-C", folder, "hash-object", "-t", kind, "-w", "--stdin", "--literally"],
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def raw_commit(folder, entries, head=b"", message=b"m"):
    """Make a commit that git itself would not make any more; return its id."""
    content = b"".join(
        b"%s %s\0%s" % (mode, name, bytes.fromhex(oid)) for mode, name, oid in entries
    )
    tree = raw_object(folder, "tree", content)
    who = b"Ada <ada@example.org> 1700000000 +0000"
    text = b"tree %s\nauthor %s\ncommitter %s\n%s\n%s" % (tree.encode(), who, who, head, message)
    made = raw_object(folder, "commit", text)
    git(folder, "update-ref", "refs/heads/main", made)
    return made


def test_trees_of_long_ago_and_of_enemies(repository, checkout):
    blob = raw_object(checkout, "blob", b"x")
    inner = raw_object(checkout, "tree", b"100644 a\0" + bytes.fromhex(blob))
    entries = [
        (b"100664", b"old", blob),
        (b"100644", b"..", blob),
        (b"40000", b".omprov-partial", inner),
        (b"40000", b".git", inner),
        (b"100755", b"run", blob),
    ]
    raw_commit(checkout, sorted(entries, key=lambda entry: entry[1]))
    sync_git(repository, checkout)
    found = files_of(repository, "algorithm/work")
    assert found == {b"old": ("file", b"x"), b"run": ("executable", b"x")}
    repository.checkout("algorithm/work:v1", checkout / "out")


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-7", "idna", "rot13", "undefined", "no"])
def test_messages_in_any_encoding(repository, checkout, encoding):
    head = b"encoding %s\n" % encoding.encode()
    raw_commit(checkout, [], head, b"\xe9 +2AA- .a..b")
    sync_git(repository, checkout)
    message = repository.get_version("algorithm/work").message
    assert message.startswith("é" if encoding == "iso-8859-1" else ("\ufffd", "é"))


def test_folders_within_folders_beyond_all_measure(repository, tmp_path):
    make_history(tmp_path / "code", [Step((), {b"a/" * 1500 + b"f": b"x"})])
    with pytest.raises(InvalidInput, match="folders within"):
        sync_git(repository, tmp_path / "code")
