"""What `import omprov` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import omprov
from omprov.errors import NotFound, Unavailable


def test_the_front_door_is_small():
    assert sorted(omprov.__all__) == [
        "ActiveRun",
        "Kind",
        "OmprovError",
        "Output",
        "Policy",
        "Reference",
        "Repository",
        "__version__",
        "active_run",
        "add_version",
        "autolog",
        "connect",
        "difference",
        "get_version",
        "run",
        "start_run",
    ]
    assert all(getattr(omprov, name) is not None for name in omprov.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = omprov.nonsense


def test_importing_loads_nothing_heavy():
    program = "import omprov, sys; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"numpy", "sqlalchemy", "click", "rich", "pyroaring"} & set(loaded)


def test_the_graph_room_stands_alone():
    program = "import omprov.graph, sys; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"sqlalchemy", "blake3", "zstandard", "omprov.catalog"} & set(loaded)


def test_connect_finds_the_nearest_repository_upwards(tmp_path, monkeypatch):
    monkeypatch.delenv("OMPROV_URL", raising=False)
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    with pytest.raises(NotFound, match="omprov init"):
        omprov.connect(create=False)
    with omprov.connect() as made:
        assert made.path == tmp_path / ".omprov"
        assert (made.path / ".gitignore").read_text() == "*\n"
    with omprov.connect(create=False) as found:
        assert found.path == tmp_path / ".omprov"
    monkeypatch.setenv("OMPROV_URL", str(tmp_path / "elsewhere"))
    with omprov.connect() as elsewhere:
        assert elsewhere.path == tmp_path / "elsewhere" / ".omprov"


def test_a_server_is_no_folder():
    with pytest.raises(Unavailable, match="not on servers"):
        omprov.connect("https://example.org")


def test_a_script_records_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("OMPROV_URL", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    omprov.add_version("dataset/d", {"x.txt": b"1 2 3"})
    (tmp_path / "out").mkdir()
    with omprov.start_run("train", params={"lr": 0.1}) as run:
        data = run.use("dataset/d")
        numbers = (data.path / "x.txt").read_text().split()
        for number in numbers:
            run.log_metric("loss", 1 / float(number))
        (tmp_path / "out" / "weights").write_text("42")
        run.log_output("model/m", "out")
        run.set_tag("by", "hand")
    model = omprov.get_version("model/m")
    assert model.reference == "model/m:v1"
    assert model.open("weights").read() == b"42"
    assert model.inherits == []
    assert run.recorded is not None
    assert run.recorded.metrics == {"loss": pytest.approx(1 / 3)}
    assert {str(v) for v in model.lineage().versions} >= {
        "model/m:v1",
        "dataset/d:v1",
        "params/m:v1",
        "environment/m:v1",
    }
    with pytest.raises(omprov.OmprovError, match="not running"):
        run.log_metric("loss", 0)


def test_a_run_that_raises_is_recorded_as_failed(tmp_path, monkeypatch):
    monkeypatch.setenv("OMPROV_URL", str(tmp_path / "other"))
    with pytest.raises(ZeroDivisionError), omprov.start_run("bad") as run:
        run.log_params({"depth": 1 / 0})
    assert run.recorded is not None
    assert run.recorded.status == "failed"
    assert run.recorded.message == "ZeroDivisionError: division by zero"
