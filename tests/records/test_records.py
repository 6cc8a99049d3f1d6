"""References, digests, policies, differences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov import errors
from omprov.errors import InvalidInput, InvalidReference
from omprov.records import (
    Change,
    Difference,
    Kind,
    Missing,
    Policy,
    Reference,
    Treatment,
    new_id,
    parse_digest,
    show_digest,
)

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


@given(
    NAMES,
    st.none() | st.sampled_from(Kind),
    st.none() | NAMES.filter(lambda name: name not in set(Kind)),
    st.none() | NAMES | st.integers(1, 10**9).map("v{}".format) | st.just("@3fa9"),
)
def test_a_reference_reads_as_it_prints(name, kind, project, selector):
    reference = Reference(name, kind, project, selector)
    assert Reference.parse(str(reference)) == reference


def test_selectors_are_told_apart():
    assert Reference.parse("model/m:v12").number == 12
    assert Reference.parse("model/m:@b3:3fa9c").digest_prefix == "3fa9c"
    assert Reference.parse("model/m:champion").alias == "champion"
    for text in ("model/m", "model/m:latest", "model/m:v1", "model/m:@3fa9"):
        assert Reference.parse(text).alias is None


def test_an_address_is_a_reference():
    found = Reference.parse("omprov://host:1/vision/model/resnet:champion")
    assert found == Reference("resnet", Kind.MODEL, "vision", "champion")


@pytest.mark.parametrize(
    "text",
    ["", ":", "a:", "a b", "A", "a/b/c/d", "p/nokind/n", "model/", "m:@12", "m:@xyz1", "é", "a:V1"],
)
def test_what_is_no_reference_is_named(text):
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert repr(text) in str(caught.value)


def test_a_long_name_is_not_printed_whole():
    with pytest.raises(InvalidReference, match="300 characters"):
        Reference.parse("dataset/" + "x" * 300)


def test_ids_sort_by_time():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = [new_id(start + timedelta(milliseconds=i)) for i in range(20)]
    assert made == sorted(made)
    assert len(set(made)) == 20


def test_digests_show_their_hash():
    digest = parse_digest("b3:" + "aB" * 32)
    assert show_digest(digest, 4) == "b3:abab"
    with pytest.raises(InvalidInput, match="64 hex digits"):
        parse_digest("b3:abc")


def test_a_policy_knows_roles_by_their_first_part():
    policy = Policy({"dataset.val": Treatment.IGNORED, "base_model": Treatment.FREE})
    assert policy.treatment("dataset") is Treatment.LINEAGE
    assert policy.treatment("dataset.val") is Treatment.IGNORED
    assert policy.treatment("base_model.teacher") is Treatment.FREE
    assert policy.treatment("params.extra") is Treatment.FREE
    assert policy.treatment("environment") is Treatment.IGNORED


def test_a_policy_survives_json():
    policy = Policy({"a": Treatment.FREE}, Missing.OLDEST)
    assert Policy.from_json(policy.to_json()) == policy
    with pytest.raises(InvalidInput, match="lineage, free and ignored"):
        Policy.from_json({"roles": {"a": "heavy"}})


def test_a_difference_survives_json():
    difference = Difference(
        "words",
        3,
        12,
        {"deleted": 1},
        (Change("a", "renamed", "b", {"x": 1}, old=None, new=[1]),),
        7,
    )
    assert Difference.from_json(difference.to_json()) == difference
    assert difference.weight == 0.25
    assert Difference("words", 0, 0).weight == 0


def test_every_error_has_its_exit_code_and_builtin():
    assert issubclass(errors.NotFound, LookupError)
    assert issubclass(errors.InvalidInput, ValueError)
    codes = {
        errors.InvalidReference: 2,
        errors.NotFound: 3,
        errors.CycleError: 4,
        errors.LocalChanges: 4,
        errors.Busy: 5,
        errors.Damaged: 5,
        errors.MissingExtra: 5,
    }
    for kind, code in codes.items():
        assert kind.exit_code == code
    assert str(errors.NotFound("asset", "x", ["a", "b", "c"])) == (
        "no asset 'x'; did you mean a, b or c?"
    )
