"""What `import omprov` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import omprov
from omprov.errors import InvalidInput, NotFound, Unavailable


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


def test_a_server_has_a_folder_here_and_is_asked_only_when_needed(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with omprov.connect("http://127.0.0.1:1/") as repository:
        assert repository.path.parent == tmp_path / ".omprov" / "servers"
        assert repository.workspace.root == tmp_path
        with pytest.raises(Unavailable, match="cannot be reached"):
            repository.list_projects()
    with omprov.connect(repository.path) as again:
        assert again.path == repository.path
    assert (tmp_path / ".omprov" / ".gitignore").read_text() == "*\n"
    with omprov.connect(tmp_path) as beside:  # a repository of its own has room there
        assert beside.list_assets() == []


@pytest.mark.parametrize(
    "url", ["http://", "https://ada:secret@host", "https://host?x=1", "http://host:port"]
)
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(InvalidInput):
        omprov.connect(url)


def test_a_shared_catalog_is_opened_by_a_server_alone():
    with pytest.raises(Unavailable, match="omprov ui --catalog") as caught:
        omprov.connect("postgresql://ada:secret@host/db")
    assert "secret" not in str(caught.value)


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
