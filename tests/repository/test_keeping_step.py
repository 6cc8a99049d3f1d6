"""What processes learn from one another: weights put off, late edges, graphs not seen before."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from provenance_oracle import Oracle

from omprov.errors import Damaged
from omprov.records import Policy
from omprov.repository import Output


def train(repo, dataset, model="model/m", **more):
    repo.record_run(
        inputs={"dataset": f"dataset/d:{dataset}"} | more, outputs={"model": Output(model)}
    )


def load(repo):
    """Let this process have the graph of the models in memory."""
    assert repo.lightest_route("model/m:v1", "model/m:v1").distance == 0


def weights(repo):
    return [edge.weight for edge in repo.history("model/m").edges]


def write_sql(repo, statement):
    database = sqlite3.connect(repo.path / "catalog.db")
    with database:
        database.execute(statement)
    database.close()


@pytest.fixture
def lattice(repo):
    """Data that branches and merges again and again: no distance is to be had for nothing."""
    repo.add_version("dataset/d", {"0": b"0"})
    for step in range(4):
        tip = 3 * step + 1
        for side in (1, 2):
            repo.add_version("dataset/d", {f"{tip}": b"%d" % side}, inherits=[f"v{tip}"])
        both = [f"v{tip + 1}", f"v{tip + 2}"]
        repo.add_version("dataset/d", {f"{tip}": b"both"}, inherits=both)
    return repo


@pytest.fixture
def put_off(monkeypatch):
    from omprov.repository import _recording

    monkeypatch.setattr(_recording, "BUDGET", 0)


@pytest.mark.usefixtures("put_off")
def test_a_late_edge_lightens_a_weight_that_was_filled_in_afterwards(lattice):
    train(lattice, "v1")
    train(lattice, "v13")
    (before,) = weights(lattice)
    lattice.add_edge("dataset/d:v13", "dataset/d:v1", weight=0.01)
    assert weights(lattice) == [0.01]
    assert before > 0.01
    Oracle(lattice).check()


def test_a_late_edge_lightens_a_weight_that_another_process_computed(lattice, reopen):
    other = reopen()
    train(lattice, "v1")
    load(other)
    train(lattice, "v13")
    other.add_edge("dataset/d:v13", "dataset/d:v1", weight=0.01)
    assert weights(lattice) == [0.01]
    Oracle(lattice).check()


@pytest.mark.usefixtures("put_off")
def test_a_late_edge_between_a_run_and_its_weights_is_counted(lattice, reopen, monkeypatch):
    other = reopen()
    train(lattice, "v1")
    fill = lattice._fill_weights

    def interrupted(pending):
        with lattice._reading_graphs():
            lattice._weights_of(pending)
        other.add_edge("dataset/d:v13", "dataset/d:v1", weight=0.01)
        fill(pending)

    monkeypatch.setattr(lattice, "_fill_weights", interrupted)
    train(lattice, "v13")
    Oracle(lattice).check()


@pytest.mark.usefixtures("put_off")
def test_a_weight_that_was_never_filled_in_is_shown_and_is_no_damage(lattice, monkeypatch):
    monkeypatch.setattr(lattice, "_fill_weights", lambda pending: None)
    train(lattice, "v1")
    train(lattice, "v13")
    assert Oracle(lattice).stored.popitem()[1] is None
    assert weights(lattice) == [pytest.approx(8.0)]
    assert lattice.check() == []


def test_a_model_that_is_first_seen_as_an_input_in_the_feed_is_no_obstacle(repo, reopen):
    repo.add_version("dataset/d", {"f": b"1"})
    train(repo, "v1")
    other = reopen()
    load(other)
    repo.add_version("dataset/d", {"f": b"2"})
    train(repo, "v2", "model/base")
    train(repo, "v2", base_model="model/base:v1")
    repo.add_version("dataset/d", {"f": b"3"})
    train(repo, "v3", "model/base")
    assert other.inherits("model/m:v2") == []
    train(other, "v3", base_model="model/base:v2")
    Oracle(repo).check()
    assert repo.check() == other.check() == []


def test_a_feed_that_was_read_half_is_read_again(repo, reopen, monkeypatch):
    repo.add_version("dataset/d", {"f": b"1"})
    train(repo, "v1")
    other = reopen()
    load(other)
    repo.add_version("dataset/d", {"f": b"2"})
    train(repo, "v2")

    def interrupted(row):
        raise KeyboardInterrupt

    monkeypatch.setattr(other._graphs, "_apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        other.inherits("model/m:v2")
    monkeypatch.undo()
    assert [str(edge.older) for edge in other.inherits("model/m:v2")] == ["model/m:v1"]
    train(other, "v2")
    Oracle(other).check()


def test_who_reads_graphs_does_not_wait_for_a_writer_that_waits(lattice, reopen):
    train(lattice, "v1")
    load(lattice)
    with ThreadPoolExecutor(1) as pool:
        with reopen()._writing():
            waiting = pool.submit(train, lattice, "v2")
            while not lattice._catalog._turn.locked():
                assert not waiting.done()
            load(lattice)
        waiting.result()
    Oracle(lattice).check()


def test_an_edge_declared_again_keeps_the_lighter_weight(repo, reopen):
    repo.add_version("dataset/d", {"f": b"1"})
    repo.add_version("dataset/d", {"f": b"2"}, inherits=())
    for model in ("v1", "v2"):
        train(repo, model)
    repo.add_edge("dataset/d:v2", "dataset/d:v1", weight=0.2)
    assert repo.add_edge("dataset/d:v2", "dataset/d:v1", weight=0.7).weight == 0.2
    for door in (repo, reopen()):
        (edge,) = door.inherits("dataset/d:v2")
        assert edge.weight == door.lightest_route("dataset/d:v2", "dataset/d:v1").distance == 0.2
    assert weights(repo) == [0.2]
    assert repo.check() == []


def test_content_that_another_process_adds_at_the_same_moment_is_one_version(
    repo, reopen, monkeypatch
):
    from omprov.repository._door import _versions

    other = reopen()
    repo.add_version("dataset/d", {"f": b"1"})
    planned = _versions.plan_version

    def overtaken(*args, **kwargs):
        plan = planned(*args, **kwargs)
        monkeypatch.undo()
        other.add_version("dataset/d", {"f": b"2"})
        return plan

    monkeypatch.setattr(_versions, "plan_version", overtaken)
    added = repo.add_version("dataset/d", {"f": b"2"})
    assert (added.created, added.version.number) == (False, 2)
    assert len(repo.list_versions("dataset/d")) == 2


@pytest.mark.in_a_file
def test_weights_that_differ_by_rounding_are_no_damage(lattice):
    train(lattice, "v1")
    train(lattice, "v13")
    write_sql(lattice, "UPDATE edge SET weight = weight * (1 + 1e-14) WHERE origin = 'inferred'")
    assert lattice.check() == []
    write_sql(lattice, "UPDATE edge SET weight = weight * 1.001 WHERE origin = 'inferred'")
    assert [finding.room for finding in lattice.check()] == ["graph"]


@pytest.mark.in_a_file
def test_stored_edges_that_cannot_be_are_named_and_inferred_anew(lattice, reopen):
    for _ in range(3):
        train(lattice, "v1")
    _, second, first = [version.key for version in lattice.list_versions("model/m")]
    write_sql(
        lattice,
        f"UPDATE edge SET older = {first} WHERE origin = 'inferred' AND older = {second}",
    )
    other = reopen()
    for _ in range(2):
        with pytest.raises(Damaged, match="omprov policy model/m"):
            other.inherits("model/m:v3")
    assert [finding.room for finding in other.check()] == ["graph", "graph"]
    other.set_policy("model/m", Policy())
    assert other.check() == []
    Oracle(other).check()


def test_a_snapshot_that_another_release_wrote_is_left_aside(lattice, reopen, monkeypatch):
    from omprov.repository import _graphs

    monkeypatch.setattr(_graphs, "SNAPSHOT_AFTER", 0)
    first = reopen()
    route = first.lightest_route("dataset/d:v13", "dataset/d:v1")
    first._catalog.store_snapshot("uploaded/dataset", 3, b"of a later layout")
    second = reopen()
    assert second.lightest_route("dataset/d:v13", "dataset/d:v1").distance == route.distance


def test_a_plan_counts_only_where_nothing_was_recorded_since(repo, reopen, monkeypatch):
    from omprov.repository._door import _runs

    repo.record_run(inputs={}, outputs={"m": Output("model/a")}, params={"lr": 1})
    other, plan = reopen(), _runs.plan_settings

    def and_another_comes_first(*given, **named):
        planned = plan(*given, **named)
        monkeypatch.setattr(_runs, "plan_settings", plan)
        other.record_run(inputs={}, outputs={"m": Output("model/a")}, params={"lr": 2})
        return planned

    monkeypatch.setattr(_runs, "plan_settings", and_another_comes_first)
    run = repo.record_run(inputs={}, outputs={"m": Output("model/a")}, params={"lr": 2})
    assert str(run.inputs["params"]) == "params/a:v2"
    assert [version.number for version in repo.list_versions("params/a")] == [2, 1]
    assert repo.check() == []
