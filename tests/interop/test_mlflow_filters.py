"""The filter grammar of MLflow's searches: what parses, and what is found, against plain Python."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow_served import open_new

from omprov.catalog.mlflow import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    Comparison,
    Criteria,
    Ordering,
)
from omprov.interop.mlflow._errors import Refused
from omprov.interop.mlflow._filters import parse_filter, parse_order
from omprov.records import RunStatus

KEYS = ["acc", "my key", "a.b", "x'y", "é"]
TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "a%b",
    "a_b",
    "a*b",
    "it's",
    'say "x"',
    "[a]",
    "\\",
    "é",
    "É",
    "x" * 70,
]
NUMBERS = [0.0, 1.0, -1.5, 1e300, float("inf"), float("-inf"), float("nan")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.acc > 0.9", ("metric", "acc", ">", 0.9)),
        ("metric.`my acc` <= -1e-3", ("metric", "my acc", "<=", -1e-3)),
        ("params.lr = '0.1'", ("param", "lr", "=", "0.1")),
        ('params."l r" != "x"', ("param", "l r", "!=", "x")),
        ("tags.mlflow.source.name LIKE '%.py'", ("tag", "mlflow.source.name", "LIKE", "%.py")),
        ("tag.`a.b` ilike 'X_'", ("tag", "a.b", "ILIKE", "X_")),
        ("tags.x IS NULL", ("tag", "x", "IS NULL", None)),
        ("tags.x is not null", ("tag", "x", "IS NOT NULL", None)),
        ("status = 'FINISHED'", ("attribute", "status", "=", "FINISHED")),
        ("attributes.start_time >= 17", ("attribute", "start_time", ">=", 17.0)),
        ("attr.created < 5", ("attribute", "start_time", "<", 5.0)),
        ("run_id IN ('a', \"b\")", ("attribute", "run_id", "IN", ("a", "b"))),
        ("run_id NOT IN ('a',)", ("attribute", "run_id", "NOT IN", ("a",))),
        ("attribute.`Run name` = 'it''s'", ("attribute", "run_name", "=", "it's")),
        ("dataset.digest = 'd'", ("dataset", "digest", "=", "d")),
        ("params.and = 'and'", ("param", "and", "=", "and")),
    ],
)
def test_a_comparison_is_read(text, expected):
    assert parse_filter(text, RUNS) == (Comparison(*expected),)


def test_comparisons_are_joined_by_and():
    text = "metrics.a > 1 AND params.b = 'c and d' and tags.`e` != ''"
    assert [one.key for one in parse_filter(text, RUNS)] == ["a", "b", "e"]
    assert parse_filter("  ", RUNS) == ()
    assert parse_filter(None, RUNS) == ()


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > 1 OR metrics.b > 2",
        "metrics.a",
        "metrics.a > 'x'",
        "metrics.a LIKE 'x'",
        "metrics.a IS NULL",
        "params.a > 'x'",
        "params.a = 1",
        "params.a = b",
        "status > 'x'",
        "start_time = 'x'",
        "nothing.a = 'x'",
        "attributes.nothing = 'x'",
        "dataset.size = 'x'",
        "run_id IN ()",
        "run_id IN (1)",
        "params.a = 'x",
        "params.a = 'x'; DROP TABLE run",
        "(params.a = 'x')",
        "a" * 30_000,
    ],
)
def test_what_cannot_be_is_refused(text):
    with pytest.raises(Refused) as refused:
        parse_filter(text, RUNS)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"


def test_each_search_knows_its_own_keys():
    assert parse_filter("name = 'x'", EXPERIMENTS)
    assert parse_filter("tag.`mlflow.prompt.is_prompt` != 'true'", REGISTERED_MODELS)
    assert parse_filter("version_number > 3", MODEL_VERSIONS)
    assert parse_filter("creation_time > 3 AND params.x IN ('a')", LOGGED_MODELS)
    for subject in (EXPERIMENTS, REGISTERED_MODELS, MODEL_VERSIONS):
        with pytest.raises(Refused):
            parse_filter("metrics.a > 1", subject)


def test_orders_are_read():
    found = parse_order(["metrics.`my acc` DESC", "start_time", "tags.x asc"], RUNS)
    assert found == (
        Ordering("metric", "my acc", ascending=False),
        Ordering("attribute", "start_time"),
        Ordering("tag", "x"),
    )
    assert parse_order(["timestamp DESC"], REGISTERED_MODELS)[0].key == "last_updated_timestamp"
    for text in ("metrics.a UP", "", "dataset.name", "nothing", "metrics.a DESC NULLS LAST"):
        with pytest.raises(Refused):
            parse_order([text], RUNS)


# ---------------------------------------------------------------- what is found, against Python

words = st.sampled_from(TEXTS)
keys = st.sampled_from(KEYS[:3])
labels = st.dictionaries(keys, words, max_size=3)
runs = st.fixed_dictionaries(
    {
        "params": labels,
        "tags": labels,
        "metrics": st.dictionaries(keys, st.sampled_from(NUMBERS), max_size=3),
        "name": words,
    }
)
sign = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
finite = st.sampled_from([number for number in NUMBERS if abs(number) < 1e308])
comparisons = st.one_of(
    st.builds(Comparison, st.just("metric"), keys, sign, finite),
    st.builds(
        Comparison,
        st.sampled_from(["param", "tag"]),
        keys,
        st.sampled_from(["=", "!=", "LIKE", "ILIKE"]),
        st.one_of(words, st.sampled_from(["%", "a%", "_", "%b", "A%"])),
    ),
    st.builds(
        Comparison,
        st.sampled_from(["param", "tag"]),
        keys,
        st.sampled_from(["IS NULL", "IS NOT NULL"]),
    ),
    st.builds(
        Comparison,
        st.just("attribute"),
        st.just("run_name"),
        st.sampled_from(["=", "!=", "LIKE"]),
        words,
    ),
    st.builds(
        Comparison,
        st.just("attribute"),
        st.just("run_name"),
        st.sampled_from(["IN", "NOT IN"]),
        st.lists(words, min_size=1, max_size=3).map(tuple),
    ),
)
orderings = st.one_of(
    st.none(),
    st.builds(Ordering, st.sampled_from(["metric", "param", "tag"]), keys, st.booleans()),
    st.builds(Ordering, st.just("attribute"), st.just("run_name"), st.booleans()),
)


def met(run, one):
    """Tell whether a run meets a comparison; absent values meet nothing, and NaN only ``!=``."""
    value = run["name"] if one.entity == "attribute" else run[one.entity + "s"].get(one.key)
    if one.operator == "IS NULL":
        return value is None
    if one.operator == "IS NOT NULL":
        return value is not None
    if value is None:
        return False
    if value != value:
        return one.operator == "!="
    match one.operator:
        case "IN":
            return value in one.value
        case "NOT IN":
            return value not in one.value
        case "LIKE" | "ILIKE":
            pattern = "".join(
                {"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in one.value
            )
            flags = re.DOTALL | (re.IGNORECASE | re.ASCII if one.operator == "ILIKE" else 0)
            return re.fullmatch(pattern, value, flags) is not None
    return {
        "=": value == one.value,
        "!=": value != one.value,
        "<": one.operator == "<" and value < one.value,
        "<=": one.operator == "<=" and value <= one.value,
        ">": one.operator == ">" and value > one.value,
        ">=": one.operator == ">=" and value >= one.value,
    }[one.operator]


def in_order(found, order):
    """Sort stably: the newest first, then by the order; NaN behind numbers, absent ones last."""
    found = found[::-1]
    if order is None:
        return found
    if order.entity == "attribute":
        return sorted(found, key=lambda run: run["name"].encode(), reverse=not order.ascending)
    values = [(run, run[order.entity + "s"].get(order.key)) for run in found]
    there = [pair for pair in values if pair[1] is not None and pair[1] == pair[1]]
    there.sort(
        key=lambda pair: pair[1].encode() if isinstance(pair[1], str) else pair[1],
        reverse=not order.ascending,
    )
    nan = [pair for pair in values if pair[1] is not None and pair[1] != pair[1]]
    absent = [pair for pair in values if pair[1] is None]
    return [run for run, _ in [*there, *nan, *absent]]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def written(one):
    """Write a comparison as people do."""
    key = "run_name" if one.entity == "attribute" else f"{one.entity}s.`{one.key}`"
    match one.value:
        case None:
            return f"{key} {one.operator}"
        case tuple():
            return f"{key} {one.operator} ({', '.join(map(quoted, one.value))})"
        case float():
            return f"{key} {one.operator} {one.value!r}"
        case _:
            return f"{key} {one.operator} {quoted(one.value)}"


@given(st.lists(comparisons, max_size=4))
def test_what_is_written_is_read_back(wanted):
    assert parse_filter(" AND ".join(map(written, wanted)), RUNS) == tuple(wanted)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    with open_new(tmp_path_factory.mktemp("filters")) as opened:
        yield opened


EXPERIMENT = iter(range(1, 10_000))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(runs, min_size=1, max_size=6),
    st.lists(comparisons, max_size=3),
    orderings,
    st.integers(1, 4),
    st.sampled_from([0, 1000]),
)
def test_searches_find_what_plain_python_finds(repository, made, filters, order, size, rare):
    name = f"e{next(EXPERIMENT)}"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with repository.writing_mlflow() as writer:
        experiment = writer.add_experiment("default", name)
        for place, run in enumerate(made):
            known = writer.add_tracked_run(
                "default",
                experiment.number,
                name=run["name"],
                started=now.replace(second=place),
                tags=run["tags"],
                parent=None,
            )
            writer.set_run(known.id, params=run["params"], status=RunStatus.SUCCEEDED)
            points = [(key, 0, value, now) for key, value in run["metrics"].items()]
            if points:
                writer.add_metric_points(known.id, points)
            run["id"] = known.id
    expected = in_order([run for run in made if all(met(run, one) for one in filters)], order)
    criteria = Criteria(tuple(filters), () if order is None else (order,))
    with pytest.MonkeyPatch.context() as patch, repository.reading_mlflow() as reader:
        patch.setattr("omprov.catalog.mlflow._runs.RARE", rare)  # both ways of looking
        found = []
        while True:
            page = reader.search_tracked_runs(
                "default",
                [experiment.number],
                criteria,
                stages=("active",),
                limit=size,
                offset=len(found),
            )
            found += page
            if len(page) < size:
                break
    assert [run.id for run in found] == [run["id"] for run in expected]


def test_a_missing_tag_differs_in_searches_of_registered_models(repository):
    from omprov.interop.mlflow._call import Call
    from omprov.interop.mlflow._dispatch import find_endpoint

    def call(method, path, **arguments):
        endpoint, _ = find_endpoint(method, path)
        return endpoint.handler(Call(repository, arguments))

    for name, tags in (("plain", []), ("prompt", [{"key": "is_prompt", "value": "true"}])):
        call("POST", "2.0/mlflow/registered-models/create", name=name, tags=tags)
    found = call("GET", "2.0/mlflow/registered-models/search", filter="tags.is_prompt != 'true'")
    assert [one["name"] for one in found["registered_models"]] == ["plain"]
