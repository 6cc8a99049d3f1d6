"""`omprov import tensorboard`: every folder with event files becomes one run, once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omprov.capture._tensorboard import _importing
from omprov.capture._tensorboard._importing import import_tensorboard, metrics_of_event_files
from omprov.errors import InvalidInput, NotFound
from omprov.records import RunStatus

LOGS = Path(__file__).parent / "fixtures" / "logs"
BEGIN = 1_750_000_000


@pytest.fixture
def logs(tmp_path):
    return Path(shutil.copytree(LOGS, tmp_path / "logs"))


def states(imported):
    return {one.folder: (one.state, one.points) for one in imported}


def curve(repository, run, name):
    with repository._reading() as reader:
        return [(step, value) for step, value, _ in reader.metric_points(run, name)]


def test_a_run_has_its_metrics_parameters_times_and_event_files(repository, logs):
    imported = import_tensorboard(repository, logs)
    assert states(imported) == {"baseline": ("new", 8), "deep/er": ("new", 1)}
    run = repository.get_run(imported[0].run)
    assert run.name == "baseline"
    assert run.status is RunStatus.SUCCEEDED
    assert run.params == {"lr": 0.1, "layers": 3, "act": "relu"}
    assert run.metrics == pytest.approx(
        {"loss": 0.2, "tensor": 0.25, "double": 0.1, "accuracy": 0.9}
    )
    assert curve(repository, run.id, "loss")[:2] == [(0, 1.0), (1, 0.5)]
    assert run.started == datetime.fromtimestamp(BEGIN + 4, UTC)  # when the writer opened it
    assert run.ended >= datetime.fromtimestamp(BEGIN + 114, UTC)
    version = run.outputs["summary"]
    assert str(version) == "summary/baseline:v1"
    copy = repository.local_copy(version)
    files = sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file())
    assert len(files) == 2
    assert files[0].startswith("1750000200/")
    assert (copy / files[1]).read_bytes() == next((logs / "baseline").glob("*tf*")).read_bytes()
    assert str(repository.get_run(imported[1].run).outputs["summary"]) == "summary/deep-er:v1"


def test_a_second_import_adds_nothing_even_from_elsewhere(repository, logs, tmp_path):
    first = import_tensorboard(repository, logs)
    position = len(repository.list_runs())
    moved = logs.rename(tmp_path / "moved")
    again = import_tensorboard(repository, moved)
    below = import_tensorboard(repository, moved / "deep")
    assert {one.state for one in (*again, *below)} == {"known"}
    assert [one.run for one in again] == [one.run for one in first]
    assert len(repository.list_runs()) == position == 2
    assert repository.get_version("summary/baseline").number == 1


def test_of_a_file_that_grew_only_the_new_points_are_added(repository, logs):
    path = next((logs / "deep" / "er").glob("*tf*"))
    other = next((logs / "baseline").glob("*tf*")).read_bytes()
    (first,) = import_tensorboard(repository, logs / "deep")
    with path.open("ab") as file:
        file.write(other[:-30])  # the last record is not whole yet
    (grown,) = import_tensorboard(repository, logs / "deep")
    assert (grown.state, grown.points, grown.run) == ("grown", 7, first.run)
    assert len(curve(repository, first.run, "loss")) == 1 + 5
    with path.open("ab") as file:
        file.write(other[-30:])
    (last,) = import_tensorboard(repository, logs / "deep")
    assert (last.state, last.points) == ("grown", 0)
    assert import_tensorboard(repository, logs / "deep")[0].state == "known"
    newest = repository.get_version("summary/er")
    assert newest.number == 3
    assert newest.source["tensorboard"]["run"] == first.run
    held = repository.local_copy(newest) / path.name
    assert held.read_bytes() == path.read_bytes()


def test_an_import_that_broke_between_version_and_points_goes_on(repository, logs, monkeypatch):
    path = next((logs / "deep" / "er").glob("*tf*"))
    import_tensorboard(repository, logs / "deep")
    with path.open("ab") as file:
        file.write(next((logs / "baseline").glob("*tf*")).read_bytes())

    def no_power(*args, **facts):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(repository, "add_to_run", no_power)
        with pytest.raises(KeyboardInterrupt):
            import_tensorboard(repository, logs / "deep")
    (grown,) = import_tensorboard(repository, logs / "deep")
    assert (grown.state, grown.points) == ("grown", 7)
    assert repository.get_version("summary/er").number == 2


def test_a_file_written_over_is_left_alone(repository, logs):
    import_tensorboard(repository, logs)
    path = next((logs / "baseline").glob("*tf*"))
    path.write_bytes(path.read_bytes()[:100])
    assert states(import_tensorboard(repository, logs))["baseline"] == ("known", 0)


def test_a_folder_where_nothing_was_logged_yet_is_no_run(repository, tmp_path):
    path = tmp_path / "logs" / "new" / "events.out.tfevents.1.host.1.0"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    (one,) = import_tensorboard(repository, tmp_path / "logs")
    assert (one.state, one.run) == ("empty", None)
    path.write_bytes(next((LOGS / "baseline").glob("*tf*")).read_bytes())
    (one,) = import_tensorboard(repository, tmp_path / "logs")
    assert (one.state, one.points) == ("new", 7)


def test_versions_of_one_summary_on_request(repository, logs):
    import_tensorboard(repository, logs, asset="summary/all")
    assert [version.number for version in repository.list_versions("summary/all")] == [2, 1]
    with pytest.raises(InvalidInput, match="summary/NAME"):
        import_tensorboard(repository, logs, asset="model/all")


def test_what_is_not_there_is_not_found(repository, tmp_path):
    with pytest.raises(NotFound):
        import_tensorboard(repository, tmp_path / "nowhere")
    with pytest.raises(NotFound, match="tfevents"):
        import_tensorboard(repository, tmp_path)


def test_imports_at_the_same_time_import_everything_once(repository, logs):
    program = (
        "import sys; from omprov.repository import Repository; from datetime import *;"
        "from omprov.capture._tensorboard._importing import import_tensorboard;"
        "from pathlib import Path;"
        "r = Repository.open(Path(sys.argv[1]), who='b', clock=lambda: datetime.now(UTC));"
        "import_tensorboard(r, sys.argv[2]); r.close()"
    )
    words = [sys.executable, "-c", program, str(repository.path), str(logs)]
    processes = [subprocess.Popen(words) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(repository.list_runs()) == 2


def test_metrics_of_files_of_which_some_are_event_files(tmp_path):
    (tmp_path / "model.bin").write_bytes(bytes(100))
    points = metrics_of_event_files([tmp_path / "model.bin", *sorted(LOGS.rglob("*tfevents*"))])
    assert len(points) == 7 + 1 + 1
    assert points[0].name == "accuracy"
    assert {point.time.tzinfo for point in points} == {UTC}
    assert _importing._time(float("inf")) is None
    assert _importing._time(1e300) is None
