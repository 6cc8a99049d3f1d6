"""What somebody with bad intent tries: strangers, viewers, editors of one project.

Pages of other web sites are in `test_web_pages.py`.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from server_team import PASSWORD, team_of, tell_team

from omprov.errors import Unavailable
from omprov.records import Role
from omprov.repository import Output
from omprov.repository._door import _sign_ins
from omprov.repository._passwords import is_password

API = "/api/v1"
COMMIT = "a" * 40


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """The people of the team; made once."""
    return tell_team(tmp_path_factory.mktemp("team"))


@pytest.fixture
def team(repo, start):
    return team_of(repo, start(host="0.0.0.0"))


class Flow:
    """MLflow's protocol in one project, as somebody."""

    def __init__(self, team, name, project="vision", **limits):
        self._client, self._headers = team.client, team.as_(name, **limits)
        self._root = f"/mlflow/{project}/api/"

    def __call__(self, method, call, body=None, version="2.0/mlflow/"):
        return self._client.request(
            method, self._root + version + call, json=body, headers=self._headers
        )

    def post(self, call, **body):
        return self("POST", call, body)

    def made(self, call, **body):
        answer = self.post(call, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()


# ---------------------------------------------------------------------- references by key


def test_commits_name_no_version_of_another_project(team):
    me = team.as_("mallory")
    key = int(team.version.key)
    where = f"{API}/projects/other/commits"
    body = {"asset": "dataset/x", "versions": [], "commits": {COMMIT: key}}
    refused = team.client.post(where, json=body, headers=me)
    assert (refused.status_code, refused.json()["error"]) == (404, "NotFound"), refused.text
    absent = team.client.post(where, json={**body, "commits": {COMMIT: 10**9}}, headers=me)
    assert absent.text.replace(str(10**9), str(key)) == refused.text
    found = team.client.post(
        f"{where}/versions", json={"asset": "dataset/x", "commits": [COMMIT]}, headers=me
    )
    assert found.json() == {}


def test_a_key_finds_no_version_of_another_asset(team):
    team.repo.view(who="mallory", project="other").add_version("dataset/x", {"a": b"2"})
    me = team.as_("mallory")
    answers = [
        team.client.get(
            f"{API}/projects/other/commits/version",
            params={"reference": "dataset/x", "key": key},
            headers=me,
        )
        for key in (int(team.version.key), 10**9)
    ]
    assert answers[0].status_code == 404
    assert answers[0].text == answers[1].text.replace(str(10**9), str(int(team.version.key)))


# ---------------------------------------------------------------------- foreign protocols


def registered(team, name="net"):
    """A registered model of `vision` whose alias `production` is protected; its first version."""
    flow = Flow(team, "bob")
    flow.made("registered-models/create", name=name)
    flow.made("model-versions/create", name=name, source="s3://bucket/model")
    flow.made("registered-models/alias", name=name, alias="production", version="1")
    (asset,) = [
        one for one in team.repo.list_assets(project="vision") if one.name.kind.value == "model"
    ]
    team.repo.protect_alias(asset.name, "production", True)
    return flow


def test_an_editor_gets_round_no_protected_alias_by_mlflow(team):
    flow = registered(team)
    flow.made("model-versions/create", name="net", source="s3://bucket/worse")
    where = {"name": "net", "alias": "production"}
    assert flow.post("registered-models/alias", **where, version="2").status_code == 403
    assert flow("DELETE", "registered-models/alias", where).status_code == 403
    assert (
        flow("DELETE", "model-versions/delete", {"name": "net", "version": "1"}).status_code == 403
    )
    assert flow("DELETE", "registered-models/delete", {"name": "net"}).status_code == 403
    moved = flow.post("registered-models/rename", name="net", new_name="old")
    assert (moved.status_code, moved.json()["error_code"]) == (403, "PERMISSION_DENIED")
    found = flow("GET", "registered-models/alias?name=net&alias=production")
    assert found.json()["model_version"]["version"] == "1"
    owner = Flow(team, "olga")
    assert owner.post("registered-models/rename", name="net", new_name="old").status_code == 200
    limited = Flow(team, "olga", role=Role.EDITOR)
    assert limited("DELETE", "registered-models/delete", {"name": "old"}).status_code == 403
    assert owner("DELETE", "registered-models/delete", {"name": "old"}).status_code == 200


def test_removing_a_model_by_mlflow_takes_an_owner_as_anywhere(team):
    flow = Flow(team, "bob")
    flow.made("registered-models/create", name="plain")
    assert flow("DELETE", "registered-models/delete", {"name": "plain"}).status_code == 403
    assert flow("GET", "registered-models/get?name=plain").status_code == 200
    owner = Flow(team, "olga")
    assert owner("DELETE", "registered-models/delete", {"name": "plain"}).status_code == 200


def test_mlflow_finds_nothing_of_another_project(team):
    theirs, mine = Flow(team, "bob"), Flow(team, "mallory", "other")
    theirs.made("registered-models/create", name="net")
    theirs.made("model-versions/create", name="net", source="s3://bucket/model")
    run = theirs.made("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    model = theirs.made("logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    upload = f"/mlflow/vision/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a.txt"
    put = team.client.put(upload, content=b"internal", headers=team.as_("bob"))
    assert put.status_code == 200
    my_run = mine.made("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    mine.made("registered-models/create", name="mine")
    refused = [
        mine("GET", f"runs/get?run_id={run}"),
        mine("GET", f"artifacts/list?run_id={run}"),
        mine("GET", f"metrics/get-history?run_id={run}&metric_key=a"),
        mine("GET", f"logged-models/{model}"),
        mine("GET", f"logged-models/{model}/artifacts/directories"),
        mine(
            "PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"}
        ),
        mine("GET", "registered-models/get?name=net"),
        mine("GET", "model-versions/get-download-uri?name=net&version=1"),
        mine.post("runs/update", run_id=run, status="FAILED"),
        mine.post("runs/delete", run_id=run),
        mine.post("runs/log-parameter", run_id=run, key="a", value="b"),
        mine.post("runs/log-inputs", run_id=my_run, models=[{"model_id": model}]),
        mine.post("runs/outputs", run_id=my_run, models=[{"model_id": model, "step": 0}]),
        mine.post("runs/log-metric", run_id=my_run, key="a", value=1, model_id=model),
        mine.post("logged-models", name="x", source_run_id=run),
        mine.post("model-versions/create", name="mine", source=f"models:/{model}"),
        mine.post("model-versions/create", name="mine", source="models:/net/1"),
        team.client.get(upload, headers=team.as_("mallory")),
        team.client.get(upload.replace("vision", "other"), headers=team.as_("mallory")),
    ]
    for at, answer in enumerate(refused):
        assert answer.status_code in {400, 404}, (at, answer.text)
        assert "internal" not in answer.text
    listed = mine("GET", f"artifacts/list?run_id={my_run}&path=../../{run}/artifacts")
    assert listed.status_code == 400
    there = mine.made(
        "model-versions/create",
        name="mine",
        source=f"mlflow-artifacts:/0/{run}/artifacts",
    )
    version = team.repo.view(who="ada", project="other").get_version("model/mine")
    assert (there["model_version"]["version"], version.digest) == ("1", None)
    info = theirs("GET", f"runs/get?run_id={run}").json()["run"]
    assert (info["info"]["status"], info["data"].get("params", [])) == ("RUNNING", [])


def test_a_viewer_changes_nothing_by_foreign_protocols(team):
    theirs = Flow(team, "bob")
    run = theirs.made("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    viewer = Flow(team, "eve")
    assert viewer.post("runs/search", experiment_ids=["0"]).status_code == 200
    assert viewer.post("runs/log-parameter", run_id=run, key="a", value="b").status_code == 403
    path = f"/mlflow/vision/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a"
    for method in ("PUT", "DELETE"):
        answer = team.client.request(method, path, headers=team.as_("eve"))
        assert answer.status_code == 403
    event = team.client.post("/openlineage/vision/api/v1/lineage", json={}, headers=team.as_("eve"))
    assert event.status_code == 403
    for where in ("/mlflow/vision/api/2.0/mlflow/runs/search", "/mlflow/vision/v1/traces"):
        assert team.client.post(where, json={}).status_code == 401


def test_openlineage_tells_no_more_of_another_project_than_a_reference(team):
    secret = team.repo.view(who="ada", project="vision").add_version(
        "dataset/plans",
        {"a": b"7"},
        source={"openlineage": {"namespace": "internal", "name": "plans", "facets": {"x": 1}}},
    )
    both = team.repo.view(who="ada", project="vision")
    both.record_run(
        inputs={}, outputs={"out": Output("other/dataset/open", {"a": b"8"})}, name="hidden-job"
    )
    mine = team.repo.view(who="mallory", project="other")
    used = mine.record_run(inputs={"dataset": secret.version}, outputs={}, name="mine")
    me, root = team.as_("mallory"), "/openlineage/other/api/v1"
    for path in (
        f"jobs/runs/{used.id}",
        "namespaces/omprov%3A%2F%2Fother/jobs/mine",
        "lineage?nodeId=job:omprov://other:mine",
        "namespaces/omprov%3A%2F%2Fother/datasets/dataset%2Fopen/versions",
        "lineage?nodeId=dataset:omprov://other:dataset/open",
    ):
        answer = team.client.get(f"{root}/{path}", headers=me)
        assert answer.status_code == 200, (path, answer.text)
        assert "internal" not in answer.text, path
        assert "hidden-job" not in answer.text, path
    assert team.client.get(f"{root}/jobs/runs/{team.run.id}", headers=me).status_code == 404


def test_no_event_reaches_a_run_of_another_project(team):
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-01T00:00:00Z",
        "run": {"runId": team.run.id},
        "job": {"namespace": "n", "name": "j"},
        "producer": "https://example.org",
        "schemaURL": "https://example.org",
    }
    answer = team.client.post(
        "/openlineage/other/api/v1/lineage", json=event, headers=team.as_("mallory")
    )
    assert answer.status_code == 409
    assert "vision" not in answer.text
    assert team.repo.find_run(team.run.id) == team.run


# ---------------------------------------------------------------------- what costs, or breaks


def test_odd_values_by_mlflow_are_refused_and_break_nothing_later(team):
    flow = Flow(team, "bob")
    run = flow.made("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    deep = "[" * 6000
    where = {"experiment_id": "0"}
    place = {"mlflow_experiment": where}
    trace = {"trace_id": "t", "trace_location": place, "x": float("nan")}
    body = json.dumps({"trace": {"trace_info": trace}})
    headers = team.as_("bob")
    started = team.client.post(
        "/mlflow/vision/api/3.0/mlflow/traces", content=body, headers=headers
    )
    assert started.status_code == 400
    for answer in (
        flow.post("runs/log-model", run_id=run, model_json="5"),
        flow.post("runs/log-model", run_id=run, model_json=deep),
        flow.post("runs/log-parameter", run_id=run, key="a", value="x" * 10_000),
        team.client.post(
            "/mlflow/vision/api/2.0/mlflow/runs/set-tag",
            content=json.dumps({"run_id": run, "key": "a", "value": "\ud800"}),
            headers=headers,
        ),
        flow.post("runs/search", experiment_ids=["0"] * 100_000),
        flow.post(
            "runs/search", experiment_ids=["0"], filter=" AND ".join(["tags.a = 'b'"] * 1400)
        ),
        flow.post("runs/search", experiment_ids=["0"], filter="(" * 20_000),
        flow.post("runs/search", experiment_ids=["0"], order_by=["tags.a"] * 1000),
        flow.post("runs/log-inputs", run_id=run, models=[{"model_id": "m"}] * 2000),
    ):
        assert answer.status_code == 400, answer.text
    dataset = {"name": "d", "digest": "1", "source_type": "x", "source": deep}
    assert (
        flow.post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}]).status_code == 200
    )
    assert (
        flow.post(
            "runs/set-tag", run_id=run, key="mlflow.log-model.history", value=deep
        ).status_code
        == 200
    )
    assert flow.post("runs/update", run_id=run, status="FINISHED").status_code == 200
    searched = flow("POST", "traces/search", {"locations": [place]}, version="3.0/mlflow/")
    assert searched.status_code == 200


def test_what_could_not_be_read_again_is_not_taken(team):
    headers, runs = team.as_("bob"), f"{API}/projects/vision/runs"
    deep = "[" * 600 + "]" * 600
    late = "9999-12-31T23:59:59-23:00"
    trace = '{"trace_id": "t", "trace_location": {"mlflow_experiment": {"experiment_id": "0"}}'
    event = '{"eventType": "COMPLETE", "eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "r"'
    job = '"job": {"namespace": "n", "name": "j"}'
    traces, lineage = "/mlflow/vision/api/3.0/mlflow/traces", "/openlineage/vision/api/v1/lineage"
    for path, body, status in (
        (runs, f'{{"params": {{"a": {deep}}}}}', 422),
        (runs, f'{{"source": {{"a": {deep}}}}}', 422),
        (runs, f'{{"started": "{late}"}}', 422),
        (traces, f'{{"trace": {{"trace_info": {trace}, "x": {deep}}}}}}}', 400),
        (traces, f'{{"trace": {{"trace_info": {trace}, "request_time": "{late}"}}}}}}', 200),
        (lineage, f'{event}, "facets": {{"x": {{"y": {deep}}}}}}}, {job}}}', 400),
        (lineage, f'{event[:-2]}\\ud800"}}, {job}}}', 201),
    ):
        sent = {**headers, "Content-Type": "application/json"}
        answer = team.client.post(path, content=body, headers=sent)
        assert answer.status_code == status, (path, body[:90], answer.text)
    listed = team.client.post(
        f"{traces}/search",
        json={"locations": [{"mlflow_experiment": {"experiment_id": "0"}}]},
        headers=headers,
    )
    assert listed.status_code == 200
    assert team.client.get(runs, headers=headers).status_code == 200


def test_a_node_with_thousands_of_colons_is_not_looked_for(team):
    answer = team.client.get(
        "/openlineage/vision/api/v1/lineage",
        params={"nodeId": "dataset:" + ":" * 8000},
        headers=team.as_("eve"),
    )
    assert answer.status_code == 400


def test_ranges_no_file_has_break_nothing(team):
    path = "/mlflow/vision/api/2.0/mlflow-artifacts/artifacts/0/a.html"
    headers = team.as_("bob")
    page = b"<script>alert(1)</script>"
    assert team.client.put(path, content=page, headers=headers).status_code == 200
    for odd in ("bytes=" + "9" * 5000 + "-", "bytes=5-1", "bytes=99-", "bytes=a-b"):
        answer = team.client.get(path, headers={**headers, "Range": odd})
        assert answer.status_code in {200, 416}, odd
    found = team.client.get(path, headers=headers)
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"] == "attachment"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]


def test_artifacts_have_no_paths_that_lead_out(team):
    root, me = "/mlflow/vision/api/2.0/mlflow-artifacts/artifacts", team.as_("bob")
    for path in (
        "%2e%2e/b",
        "..%2fb",
        "a/..%2f..%2fb",
        "%252e%252e/b",
        "/etc/passwd",
        "a%00b",
        "a%5C..%5Cb",
        "a" * 999,
    ):
        answer = team.client.put(f"{root}/{path}", content=b"x", headers=me)
        assert answer.status_code == 400, path
    assert team.client.get(root, headers=me).json() == {"files": []}


# ---------------------------------------------------------------------- tokens, strangers


def test_a_token_that_ends_makes_none_that_outlives_it_and_changes_no_password(team, clock):
    ends = clock.now + timedelta(hours=1)
    mine = team.as_("bob", expires=ends)
    where = f"{API}/tokens"
    forever = team.client.post(where, json={"name": "n"}, headers=mine)
    later = {"name": "n", "expires": (ends + timedelta(hours=1)).isoformat()}
    assert forever.status_code == 403
    assert team.client.post(where, json=later, headers=mine).status_code == 403
    until = {"name": "n", "expires": ends.isoformat()}
    assert team.client.post(where, json=until, headers=mine).status_code == 201
    change = {"password": "another long password"}
    assert team.client.patch(f"{API}/users/bob", json=change, headers=mine).status_code == 403


def test_a_password_with_every_request_is_hashed_once_and_no_longer_than_it_is_right(
    team, monkeypatch, clock
):
    hashed = []

    def counted(stored, password):
        hashed.append(password)
        return is_password(stored, password)

    monkeypatch.setattr(_sign_ins, "is_password", counted)

    def status(password=PASSWORD):
        return team.client.get(f"{API}/me", auth=("bob", password)).status_code

    assert [status() for _ in range(9)] == [200] * 9
    assert hashed == [PASSWORD]
    assert status("wrong") == 401
    clock.now += timedelta(minutes=6)
    assert status() == 200
    assert hashed == [PASSWORD, "wrong", PASSWORD]
    team.repo.set_user("bob", password="another long password")
    assert status() == 401
    assert status("another long password") == 200
    team.repo.set_user("bob", disabled=True)
    assert status("another long password") == 401


def test_tries_of_passwords_are_limited_by_address_whatever_names_they_are_for(team):
    def status(name):
        return team.client.get(
            "/mlflow/vision/api/2.0/mlflow/experiments/search", auth=(name, "wrong")
        ).status_code

    assert [status(f"nobody-{number}") for number in range(6)] == [401] * 5 + [429]


def test_what_is_no_address_is_no_reference(team):
    answer = team.client.get(
        f"{API}/projects/vision/version",
        params={"reference": "omprov://["},
        headers=team.as_("eve"),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidReference")


def test_strangers_learn_nothing_of_where_the_catalog_is(team, monkeypatch):
    def away():
        raise Unavailable("postgresql://db.internal/omprov cannot be reached")

    monkeypatch.setattr(team.client.app.app.state.reception.repository, "position", away)
    answer = team.client.get("/readyz")
    assert answer.status_code == 503
    assert "internal" not in answer.text
    assert team.client.get("/metrics").status_code == 401
