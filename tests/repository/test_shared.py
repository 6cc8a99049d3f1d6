"""A repository whose catalog is in a database that many use, and whose content is in a bucket."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from provenance_oracle import Oracle
from sqlalchemy import event

from omprov.errors import Conflict, InvalidInput, NotFound, Unavailable
from omprov.interop.mlflow._artifacts import open_artifact, store_artifact
from omprov.repository import CommitVersion, MetricPoint, Output, Repository, RunUpdate

NOW = datetime(2026, 1, 1, tzinfo=UTC)

STARTER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from omprov.repository import Repository
with Repository.open_shared(
    Path(sys.argv[1]), catalog=sys.argv[2], who="w", clock=lambda: datetime.now(UTC)
) as repository:
    print(*(project.id for project in repository.list_projects()))
"""


@pytest.fixture
def bucket(tmp_path):
    return (tmp_path / "bucket").as_uri()


@pytest.fixture
def machine(tmp_path, pg_url, clock, bucket):
    """Open the repository as another machine would: with a folder of its own."""
    with ExitStack() as opened:

        def open_there(name, **more):
            settings = {"catalog": pg_url, "content": bucket} | more
            return opened.enter_context(
                Repository.open_shared(tmp_path / name, who=name, clock=clock, **settings)
            )

        yield open_there


def test_four_workers_who_start_at_once_make_one_repository(tmp_path, pg_empty_url):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", STARTER, tmp_path / folder, pg_empty_url],
            stdout=subprocess.PIPE,
            text=True,
        )
        for folder in ("a", "a", "b", "c")
    ]
    said = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert len(set(said)) == 1
    assert len(said[0].split()) == 1


def test_what_one_machine_records_another_reads(machine):
    one, other = machine("one"), machine("other")
    with pytest.raises(NotFound):
        other.get_version("dataset/d")
    one.add_version("dataset/d", {"f": b"1"})
    assert other.open_file("dataset/d:v1", "f").read() == b"1"
    other.add_version("dataset/d", {"f": b"1", "g": b"2"})
    assert one.open_file("dataset/d:v2", "g").read() == b"2"
    for repository, data in ((one, "v1"), (other, "v2")):
        repository.record_run(
            inputs={"dataset": f"dataset/d:{data}"}, outputs={"model": Output("model/m")}
        )
    assert [str(edge.older) for edge in one.inherits("model/m:v2")] == ["model/m:v1"]
    Oracle(one).check()
    assert one.check() == other.check() == []


def test_all_that_a_transaction_names_is_in_the_bucket_before(machine, clock, tmp_path):
    one = machine("one")
    digests = []
    parent = one.add_version("algorithm/a", {"a.py": b"1"}).version
    digests.append(parent.digest)
    child = one.content.put_files({"a.py": b"2"})
    digests.append(one.add_child(parent, child).version.digest)
    commit = one.content.put_files({"a.py": b"3"})
    made = CommitVersion("ab" * 20, commit, {}, "m", "ann", clock())
    one.add_commits("algorithm/git", [made], {"ab" * 20: "ab" * 20}, {})
    digests.append(commit.digest)
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "log").write_text("said")
    run = one.record_run(
        inputs={"algorithm": parent},
        outputs={"model": Output("model/m", {"w": b"4"})},
        params={"lr": 1},
        environment={"python": "3"},
    )
    one.update_run(run.id, RunUpdate(files=tmp_path / "left"))
    run = one.get_run(run.id)
    digests += [v.digest for v in (*run.inputs.values(), *run.outputs.values())]
    digests += run.files.values()
    assert len(set(digests)) == 7
    shutil.rmtree(one.path / "content" / "packs")
    other = machine("other")
    for digest in digests:
        assert all(
            other.content.open_file(digest, f.path).read() for f in other.content.iter_files(digest)
        )


def test_artifacts_of_mlflow_are_in_the_bucket_before_they_are_named(machine):
    here, there = machine("here"), machine("there")
    path = "1/models/m-1/artifacts/weights.bin"
    store_artifact(here, path, b"seven")
    assert b"".join(open_artifact(there, path).read()) == b"seven"


def test_nothing_is_recorded_while_the_bucket_cannot_be_reached(machine, tmp_path):
    one = machine("one")
    one.add_version("dataset/d", {"f": b"1"})
    shutil.move(tmp_path / "bucket", tmp_path / "away")
    (tmp_path / "bucket").write_text("in the way")
    with pytest.raises((Unavailable, Conflict)):
        one.add_version("dataset/d", {"f": b"2"})
    (tmp_path / "bucket").unlink()
    shutil.move(tmp_path / "away", tmp_path / "bucket")
    assert len(one.list_versions("dataset/d")) == 1
    assert one.add_version("dataset/d", {"f": b"2"}).created


def test_content_that_is_nowhere_cannot_be_named(machine):
    one, other = machine("one"), machine("other")
    stored = other.content.put_files({"f": b"not sent"})
    with pytest.raises(NotFound, match="before what names it"):
        one.add_version("dataset/d", stored)
    other.add_version("dataset/d", stored)
    assert not one.add_version("dataset/d", stored).created


def test_collecting_empties_the_stage_of_what_the_bucket_has(machine):
    one = machine("one")
    one.add_version("dataset/d", {"f": b"1"})
    assert one.content.size() > 0
    one.collect(grace=timedelta(0))
    assert one.content.size() == 0
    assert one.open_file("dataset/d", "f").read() == b"1"
    one.add_version("dataset/d", {"f": b"1", "g": b"2"})
    assert machine("other").open_file("dataset/d:v2", "f").read() == b"1"


def test_a_bucket_that_is_given_later_gets_all_there_is(machine):
    machine("one", content=None).add_version("dataset/d", {"f": b"1"})
    machine("one")
    assert machine("other").open_file("dataset/d", "f").read() == b"1"


def test_content_goes_to_a_bucket_that_speaks_s3(machine, s3_url, s3_options):
    one = machine("one", content=s3_url, options=s3_options)
    other = machine("other", content=s3_url, options=s3_options)
    one.add_version("dataset/d", {"f": b"1"})
    assert other.open_file("dataset/d", "f").read() == b"1"


def test_a_folder_serves_one_catalog(tmp_path, clock, pg_url, machine, pg_server):
    machine("one")
    with pg_server.database() as another, pytest.raises(Conflict, match="another repository"):
        machine("one", catalog=another)
    Repository.create(tmp_path / "own", who="ada", clock=clock).close()
    with pytest.raises(Conflict, match="a catalog of its own"):
        machine("own")


def test_two_schemas_of_one_database_are_two_repositories(tmp_path, clock, pg_empty_url):
    with ExitStack() as opened:
        first, second = (
            opened.enter_context(
                Repository.open_shared(
                    tmp_path / name,
                    catalog=f"{pg_empty_url}&options=-csearch_path%3D{name}",
                    who="ada",
                    clock=clock,
                )
            )
            for name in ("first", "second")
        )
        first.add_version("dataset/d", {"f": b"1"})
        assert second.list_assets() == []
        second.add_version("dataset/e", {"f": b"1"})
        assert [str(asset.name) for asset in first.list_assets()] == ["dataset/d"]
        assert first.check() == second.check() == []


def test_a_backup_is_restored_as_a_repository_of_its_own(machine, tmp_path, clock):
    one = machine("one", content=None)
    one.add_version("dataset/d", {"f": b"1"})
    one.record_run(inputs={"dataset": "dataset/d"}, outputs={"model": Output("model/m")})
    one.back_up(str(tmp_path / "vault"))
    Repository.restore(str(tmp_path / "vault"), tmp_path / "new")
    with Repository.open(tmp_path / "new", who="eve", clock=clock) as restored:
        assert restored.get_version("model/m") == one.get_version("model/m")
        assert restored.list_runs() == one.list_runs()
        assert restored.open_file("dataset/d", "f").read() == b"1"
        assert restored.check() == []


def test_what_lies_in_a_bucket_is_not_backed_up_in_part(machine, tmp_path):
    with pytest.raises(InvalidInput, match="pg_dump"):
        machine("one").back_up(str(tmp_path / "vault"))


def statements(repo, call):
    said = []

    def note(*given):
        said.append(given[2])

    event.listen(repo._catalog._engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(repo._catalog._engine, "before_cursor_execute", note)
    return len(said)


def test_the_number_of_statements_does_not_grow_with_what_is_asked_for(machine):
    """Each is a round trip to the server."""
    one = machine("one", content=None)
    one.add_version("dataset/d", {"f": b"1"})

    def record(count=1):
        points = [MetricPoint(f"m{n}", 0, 0.5, NOW) for n in range(count)]
        inputs = {f"dataset.{n}": "dataset/d" for n in range(3)}
        params = {f"p{n}": n for n in range(count)}
        outputs = {"model": Output("model/m")}
        one.record_run(inputs=inputs, outputs=outputs, params=params, points=points)

    record()
    record(2)
    few = statements(one, lambda: record(3))
    assert statements(one, lambda: record(200)) == few < 50
    few = statements(one, lambda: one.list_runs(limit=2))
    for _ in range(5):
        record()
    assert statements(one, one.list_runs) == few <= 9
    few = statements(one, lambda: one.list_versions("model/m", limit=2))
    assert statements(one, lambda: one.list_versions("model/m")) == few <= 3
    assert statements(one, one.list_assets) <= 1
