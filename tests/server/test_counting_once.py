"""A request with a key counts once, however often, and through whichever worker, it is sent."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from omprov.errors import AlreadyExists
from omprov.records import Digest
from omprov.repository import Repository

API = "/api/v1"
KEY = {"Idempotency-Key": "k-1"}
RUN = {"name": "train", "outputs": {"model": {"asset": "model/new"}}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("projects", {"name": "vision"}),
        ("projects/default/assets", {"name": "model/x"}),
        ("projects/default/versions", {"asset": "file/note", "inherits": []}),
        ("projects/default/runs", RUN),
    ],
)
def test_the_first_answer_is_given_again(ask, repo, path, body):
    first = ask.post(f"{API}/{path}", json=body, headers=KEY)
    position = repo.position()
    again = ask.post(f"{API}/{path}", json=body, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert repo.position() == position


def test_another_body_with_the_same_key_is_refused(ask, repo):
    ask.post(f"{API}/projects/default/runs", json=RUN, headers=KEY)
    other = ask.post(f"{API}/projects/default/runs", json={**RUN, "name": "x"}, headers=KEY)
    assert (other.status_code, other.json()["error"]) == (422, "InvalidInput")
    assert ask.post(f"{API}/projects", json={"name": "p"}, headers=KEY).status_code == 201
    assert len(repo.list_runs()) == 3


def test_a_restart_and_another_worker_know_the_key(start, repo):
    first = start().post(f"{API}/projects/default/runs", json=RUN, headers=KEY)
    again = start().post(f"{API}/projects/default/runs", json=RUN, headers=KEY)
    assert again.content == first.content
    assert len(repo.list_versions("model/new")) == 1


def test_of_many_at_once_one_counts_and_all_are_answered_alike(start):
    workers = [start(), start()]
    gate, answers = threading.Barrier(8), []

    def send(client):
        gate.wait()
        answers.append(client.post(f"{API}/projects/default/runs", json=RUN, headers=KEY))

    threads = [threading.Thread(target=send, args=(workers[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


def test_what_failed_may_be_sent_again_with_its_key(ask, repo):
    body = {"inputs": {"dataset": "dataset/later"}}
    assert ask.post(f"{API}/projects/default/runs", json=body, headers=KEY).status_code == 404
    repo.add_version("dataset/later", {"a": b"1"})
    assert ask.post(f"{API}/projects/default/runs", json=body, headers=KEY).status_code == 201


def test_a_key_is_forgotten_after_a_day(ask, repo, clock):
    first = ask.post(f"{API}/projects/default/runs", json=RUN, headers=KEY).json()
    clock.now += timedelta(hours=25)
    again = ask.post(f"{API}/projects/default/runs", json=RUN, headers=KEY)
    assert again.json()["id"] != first["id"]
    assert repo.find_request("ada POST /api/v1/projects/default/runs", "k-1") is not None


def test_the_key_stands_or_falls_with_the_change(repo):
    body = Digest("0" * 64)
    with pytest.raises(AlreadyExists):
        repo.once("s", "k", body).add_project("default")
    assert repo.find_request("s", "k") is None
    repo.once("s", "k", body).add_project("vision")
    assert repo.find_request("s", "k").answer is None
    with pytest.raises(AlreadyExists):
        repo.once("s", "k", body).add_project("other")
    assert [one.name for one in repo.list_projects()] == ["default", "vision"]


def test_a_change_whose_answer_was_lost_is_not_made_twice(ask, repo, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("as if the server died here")

    with monkeypatch.context() as patched:
        patched.setattr(Repository, "keep_answer", fail)
        lost = ask.post(f"{API}/projects", json={"name": "vision"}, headers=KEY)
        assert lost.status_code == 500
    again = ask.post(f"{API}/projects", json={"name": "vision"}, headers=KEY)
    assert (again.status_code, again.json()["error"]) == (409, "Conflict")
    assert "carried out before" in again.json()["detail"]
    assert [one.name for one in repo.list_projects()] == ["default", "vision"]
