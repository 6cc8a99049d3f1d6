"""What was recorded is read as from Marquez."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from urllib.parse import quote, urlencode

import pytest

pytest.importorskip("openlineage.client")

from lineage_events import NAMESPACE, as_json, code, event, new_run, read, schema, version, write
from lineage_serving import TOKEN

from omprov.interop.openlineage._events import parse_event
from omprov.interop.openlineage._merging import take_event
from omprov.repository import Output


def get(url, path, project=None, **options):
    """Ask; return the answer, or the status of a refusal."""
    base = f"{url}/openlineage/{project}/api/v1" if project else f"{url}/openlineage/api/v1"
    query = f"?{urlencode(options)}" if options else ""
    request = urllib.request.Request(
        f"{base}/{path}{query}", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def pipeline(lineage_repository):
    """Two jobs in a row, the second on files in a bucket."""
    first, second = new_run(), new_run()
    raw, clean = read("shop.orders", version("17")), write("shop.clean", schema("id", "price"))
    model = write("models/a b", namespace="s3://lake")
    events = [
        event("START", first, 0, inputs=[raw], job_facets=code("c" * 40)),
        event("COMPLETE", first, 1, inputs=[raw], outputs=[clean]),
        event("START", second, 2, inputs=[read("shop.clean")], outputs=[model], job="train"),
        event("COMPLETE", second, 3, inputs=[read("shop.clean")], outputs=[model], job="train"),
    ]
    for one in events:
        take_event(lineage_repository, parse_event(as_json(one)))
    return first, second


def test_name_spaces_are_those_of_jobs_and_datasets(pipeline, lineage_server):
    found = get(lineage_server, "namespaces")
    assert [one["name"] for one in found["namespaces"]] == ["airflow", NAMESPACE, "s3://lake"]
    assert get(lineage_server, f"namespaces/{quote('s3://lake', safe='')}")["name"] == "s3://lake"
    assert get(lineage_server, "namespaces/none") == 404


def test_datasets_have_their_names_columns_and_versions(pipeline, lineage_server):
    first, _ = pipeline
    base = f"namespaces/{quote(NAMESPACE, safe='')}/datasets"
    found = get(lineage_server, base)
    assert [one["name"] for one in found["datasets"]] == ["shop.clean", "shop.orders"]
    assert found["totalCount"] == 2
    assert len(get(lineage_server, base, limit=1, offset=1)["datasets"]) == 1
    clean = get(lineage_server, f"{base}/shop.clean")
    assert clean["id"] == {"namespace": NAMESPACE, "name": "shop.clean"}
    assert [one["name"] for one in clean["fields"]] == ["id", "price"]
    versions = get(lineage_server, f"{base}/shop.clean/versions")["versions"]
    assert versions[0]["createdByRun"]["id"] == first
    assert get(lineage_server, f"{base}/shop.orders/versions/17")["datasetVersion"] == "17"
    odd = f"namespaces/{quote('s3://lake', safe='')}/datasets/{quote('models/a b', safe='')}"
    assert get(lineage_server, odd)["name"] == "models/a b"
    assert get(lineage_server, f"{base}/nothing") == 404


def test_jobs_and_their_runs(pipeline, lineage_server):
    first, _ = pipeline
    assert [one["name"] for one in get(lineage_server, "jobs")["jobs"]] == ["clean", "train"]
    job = get(lineage_server, "namespaces/airflow/jobs/clean")
    assert job["inputs"] == [{"namespace": NAMESPACE, "name": "shop.orders"}]
    assert job["outputs"] == [{"namespace": NAMESPACE, "name": "shop.clean"}]
    assert job["location"] == "https://example.org/pipelines.git"
    assert job["latestRun"]["state"] == "COMPLETED"
    runs = get(lineage_server, "namespaces/airflow/jobs/clean/runs")["runs"]
    assert [one["id"] for one in runs] == [first]
    run = get(lineage_server, f"jobs/runs/{first}")
    assert run["durationMs"] == 60_000
    assert [one["datasetVersionId"]["name"] for one in run["inputDatasetVersions"]] == [
        "shop.orders"
    ]
    facets = get(lineage_server, f"jobs/runs/{first}/facets", type="job")["facets"]
    assert facets["sourceCodeLocation"]["version"] == "c" * 40
    assert get(lineage_server, "namespaces/airflow/jobs/nothing") == 404
    assert get(lineage_server, "namespaces/airflow/jobs/nothing/runs") == 404
    assert get(lineage_server, f"jobs/runs/{new_run()}") == 404


def test_lineage_reaches_both_ways_as_far_as_asked(pipeline, lineage_server):
    node = f"dataset:{NAMESPACE}:shop.clean"
    graph = get(lineage_server, "lineage", nodeId=node)["graph"]
    assert [one["id"] for one in graph] == [
        f"dataset:{NAMESPACE}:shop.clean",
        f"dataset:{NAMESPACE}:shop.orders",
        "dataset:s3://lake:models/a b",
        "job:airflow:clean",
        "job:airflow:train",
    ]
    clean = graph[0]
    assert clean["inEdges"] == [{"origin": "job:airflow:clean", "destination": node}]
    assert clean["outEdges"] == [{"origin": node, "destination": "job:airflow:train"}]
    near = get(lineage_server, "lineage", nodeId=node, depth=1)
    assert len(near["graph"]) == 3
    assert near["cut"] is True
    assert get(lineage_server, "lineage", nodeId="dataset:no:thing") == 404
    assert get(lineage_server, "lineage", nodeId="nonsense") == 400
    assert get(lineage_server, "lineage") == 400


def test_events_come_back_as_they_were_sent(pipeline, lineage_server):
    found = get(lineage_server, "events/lineage", sortDirection="asc")
    assert found["totalCount"] == 4
    assert found["events"][0]["inputs"][0]["facets"]["version"]["datasetVersion"] == "17"
    some = get(lineage_server, "events/lineage", after="2024-05-01T10:02:00Z", limit=1)
    assert some["totalCount"] == 2
    assert some["events"][0]["eventType"] == "COMPLETE"


def test_search_finds_datasets_and_jobs(pipeline, lineage_server):
    found = get(lineage_server, "search", q="CLEAN")["results"]
    assert [(one["type"], one["name"]) for one in found] == [
        ("JOB", "clean"),
        ("DATASET", "shop.clean"),
    ]
    assert get(lineage_server, "search", q="clean", filter="JOB")["totalCount"] == 1
    assert get(lineage_server, "search") == 400
    assert get(lineage_server, "nonsense") == 404


def test_what_omprov_recorded_itself_is_read_too(lineage_repository, lineage_server):
    digits = lineage_repository.add_version("dataset/digits", {"a": b"1"}).version
    lineage_repository.record_run(
        name="train",
        inputs={"dataset": digits},
        outputs={"model": Output("model/net", {"w": b"2"})},
    )
    graph = get(lineage_server, "lineage", nodeId="job:omprov://default:train")["graph"]
    assert [one["id"] for one in graph] == [
        "dataset:omprov://default:dataset/digits",
        "dataset:omprov://default:model/net",
        "job:omprov://default:train",
    ]


def test_projects_do_not_see_each_other(pipeline, lineage_repository, lineage_server):
    first, _ = pipeline
    lineage_repository.add_project("other")
    lineage_repository.add_project("api")
    for project in ("other", "api"):
        assert get(lineage_server, "namespaces", project)["namespaces"] == []
        assert get(lineage_server, f"jobs/runs/{first}", project) == 404
        assert get(lineage_server, "events/lineage", project)["events"] == []
    assert get(lineage_server, "namespaces", "none") == 404
