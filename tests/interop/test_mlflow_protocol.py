"""MLflow's protocol, request by request: errors, limits, artifacts, projects, who may."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from mlflow_served import open_new, serving

from omprov.errors import NotAllowed, NotSignedIn
from omprov.records import AssetName, Kind, RunStatus
from omprov.repository import Repository

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    with open_new(tmp_path_factory.mktemp("protocol")) as opened:
        opened.add_project("vision")
        yield opened


@pytest.fixture(scope="module")
def http(repository):
    with serving(repository) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def ask(http, call, **body):
    answer = http.post(f"{API}/{call}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer):
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["error_code"]


def begin(http, **body):
    return ask(http, "runs/create", **body)["run"]["info"]["run_id"]


def get_run(http, id):
    return http.get(f"{API}/runs/get", params={"run_id": id}).json()["run"]


def test_what_older_servers_do_not_know_is_no_endpoint(http):
    for path in (
        "/api/3.0/mlflow/workspaces",
        "/api/2.0/mlflow/gateway/x",
        "/api/3.0/mlflow/traces/get",
    ):
        found = refused(http.get(path))
        assert found[0] == 404
        assert found[1] in {"ENDPOINT_NOT_FOUND", "RESOURCE_DOES_NOT_EXIST"}
    assert refused(http.get("/api/3.0/mlflow/workspaces")) == (404, "ENDPOINT_NOT_FOUND")
    assert refused(http.post("/api/3.0/mlflow/webhooks/create", json={})) == (
        404,
        "ENDPOINT_NOT_FOUND",
    )
    assert refused(http.get(f"{API}/runs/create")) == (404, "ENDPOINT_NOT_FOUND")


def test_the_server_says_what_it_is(http):
    assert http.get("/health").text == "OK"
    assert http.get("/version").text == "3.3.2"
    info = http.get("/api/3.0/mlflow/server-info").json()
    assert info["multipart_uploads_enabled"] is False
    assert info["artifact_serving_enabled"] is True
    assert http.get("/ajax-api/2.0/mlflow/experiments/get?experiment_id=0").json()["experiment"]


def test_errors_have_the_codes_that_clients_know(http):
    run = begin(http)
    cases = [
        ("runs/create", {"experiment_id": "77"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("runs/create", {"experiment_id": "x"}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/create", {"start_time": "soon"}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/create", {"start_time": 10**30}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/create", {"tags": "x"}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/create", {"run_name": "a\0b"}, (400, "INVALID_PARAMETER_VALUE")),
        (
            "runs/log-metric",
            {"run_id": "0" * 32, "key": "a", "value": 1},
            (404, "RESOURCE_DOES_NOT_EXIST"),
        ),
        ("runs/log-metric", {"key": "a", "value": 1}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/log-metric", {"run_id": run, "key": "a"}, (400, "INVALID_PARAMETER_VALUE")),
        (
            "runs/log-metric",
            {"run_id": run, "key": "a", "value": "much"},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        (
            "runs/log-metric",
            {"run_id": run, "key": "../a", "value": 1},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        (
            "runs/log-metric",
            {"run_id": run, "key": "a", "value": 1, "step": 2**70},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        (
            "runs/log-parameter",
            {"run_id": run, "key": "a", "value": "x" * 6001},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        ("runs/update", {"run_id": run, "status": "DONE"}, (400, "INVALID_PARAMETER_VALUE")),
        ("runs/search", {"experiment_ids": ["0"], "filter": "x"}, (400, "INVALID_PARAMETER_VALUE")),
        (
            "runs/search",
            {"experiment_ids": ["0"], "page_token": "!"},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        (
            "runs/search",
            {"experiment_ids": ["0"], "max_results": 0},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        ("experiments/create", {"name": "Default"}, (400, "RESOURCE_ALREADY_EXISTS")),
        ("experiments/create", {"name": ""}, (400, "INVALID_PARAMETER_VALUE")),
        ("experiments/delete", {"experiment_id": "0"}, (400, "INVALID_PARAMETER_VALUE")),
        ("registered-models/create", {"name": "a/b"}, (400, "INVALID_PARAMETER_VALUE")),
        (
            "model-versions/create",
            {"name": "nope", "source": "x"},
            (404, "RESOURCE_DOES_NOT_EXIST"),
        ),
        ("logged-models", {"name": "a/b"}, (400, "INVALID_PARAMETER_VALUE")),
    ]
    for call, body, expected in cases:
        answer = http.post(f"{API}/{call}", json=body)
        assert refused(answer) == expected, (call, body, answer.text)
    for body in (b"{", b"[1]", b"\xff", b'"x"'):
        answer = http.post(f"{API}/runs/create", content=body)
        assert refused(answer) == (400, "BAD_REQUEST")


def test_a_batch_has_limits(http):
    run = begin(http)
    metric = {"key": "a", "value": 1.0, "timestamp": 1, "step": 0}
    for body in (
        {"metrics": [metric] * 1001},
        {"params": [{"key": f"p{i}", "value": "x"} for i in range(101)]},
        {"tags": [{"key": f"t{i}", "value": "x"} for i in range(101)]},
        {"metrics": [metric] * 990, "params": [{"key": f"p{i}", "value": "x"} for i in range(11)]},
        {"tags": [{"key": "t", "value": "x" * 1_000_000}]},
    ):
        answer = http.post(f"{API}/runs/log-batch", json={"run_id": run, **body})
        assert refused(answer) == (400, "INVALID_PARAMETER_VALUE")
    data = get_run(http, run)["data"]
    assert (data["metrics"], data["params"]) == ([], [])
    ask(http, "runs/log-batch", run_id=run, metrics=[{**metric, "step": i} for i in range(1000)])
    history = http.get(f"{API}/metrics/get-history", params={"run_id": run, "metric_key": "a"})
    assert len(history.json()["metrics"]) == 1000


def test_all_of_a_batch_is_logged_or_nothing(http):
    run = begin(http)
    ask(http, "runs/log-parameter", run_id=run, key="lr", value="0.1")
    answer = http.post(
        f"{API}/runs/log-batch",
        json={
            "run_id": run,
            "metrics": [{"key": "a", "value": 1}],
            "params": [{"key": "new", "value": "1"}, {"key": "lr", "value": "0.2"}],
            "tags": [{"key": "t", "value": "1"}],
        },
    )
    assert refused(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert "Changing param values is not allowed" in answer.json()["message"]
    data = get_run(http, run)["data"]
    assert data["metrics"] == []
    assert data["params"] == [{"key": "lr", "value": "0.1"}]
    ask(http, "runs/log-parameter", run_id=run, key="lr", value="0.1")  # the same again is fine


def test_nan_and_the_infinities_travel_as_strings(http, repository):
    run = begin(http)
    for key, value in (("n", "NaN"), ("p", "Infinity"), ("m", "-Infinity")):
        ask(http, "runs/log-metric", run_id=run, key=key, value=value, timestamp=1)
    values = {one["key"]: one["value"] for one in get_run(http, run)["data"]["metrics"]}
    assert values == {"n": "NaN", "p": "Infinity", "m": "-Infinity"}
    metrics = repository.get_run(uuid_of(run)).metrics
    assert math.isnan(metrics["n"])
    assert (metrics["p"], metrics["m"]) == (math.inf, -math.inf)


def uuid_of(run):
    return f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{run[20:]}"


def test_a_run_is_the_run_of_omprov(http, repository):
    parent = begin(http, run_name="outer")
    tags = [{"key": "mlflow.parentRunId", "value": parent}, {"key": "a", "value": "b"}]
    run = begin(http, run_name="inner", start_time=1_700_000_000_123, user_id="bob", tags=tags)
    ask(http, "runs/update", run_id=run, status="FAILED", end_time=1_700_000_001_000)
    known = repository.get_run(uuid_of(run))
    start = datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)
    assert (known.name, known.status, known.started) == ("inner", RunStatus.FAILED, start)
    assert known.ended == start + timedelta(milliseconds=877)
    assert known.parent == uuid_of(parent)
    assert known.tags["mlflow.user"] == "bob"
    info = get_run(http, run)["info"]
    assert (info["user_id"], info["status"], info["run_name"]) == ("bob", "FAILED", "inner")
    ask(http, "runs/update", run_id=run, status="RUNNING", run_name="again")
    known = repository.get_run(uuid_of(run))
    assert (known.name, known.status, known.ended) == ("again", RunStatus.RUNNING, None)


def test_deleted_runs_are_hidden_and_take_nothing(http):
    experiment = ask(http, "experiments/create", name="deleting")["experiment_id"]
    run = begin(http, experiment_id=experiment)
    ask(http, "runs/delete", run_id=run)
    assert (
        refused(http.post(f"{API}/runs/set-tag", json={"run_id": run, "key": "a", "value": "b"}))[0]
        == 400
    )

    def found(view):
        answer = ask(http, "runs/search", experiment_ids=[experiment], run_view_type=view)
        return [one["info"]["run_id"] for one in answer["runs"]]

    assert (found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")) == ([], [run], [run])
    ask(http, "runs/restore", run_id=run)
    assert found("ACTIVE_ONLY") == [run]
    ask(http, "experiments/delete", experiment_id=experiment)
    assert found("ACTIVE_ONLY") == []
    assert refused(http.post(f"{API}/runs/create", json={"experiment_id": experiment}))[0] == 400
    assert refused(http.post(f"{API}/experiments/create", json={"name": "deleting"})) == (
        400,
        "RESOURCE_ALREADY_EXISTS",
    )
    ask(http, "experiments/restore", experiment_id=experiment)
    assert found("ACTIVE_ONLY") == [run]


def test_pages_cover_everything_once(http):
    experiment = ask(http, "experiments/create", name="pages")["experiment_id"]
    runs = [begin(http, experiment_id=experiment, start_time=1 + i) for i in range(7)]
    found, token = [], None
    while True:
        answer = ask(
            http, "runs/search", experiment_ids=[experiment], max_results=3, page_token=token
        )
        found += [one["info"]["run_id"] for one in answer["runs"]]
        token = answer.get("next_page_token")
        if token is None:
            break
    assert found == runs[::-1]


def test_artifacts_go_in_and_come_out(http, repository):
    run = begin(http)
    root = f"0/{run}/artifacts"
    for path, body in (("a.txt", b"hello"), ("d/e/f.bin", bytes(range(256))), ("d/empty", b"")):
        assert http.put(f"{FILES}/{root}/{path}", content=body).status_code == 200
        assert http.get(f"{FILES}/{root}/{path}").content == body
    listed = http.get(FILES, params={"path": root}).json()["files"]
    assert listed == [
        {"path": "a.txt", "is_dir": False, "file_size": 5},
        {"path": "d", "is_dir": True},
    ]
    of_run = http.get(f"{API}/artifacts/list", params={"run_id": run, "path": "d"}).json()
    assert [one["path"] for one in of_run["files"]] == ["d/e", "d/empty"]
    assert of_run["root_uri"] == f"mlflow-artifacts:/{root}"
    http.put(f"{FILES}/{root}/a.txt", content=b"changed")
    assert http.get(f"{FILES}/{root}/a.txt").content == b"changed"
    assert http.delete(f"{FILES}/{root}/d/e").status_code == 200
    assert refused(http.get(f"{FILES}/{root}/d/e/f.bin")) == (404, "RESOURCE_DOES_NOT_EXIST")
    ask(http, "runs/update", run_id=run, status="FINISHED")

    def files():
        tree = repository.content.tree(repository.get_run(uuid_of(run)).files["files"])
        return {leaf.path: tree.open(leaf.path).read() for leaf in tree.walk()}

    assert files() == {"a.txt": b"changed", "d/empty": b""}
    http.put(f"{FILES}/{root}/late/b.txt", content=b"late")
    assert files() == {"a.txt": b"changed", "d/empty": b"", "late/b.txt": b"late"}


def test_parts_of_artifacts_are_served(http):
    body = bytes(range(256)) * 40_000  # more than is held in memory
    path = f"{FILES}/0/parts/x.bin"
    assert http.put(path, content=body).status_code == 200
    whole = http.get(path)
    assert whole.content == body
    assert whole.headers["content-length"] == str(len(body))
    for header, expected in (
        ("bytes=0-9", body[:10]),
        ("bytes=5000000-", body[5_000_000:]),
        ("bytes=-7", body[-7:]),
        ("bytes=10239990-99999999", body[-10:]),
    ):
        part = http.get(path, headers={"Range": header})
        assert (part.status_code, part.content) == (206, expected)
    assert http.get(path, headers={"Range": f"bytes={len(body)}-"}).status_code == 416
    assert http.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    head = http.head(path)
    assert (head.headers["content-length"], head.content) == (str(len(body)), b"")
    assert whole.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fetc%2fpasswd",
        "0/%2e%2e/%2e%2e/x",
        "0/a/..%252f..%252fx",
        "%2fetc%2fpasswd",
        "0/a%5c..%5cb",
        "C:%5cx",
        "0/.git/config",
        "0/a%00b",
        "0/" + "x" * 300,
        "0/" + "/".join(["y" * 100] * 20),
    ],
)
def test_paths_that_lead_out_are_refused(http, path):
    for method in ("PUT", "GET", "DELETE"):
        answer = http.request(method, f"{FILES}/{path}", content=b"x" if method == "PUT" else None)
        assert answer.status_code in {400, 404}, answer.text
        if method == "PUT":
            assert refused(answer) == (400, "INVALID_PARAMETER_VALUE")


def test_other_workers_and_restarted_ones_see_artifacts_at_once(http, repository):
    run = begin(http)
    http.put(f"{FILES}/0/{run}/artifacts/model/MLmodel", content=b"flavors: {}")
    there = Repository.open(repository.path, who="bob", clock=lambda: datetime.now(UTC))
    with there as other, serving(other) as url:
        found = httpx.get(f"{url}{FILES}/0/{run}/artifacts/model/MLmodel")
    assert found.content == b"flavors: {}"


def test_collecting_garbage_keeps_artifacts(http, repository):
    http.put(f"{FILES}/0/kept/x.bin", content=b"kept" * 1000)
    repository.collect(grace=timedelta(0))
    assert http.get(f"{FILES}/0/kept/x.bin").content == b"kept" * 1000


def test_each_project_is_a_server_of_its_own(http, repository):
    there = http.post(f"/mlflow/vision{API}/experiments/create", json={"name": "only there"})
    assert there.json()["experiment_id"] == "1"
    run = http.post(f"/mlflow/vision{API}/runs/create", json={"experiment_id": "1"}).json()["run"]
    run_id = run["info"]["run_id"]
    assert repository.get_run(uuid_of(run_id)).project == "vision"
    assert refused(http.get(f"{API}/runs/get", params={"run_id": run_id}))[0] == 404
    assert (
        refused(
            http.post(f"{API}/runs/set-tag", json={"run_id": run_id, "key": "a", "value": "b"})
        )[0]
        == 404
    )
    http.put(f"/mlflow/vision{FILES}/1/x", content=b"there")
    assert http.get(f"/mlflow/vision{FILES}/1/x").content == b"there"
    assert refused(http.get(f"{FILES}/1/x"))[0] == 404
    assert refused(http.post(f"/mlflow/nowhere{API}/runs/create", json={}))[0] == 404


def test_who_may_is_asked_for_every_request(repository):
    asked = []

    def repository_of(request, project, *, writes):
        asked.append((request.url.path, writes))
        if "authorization" not in request.headers:
            raise NotSignedIn("sign in first")
        if writes:
            raise NotAllowed("you may only look")
        return repository.view(who="viewer")

    with serving(repository, repository_of) as url, httpx.Client(base_url=url) as client:
        answer = client.get(f"{API}/experiments/get", params={"experiment_id": "0"})
        assert refused(answer) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"].startswith("Basic")
        client.headers["Authorization"] = "Bearer x"
        assert client.get(f"{API}/experiments/get", params={"experiment_id": "0"}).is_success
        assert client.post(f"{API}/runs/search", json={"experiment_ids": ["0"]}).is_success
        assert refused(client.post(f"{API}/runs/create", json={})) == (403, "PERMISSION_DENIED")
        assert refused(client.put(f"{FILES}/0/x", content=b"")) == (403, "PERMISSION_DENIED")
        assert refused(client.delete(f"{FILES}/0/x")) == (403, "PERMISSION_DENIED")
    assert {writes for _, writes in asked} == {True, False}


def log_model(http, run, name="model", body=b"weights"):
    made = ask(http, "logged-models", name=name, source_run_id=run, experiment_id="0")["model"]
    model = made["info"]["model_id"]
    http.put(f"{FILES}/0/models/{model}/artifacts/MLmodel", content=f"of {model}".encode())
    http.put(f"{FILES}/0/models/{model}/artifacts/data/w.bin", content=body)
    http.patch(
        f"{API}/logged-models/{model}", json={"model_id": model, "status": "LOGGED_MODEL_READY"}
    )
    return model


def test_a_model_that_is_registered_at_once_by_many_becomes_a_version_each(http, repository):
    run = begin(http)
    model = log_model(http, run)
    ask(http, "registered-models/create", name="crowd")

    def register(_):
        body = {"name": "crowd", "source": f"models:/{model}", "model_id": model, "run_id": run}
        return http.post(f"{API}/model-versions/create", json=body).json()["model_version"][
            "version"
        ]

    with ThreadPoolExecutor(4) as pool:
        numbers = sorted(pool.map(register, range(4)))
    assert numbers == ["1", "2", "3", "4"]
    ask(http, "runs/update", run_id=run, status="FINISHED")
    outputs = repository.get_run(uuid_of(run)).outputs.values()
    assert sorted(str(one) for one in outputs) == [
        "model/crowd:v1",
        "model/crowd:v2",
        "model/crowd:v3",
        "model/crowd:v4",
        next(str(one) for one in outputs if one.message == f"logged model {model}"),
    ]
    assert len({one.digest for one in outputs}) == 1


def test_what_a_run_uses_after_its_model_is_registered_is_a_problem(http, repository):
    run = begin(http)
    model = log_model(http, run)
    ask(http, "registered-models/create", name="early")
    ask(http, "model-versions/create", name="early", source=f"models:/{model}", run_id=run)
    dataset = {"name": "late", "digest": "d", "source_type": "local", "source": '{"uri": "x"}'}
    ask(http, "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": []}])
    ask(http, "runs/update", run_id=run, status="FINISHED")
    known = repository.get_run(uuid_of(run))
    assert "dataset" not in known.inputs
    assert "after the outputs were recorded" in known.source["problems"][0]


def test_a_run_ends_though_its_asset_was_removed(http, repository):
    run = begin(http)
    log_model(http, run, name="gone")
    ask(http, "runs/update", run_id=run, status="FINISHED")
    repository.remove_asset(AssetName("default", Kind.MODEL, "default-gone"))
    again = begin(http)
    log_model(http, again, name="gone")
    ask(http, "runs/update", run_id=again, status="FINISHED")
    known = repository.get_run(uuid_of(again))
    assert known.status is RunStatus.SUCCEEDED
    assert str(known.outputs["model.gone"]) == "model/default-gone-2:v1"


def test_spans_are_kept_as_they_come(http):
    answer = http.post("/v1/traces", content=b"\x0a\x01x", headers={"x-mlflow-experiment-id": "0"})
    assert answer.status_code == 200
    (kept,) = http.get(FILES, params={"path": "0/traces/otlp"}).json()["files"]
    assert http.get(f"{FILES}/0/traces/otlp/{kept['path']}").content == b"\x0a\x01x"


def test_older_clients_tell_of_models_by_a_tag(http, repository):
    run = begin(http)
    http.put(f"{FILES}/0/{run}/artifacts/clf/MLmodel", content=b"old")
    said = {"artifact_path": "clf", "flavors": {}, "utc_time_created": "now", "run_id": run}
    ask(http, "runs/log-model", run_id=run, model_json=json.dumps(said))
    ask(http, "runs/update", run_id=run, status="FINISHED")
    made = repository.get_run(uuid_of(run)).outputs["model.clf"]
    assert repository.open_file(made, "MLmodel").read() == b"old"
    assert str(made.asset) == "model/default-clf"
