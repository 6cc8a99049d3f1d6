"""Requests that are malformed, huge, forged or hostile: each gets a problem, none does harm."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from omprov.errors import NotAllowed
from omprov.repository import Repository
from omprov.server import create_app
from omprov.server._gate import body_limit

API = "/api/v1"
ODD = [
    "'; DROP TABLE run; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "a\x00b",
    "\u202egnp.exe",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "a" * 5000,
    "%s%n{0}${7*7}",
    "-1",
    "v999999999999999999999",
    "model/net:@" + "0" * 64,
]


def is_problem(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = answer.json()
    assert said["status"] == answer.status_code
    assert set(said) == {"type", "title", "status", "detail", "error", "fields"}
    return said


def test_every_error_is_a_problem(ask):
    for method, path, status, error in [
        ("GET", "/nothing", 404, "NotFound"),
        ("GET", f"{API}/nothing", 404, "NotFound"),
        ("PUT", f"{API}/projects", 405, "InvalidInput"),
        ("GET", f"{API}/projects/absent/assets", 404, "NotFound"),
        ("GET", f"{API}/projects/default/version?reference=a/b/c/d", 400, "InvalidReference"),
        ("GET", f"{API}/projects/default/version", 422, "InvalidInput"),
        ("GET", f"{API}/projects/default/runs?limit=0", 422, "InvalidInput"),
        ("GET", f"{API}/projects/default/runs?status=odd", 422, "InvalidInput"),
        ("POST", f"{API}/projects", 422, "InvalidInput"),
    ]:
        answer = ask.request(method, path)
        assert answer.status_code == status, path
        assert is_problem(answer)["error"] == error


def test_a_problem_holds_the_facts_of_its_error(ask, repo):
    answer = ask.get(f"{API}/projects/default/version?reference=model/net:besst")
    with pytest.raises(LookupError) as raised:
        repo.get_version("model/net:besst")
    said = is_problem(answer)
    assert said["detail"] == str(raised.value)
    assert said["fields"] == {
        "what": "version",
        "name": "model/net:besst",
        "near": ["model/net:best"],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"name": }',
        b'{"name": "a"',
        b"\xff\xfe",
        b'{"name": {"name": "a"}}',
        b'{"name": "a", "more": 1}',
        b"[" * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_of_another_form_is_refused(ask, repo, body):
    answer = ask.post(f"{API}/projects", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    is_problem(answer)
    assert len(repo.list_projects()) == 1


def test_a_form_of_another_web_site_is_no_body(ask, repo):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = ask.post(
            f"{API}/projects", content=b'{"name": "a"}', headers={"Content-Type": kind}
        )
        assert answer.status_code == 422
    assert len(repo.list_projects()) == 1


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_do_no_harm_wherever_they_stand(ask, repo, text):
    before = repo.list_runs()
    body = {
        "name": text[:500],
        "message": text,
        "params": {text: text},
        "tags": {text[:400]: text},
        "source": {text: [text]},
        "command": [text],
    }
    made = ask.post(f"{API}/projects/default/runs", json=body)
    if made.status_code == 201:
        kept = repo.get_run(made.json()["id"])
        assert (kept.message, kept.params, kept.command) == (text, {text: text}, (text,))
        assert made.headers["content-type"] == "application/json"
    else:
        is_problem(made)
    for path, query in [
        ("projects/default/version", {"reference": text}),
        ("projects/default/asset", {"reference": text}),
        ("projects/default/run", {"id": text}),
        ("projects/default/runs", {"name": text, "cursor": text}),
        ("projects/default/runs", {"parent": text}),
        ("projects/default/runs", {"before": text}),
        ("projects/default/runs", {"using": text}),
        ("diff", {"older": text, "newer": text}),
    ]:
        answer = ask.get(f"{API}/{path}", params=query)
        assert answer.status_code < 500, (path, answer.text)
    for path in ("projects/{}/assets", "versions/{}", "assets/{}/history", "runs/{}/metrics/a"):
        answer = ask.get(f"{API}/{path.format(json.dumps(text)[1:-1].replace('/', '%2F')[:900])}")
        assert answer.status_code in (400, 404, 422), path
    assert repo.list_runs()[-len(before) :] == before


def test_a_bad_cursor_is_refused(ask):
    good = ask.get(f"{API}/projects/default/runs?limit=1").json()["next"]
    elsewhere = ask.get(f"{API}/projects/default/assets", params={"cursor": good})
    assert elsewhere.status_code == 400
    for cursor in ("x", "!!!", good[:-4], "W10", "bnVsbA", "é"):
        answer = ask.get(f"{API}/projects/default/runs", params={"cursor": cursor})
        assert answer.status_code in (400, 404), cursor
        is_problem(answer)


def test_a_body_that_is_too_large_is_refused(start, repo):
    small = start(json_limit=1000)
    body = {"name": "a", "more": "x" * 2000}
    answer = small.post(f"{API}/projects", json=body)
    assert answer.status_code == 413
    assert "1000 bytes" in is_problem(answer)["detail"]

    def pieces():
        for _ in range(100):
            yield b" " * 100

    unsaid = small.post(
        f"{API}/projects", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert unsaid.status_code == 413
    is_problem(unsaid)
    assert len(repo.list_projects()) == 1


def test_packs_may_be_larger_and_files_of_artifacts_as_large_as_they_are(settings):
    assert body_limit(f"{API}/content/packs/x", settings) == settings.pack_limit
    assert body_limit(f"{API}/projects/default/runs", settings) == settings.json_limit
    assert body_limit("/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/m", settings) is None


def test_the_embedded_server_answers_to_names_of_this_machine_only(ask):
    for name in ("evil.example", "evil.example:6677", "127.0.0.1.evil.example", "10.0.0.1", ""):
        answer = ask.get(f"{API}/projects", headers={"Host": name})
        assert answer.status_code == 403, name
        is_problem(answer)
    for name in ("localhost", "localhost:6677", "127.0.0.1:6677", "[::1]:6677"):
        assert ask.get(f"{API}/projects", headers={"Host": name}).status_code == 200


def test_pages_of_other_web_sites_get_nothing(ask, repo):
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for method in ("GET", "POST"):
            answer = ask.request(method, f"{API}/projects", json={"name": "a"}, headers=headers)
            assert answer.status_code == 403, headers
    assert len(repo.list_projects()) == 1
    own = {"Origin": "http://127.0.0.1:6677", "Sec-Fetch-Site": "same-origin"}
    assert ask.get(f"{API}/projects", headers=own).status_code == 200
    preflight = ask.options(f"{API}/projects", headers={"Origin": "http://127.0.0.1:6677"})
    assert "access-control-allow-origin" not in preflight.headers


def test_a_name_that_was_allowed_is_taken(start):
    behind = start(hosts=("team.example",))
    headers = {"Host": "team.example", "Origin": "http://team.example"}
    assert behind.get(f"{API}/projects", headers=headers).status_code == 200


def test_without_users_nothing_is_opened_to_others(settings, repo):
    del repo
    with pytest.raises(NotAllowed, match="omprov user add --owner"):
        create_app(replace(settings, host="0.0.0.0"))


def test_every_answer_is_guarded_and_has_an_id(ask):
    for path in ("/healthz", f"{API}/projects", "/nothing"):
        headers = ask.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert len(headers["x-request-id"]) == 16
    assert (
        ask.get("/healthz", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    )
    forged = ask.get("/healthz", headers={"X-Request-Id": "a b\tc"})
    assert len(forged.headers["x-request-id"]) == 16


def test_an_error_that_nobody_expected_tells_its_id_alone(ask, monkeypatch, capsys):
    def fail(*_, **__):
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(Repository, "list_projects", fail)
    answer = ask.get(f"{API}/projects")
    said = is_problem(answer)
    assert answer.status_code == 500
    assert said["fields"] == {"request": answer.headers["x-request-id"]}
    assert "secret" not in answer.text
    log = capsys.readouterr().err
    assert f"{said['fields']['request']} failed" in log
    assert "the secret inside" in log


def test_the_log_has_a_line_for_each_request_and_no_secret(ask, capsys):
    ask.get(
        f"{API}/projects?cursor=hidden",
        headers={"Authorization": "Bearer omp_hidden", "Cookie": "omprov_session=hidden"},
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert f"GET {API}/projects 400" in line
    assert "hidden" not in line
    ask.get(f"{API}/projects/a%0Ab%20200")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_was_counted_names_routes_and_no_things(ask):
    ask.get(f"{API}/projects/default/runs")
    ask.get("/secret/path")
    counts = ask.get("/metrics").text
    assert 'route="/api/v1/projects/{project}/runs"' in counts
    assert "secret" not in counts
    assert ask.get("/healthz").json() == ask.get("/readyz").json() == {"status": "ok"}
