"""Events of the real client become runs, each once, whatever the order."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("openlineage.client")

from lineage_events import (
    as_json,
    code,
    event,
    failure,
    new_run,
    parent,
    read,
    schema,
    sql,
    version,
    write,
)
from lineage_serving import READER, TOKEN, open_new
from openlineage.client import OpenLineageClient
from openlineage.client.transport.http import (
    ApiKeyTokenProvider,
    HttpCompression,
    HttpConfig,
    HttpTransport,
)

from omprov.errors import Conflict, InvalidInput
from omprov.interop.openlineage._events import parse_event
from omprov.interop.openlineage._evidence import iter_events
from omprov.interop.openlineage._merging import take_event
from omprov.records import Kind, RunStatus


def client_of(url, endpoint="openlineage/api/v1/lineage", token=TOKEN, compression=None):
    return OpenLineageClient(
        transport=HttpTransport(
            HttpConfig(
                url=url,
                endpoint=endpoint,
                auth=ApiKeyTokenProvider({"apiKey": token}),
                compression=compression,
                retry={"total": 0},
            )
        )
    )


def take(repository, *events):
    return [take_event(repository, parse_event(as_json(one))) for one in events]


def post(url, body, path="lineage", headers=None):
    """Post bytes; return status and body."""
    request = urllib.request.Request(
        f"{url}/openlineage/api/v1/{path}",
        data=body,
        headers={"Authorization": f"Bearer {TOKEN}", **(headers or {})},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def whole_run(run=None, *, job="clean", inputs=("raw",), outputs=("clean",), start=0, labels=None):
    """Return START and COMPLETE of a run."""
    run = run or new_run()
    labels = labels or {}
    used = [read(one, version(labels[one]) if one in labels else None) for one in inputs]
    made = [write(one, version(labels[one]) if one in labels else None) for one in outputs]
    return run, [
        event("START", run, start, inputs=used, outputs=made, job=job),
        event("COMPLETE", run, start + 5, inputs=used, outputs=made, job=job),
    ]


def test_a_run_that_the_client_reports_is_recorded(lineage_repository, lineage_server):
    client = client_of(lineage_server)
    run, above = new_run(), new_run()
    used = read("shop.orders", {**version("17"), **schema("id")})
    client.emit(
        event("START", run, 0, inputs=[used], run_facets=parent(above), job_facets=code("c" * 40))
    )
    client.emit(event("COMPLETE", run, 5, inputs=[used], outputs=[write("shop.clean")]))
    found = lineage_repository.get_run(run)
    assert (found.name, found.status, found.parent) == ("clean", RunStatus.SUCCEEDED, above)
    assert (found.ended - found.started).total_seconds() == 300
    assert sorted(found.inputs) == ["algorithm", "dataset"]
    assert found.inputs["dataset"].asset.kind == Kind.DATASET
    assert found.inputs["dataset"].source["openlineage"]["version"] == "17"
    assert found.inputs["dataset"].source["openlineage"]["facets"]["schema"]["fields"]
    assert found.outputs["dataset"].run == run
    assert found.creator == "ana"
    content = lineage_repository.content
    with content.open_file(found.inputs["algorithm"].digest, "job.json") as file:
        assert json.loads(file.read())["version"] == "c" * 40


def test_packed_bodies_are_taken(lineage_repository, lineage_server):
    run, events = whole_run()
    client = client_of(lineage_server, compression=HttpCompression.GZIP)
    for one in events:
        client.emit(one)
    assert lineage_repository.get_run(run).status is RunStatus.SUCCEEDED


def test_events_come_to_the_project_of_their_path(lineage_repository, lineage_server):
    lineage_repository.add_project("shop")
    run, events = whole_run()
    client = client_of(lineage_server, "openlineage/shop/api/v1/lineage")
    for one in events:
        client.emit(one)
    assert lineage_repository.get_run(run).project == "shop"
    with pytest.raises(Conflict):
        take(lineage_repository, events[0])  # the same id, elsewhere


def test_who_may_not_write_is_told_so(lineage_repository, lineage_server):
    body = json.dumps(as_json(whole_run()[1][0])).encode()
    assert post(lineage_server, body, headers={"Authorization": "Bearer no"})[0] == 401
    assert post(lineage_server, body, headers={"Authorization": f"Bearer {READER}"})[0] == 403
    assert lineage_repository.list_runs() == []


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_the_order_of_arrival_changes_nothing_but_late_inputs(tmp_path, order):
    run = "0b8f2c1e-5d6f-4f57-9c35-0a4f1d7c9b11"
    used, made = [read("raw", version("1"))], [write("clean")]
    events = [
        event(
            "START", run, 0, inputs=used, run_facets=parent("1" * 8 + "-1111-4111-8111-" + "1" * 12)
        ),
        event("RUNNING", run, 1, job_facets=sql("select 1")),
        event("RUNNING", run, 2, run_facets=failure("not yet")),
        event("COMPLETE", run, 3, inputs=used, outputs=made, job_facets=sql("select 1")),
    ]
    with open_new(tmp_path) as repository:
        assert take(repository, *(events[at] for at in order)) == [True] * 4
        assert take(repository, *events) == [False] * 4
        found = repository.get_run(run)
        assert found.status is RunStatus.SUCCEEDED
        assert (found.started.minute, found.ended.minute) == (0, 3)
        assert found.parent is not None
        assert sorted(found.inputs) == ["algorithm", "dataset"]
        assert [str(one) for one in found.outputs.values()] == [
            "dataset/postgres_pdb_c5432_-_clean:v1"
        ]
        assert "problems" not in found.source
        kept = [one["eventType"] for one in iter_events(repository.content, found)]
        assert kept == ["START", "RUNNING", "RUNNING", "COMPLETE"]


def test_inputs_that_come_after_the_outputs_are_noted_and_change_nothing(lineage_repository):
    run = new_run()
    take(lineage_repository, event("COMPLETE", run, 5, outputs=[write("clean")]))
    before = lineage_repository.get_run(run)
    take(lineage_repository, event("START", run, 0, inputs=[read("raw")]))
    after = lineage_repository.get_run(run)
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    assert after.status is RunStatus.SUCCEEDED
    assert any("after the outputs" in one for one in after.source["problems"])
    assert lineage_repository.check() == []


def test_what_many_threads_send_at_once_is_recorded_once(lineage_repository):
    runs = [whole_run(labels={"raw": "7"}) for _ in range(4)]
    events = [parse_event(as_json(one)) for _, both in runs for one in both]
    barrier = threading.Barrier(8)

    def send(mine):
        barrier.wait()
        return sum(take_event(lineage_repository, one) for one in mine)

    with ThreadPoolExecutor(8) as pool:
        shuffled = [events[at:] + events[:at] for at in range(8)]
        new = sum(pool.map(send, shuffled))
    assert new == len(events)
    raw = lineage_repository.list_versions("dataset/postgres_pdb_c5432_-_raw")
    assert len(raw) == 1
    made = lineage_repository.list_versions("dataset/postgres_pdb_c5432_-_clean")
    assert sorted(one.run for one in made) == sorted(run for run, _ in runs)
    for run, _ in runs:
        found = lineage_repository.get_run(run)
        assert found.status is RunStatus.SUCCEEDED
        assert lineage_repository.journal_positions(run) == {"openlineage": 2}


def test_the_same_version_of_a_dataset_is_the_same_version(lineage_repository):
    for at, label in enumerate(["1", "2", "1"]):
        _, events = whole_run(start=10 * at, labels={"raw": label})
        take(lineage_repository, *events)
    runs = lineage_repository.list_runs()[::-1]
    used = [run.inputs["dataset"].number for run in runs]
    assert used == [1, 2, 1]
    made = [run.outputs["dataset"] for run in runs]
    assert [edge.older for edge in lineage_repository.inherits(made[1])] == [made[2]]
    assert [edge.older for edge in lineage_repository.inherits(made[2])] == [made[0]]
    assert lineage_repository.check() == []


def test_a_dataset_without_a_version_is_what_its_last_writer_left(lineage_repository):
    first, made = whole_run(start=0)
    second, more = whole_run(start=20)
    reader, events = whole_run(job="train", inputs=("clean",), outputs=("model",), start=10)
    take(lineage_repository, *made, *more, *events)  # told last, but it ran in between
    found = lineage_repository.get_run(reader)
    assert found.inputs["dataset"].run == first
    late, events = whole_run(job="train", inputs=("clean",), outputs=("model",), start=40)
    take(lineage_repository, *events)
    assert lineage_repository.get_run(late).inputs["dataset"].run == second


def test_a_dataset_that_nobody_wrote_gets_one_placeholder(lineage_repository):
    for start in (0, 10):
        take(lineage_repository, *whole_run(start=start)[1])
    runs = lineage_repository.list_runs()
    assert len({run.inputs["dataset"].id for run in runs}) == 1


def test_a_table_that_is_read_and_written_goes_on(lineage_repository):
    for start in (0, 10, 20):
        take(lineage_repository, *whole_run(inputs=("t",), outputs=("t",), start=start)[1])
    runs = lineage_repository.list_runs()[::-1]
    assert runs[1].inputs["dataset"] == runs[0].outputs["dataset"]
    assert runs[2].inputs["dataset"] == runs[1].outputs["dataset"]
    assert lineage_repository.check() == []


def test_several_datasets_have_roles_by_their_names(lineage_repository):
    run, events = whole_run(inputs=("b", "a"), outputs=("x", "y"))
    take(lineage_repository, *events)
    found = lineage_repository.get_run(run)
    assert sorted(found.inputs) == [
        "algorithm",
        "dataset.postgres_pdb_c5432_-_a",
        "dataset.postgres_pdb_c5432_-_b",
    ]
    assert len(found.outputs) == 2


def test_a_failure_says_why_and_makes_nothing(lineage_repository):
    run = new_run()
    take(
        lineage_repository,
        event("START", run, 0, inputs=[read("raw")], outputs=[write("clean")]),
        event("FAIL", run, 1, run_facets=failure("no such column: \0 oh")),
    )
    found = lineage_repository.get_run(run)
    assert (found.status, found.outputs) == (RunStatus.FAILED, {})
    assert found.message.startswith("no such column")
    take(lineage_repository, event("COMPLETE", run, 2, outputs=[write("clean")]))
    assert lineage_repository.get_run(run).status is RunStatus.SUCCEEDED
    assert len(lineage_repository.get_run(run).outputs) == 1


def test_the_end_is_what_the_latest_event_says(lineage_repository):
    run = new_run()
    take(lineage_repository, event("FAIL", run, 5), event("COMPLETE", run, 2))
    assert lineage_repository.get_run(run).status is RunStatus.FAILED


def test_code_that_changed_is_a_new_version_of_the_algorithm(lineage_repository):
    for start, query in ((0, "select 1"), (10, "select 2"), (20, "select 1")):
        run = new_run()
        facets = sql(query)
        take(
            lineage_repository,
            event("START", run, start, job_facets=facets),
            event("COMPLETE", run, start + 1, outputs=[write("t")]),
        )
    runs = lineage_repository.list_runs()[::-1]
    assert [run.inputs["algorithm"].number for run in runs] == [1, 2, 1]


def test_runs_that_omprov_recorded_itself_keep_the_events_and_change_nothing(lineage_repository):
    added = lineage_repository.add_version("dataset/digits", {"a": b"1"})
    own = lineage_repository.record_run(inputs={"dataset": added.version}, outputs={})
    take(lineage_repository, *whole_run(own.id)[1])
    after = lineage_repository.get_run(own.id)
    assert (after.name, after.inputs, after.outputs) == (own.name, own.inputs, own.outputs)
    assert len(list(iter_events(lineage_repository.content, after))) == 2


def test_long_streams_of_events_are_kept_in_several_trees(lineage_repository):
    run = new_run()
    events = [event("RUNNING", run, minute) for minute in range(103)]
    assert all(take(lineage_repository, *events))
    found = lineage_repository.get_run(run)
    assert sorted(found.files) == ["openlineage", "openlineage.2"]
    assert len(list(iter_events(lineage_repository.content, found))) == 103
    assert not any(take(lineage_repository, events[0], events[102]))


def test_events_of_datasets_and_jobs_alone_are_taken(lineage_repository, lineage_server):
    said = {
        "eventTime": "2024-05-01T10:00:00Z",
        "producer": "https://example.org",
        "schemaURL": "x",
    }
    dataset = {
        "namespace": "s3://lake",
        "name": "raw/a b.csv",
        "facets": {"version": {"datasetVersion": "9"}},
    }
    assert post(lineage_server, json.dumps({**said, "dataset": dataset}).encode())[0] == 201
    job = {"namespace": "airflow", "name": "dag.task"}
    assert post(lineage_server, json.dumps({**said, "job": job}).encode())[0] == 201
    assets = {str(asset.name) for asset in lineage_repository.list_assets()}
    assert assets == {"dataset/s3_plake_-_raw_sa_bb.csv", "algorithm/airflow_-_dag.task"}


def test_a_batch_is_sorted_and_says_what_failed(lineage_repository, lineage_server):
    run, events = whole_run()
    late_first = [as_json(one) for one in reversed(events)]
    body = json.dumps([late_first[0], {"eventTime": "soon"}, late_first[1]]).encode()
    packed = {"Content-Encoding": "gzip"}
    status, answer = post(lineage_server, gzip.compress(body), "lineage/batch", packed)
    assert status == 200
    found = json.loads(answer)
    assert found["status"] == "partial_success"
    assert found["summary"] == {
        "received": 3,
        "successful": 2,
        "failed": 1,
        "retriable": 0,
        "non_retriable": 1,
    }
    assert [one["index"] for one in found["failed_events"]] == [1]
    assert "problems" not in lineage_repository.get_run(run).source
    assert post(lineage_server, b"[{}]", "lineage/batch")[0] == 400
    assert post(lineage_server, b"{}", "lineage/batch")[0] == 400


BAD_BODIES = [
    b"",
    b"[]",
    b"nonsense",
    b'{"eventTime": "2024-05-01T10:00:00Z"}',
    b'{"eventTime": 5, "job": {"namespace": "a", "name": "b"}}',
    b'{"eventTime": "2024-05-01T10:00:00Z", "job": {"namespace": "a", "name": ""}}',
    b'{"eventTime": "2024-05-01T10:00:00Z", "job": {"namespace": "a", "name": "\\ud800"}}',
    b'{"eventTime": "2024-05-01T10:00:00Z", "run": {}, "job": {"namespace": "a", "name": "b"}}',
    b'{"eventTime": "0001-01-01T00:00:00+14:00", "job": {"namespace": "a", "name": "b"}}',
    b'{"eventTime": "2024-05-01", "eventType": "X", "job": {"namespace": "a", "name": "b"}}',
    b'{"eventTime": "2024-05-01T10:00:00Z", "inputs": 3, "job": {"namespace": "a", "name": "b"}}',
    b'{"a": NaN}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_what_is_no_event_is_refused(lineage_repository, lineage_server, body):
    status, answer = post(lineage_server, body)
    assert status == 400
    assert json.loads(answer)["error"] == "InvalidInput"
    assert lineage_repository.list_runs() == []


def test_bodies_that_unpack_to_too_much_are_refused(lineage_server):
    bomb = gzip.compress(b" " * (33 * 1024 * 1024))
    assert post(lineage_server, bomb, headers={"Content-Encoding": "gzip"})[0] == 413
    assert post(lineage_server, bomb[:-9], headers={"Content-Encoding": "gzip"})[0] in {400, 413}
    assert post(lineage_server, b"{}", headers={"Content-Encoding": "br"})[0] == 400


def test_ids_that_are_no_uuids_get_one(lineage_repository):
    data = as_json(event("START", new_run(), 0))
    data["run"]["runId"] = "manual__2024-05-01"
    first = parse_event(data)
    assert first.run == parse_event(data).run
    assert take_event(lineage_repository, first)
    found = lineage_repository.get_run(first.run)
    assert found.source["openlineage"]["run"] == "manual__2024-05-01"


def test_nanoseconds_and_times_without_an_offset_are_times():
    data = as_json(event("START", new_run(), 0))
    data["eventTime"] = "2024-05-01T10:00:00.123456789Z"
    assert parse_event(data).time.microsecond == 123456
    data["eventTime"] = "2024-05-01T10:00:00"
    assert parse_event(data).time.utcoffset().total_seconds() == 0
    data["eventTime"] = "yesterday"
    with pytest.raises(InvalidInput):
        parse_event(data)
