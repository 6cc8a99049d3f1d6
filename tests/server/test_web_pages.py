"""Pages of other web sites, in the browser of somebody whose server asks for no sign-in."""

from __future__ import annotations

ORIGINS = ("https://evil.example", "null", "http://[", "http://localhost:3000", "http://")


def test_pages_of_other_sites_reach_no_foreign_route(ask):
    for path in (
        "/api/2.0/mlflow/experiments/create",
        "/mlflow/default/api/2.0/mlflow/runs/create",
        "/openlineage/api/v1/lineage",
        "/v1/traces",
        "/api/2.0/mlflow-artifacts/artifacts/0/a",
    ):
        method = "PUT" if "artifacts" in path else "POST"
        for origin in ORIGINS:
            headers = {"Origin": origin, "Content-Type": "text/plain"}
            answer = ask.request(method, path, content=b'{"name": "x"}', headers=headers)
            assert answer.status_code == 403, (path, origin)
        said = {"Sec-Fetch-Site": "cross-site"}
        assert ask.request(method, path, content=b"{}", headers=said).status_code == 403
        bound = {"Host": "evil.example", "Origin": "http://evil.example"}
        assert ask.request(method, path, content=b"{}", headers=bound).status_code == 403
    found = ask.get("/api/2.0/mlflow/experiments/search?max_results=9").json()["experiments"]
    assert [one["name"] for one in found] == ["Default"]
