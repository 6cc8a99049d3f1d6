"""Which files count: each rule, their order, and the two settings that change them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from git_histories import ENVIRONMENT
from watched_scripts import place_in

from omprov.capture._accesses import Accesses
from omprov.capture._watching._rules import Verdict, apply_rules, make_rules, split_patterns
from omprov.capture._watching._watched import Watched
from omprov.errors import InvalidInput

READ = Verdict(True, "read by the run")
WRITTEN = Verdict(True, "written by the run")


class Judging:
    """Judges single files below a root, in a home of its own."""

    def __init__(self, root, home, **settings) -> None:
        self.variables = {"HOME": str(home), "TMPDIR": "/nowhere"}
        self.root = root
        self.settings = settings

    def reads(self, *paths, back=(), prefixes=()):
        watched = Watched(
            Accesses(dict.fromkeys(map(str, paths), "python")),
            read_back=dict.fromkeys(map(str, back), "python"),
            prefixes=frozenset(prefixes),
        )
        rules = make_rules(self.root, variables=self.variables, **self.settings)
        return apply_rules(watched, rules).reads

    def read(self, path, **more):
        return self.reads(path, **more)[str(path)]

    def written(self, path):
        watched = Watched(Accesses(writes={str(path): "python"}))
        rules = make_rules(self.root, variables=self.variables, **self.settings)
        return apply_rules(watched, rules).writes[str(path)]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path.resolve() / "home" / "work"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def judge(root):
    return Judging(root, root.parent)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (".omprov/catalog.db", "omprov"),
        (".git/config", "git"),
        (".ssh/id", "secret"),
        (".env", "secret"),
        (".env.local", "secret"),
        ("certificate.pem", "secret"),
        ("kaggle.json", "secret"),
        ("lib/site-packages/x/data.csv", "python installation"),
        ("web/node_modules/x.json", "python installation"),
        ("mlruns/0/meta.yaml", "other trackers"),
        ("wandb/run/log", "other trackers"),
        ("a/__pycache__/b.pyc", "cache"),
        (".mypy_cache/x", "cache"),
        ("old.pyc", "cache"),
        ("native.so", "shared library"),
        ("libx.so.1.2", "shared library"),
        ("data.lock", "lock or editor file"),
        ("notes.txt~", "lock or editor file"),
        ("pyproject.toml", "settings of tools"),
        ("requirements-dev.txt", "settings of tools"),
        ("train.py", "source"),
        ("run.sh", "source"),
    ],
)
def test_files_below_the_root_that_are_no_data(judge, root, name, rule):
    assert judge.read(root / name) == Verdict(False, rule)


@pytest.mark.parametrize("name", ["data/a.csv", "x", "config.yaml", "a.json", "environment/x.csv"])
def test_files_below_the_root_that_are(judge, root, name):
    assert judge.read(root / name) == READ
    assert judge.written(root / name) == WRITTEN


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/usr/share/zoneinfo/UTC", "system"),
        ("/etc/hosts", "system"),
        ("/proc/meminfo", "system"),
        ("/tmp/tmpabc/x", "temporary"),
        ("/dev/shm/x", "temporary"),
        ("/nowhere/x", "temporary"),
    ],
)
def test_files_of_the_system_are_left(judge, path, rule):
    assert judge.read(path) == Verdict(False, rule)
    assert judge.written(path) == Verdict(False, rule)


def test_a_root_inside_a_system_or_temporary_folder_is_a_root(root):
    for place in ("/usr/src/app", "/tmp/work", "/home/x/.local/work"):
        judge = Judging(place, root.parent)
        assert judge.read(f"{place}/data/a.csv") == READ
        assert judge.read(f"{place}/__pycache__/a.pyc") == Verdict(False, "cache")
    assert Judging("/usr/src/app", root.parent).read("/usr/src/b") == Verdict(False, "system")


def test_data_elsewhere_on_the_machine_counts(judge):
    assert judge.read("/data/imagenet/n01/a.jpg") == READ
    assert judge.read("/data/corpus/program.py") == READ
    assert judge.read("/mnt/share/.cache/x") == Verdict(False, "cache")


def test_hidden_folders_of_the_home_are_settings_and_caches():
    judge = Judging("/home/ada/work", "/home/ada")
    assert judge.read("/home/ada/.config/x.ini") == Verdict(False, "user settings and caches")
    assert judge.read("/home/ada/.cache/pip/x") == Verdict(False, "cache")
    assert judge.read("/home/ada/data/x") == READ


def test_models_and_data_sets_of_hubs_are_inputs_and_no_outputs(judge, root):
    blob = root.parent / ".cache/huggingface/hub/models--bert/blobs/0123"
    assert judge.read(blob) == Verdict(True, "model hub")
    assert judge.written(blob) == Verdict(False, "cache")
    assert judge.read(root.parent / ".cache/torch/hub/checkpoints/r.pth") == Verdict(
        True, "model hub"
    )
    for name in ("huggingface/token", "huggingface/hub/models--bert/refs/main", "torch/x"):
        assert not judge.read(root.parent / ".cache" / name).taken


def test_what_a_run_fetched_from_a_hub_itself_is_an_input_all_the_same(judge, root):
    blob = root.parent / ".cache/huggingface/hub/models--bert/blobs/0123"
    own = root / "made"
    verdicts = judge.reads(back=[blob, own])
    assert verdicts == {
        str(blob): Verdict(True, "model hub"),
        str(own): Verdict(False, "written by the run"),
    }


def test_environments_are_known_by_what_lies_in_them(judge, root):
    for name, mark in (("venv", "pyvenv.cfg"), ("conda/envs/x", "conda-meta")):
        folder = root / name
        folder.mkdir(parents=True)
        (folder / mark).touch()
        assert judge.read(folder / "share/data.csv") == Verdict(False, "python installation")
    assert judge.read("/far/python/share/x", prefixes=["/far/python"]) == Verdict(
        False, "python installation"
    )


def test_a_root_that_is_an_environment_itself_still_holds_data(judge, root):
    (root / "pyvenv.cfg").touch()
    assert judge.read(root / "data/a.csv", prefixes=[str(root)]) == READ
    assert judge.read(root / "lib/python3/x.txt") == Verdict(False, "python installation")


def git(root, *words):
    subprocess.run(
        ["git", "-C", root, *words],
        env={**os.environ, **ENVIRONMENT},
        check=True,
        capture_output=True,
    )


def test_what_git_tracks_is_the_algorithm_when_read_and_an_output_when_written(judge, root):
    (root / "tiny.csv").write_text("1")
    (root / ".gitignore").write_text("corpus/\n")
    git(root, "init", "-q")
    git(root, "add", "tiny.csv")
    assert judge.read(root / "tiny.csv") == Verdict(False, "tracked by git")
    assert judge.written(root / "tiny.csv") == WRITTEN
    assert judge.read(root / "other.csv") == READ
    assert judge.read(root / "new.py") == Verdict(False, "source")
    assert judge.read(root / "corpus/program.py") == READ


def test_the_settings_are_stronger_than_the_rules_and_keep_than_ignore(root):
    judge = Judging(root, root.parent, ignore="*.log, data/raw/", keep="/tmp/mine/\ndata/raw/keep*")
    assert judge.read(root / "a/b.log") == Verdict(False, "capture.ignore")
    assert judge.read(root / "data/raw/x") == Verdict(False, "capture.ignore")
    assert judge.read(root / "data/raw/keep1") == Verdict(True, "capture.keep")
    assert judge.read("/tmp/mine/deep/x") == Verdict(True, "capture.keep")
    assert judge.read("/tmp/other") == Verdict(False, "temporary")
    assert judge.read(root / "x.csv") == READ


def test_patterns_may_begin_at_the_home(root, monkeypatch):
    monkeypatch.setenv("HOME", str(root.parent))
    judge = Judging(root, root.parent, keep="~/.mine/")
    assert judge.read(root.parent / ".mine/x") == Verdict(True, "capture.keep")


def test_patterns_are_apart_by_commas_or_lines():
    assert split_patterns(" a, b\n\nc,,") == ("a", "b", "c")


def test_a_pattern_that_cannot_be_read_is_refused_at_once(root):
    with pytest.raises(InvalidInput, match=r"capture\.keep"):
        make_rules(root, keep="a,!")


def test_of_a_real_run_only_its_data_counts(tmp_path):
    place = place_in(tmp_path)
    place.write("data/x.csv", "1")
    place.write("helper.py", "import json")
    place.script(
        "import helper, sqlite3, email.mime.text, zoneinfo\n"
        "open('data/x.csv').read(); open('out', 'w').write('x'); open('data/x.csv', 'a').write('y')"
    )
    judged = apply_rules(place.watched, make_rules(place.folder))
    x, out = str(place.folder / "data/x.csv"), str(place.folder / "out")
    assert set(judged.accesses.reads) == {x}
    assert set(judged.accesses.writes) == {x, out}
    assert judged.overwritten == {x}
    assert judged.reads[str(place.folder / "script.py")] == Verdict(False, "source")
    assert judged.reads[str(place.folder / "helper.py")] == Verdict(False, "source")
    assert judged.reads.keys() >= place.watched.accesses.reads.keys()
    assert sys.prefix in place.watched.prefixes
