"""The calls of the repository over REST: what goes in comes out as it is."""

from __future__ import annotations

import math
import typing
from datetime import datetime
from enum import Enum
from types import NoneType

import pytest

from omprov.records import (
    Asset,
    AssetName,
    Difference,
    Digest,
    Edge,
    Inherits,
    Project,
    Run,
    Version,
    parse_digest,
    show_digest,
)
from omprov.repository import Added, History, Lineage, MetricPoint, Route
from omprov.server._encoding import hints_of, is_record, to_json

API = "/api/v1"
WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def rebuild(hint, data):
    """Read JSON data back by what an annotation says, as a client does."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if data is None or hint is typing.Any:
        return data
    if hint is Digest:
        return parse_digest(data)
    if hint is float:
        return WORDS[data] if isinstance(data, str) else data
    if hint is datetime:
        return datetime.fromisoformat(data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if origin is tuple:
        return tuple(rebuild(arguments[0], one) for one in data)
    if origin in (dict, typing.Mapping, __import__("collections").abc.Mapping):
        return {key: rebuild(arguments[1], one) for key, one in data.items()}
    if isinstance(hint, type) and is_record(hint):
        return hint(**{name: rebuild(inner, data[name]) for name, inner in hints_of(hint).items()})
    some = [one for one in arguments if one is not NoneType]
    if len(some) == 2:
        return rebuild(Run if "command" in data else Version, data)
    return rebuild(some[0], data) if len(some) == 1 else data


def got(answer, kind):
    assert answer.status_code in (200, 201), answer.text
    data = answer.json()
    return [rebuild(kind, one) for one in data] if isinstance(data, list) else rebuild(kind, data)


def same(one, other):
    """Equality by what is written: NaN is no NaN's equal."""
    return to_json(one) == to_json(other)


def test_every_record_comes_back_as_it_is(ask, repo):
    model, data = repo.get_version("model/net:v2"), repo.get_version("dataset/digits:v2")
    run = repo.get_run(model.run)
    asset = repo.get_asset("model/net")
    older = repo.get_version("model/net:v1")
    for path, kind, expected in [
        ("projects/default/version?reference=model/net", Version, model),
        (f"versions/{data.id}", Version, data),
        ("projects/default/asset?reference=net", Asset, asset),
        (f"assets/{asset.id}", Asset, asset),
        (f"assets/{asset.id}/history", History, repo.history("model/net")),
        (f"versions/{model.id}/inherits", Inherits, repo.inherits(model)),
        (f"versions/{data.id}/inherits", Inherits, repo.inherits(data)),
        (f"versions/{older.id}/inherited-by", Inherits, repo.inherited_by(older)),
        (f"versions/{model.id}/lineage", Lineage, repo.lineage(model)),
        (f"versions/{data.id}/lineage?direction=down", Lineage, repo.lineage(data, "down")),
        (f"versions/{model.id}/route?to={older.id}", Route, repo.lightest_route(model, older)),
        (f"diff?older={older.id}&newer={model.id}", Difference, repo.diff(older, model)),
        (f"runs/{run.id}", Run, run),
        (f"projects/default/run?id={run.id[-12:]}", Run, run),
        (f"runs/{run.id}/metrics/loss", MetricPoint, repo.metric_points(run.id, "loss")),
    ]:
        answer = ask.get(f"{API}/{path}")
        assert same(got(answer, kind), expected), path
        data_only = answer.json()
        assert "NaN" in to_json(expected).decode() or got(answer, kind) == expected, data_only


def test_lists_come_in_pages(ask, repo):
    for number in range(7):
        repo.add_project(f"p{number}")
        repo.add_version("dataset/digits", {"n": bytes([number])})
        repo.record_run(inputs={}, outputs={}, name=f"r{number}")
    asset = repo.get_asset("dataset/digits")
    for path, kind, expected in [
        ("projects", Project, repo.list_projects()),
        ("projects/default/assets", Asset, repo.list_assets(project="default")),
        (f"assets/{asset.id}/versions", Version, repo.list_versions("dataset/digits")),
        ("projects/default/runs", Run, repo.list_runs()),
    ]:
        items, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            at = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = ask.get(f"{API}/{path}", params=at).json()
            assert len(page["items"]) <= 2
            items += [rebuild(kind, one) for one in page["items"]]
            cursor, pages = page["next"], pages + 1
        assert same(items, expected), path
        assert pages == -(-len(expected) // 2)


def test_runs_are_filtered(ask, repo):
    data = repo.get_version("dataset/digits:v1")
    repo.record_run(inputs={}, outputs={}, name="other")

    def names(**filters):
        answer = ask.get(f"{API}/projects/default/runs", params=filters)
        return [one["name"] for one in answer.json()["items"]]

    assert names(name="other") == ["other"]
    assert names(using="dataset/digits:v1") == names(using=data.id) == ["train"]
    assert names(making="model/net:v2") == ["train"]
    assert names(status="failed") == []


def test_a_project_and_an_asset_are_made_changed_and_removed(ask, repo):
    assert got(ask.post(f"{API}/projects", json={"name": "vision"}), Project).name == "vision"
    made = got(
        ask.post(f"{API}/projects/vision/assets", json={"name": "model/seg", "description": "x"}),
        Asset,
    )
    assert made.name == AssetName("vision", "model", "seg")
    changed = got(
        ask.patch(
            f"{API}/assets/{made.id}",
            json={"description": "y", "measure": "files", "policy": {"missing": "oldest"}},
        ),
        Asset,
    )
    assert (changed.description, changed.measure, changed.policy.missing) == (
        "y",
        "files",
        "oldest",
    )
    assert got(ask.delete(f"{API}/assets/{made.id}"), Asset).id == made.id
    assert ask.get(f"{API}/projects/vision/assets").json()["items"] == []
    assert repo.get_asset_by_id(made.id).removed is not None


def test_a_version_is_recorded_of_content_that_was_uploaded(ask, repo):
    held = repo.get_version("dataset/digits:v1")
    summary = repo.content.put_files({"a.csv": b"1,2\n", "c.csv": b"7\n"})
    said = {"asset": "dataset/digits", "digest": show_digest(summary.digest), "held": held.id}
    added = got(ask.post(f"{API}/projects/default/versions", json=said), Added)
    assert added.created
    assert added.version == repo.get_version("dataset/digits:v3")
    assert (added.version.size, added.version.files) == (summary.size, summary.files)
    assert [edge.older for edge in added.inherits] == [held]
    said["held"] = added.version.id
    again = got(ask.post(f"{API}/projects/default/versions", json=said), Added)
    assert (again.created, again.version) == (False, added.version)
    child = {"digest": summary.digest, "message": "once"}
    made = got(ask.post(f"{API}/versions/{held.id}/children", json=child), Added)
    assert made.version == added.version


def test_content_that_was_not_uploaded_makes_no_version(ask, repo):
    said = {"asset": "dataset/digits", "digest": "b3:" + "0" * 64}
    answer = ask.post(f"{API}/projects/default/versions", json=said)
    assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")
    assert len(repo.list_versions("dataset/digits")) == 2


def test_a_run_is_recorded_at_once(ask, repo):
    weights = repo.content.put_files({"w.bin": b"new"})
    said = {
        "name": "train",
        "inputs": {"dataset": "dataset/digits:v2"},
        "outputs": {"model": {"asset": "model/net", "digest": weights.digest}},
        "params": {"lr": 0.3},
        "metrics": {"accuracy": 0.9, "loss": "Infinity"},
        "started": "2026-01-02T03:04:05.000006+02:00",
    }
    run = got(ask.post(f"{API}/projects/default/runs", json=said), Run)
    assert run == repo.get_run(run.id)
    assert run.metrics["loss"] == math.inf
    assert run.started == datetime.fromisoformat(said["started"])
    assert run.outputs["model"].number == 3
    assert repo.inherits("model/net:v3")


def test_a_run_is_recorded_bit_by_bit(ask, repo):
    run_id, at = "019ca8a7-93c0-7000-8000-0000000000c1", "2026-01-02T03:04:05Z"
    where = f"{API}/projects/default/runs/{run_id}"
    assert ask.patch(where, json={"params": {"a": 1}}).status_code == 404
    first = {"begin": {"name": "fit", "started": at}, "journals": {"j": [0, 10]}}
    assert got(ask.patch(where, json=first), Run).status == "running"
    assert ask.patch(where, json=first).status_code == 409
    points = [{"name": "loss", "step": n, "value": 1 / (n + 1), "time": at} for n in range(50)]
    assert got(ask.patch(where, json={"points": points}), Run).metrics == {"loss": 1 / 50}
    log = repo.content.put_files({"log.txt": b"hello"})
    last = {
        "inputs": {"dataset": repo.get_version("dataset/digits:v1").id},
        "outputs": {"model": {"asset": {"project": "default", "kind": "model", "name": "late"}}},
        "files": {"digest": log.digest},
        "end": {"status": "succeeded", "ended": at},
        "journals": {"j": [10, 20]},
    }
    run = got(ask.patch(where, json=last), Run)
    assert run == repo.get_run(run_id)
    assert (run.status, run.files) == ("succeeded", {"files": log.digest})
    assert run.outputs["model"].asset.name == "late"
    assert ask.get(f"{API}/runs/{run_id}/journal-positions").json() == {"j": 20}
    curve = got(ask.get(f"{API}/runs/{run_id}/metrics/loss"), MetricPoint)
    assert curve == repo.metric_points(run_id, "loss")
    assert len(curve) == 50
    late = {"points": [{"name": "a/b", "step": 0, "value": "NaN", "time": at}], "tags": {"x": "1"}}
    assert got(ask.post(f"{API}/runs/{run_id}/facts", json=late), Run).tags == {"x": "1"}
    assert ask.get(f"{API}/runs/{run_id}/metrics/a/b").json()[0]["value"] == "NaN"
    found = ask.post(
        f"{API}/projects/default/tagged-runs", json={"name": "x", "values": ["1", "2"]}
    )
    assert list(found.json()) == ["1"]
    assert got(ask.patch(f"{API}/runs/{run_id}/tags", json={"x": None}), Run).tags == {}


def test_aliases_move_from_where_they_were_seen(ask, repo):
    asset = repo.get_asset("model/net")
    first, second = repo.get_version("model/net:v1"), repo.get_version("model/net:v2")
    where = f"{API}/assets/{asset.id}/aliases/best"
    moved = ask.put(where, json={"version": second.id, "previous": first.id})
    assert moved.json()["previous"]["id"] == first.id
    late = ask.put(where, json={"version": first.id, "previous": first.id})
    assert (late.status_code, late.json()["error"]) == (409, "Conflict")
    assert repo.get_version("model/net:best") == repo.get_version("model/net:v2")
    assert ask.put(where, json={"version": first.id}).status_code == 200
    assert ask.delete(where).status_code == 204
    assert ask.delete(where).status_code == 404


def test_edges_tags_and_removals(ask, repo):
    one, two = repo.get_version("dataset/digits:v1"), repo.get_version("dataset/digits:v2")
    made = repo.add_version("dataset/digits", {"z": b"z"}, inherits=[]).version
    edge = ask.post(f"{API}/edges", json={"newer": made.id, "older": one.id, "weight": 0.25})
    assert got(edge, Inherits).weight == 0.25
    cycle = ask.post(f"{API}/edges", json={"newer": one.id, "older": made.id})
    assert (cycle.status_code, cycle.json()["error"]) == (409, "CycleError")
    ends = {"newer": made.id, "older": one.id}
    assert ask.request("DELETE", f"{API}/edges", json=ends).status_code == 204
    assert repo.inherits(made) == []
    tagged = got(ask.patch(f"{API}/versions/{two.id}/tags", json={"a": "b"}), Version)
    assert tagged.tags == {"a": "b"}
    assert got(ask.delete(f"{API}/versions/{two.id}"), Version).id == two.id
    gone = got(ask.get(f"{API}/versions/{two.id}"), Version)
    assert gone.removed is not None
    holders = ask.get(f"{API}/projects/default/holders", params={"digest": one.digest})
    assert got(holders, Version) == [repo.get_version(one)]
    newest = ask.get(f"{API}/projects/default/newest", params={"kind": "dataset"})
    assert got(newest, Version)[0].id == made.id


def test_a_history_of_git_is_recorded(ask, repo):
    a, b = "a" * 40, "b" * 40
    trees = [repo.content.put_files({"x.py": text}).digest for text in (b"1", b"2")]
    commits = [
        {
            "commit": commit,
            "content": {"digest": tree},
            "inherits": inherits,
            "message": "m",
            "creator": "eve",
            "created": "2025-01-01T00:00:00Z",
            "source": {"git": {"commit": commit}},
        }
        for commit, tree, inherits in [
            (a, trees[0], []),
            (b, trees[1], [[a, {"measure": "words", "amount": 1, "total": 4}]]),
        ]
    ]
    said = {"asset": "algorithm/code", "versions": commits, "commits": {a: a, b: b}}
    assert ask.post(f"{API}/projects/default/commits", json=said).json() == {"count": 2}
    assert ask.post(f"{API}/projects/default/commits", json=said).json() == {"count": 0}
    (edge,) = repo.uploaded_edges("algorithm/code")
    assert edge.weight == 0.25
    which = {"asset": "algorithm/code", "commits": [a, "c" * 40]}
    found = ask.post(f"{API}/projects/default/commits/versions", json=which).json()
    assert rebuild(Version, found[a]) == repo.get_version("algorithm/code:v1")
    assert found.keys() == {a}
    keys = ask.post(f"{API}/projects/default/commits/keys", json={"asset": "algorithm/code"}).json()
    assert keys == repo.find_commit_keys("algorithm/code")
    edges = ask.get(f"{API}/projects/default/commits/edges?reference=algorithm/code")
    assert got(edges, Edge) == [edge]
    one = ask.get(f"{API}/projects/default/commits/version?reference=algorithm/code&commit={b}")
    assert got(one, Version).number == 2
    states = {"asset": "algorithm/code", "states": {a: "gone"}}
    assert ask.post(f"{API}/projects/default/commits/tags", json=states).json() == {"count": 1}


def test_an_answer_is_sent_once_while_it_stays_the_same(ask, repo):
    where = f"{API}/projects/default/version?reference=model/net:v2"
    first = ask.get(where)
    again = ask.get(where, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    repo.set_tags("model/net:v2", {"new": "1"})
    changed = ask.get(where, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("packing", ["gzip", "zstd", "identity"])
def test_long_answers_are_packed_as_the_client_takes_them(ask, packing):
    answer = ask.get(f"{API}/projects/default/runs", headers={"Accept-Encoding": packing})
    assert answer.headers.get("content-encoding", "identity") == packing
    assert "accept-encoding" in answer.headers["vary"].lower()
    if packing != "zstd":  # the client here does not unpack it
        assert len(answer.json()["items"]) == 2


def test_names_that_are_no_utf_8_are_answered(ask, repo):
    repo.record_run(inputs={}, outputs={}, name="odd", source={"file": "caf\udce9"})
    (run,) = ask.get(f"{API}/projects/default/runs?name=odd").json()["items"]
    assert run["source"] == {"file": "caf\udce9"}


def test_an_output_of_another_project_and_names_in_parts(ask, repo):
    repo.add_project("vision")
    said = {"outputs": {"model": {"asset": "vision/model/x"}}}
    run = got(ask.post(f"{API}/projects/default/runs", json=said), Run)
    assert run.outputs["model"].asset.project == "vision"
