"""What a run happens in: packages of real interpreters, the machine, containers, who and where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

import pytest
from git_histories import git

from omprov.capture._environment import (
    _packages,
    describe_environment,
    describe_host,
    find_interpreter,
)
from omprov.capture._environment._containers import describe_container
from omprov.capture._parameters import find_invocation
from omprov.diff import MemoryTree, compare


@pytest.fixture
def other_python(tmp_path):
    """Make an environment with one package and one that is editable."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
    )
    add_package(site, "Some_Package", "1.2")
    return python, site


def add_package(site, name, version, direct=None):
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if direct is not None:
        (folder / "direct_url.json").write_text(json.dumps(direct))


def test_our_own_packages_are_those_that_python_knows():
    found = describe_environment(sys.executable)
    known = {}
    for one in metadata.distributions():
        known.setdefault(
            one.metadata["Name"].lower().replace("_", "-").replace(".", "-"), one.version
        )
    assert found.content["packages"] == known
    assert found.content["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found.notes == ()


def test_another_interpreter_is_asked_for_its_own(other_python):
    python, _ = other_python
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    found = describe_environment(str(python), environ=environ)
    assert found.content["packages"] == {"some-package": "1.2"}
    assert found.content["manager"] == "venv"
    assert found.facts["prefix"] == str(python.parent.parent)


def test_what_was_found_out_is_kept_until_something_changes(other_python, tmp_path, monkeypatch):
    python, site = other_python
    cache = tmp_path / "cache"
    first = describe_environment(str(python), cache=cache, environ={})
    asked = []
    answer = _packages._answer
    monkeypatch.setattr(_packages, "_answer", lambda *a: asked.append(a) or answer(*a))
    assert describe_environment(str(python), cache=cache, environ={}) == first
    assert asked == []
    add_package(site, "another", "3")
    os.utime(site, ns=(1, 1))
    second = describe_environment(str(python), cache=cache, environ={})
    assert second.content["packages"] == {"another": "3", "some-package": "1.2"}
    assert len(asked) == 1
    assert json.dumps(dict(second.content)) == json.dumps(
        dict(describe_environment(str(python), environ={}).content)
    )


@pytest.mark.parametrize("content", [b"", b"[]", b'{"stamps": 1}', b"\xff"])
def test_a_damaged_cache_counts_as_none(other_python, tmp_path, content):
    python, _ = other_python
    cache = tmp_path / "cache"
    first = describe_environment(str(python), cache=cache, environ={})
    for path in cache.iterdir():
        path.write_bytes(content)
    assert describe_environment(str(python), cache=cache, environ={}) == first


def test_a_cache_that_cannot_be_written_is_done_without(other_python, tmp_path):
    python, _ = other_python
    (tmp_path / "file").write_bytes(b"")
    found = describe_environment(str(python), cache=tmp_path / "file" / "cache", environ={})
    assert found.content["packages"] == {"some-package": "1.2"}


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho no json\n"])
def test_an_interpreter_that_gives_no_answer_is_said(tmp_path, text):
    python = tmp_path / "python"
    python.write_text(text)
    python.chmod(0o755)
    found = describe_environment(str(python), environ={})
    assert "packages" not in found.content
    assert "did not say" in found.notes[0]
    assert "system" in found.content


def test_packages_from_checkouts_are_known_by_their_commit(other_python, tmp_path):
    python, site = other_python
    checkout = tmp_path / "lib"
    (checkout / "sub").mkdir(parents=True)
    (checkout / "sub" / "a.py").write_bytes(b"x")
    git(checkout, "init", "-q")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "m")
    url = f"file://{checkout}/sub"
    add_package(site, "mine", "0", {"url": url, "dir_info": {"editable": True}})
    add_package(site, "copied", "0", {"url": url, "dir_info": {}})
    pinned = {"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": "ab12"}}
    add_package(site, "pinned", "0", pinned)
    found = describe_environment(str(python), environ={})
    commit = git(checkout, "rev-parse", "HEAD")
    assert found.content["sources"] == {
        "mine": {"editable": True, "commit": commit},
        "pinned": {"commit": "ab12"},
    }
    assert found.facts["editable"] == {"mine": f"{checkout}/sub"}
    own = describe_environment(str(python), environ={}, code=checkout)
    assert own.content["sources"]["mine"] == {"editable": True}


def test_it_says_the_same_each_time_and_the_measure_reads_it():
    first, second = describe_environment(sys.executable), describe_environment(sys.executable)
    texts = [json.dumps(dict(one.content), sort_keys=True) for one in (first, second)]
    assert texts[0] == texts[1]
    changed = {**first.content, "packages": {**first.content["packages"], "new": "1"}}
    difference = compare(
        MemoryTree({"environment.json": texts[0].encode()}),
        MemoryTree({"environment.json": json.dumps(changed).encode()}),
        "packages",
    )
    assert (difference.amount, difference.note) == (1, "")


def test_the_machine_is_described():
    content = describe_environment(None).content
    assert content["system"]["name"] == os.uname().sysname
    assert content["cpu"]["count"] == os.cpu_count()
    assert content["memory_gib"] >= 1
    assert "packages" not in content


CONTAINER = "a1" * 32


@pytest.mark.parametrize(
    ("files", "environ", "same", "own"),
    [
        ({}, {}, {}, {}),
        ({".dockerenv": ""}, {}, {"kind": "docker"}, {}),
        ({".dockerenv": ""}, {"CONTAINER_IMAGE": "x:1"}, {"kind": "docker", "image": "x:1"}, {}),
        ({"proc/1/cgroup": f"0::/docker/{CONTAINER}\n",
          "proc/self/cgroup": f"0::/docker/{CONTAINER}\n"}, {}, {"kind": "docker"},
         {"id": CONTAINER}),
        ({"run/.containerenv": 'engine="podman"\nid="abc"\nimage="docker.io/x:2"\n'}, {},
         {"kind": "podman", "image": "docker.io/x:2"}, {"id": "abc"}),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {"kind": "kubernetes"}, {}),
        ({}, {"APPTAINER_CONTAINER": "/x.sif"}, {"kind": "apptainer", "image": "/x.sif"}, {}),
    ],
)  # fmt: skip
def test_containers(tmp_path, files, environ, same, own):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert describe_container(environ, tmp_path) == (same, own)


def test_who_and_where(tmp_path):
    environ = {
        "CUDA_VISIBLE_DEVICES": "0",
        "OMP_NUM_THREADS": "4",
        "SLURM_JOB_ID": "7",
        "RANK": "1",
        "HF_TOKEN": "abc",
        "HOME": "/x",
        "AWS_SECRET_ACCESS_KEY": "abc",
        "PYTHONPATH": "x\udce9",
        "EMPTY": "",
    }
    said = describe_host(tmp_path, python="/x/python", environ=environ)
    assert said["variables"] == {
        "CUDA_VISIBLE_DEVICES": "0",
        "HF_TOKEN": "[redacted]",
        "OMP_NUM_THREADS": "4",
        "PYTHONPATH": "x\\udce9",
        "RANK": "1",
        "SLURM_JOB_ID": "7",
    }
    assert (said["folder"], said["python"]) == (str(tmp_path), "/x/python")
    assert said["cpus"] == len(os.sched_getaffinity(0))
    json.dumps(said).encode()


def test_a_user_without_a_name(tmp_path, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987_654)
    assert describe_host(tmp_path)["user"] == "987654"


def interpreter(words, folder, **environ):
    return find_interpreter(find_invocation(words.split()), folder, environ)


def test_the_interpreter_of_a_command(other_python, tmp_path):
    python, _ = other_python
    scripts = python.parent
    path = f"{scripts}:/usr/bin:/bin"
    assert interpreter("python t.py", tmp_path, PATH=path) == str(scripts / "python")
    assert interpreter(f"{python} t.py", tmp_path, PATH="/bin") == str(python)
    assert interpreter("env/bin/python t.py", tmp_path, PATH="/bin") == str(python)
    assert interpreter("bash run.sh", tmp_path, PATH=path) == str(scripts / "python3")
    assert interpreter("bash run.sh", tmp_path, PATH="/nowhere") is None
    program = scripts / "torchrun"
    program.write_text(f"#!{sys.executable}\nprint()\n")
    program.chmod(0o755)
    assert interpreter("torchrun t.py", tmp_path, PATH=path) == sys.executable
    program.write_text("#!/usr/bin/env python3\n")
    assert interpreter("nice torchrun t.py", tmp_path, PATH=path) == str(scripts / "python3")
    program.write_text(f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n")
    assert interpreter("torchrun t.py", tmp_path, PATH=path) == sys.executable


def test_the_interpreter_of_an_environment_that_is_entered(other_python, tmp_path):
    python, _ = other_python
    project = tmp_path / "project" / "deep"
    project.mkdir(parents=True)
    shutil.copytree(python.parent.parent, tmp_path / "project" / ".venv", symlinks=True)
    inside = str(tmp_path / "project" / ".venv" / "bin" / "python")
    assert interpreter("uv run t.py", project, PATH="/usr/bin") == inside
    assert interpreter("poetry run python t.py", project, PATH="/usr/bin") == inside
    shutil.copytree(python.parent.parent, tmp_path / "conda" / "envs" / "e", symlinks=True)
    conda = str(tmp_path / "conda" / "bin" / "conda")
    entered = str(tmp_path / "conda" / "envs" / "e" / "bin" / "python")
    for words in ("conda run -n e python t.py", "conda run --name=e python t.py"):
        assert interpreter(words, tmp_path, PATH="/usr/bin", CONDA_EXE=conda) == entered


def test_the_probe_runs_in_any_interpreter_at_hand():
    others = {shutil.which(name, path="/usr/bin:/usr/local/bin") for name in ("python3",)}
    for python in filter(None, others):
        found = describe_environment(python, environ={"PATH": "/usr/bin"})
        said = subprocess.run([python, "-V"], capture_output=True, check=True, text=True).stdout
        assert found.content["python"] == said.split()[1]
    assert sysconfig.get_python_version()
