"""Servers that go away, and answers that are lost: everything is recorded, and once."""

from __future__ import annotations

import pytest
from cutting_proxy import CuttingProxy

from omprov.capture import Home, start_run, sync_runs
from omprov.client import Connection, RemoteRepository
from omprov.errors import NotFound, Unavailable
from omprov.repository import JOURNAL, Output


@pytest.fixture
def cutting(server):
    """Make a proxy that cuts answers."""
    made = []

    def make(cuts):
        made.append(CuttingProxy(server.url, cuts))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


def every_other():
    """Cut the first answer to each change, and no other."""
    seen = set()

    def cuts(line):
        method = line.split(" ", 1)[0]
        is_first = method != "GET" and line not in seen
        seen.add(line)
        return is_first

    return cuts


def recorded(repository, run):
    found = repository.get_run(run)
    return {
        "params": found.params,
        "points": [(p.step, p.value) for p in repository.metric_points(found.id, "loss")],
        "outputs": [str(version) for version in found.outputs.values()],
        "status": str(found.status),
    }


WHOLE = {
    "params": {"lr": 0.1},
    "points": [(step, step / 4) for step in range(20)],
    "outputs": ["model/m:v1"],
    "status": "succeeded",
}


def train(home, folder, interlude=lambda: None):
    run = start_run(home, "train", params={"lr": 0.1})
    for step in range(20):
        run.log_metric("loss", step / 4, step=step)
        if step == 10:
            interlude()
    run.log_output("model/m", {"weights": b"w" * 3_000})
    run.finish()
    return run


def test_every_answer_may_be_lost_once(server, cutting, reopen, behind):
    proxy = cutting(every_other())
    repo = reopen(proxy.url)
    added = repo.add_version("dataset/d", {"a": b"1" * 400_000})
    assert added.created
    repo.add_version("dataset/d", {"a": b"2" * 400_000})
    run = repo.record_run(
        inputs={"dataset": "dataset/d"}, outputs={"model": Output("model/m", {"w": b"1"})}
    )
    repo.add_to_run(run.id, params={"more": 1})
    repo.set_alias("model/m", "best")
    repo.set_tags("model/m", {"good": "yes"})
    repo.remove_alias("model/m", "best")
    assert len(proxy.cut) >= 8
    assert [version.number for version in behind.list_versions("dataset/d")] == [2, 1]
    assert [version.number for version in behind.list_versions("model/m")] == [1]
    assert [(one.id, one.params) for one in behind.list_runs()] == [(run.id, {"more": 1})]
    assert behind.get_version("model/m").aliases == ()
    assert behind.check() == []


def test_a_run_whose_answers_are_lost_is_recorded_once(cutting, reopen, behind, tmp_path):
    proxy = cutting(every_other())
    repo = reopen(proxy.url)
    home = Home(repo.path, lambda: repo, repository=repo)
    run = train(home, tmp_path)
    assert proxy.cut
    assert recorded(behind, run.id) == WHOLE
    assert list((repo.path / JOURNAL).iterdir()) == []


def test_a_run_outlives_a_server_that_is_away(server, repo, behind, tmp_path):
    home = Home(repo.path, lambda: repo, repository=repo)
    run = train(home, tmp_path, interlude=server.stop)
    with pytest.raises(Unavailable):
        repo.get_run(run.id)
    assert sync_runs(repo).problems
    server.start()
    synced = sync_runs(repo)
    assert [one.id for one in synced.delivered] == [run.id]
    assert recorded(behind, run.id) == WHOLE
    assert sync_runs(repo).delivered == ()


def test_nobody_listens_is_one_line_with_the_fix(server, repo):
    server.stop()
    with pytest.raises(Unavailable, match=r"cannot be reached.*omprov ui") as caught:
        repo.list_projects()
    assert "\n" not in str(caught.value)
    server.start()
    assert [project.name for project in repo.list_projects()] == ["default"]


def test_an_upload_that_was_cut_goes_on_with_what_is_missing(server, reopen, cutting, behind):
    sent = []

    def cuts(line):
        if " /api/v1/content/packs/" not in line:
            return False
        sent.append(line)
        return len(sent) == 2

    noise = bytes(range(256)) * 40_000
    content = {f"{n}": bytes([n]) + _shuffled(noise, n) for n in range(5)}
    proxy = cutting(cuts)
    tired = RemoteRepository.open(
        reopen().path.parent / "tired", Connection(proxy.url, sleep=_give_up), who="bob"
    )
    with tired, pytest.raises(_GaveUp):
        tired.add_version("dataset/d", content)
    first = len(sent)
    with pytest.raises(NotFound):
        behind.get_version("dataset/d")
    repo = reopen(proxy.url)
    added = repo.add_version("dataset/d", content)
    assert first == 2
    assert len(sent) < 2 * first + 2  # what had arrived was not sent again
    assert behind.tree(added.version).open("3").read() == content["3"]
    assert behind.check() == []


class _GaveUp(Exception):
    pass


def _give_up(_):
    raise _GaveUp


def _shuffled(data, seed):
    import random

    return random.Random(seed).randbytes(len(data))
