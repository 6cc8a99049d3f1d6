"""Servers on one catalog in PostgreSQL: what one of them acknowledged, the others answer from."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from omprov.errors import InvalidInput, NotAllowed
from omprov.records import Role
from omprov.repository import Repository
from omprov.server import Settings, create_app

API = "/api/v1"
PASSWORD = "correct horse battery"


@pytest.fixture
def shared(tmp_path, pg_empty_url):
    """Settings of a server on a shared catalog, whose owner is ada."""
    settings = Settings(tmp_path / "one", catalog=pg_empty_url)
    with pytest.raises(NotAllowed, match="omprov user add --owner"):
        create_app(settings)
    with Repository.open_shared(
        settings.folder, catalog=pg_empty_url, who="setup", clock=settings.clock
    ) as repository:
        repository.add_user("ada", PASSWORD, owner=True)
        secret, _ = repository.add_token("ada", "tests", role=Role.OWNER)
    return settings, {"Authorization": f"Bearer {secret}"}


def test_servers_on_one_catalog_agree(shared):
    settings, me = shared
    apps = [create_app(settings), create_app(settings)]
    with TestClient(apps[0]) as one, TestClient(apps[1]) as two:
        assert one.get(f"{API}/projects").status_code == 401
        run = {"outputs": {"m": {"asset": "model/net"}}, "metrics": {"a": 1.5}}
        for number in range(1, 7):
            here, there = (one, two) if number % 2 else (two, one)
            made = here.post(f"{API}/projects/default/runs", json=run, headers=me)
            assert made.status_code == 201, made.text
            assert made.json()["outputs"]["m"]["number"] == number
            assert there.get(f"{API}/runs/{made.json()['id']}", headers=me).json() == made.json()
        gate, answers = threading.Barrier(6), []

        def send(client):
            gate.wait()
            answers.append(
                client.post(
                    f"{API}/projects", json={"name": "once"}, headers={**me, "Idempotency-Key": "k"}
                )
            )

        threads = [threading.Thread(target=send, args=(apps_,)) for apps_ in [one, two] * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1


def test_of_two_who_move_an_alias_at_once_one_gets_a_conflict(shared):
    settings, me = shared
    apps = [create_app(settings), create_app(settings)]
    with TestClient(apps[0]) as one, TestClient(apps[1]) as two:
        made = [
            one.post(
                f"{API}/projects/default/versions",
                json={"asset": "file/note", "inherits": [], "message": str(number)},
                headers=me,
            ).json()["version"]
            for number in range(2)
        ]
        (asset,) = one.get(f"{API}/projects/default/assets", headers=me).json()["items"]
        where, gate, answers = f"{API}/assets/{asset['id']}/aliases/best", threading.Barrier(2), []

        def move(client, version):
            gate.wait()
            body = {"version": version["id"], "previous": None}
            answers.append(client.put(where, json=body, headers=me).status_code)

        threads = [
            threading.Thread(target=move, args=pair) for pair in zip((one, two), made, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 409]


def test_a_content_store_without_its_catalog_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="--catalog"):
        create_app(replace(Settings(tmp_path), content="s3://bucket/x"))
