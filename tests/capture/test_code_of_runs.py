"""The code of a run: commits, changes to them, and folders that git knows nothing of."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pygit2
import pytest
from git_histories import git
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.capture import sync_git
from omprov.capture._code import DEFAULT_LIMITS, Limits, record_code
from omprov.capture._code._files import SourceFile, put_changed
from omprov.content import ContentStore, EntryKind
from omprov.repository import Repository

WORDS = b"one two three four five six seven eight\n"


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch, tmp_path):
    """Keep libgit2 from the settings of who runs the tests."""
    for level in (pygit2.enums.ConfigLevel.GLOBAL, pygit2.enums.ConfigLevel.XDG):
        pygit2.option(pygit2.enums.Option.SET_SEARCH_PATH, level, str(tmp_path / "none"))


def commit_all(folder, message="a message"):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_bytes(WORDS)
    (folder / "lib").mkdir()
    (folder / "lib" / "model.py").write_bytes(WORDS)
    (folder / ".gitignore").write_text("*.ignored\n/secret/\n")
    commit_all(folder)
    return folder


def everything_in(folder):
    """Return what a folder holds: to see that nothing was written."""
    return {
        path: (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


def files_of(repository, version):
    tree = repository.tree(version)
    return {
        leaf.path: (leaf.mode, tree.open(leaf.path).read())
        for leaf in tree.walk()
        if leaf.path != ".gitignore"
    }


def test_a_clean_checkout_is_the_version_of_its_commit(repository, checkout):
    before = everything_in(checkout)
    code = record_code(repository, checkout / "lib")
    assert str(code.version) == "algorithm/code:v1"
    assert code.commit == git(checkout, "rev-parse", "HEAD")
    assert (code.dirty, code.changed, code.left_out, code.notes) == (False, (), (), ())
    assert everything_in(checkout) == before
    synced = sync_git(repository, checkout)
    assert (synced.asset, synced.commits) == ("algorithm/code", 0)


def test_changes_are_a_child_of_the_commit_made_once(repository, checkout):
    (checkout / "train.py").write_bytes(WORDS.replace(b"one", b"two"))
    (checkout / "new.py").write_bytes(b"new words\n")
    (checkout / "lib" / "model.py").unlink()
    before = everything_in(checkout)
    code = record_code(repository, checkout)
    assert everything_in(checkout) == before
    assert (str(code.version), code.dirty) == ("algorithm/code:v2", True)
    assert code.changed == ("lib/model.py", "new.py", "train.py")
    assert files_of(repository, code.version) == {
        "new.py": ("file", b"new words\n"),
        "train.py": ("file", WORDS.replace(b"one", b"two")),
    }
    (edge,) = repository.inherits(code.version)
    assert str(edge.older) == "algorithm/code:v1"
    assert edge.difference == repository.diff("algorithm/code:v1", code.version)
    assert edge.weight > 0
    source = code.version.source
    assert source["git"]["commit"] == code.commit
    assert source["git"]["dirty"] is True
    assert source["changes"]["files"] == ["lib/model.py", "new.py", "train.py"]
    assert "-one two three" in source["changes"]["diff"]
    assert "+new words" in source["changes"]["diff"]
    assert record_code(repository, checkout).version == code.version
    other = checkout / "train.py"
    other.write_bytes(b"something else\n")
    assert record_code(repository, checkout).version.number == 3
    other.write_bytes(WORDS.replace(b"one", b"two"))
    assert record_code(repository, checkout).version == code.version
    git(checkout, "checkout", "-q", ".")
    (checkout / "new.py").unlink()
    assert record_code(repository, checkout).version.number == 1


def test_several_processes_at_once_record_changes_once(repository, checkout):
    record_code(repository, checkout)
    (checkout / "new.py").write_bytes(b"new words\n")

    def record(_):
        with Repository.open(repository.path, who="bob", clock=repository._clock) as other:
            return record_code(other, checkout).version.number

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(record, range(8))) == {2}
    assert len(repository.list_versions("algorithm/code")) == 2


def test_the_diff_is_one_that_git_applies(repository, checkout, tmp_path):
    (checkout / "train.py").write_bytes(WORDS + b"more\n")
    (checkout / "new.py").write_bytes(b"new words\n")
    (checkout / "lib" / "model.py").unlink()
    code = record_code(repository, checkout)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(checkout), str(clone))
    git(clone, "apply", "-", stdin=code.version.source["changes"]["diff"].encode())
    for name in ("train.py", "new.py"):
        assert (clone / name).read_bytes() == (checkout / name).read_bytes()
    assert not (clone / "lib" / "model.py").exists()


def test_the_diff_is_cut_and_says_so(repository, checkout):
    for number in range(10):
        (checkout / f"new{number}.py").write_bytes(b"word\n" * 100)
    code = record_code(repository, checkout, limits=Limits(diff=2_000))
    changes = code.version.source["changes"]
    assert len(changes["diff"].encode()) <= 2_000
    assert changes["files not in the diff"] == 10 - changes["diff"].count("diff --git")
    assert files_of(repository, code.version).keys() >= {f"new{one}.py" for one in range(10)}


def test_a_commit_after_changes_inherits_both_when_imported(repository, checkout):
    (checkout / "new.py").write_bytes(b"new words\n")
    dirty = record_code(repository, checkout)
    commit_all(checkout)
    clean = record_code(repository, checkout)
    assert not clean.dirty
    assert clean.version.number == 3
    weights = {one.older.number: one.weight for one in repository.inherits(clean.version)}
    assert weights == {1: pytest.approx(weights[1]), dirty.version.number: 0}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("table.csv", b"1,2\n", "data"),
        ("model.safetensors", b"x", "data"),
        ("big.py", b"x" * (2 << 20), "larger than 1 MiB"),
        ("binary.py", b"a\0b", "binary"),
        (".env", b"TOKEN=x\n", "secrets"),
        ("deploy/id_rsa", b"x", "secrets"),
        (".venv/lib/a.py", b"x", "tools fill it"),
        ("env2/pyvenv.cfg", b"x", "tools fill it"),
        ("wandb/run/config.yaml", b"x: 1", "tools fill it"),
        ("out/metrics.json", b"{}", "no program text"),
        ("out/notes.txt", b"words", "no program text"),
    ],
)
def test_new_files_that_are_no_source_are_left_out_and_said(
    repository, checkout, name, content, reason
):
    path = checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    code = record_code(repository, checkout)
    assert (code.version.number, code.dirty) == (1, False)
    (left,) = code.left_out
    assert name.startswith(left.path)
    assert reason in left.reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("new.py", b"x"),
        ("README", b"words"),
        ("conf/a.yaml", b"x: 1"),
        ("lib/notes.txt", b"words"),
        ("sub/run.sh", b"ls"),
        ("sub/deep/kernel.cu", b"x"),
        (".env.example", b"TOKEN="),
    ],
)
def test_new_files_that_are_source_count(repository, checkout, name, content):
    path = checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    code = record_code(repository, checkout)
    assert code.changed == (name,)
    assert files_of(repository, code.version)[name] == ("file", content)


def test_what_git_ignores_does_not_count_nor_what_omprovignore_names(repository, checkout):
    (checkout / "a.ignored").write_bytes(b"x")
    (checkout / "secret").mkdir()
    (checkout / "secret" / "a.py").write_bytes(b"x")
    (checkout / "scratch").mkdir()
    (checkout / "scratch" / "a.py").write_bytes(b"x")
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "exclude").write_text(".omprovignore\n")
    (checkout / ".omprovignore").write_text("scratch/\n")
    code = record_code(repository, checkout)
    assert (code.version.number, code.left_out) == (1, ())


def test_a_script_that_git_ignores_is_said(repository, checkout):
    (checkout / "a.ignored").write_bytes(b"x")
    code = record_code(repository, checkout, command=["python", "a.ignored"])
    assert code.version.number == 1
    assert "git ignores" in code.notes[0]


def test_the_script_counts_wherever_it_lies(repository, checkout, tmp_path):
    (checkout / "notes.log").write_bytes(b"print(1)")
    assert not record_code(repository, checkout).dirty
    code = record_code(repository, tmp_path, command=["python", str(checkout / "notes.log")])
    assert code.changed == ("notes.log",)


def test_limits_in_number_and_in_all(repository, checkout):
    for number in range(4):
        (checkout / f"new{number}.py").write_bytes(b"x" * 100)
    few = record_code(repository, checkout, limits=Limits(files=3))
    assert few.changed == ("new0.py", "new1.py", "new2.py")
    assert few.left_out[0].path == "new3.py"
    little = record_code(repository, checkout, limits=Limits(total=250))
    assert little.changed == ("new0.py", "new1.py")
    assert "larger than" in little.left_out[0].reason


def test_inputs_and_outputs_are_no_code(repository, checkout, tmp_path):
    for name in ("data", "results"):
        (checkout / name).mkdir()
        (checkout / name / "a.py").write_bytes(b"x")
    repository.add_version("dataset/words", checkout / "data")
    code = record_code(repository, checkout, outside=[checkout / "results"])
    assert not code.dirty
    assert [(one.path, one.reason) for one in code.left_out] == [
        ("data/", "it is dataset/words:v1"),
        ("results/", "it is an input or output of the run"),
    ]


def test_modes_and_symlinks_and_files_that_become_folders(repository, checkout):
    (checkout / "train.py").chmod(0o755)
    (checkout / "link").symlink_to("train.py")
    (checkout / "lib" / "model.py").unlink()
    (checkout / "lib" / "model.py").mkdir()
    (checkout / "lib" / "model.py" / "part.py").write_bytes(b"x")
    code = record_code(repository, checkout)
    assert files_of(repository, code.version) == {
        "train.py": ("executable", WORDS),
        "link": ("symlink", b"train.py"),
        "lib/model.py/part.py": ("file", b"x"),
    }


def test_line_ends_count_as_git_would_commit_them(repository, checkout):
    (checkout / ".gitattributes").write_text("*.py text\n")
    commit_all(checkout)
    (checkout / "train.py").write_bytes(WORDS.replace(b"\n", b"\r\n"))
    assert not record_code(repository, checkout).dirty
    (checkout / "train.py").write_bytes(b"a\r\nb\r\n")
    code = record_code(repository, checkout)
    assert files_of(repository, code.version)["train.py"] == ("file", b"a\nb\n")


def test_files_in_lfs_count_by_their_pointer(repository, checkout):
    pointer = (
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\nsize 1\n"
    )
    (checkout / "big.py").write_text(pointer)
    (checkout / ".gitattributes").write_text("big.py filter=lfs -text\n")
    git(checkout, "-c", "filter.lfs.clean=cat", "add", "-A")
    git(checkout, "commit", "-q", "-m", "m")
    (checkout / "big.py").write_text("x")
    assert not record_code(repository, checkout).dirty
    (checkout / "big.py").write_text("y")
    code = record_code(repository, checkout)
    assert code.changed == ("big.py",)
    assert b"oid sha256:a1fce436" in files_of(repository, code.version)["big.py"][1]


@pytest.mark.parametrize("how", ["gone", "damaged", "locked"])
def test_the_index_is_not_needed(repository, checkout, how):
    index = checkout / ".git" / "index"
    if how == "gone":
        index.unlink()
    elif how == "damaged":
        index.write_bytes(b"no index")
    else:
        (checkout / ".git" / "index.lock").write_bytes(b"")
    (checkout / "a.ignored").write_bytes(b"x")
    assert not record_code(repository, checkout).dirty
    (checkout / "train.py").write_bytes(b"x\n")
    (checkout / "new.py").write_bytes(b"x\n")
    (checkout / "lib" / "model.py").unlink()
    code = record_code(repository, checkout)
    assert code.changed == ("lib/model.py", "new.py", "train.py")
    assert bool(code.notes) == (how != "locked")


def test_staged_changes_count_as_the_files_on_disk_are(repository, checkout):
    (checkout / "train.py").write_bytes(b"staged\n")
    (checkout / "new.txt").write_bytes(b"staged\n")
    git(checkout, "add", "-A")
    git(checkout, "rm", "-q", "--cached", "lib/model.py")
    (checkout / "train.py").write_bytes(b"later\n")
    code = record_code(repository, checkout)
    assert files_of(repository, code.version) == {
        "train.py": ("file", b"later\n"),
        "new.txt": ("file", b"staged\n"),
        "lib/model.py": ("file", WORDS),
    }


def test_a_detached_head_and_a_worktree(repository, checkout, tmp_path):
    first = git(checkout, "rev-parse", "HEAD")
    (checkout / "train.py").write_bytes(b"x\n")
    commit_all(checkout)
    git(checkout, "worktree", "add", "-q", "--detach", str(tmp_path / "other"), first)
    code = record_code(repository, tmp_path / "other", as_="code")
    assert (code.commit, code.dirty) == (first, False)
    assert record_code(repository, checkout).version.number == 2


def test_before_the_first_commit(repository, tmp_path):
    folder = tmp_path / "fresh"
    folder.mkdir()
    git(folder, "init", "-q")
    assert record_code(repository, folder).version is None
    (folder / "train.py").write_bytes(WORDS)
    code = record_code(repository, folder)
    assert (str(code.version), code.commit) == ("algorithm/fresh:v1", None)
    git(folder, "add", "train.py")
    assert record_code(repository, folder).version == code.version
    commit_all(folder)
    committed = record_code(repository, folder)
    weights = {one.older.number: one.weight for one in repository.inherits(committed.version)}
    assert weights == {1: 0}


def test_a_shallow_clone_stands_without_its_history(repository, checkout, tmp_path):
    (checkout / "train.py").write_bytes(b"x\n")
    commit_all(checkout)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{checkout}", str(clone))
    code = record_code(repository, clone)
    assert str(code.version) == "algorithm/code:v1"
    assert "shallow" in code.notes[0]
    assert code.version.source["git"]["commit"] == code.commit
    assert record_code(repository, clone).version == code.version
    (clone / "train.py").write_bytes(b"y\n")
    dirty = record_code(repository, clone)
    assert (dirty.version.number, dirty.dirty) == (2, True)
    assert [str(one.older) for one in repository.inherits(dirty.version)] == ["algorithm/code:v1"]
    git(clone, "checkout", "-q", ".")
    git(clone, "fetch", "-q", "--unshallow")
    whole = record_code(repository, clone)
    assert whole.notes == ()
    assert whole.version.number == 4
    assert repository.find_commits("algorithm/code", [code.commit])[code.commit] == whole.version


def test_a_shallow_clone_of_a_known_commit_is_its_version(repository, checkout, tmp_path):
    known = record_code(repository, checkout)
    (checkout / "new.py").write_bytes(b"x\n")
    commit_all(checkout)
    known = record_code(repository, checkout)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{checkout}", str(clone))
    code = record_code(repository, clone)
    assert (code.version, code.notes) == (known.version, ())


def test_a_damaged_history_leaves_the_commit_alone(repository, checkout):
    first = git(checkout, "rev-parse", "HEAD")
    (checkout / "train.py").write_bytes(b"x\n")
    commit_all(checkout)
    place = checkout / ".git" / "objects" / first[:2] / first[2:]
    place.chmod(0o644)
    place.unlink()
    code = record_code(repository, checkout)
    assert files_of(repository, code.version)["train.py"] == ("file", b"x\n")
    assert "history cannot be read" in code.notes[0]


def test_a_commit_whose_files_are_gone_is_recorded_from_disk(repository, checkout):
    blob = git(checkout, "rev-parse", "HEAD:train.py")
    place = checkout / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.unlink()
    code = record_code(repository, checkout, command=["python", "train.py"])
    assert files_of(repository, code.version)["train.py"] == ("file", WORDS)
    assert "those on disk were recorded" in code.notes[-1]
    assert record_code(repository, checkout, command=["python", "train.py"]).version == code.version


def test_submodules_are_said_with_their_changes(repository, checkout, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    (inner / "a.py").write_bytes(b"x\n")
    first = commit_all(inner)
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(inner), "sub")
    commit_all(checkout)
    code = record_code(repository, checkout)
    assert not code.dirty
    assert files_of(repository, code.version)["sub"][1] == f"Subproject commit {first}\n".encode()
    (checkout / "sub" / "a.py").write_bytes(b"y\n")
    dirty = record_code(repository, checkout)
    want = f"Subproject commit {first}-dirty\n".encode()
    assert files_of(repository, dirty.version)["sub"][1] == want
    assert "submodule sub" in dirty.notes[0]
    second = commit_all(checkout / "sub")
    moved = record_code(repository, checkout)
    assert files_of(repository, moved.version)["sub"][1].decode().split()[-1] == second


def test_a_git_repository_within_is_none_of_its_own(repository, checkout):
    inner = checkout / "other"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "a.py").write_bytes(b"x\n")
    code = record_code(repository, checkout)
    assert not code.dirty
    assert code.left_out[0].path == "other/"


def test_a_sparse_checkout_lacks_nothing(repository, checkout):
    git(checkout, "sparse-checkout", "set", "--no-cone", "/train.py", "/.gitignore")
    assert not (checkout / "lib").exists()
    code = record_code(repository, checkout)
    assert (code.version.number, code.dirty) == (1, False)
    (checkout / "train.py").write_bytes(b"x\n")
    dirty = record_code(repository, checkout)
    assert dirty.changed == ("train.py",)
    assert "sparse" in dirty.notes[0]


def test_an_asset_of_a_subfolder_takes_changes_there(repository, checkout):
    sync_git(repository, checkout, asset="algorithm/lib", subfolder="lib")
    (checkout / "train.py").write_bytes(b"x\n")
    assert not record_code(repository, checkout, as_="lib").dirty
    (checkout / "lib" / "model.py").write_bytes(b"x\n")
    code = record_code(repository, checkout, as_="lib")
    assert files_of(repository, code.version) == {"model.py": ("file", b"x\n")}


def test_two_repositories_of_one_name(repository, checkout, tmp_path):
    record_code(repository, checkout)
    other = tmp_path / "team" / "code"
    other.mkdir(parents=True)
    git(other, "init", "-q")
    (other / "a.py").write_bytes(b"x\n")
    commit_all(other)
    code = record_code(repository, other)
    assert str(code.version) == "algorithm/team-code:v1"
    assert "another repository's history" in code.notes[0]
    assert record_code(repository, other).version == code.version


def test_paths_that_are_no_unicode(repository, checkout):
    name = os.fsdecode(b"caf\xe9.py")
    try:
        (checkout / name).write_bytes(b"x\n")
    except OSError:
        pytest.skip("the file system takes Unicode only")
    code = record_code(repository, checkout)
    assert code.changed == (name,)
    commit_all(checkout)
    (checkout / "train.py").write_bytes(b"x\n")
    code = record_code(repository, checkout)
    assert code.changed == ("train.py",)
    assert name in files_of(repository, code.version)


def test_without_git_the_script_and_its_folder(repository, tmp_path):
    folder = tmp_path / "My Project"
    (folder / "lib").mkdir(parents=True)
    (folder / "train.py").write_bytes(WORDS)
    (folder / "lib" / "model.py").write_bytes(WORDS)
    (folder / "conf.yaml").write_bytes(b"x: 1\n")
    (folder / "notes.txt").write_bytes(b"x")
    (folder / "data.csv").write_bytes(b"x")
    command = ["python", "train.py", "--lr", "1"]
    code = record_code(repository, folder, command=command)
    assert str(code.version) == "algorithm/my-project:v1"
    assert files_of(repository, code.version).keys() == {"train.py", "lib/model.py", "conf.yaml"}
    assert record_code(repository, folder, command=command).version == code.version
    (folder / "train.py").write_bytes(WORDS.replace(b"one", b"two"))
    again = record_code(repository, folder, command=command)
    (edge,) = repository.inherits(again.version)
    assert (edge.older, edge.weight > 0) == (code.version, True)


def test_without_git_a_script_in_a_place_for_all_sorts_of_things(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "one.py").write_bytes(b"x")
    (tmp_path / "two.py").write_bytes(b"x")
    code = record_code(repository, tmp_path / "home", command=["python", str(tmp_path / "one.py")])
    assert str(code.version) == "algorithm/one:v1"
    assert files_of(repository, code.version).keys() == {"one.py"}


@pytest.mark.parametrize(
    "command", [["ls"], ["python", "-c", "1"], ["python", "/usr/lib/x.py"], ["python", "-m", "pip"]]
)
def test_without_source_nothing_is_recorded(repository, tmp_path, command):
    (tmp_path / "other.py").write_bytes(b"x")
    code = record_code(repository, tmp_path, command=command)
    assert code.version is None
    assert "no source" in code.notes[0]


def test_without_git_a_module_or_a_makefile_is_source(repository, tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "train.py").write_bytes(b"x")
    code = record_code(repository, tmp_path, command=["python", "-m", "pkg.train"], as_="pkg")
    assert "pkg/train.py" in files_of(repository, code.version)


def test_a_folder_that_git_ignores_is_recorded_without_git(repository, checkout):
    (checkout / "secret").mkdir()
    (checkout / "secret" / "a.py").write_bytes(b"x")
    code = record_code(repository, checkout / "secret", command=["python", "a.py"])
    assert str(code.version) == "algorithm/secret:v1"
    assert "git ignores" in code.notes[0]


def test_a_removed_asset_is_said_and_breaks_nothing(repository, checkout):
    record_code(repository, checkout)
    repository.remove_asset("algorithm/code")
    code = record_code(repository, checkout)
    assert code.version is None
    assert "removed" in code.notes[-1]


def test_secrets_in_changes_are_not_shown_in_the_diff(repository, checkout):
    token = "ghp_" + "a1B2" * 9
    (checkout / "train.py").write_text(f"token = '{token}'\n")
    code = record_code(repository, checkout)
    assert token not in code.version.source["changes"]["diff"]
    assert "[redacted]" in code.version.source["changes"]["diff"]


names = st.sampled_from(["a", "b", "a/c", "a/d/e", "b/c", "z.py", "m-n", "m/n"])
kinds = st.sampled_from([EntryKind.FILE, EntryKind.EXECUTABLE, EntryKind.SYMLINK])
trees = st.dictionaries(names, st.builds(SourceFile, st.binary(max_size=4), kinds), max_size=6).map(
    lambda files: {
        path: file
        for path, file in files.items()
        if not any(path.startswith(other + "/") for other in files)
    }
)


@settings(max_examples=60, deadline=None)
@given(trees, trees)
def test_a_tree_laid_over_another_is_as_stored_at_once(tmp_path_factory, old, new):
    folder = tmp_path_factory.mktemp("stores")
    with ContentStore.create(folder / "one") as store:
        base = put_changed(store, None, old)
        changes = {path: None for path in old if path not in new} | new
        digest = None if base is None else base.digest
        assert put_changed(store, digest, changes) == put_changed(store, None, new)


def test_git_itself_agrees_on_what_changed(repository, checkout):
    """What counts is what ``git stash create -u`` would keep, but for what the rules leave out."""
    (checkout / "train.py").write_bytes(b"x\n")
    (checkout / "lib" / "new.py").write_bytes(b"y\n")
    (checkout / "lib" / "model.py").rename(checkout / "lib" / "moved.py")
    code = record_code(repository, checkout)
    copy = checkout.parent / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    commit = commit_all(copy)
    listed = git(copy, "ls-tree", "-r", "-z", "--name-only", commit).rstrip("\0").split("\0")
    tree = repository.tree(code.version)
    assert sorted(leaf.path for leaf in tree.walk()) == sorted(listed)
    for path in listed:
        blob = subprocess.run(
            ["git", "-C", copy, "show", f"{commit}:{path}"], capture_output=True, check=True
        )
        assert tree.open(path).read() == blob.stdout


def test_limits_have_the_stated_defaults():
    assert (DEFAULT_LIMITS.file, DEFAULT_LIMITS.total) == (1 << 20, 100 << 20)
