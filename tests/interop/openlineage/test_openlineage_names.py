"""Names of assets say what OpenLineage calls them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omprov.interop.openlineage._names import Named, asset_name, is_ours, named_by
from omprov.records import check_name

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(texts, texts)
def test_every_name_is_one_of_an_asset_and_short_ones_are_read_back(namespace, name):
    named = Named(namespace, name)
    text = asset_name(named)
    assert check_name(text) == text
    assert is_ours(text)
    assert named_by(text) in {named, None}
    if len(namespace) + len(name) < 8:
        assert named_by(text) == named


@given(st.tuples(texts, texts), st.tuples(texts, texts))
def test_two_never_have_the_same_name(one, other):
    assert (asset_name(Named(*one)) == asset_name(Named(*other))) == (one == other)


def test_names_can_be_read():
    named = Named("s3://lake", "raw/Orders_2024.csv")
    assert asset_name(named) == "s3_plake_-_raw_s_lorders_u2024.csv"
    assert not is_ours("digits")
    assert named_by("some_name") is None
