"""Where people sign in: who sees what, who may change what, and what they show for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from server_team import PASSWORD, team_of, tell_team
from starlette.testclient import TestClient

from omprov.records import Role
from omprov.server import create_app

API = "/api/v1"


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """The people of the team; made once."""
    return tell_team(tmp_path_factory.mktemp("team"))


@pytest.fixture
def team(repo, start):
    return team_of(repo, start(host="0.0.0.0"))


def test_every_route_wants_somebody_who_signed_in(team):
    document = team.client.get(f"{API}/openapi.json").json()
    open_to_all = {"/healthz", "/readyz", f"{API}/sign-in"}
    checked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path in open_to_all:
                continue
            where = path.replace("{project}", "vision").replace("{id}", team.version.id)
            answer = team.client.request(
                method,
                where.replace("{name}", "0" * 64 if "/packs/" in path else "x"),
                params=_least_query(operation),
                **_least_body(document, operation),
            )
            assert answer.status_code == 401, (method, path, answer.text)
            assert "Bearer" in answer.headers["www-authenticate"]
            checked += 1
    assert checked > 50


def _least_query(operation):
    values = {"kind": "model", "digest": "0" * 64}
    return {
        one["name"]: values.get(one["name"], "dataset/x")
        for one in operation.get("parameters", ())
        if one["in"] == "query" and one.get("required")
    }


def _least_body(document, operation):
    said = operation.get("requestBody")
    if said is None:
        return {}
    ((kind, content),) = said["content"].items()
    if kind != "application/json":
        return {"content": b"x", "headers": {"Content-Type": kind}}
    return {"json": _least(document["components"]["schemas"], content["schema"])}


def _least(schemas, schema):
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _least(schemas, schema["anyOf"][0])
    match schema.get("type"):
        case "object":
            return {
                name: _least(schemas, schema["properties"][name])
                for name in schema.get("required", ())
            }
        case "array":
            return []
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _ if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        case _ if "[0-9a-f]{8}" in schema.get("pattern", ""):
            return "019ca8a7-93c0-7000-8000-0000000000a1"
        case _ if "{64}" in schema.get("pattern", ""):
            return "b3:" + "0" * 64
        case _:
            return "x"


def test_what_is_in_other_projects_is_as_if_it_did_not_exist(team):
    me = team.as_("mallory")
    missing = "019ca8a7-93c0-7000-8000-0000000000ff"
    for path, one in [
        ("versions/{}", team.version.id),
        ("versions/{}/inherits", team.version.id),
        ("versions/{}/lineage", team.version.id),
        ("assets/{}", team.asset.id),
        ("assets/{}/versions", team.asset.id),
        ("assets/{}/history", team.asset.id),
        ("runs/{}", team.run.id),
        ("runs/{}/metrics/a", team.run.id),
        ("projects/other/run?id={}", team.run.id),
    ]:
        hidden = team.client.get(f"{API}/{path.format(one)}", headers=me)
        absent = team.client.get(f"{API}/{path.format(missing)}", headers=me)
        assert hidden.status_code == absent.status_code == 404, path
        assert hidden.text.replace(one, missing) == absent.text, path
    for path in ("assets", "runs", "version?reference=dataset/secret", "members"):
        hidden = team.client.get(f"{API}/projects/vision/{path}", headers=me)
        absent = team.client.get(f"{API}/projects/absent/{path}", headers=me)
        assert hidden.status_code == absent.status_code == 404
        assert hidden.text.replace("vision", "absent") == absent.text
    for path in ("version", "asset"):
        answers = [
            team.client.get(
                f"{API}/projects/other/{path}",
                params={"reference": f"{project}/dataset/secret"},
                headers=me,
            )
            for project in ("vision", "absent")
        ]
        assert answers[0].status_code == 404
        assert answers[0].text.replace("vision", "absent") == answers[1].text


def test_nobody_finds_runs_of_other_projects_by_their_beginning(team):
    me = team.as_("mallory")
    for prefix in (team.run.id[:8], team.run.id[-6:]):
        answer = team.client.get(f"{API}/projects/other/run?id={prefix}", headers=me)
        assert answer.status_code == 404
        assert team.run.id not in answer.text


def test_changes_of_what_others_have_are_refused_in_the_same_words(team):
    me = team.as_("mallory")
    for method, path, body in [
        ("patch", f"versions/{team.version.id}/tags", {"a": "b"}),
        ("delete", f"versions/{team.version.id}", None),
        ("delete", f"assets/{team.asset.id}", None),
        ("patch", f"runs/{team.run.id}/tags", {"a": "b"}),
        ("post", f"runs/{team.run.id}/facts", {"tags": {"a": "b"}}),
        ("patch", f"projects/other/runs/{team.run.id}", {"tags": {"a": "b"}}),
        ("post", "projects/other/runs", {"inputs": {"dataset": "vision/dataset/secret"}}),
        ("post", "projects/other/runs", {"inputs": {"dataset": team.version.id}}),
        ("post", "projects/other/versions", {"asset": "vision/dataset/mine"}),
        ("post", "edges", {"newer": team.version.id, "older": team.version.id}),
    ]:
        answer = team.client.request(method, f"{API}/{path}", json=body, headers=me)
        assert (answer.status_code, answer.json()["error"]) == (404, "NotFound"), path
        assert "internal" not in answer.text
    begins = {"begin": {"name": "x", "started": "2026-01-01T00:00:00Z"}}
    where = f"{API}/projects/other/runs/{team.run.id}"
    assert team.client.patch(where, json=begins, headers=me).status_code == 404
    assert team.repo.get_run(team.run.id) == team.run


def test_roles_decide_what_members_may_do(team):
    tags = f"{API}/versions/{team.version.id}/tags"

    def status(name, method, path, body=None):
        return team.client.request(method, path, json=body, headers=team.as_(name)).status_code

    assert status("eve", "GET", f"{API}/versions/{team.version.id}") == 200
    assert status("eve", "PATCH", tags, {"a": "b"}) == 403
    assert status("bob", "PATCH", tags, {"a": "b"}) == 200
    assert status("bob", "DELETE", f"{API}/assets/{team.asset.id}") == 403
    members = f"{API}/projects/vision/members/mallory"
    assert status("bob", "PUT", members, {"role": "viewer"}) == 403
    assert status("olga", "PUT", members, {"role": "viewer"}) == 204
    assert status("mallory", "GET", f"{API}/versions/{team.version.id}") == 200
    assert status("olga", "DELETE", members) == 204
    assert status("mallory", "GET", f"{API}/versions/{team.version.id}") == 404
    assert status("olga", "POST", f"{API}/projects", {"name": "new"}) == 403
    assert status("ada", "POST", f"{API}/projects", {"name": "new"}) == 201
    assert status("olga", "GET", f"{API}/users") == 403
    assert status("olga", "GET", f"{API}/audit?project=vision") == 200
    assert status("olga", "GET", f"{API}/audit") == 403
    assert status("ada", "GET", f"{API}/audit") == 200


def test_only_owners_move_a_protected_alias_and_every_move_is_kept(team):
    where = f"{API}/assets/{team.asset.id}/aliases/production"
    body = {"version": team.version.id}
    bob, olga = team.as_("bob"), team.as_("olga")
    assert team.client.put(where, json=body, headers=bob).status_code == 200
    protect = {"protected": True}
    assert team.client.put(f"{where}/protection", json=protect, headers=bob).status_code == 403
    assert team.client.put(f"{where}/protection", json=protect, headers=olga).status_code == 204
    assert team.client.put(where, json=body, headers=bob).status_code == 403
    assert team.client.delete(where, headers=bob).status_code == 403
    assert team.client.delete(where, headers=olga).status_code == 204
    assert team.client.put(where, json=body, headers=olga).status_code == 200
    audit = team.client.get(f"{API}/audit?project=vision", headers=olga).json()["items"]
    assert [one["who"] for one in audit if one["action"] == "alias.set"] == ["olga", "olga", "bob"]


def test_a_token_does_no_more_than_it_says(team):
    read, there = team.as_("olga", role=Role.VIEWER), team.as_("ada", project="other")
    tags = f"{API}/versions/{team.version.id}/tags"
    assert team.client.get(f"{API}/versions/{team.version.id}", headers=read).status_code == 200
    assert team.client.patch(tags, json={"a": "b"}, headers=read).status_code == 403
    assert team.client.patch(tags, json={"a": "b"}, headers=there).status_code == 404
    assert team.client.post(f"{API}/projects", json={"name": "n"}, headers=there).status_code == 403
    assert team.client.post(f"{API}/tokens", json={"name": "n"}, headers=read).status_code == 403
    listed = team.client.get(f"{API}/projects", headers=there).json()["items"]
    assert [one["name"] for one in listed] == ["other"]


def test_tokens_that_expired_or_were_revoked_or_belong_to_nobody_are_refused(team, clock):
    soon = team.as_("bob", expires=clock.now + timedelta(minutes=5))
    where = f"{API}/me"
    assert team.client.get(where, headers=soon).status_code == 200
    clock.now += timedelta(minutes=6)
    assert team.client.get(where, headers=soon).status_code == 401
    made = team.client.post(f"{API}/tokens", json={"name": "laptop"}, headers=team.as_("bob"))
    secret, made_id = made.json()["secret"], made.json()["token"]["id"]
    assert made.headers["cache-control"] == "no-store"
    mine = {"Authorization": f"Bearer {secret}"}
    assert team.client.get(where, headers=mine).json()["who"] == "bob"
    assert team.client.delete(f"{API}/tokens/{made_id}", headers=team.as_("eve")).status_code == 404
    assert team.client.delete(f"{API}/tokens/{made_id}", headers=team.as_("bob")).status_code == 204
    assert team.client.get(where, headers=mine).status_code == 401
    other = team.as_("bob")
    disabled = team.client.patch(
        f"{API}/users/bob", json={"disabled": True}, headers=team.as_("ada")
    )
    assert disabled.json()["disabled"]
    assert team.client.get(where, headers=other).status_code == 401
    for odd in ("Bearer omp_nothing", "Bearer ", "Basic !", "Digest x", "Basic YQ==", "é"):
        answer = team.client.get(where, headers={"Authorization": odd.encode()})
        assert answer.status_code in (400, 401), odd


def test_old_clients_sign_in_with_a_name_and_a_password_or_a_token(team):
    where = f"{API}/me"
    assert team.client.get(where, auth=("bob", PASSWORD)).json()["who"] == "bob"
    secret, _ = team.repo.add_token(team.people["bob"], "t")
    assert team.client.get(where, auth=("anything", secret)).json()["who"] == "bob"
    assert team.client.get(where, auth=("bob", "wrong")).status_code == 401


def test_a_browser_signs_in_and_its_changes_need_the_word_of_the_session(team):
    client, tags = team.client, f"{API}/versions/{team.version.id}/tags"
    wrong = client.post(f"{API}/sign-in", json={"name": "bob", "password": "wrong"})
    nobody = client.post(f"{API}/sign-in", json={"name": "nobody", "password": "wrong"})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text == nobody.text
    session = client.post(f"{API}/sign-in", json={"name": "bob", "password": PASSWORD})
    cookie = session.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    word = session.json()["csrf"]
    assert client.get(f"{API}/me").json()["csrf"] == word
    assert client.patch(tags, json={"a": "b"}).status_code == 403
    forged = {"X-CSRF-Token": "forged"}
    assert client.patch(tags, json={"a": "b"}, headers=forged).status_code == 403
    mine = {"X-CSRF-Token": word}
    foreign = {**mine, "Origin": "https://evil.example"}
    assert client.patch(tags, json={"a": "b"}, headers=foreign).status_code == 403
    own = {**mine, "Origin": str(client.base_url).rstrip("/")}
    assert client.patch(tags, json={"a": "b"}, headers=own).status_code == 200
    assert client.post(f"{API}/sign-out", headers=mine).status_code == 204
    assert client.get(f"{API}/me").status_code == 401


def test_a_stolen_cookie_is_of_no_use_after_signing_out(team):
    client = team.client
    word = client.post(f"{API}/sign-in", json={"name": "bob", "password": PASSWORD}).json()["csrf"]
    stolen = dict(client.cookies)
    client.post(f"{API}/sign-out", headers={"X-CSRF-Token": word})
    for name, value in stolen.items():
        client.cookies.set(name, value)
    assert client.get(f"{API}/me").status_code == 401


def test_lineage_ends_at_what_one_does_not_see(team):
    repo, me = team.repo, team.as_("mallory")
    other = repo.view(who="ada", project="other")
    run = other.record_run(inputs={"dataset": "vision/dataset/secret"}, outputs={}, name="crossing")
    answer = team.client.get(f"{API}/runs/{run.id}", headers=me).json()
    used = answer["inputs"]["dataset"]
    assert (used["number"], used["message"], used["creator"]) == (1, "", "")
    down = f"{API}/versions/{team.version.id}/lineage?direction=down"
    names = [one["name"] for one in team.client.get(down, headers=team.as_("eve")).json()["runs"]]
    assert names == ["train"]
    everything = team.client.get(down, headers=team.as_("ada")).json()
    assert {one["name"] for one in everything["runs"]} == {"train", "crossing"}


def test_changes_are_recorded_in_the_name_of_who_asks(team):
    made = team.client.post(
        f"{API}/projects/vision/versions", json={"asset": "file/note"}, headers=team.as_("bob")
    )
    assert made.json()["version"]["creator"] == "bob"


def test_passwords_are_changed_by_oneself_and_users_by_the_owner(team):
    client = team.client
    new = {"password": "another good one"}
    assert client.patch(f"{API}/users/bob", json=new, headers=team.as_("eve")).status_code == 403
    assert client.patch(f"{API}/users/bob", json=new, headers=team.as_("bob")).status_code == 200
    assert client.get(f"{API}/me", auth=("bob", new["password"])).status_code == 200
    grab = {"owner": True}
    assert client.patch(f"{API}/users/bob", json=grab, headers=team.as_("bob")).status_code == 403
    made = client.post(
        f"{API}/users", json={"name": "new", "password": PASSWORD}, headers=team.as_("ada")
    )
    assert made.status_code == 201
    assert "password" not in made.text


def test_failures_to_sign_in_are_limited(team):
    wrong = {"name": "bob", "password": "wrong"}
    answers = [team.client.post(f"{API}/sign-in", json=wrong) for _ in range(8)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


def test_keys_of_requests_are_everybodys_own(team):
    body, key = {"asset": "file/note"}, {"Idempotency-Key": "same"}
    where = f"{API}/projects/vision/versions"
    one = team.client.post(where, json=body, headers={**team.as_("bob"), **key})
    two = team.client.post(where, json=body, headers={**team.as_("olga"), **key})
    assert one.json()["version"]["creator"] == "bob"
    assert "idempotency-replayed" not in two.headers


def test_the_embedded_server_lets_nobody_in_once_there_are_users(settings):
    with TestClient(create_app(settings), base_url="http://127.0.0.1:6677") as client:
        assert client.get(f"{API}/projects").status_code == 401
