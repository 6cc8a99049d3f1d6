from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff._tally import Tally, member_digest

members = st.lists(st.integers(0, 20), max_size=60)


def digests(numbers):
    return b"".join(member_digest(b"%d" % number) for number in numbers)


@pytest.mark.parametrize("held", [1, 7, 1000])
@given(st.lists(st.tuples(members, members), max_size=6))
def test_what_either_side_has_more_is_counted_as_multisets_say(held, parts):
    old, new = Counter(), Counter()
    with Tally(held=held) as tally:
        for left, right in parts:
            old.update(left)
            new.update(right)
            tally.add(digests(left), 1)
            tally.add(digests(right), -1)
        found = tally.surplus()
    assert found == ((old - new).total(), (new - old).total())


@given(st.dictionaries(st.integers(0, 20), st.integers(-3, 3)))
def test_members_may_come_with_counts(counts):
    import numpy as np

    with Tally(held=4) as tally:
        tally.add(digests(counts), np.array(list(counts.values()), np.int64))
        found = tally.surplus()
    values = counts.values()
    assert found == (sum(c for c in values if c > 0), -sum(c for c in values if c < 0))


def test_digests_that_begin_alike_are_told_apart():
    same, first, second = bytes(8), b"\0" * 7 + b"\1", b"\0" * 7 + b"\2"
    with Tally(held=3) as tally:
        tally.add(same + second + same + first + same + second, 1)
        tally.add(same + first + same + first, -1)
        assert tally.surplus() == (2, 1)


def test_many_buckets_are_summed_apart(monkeypatch):
    monkeypatch.setattr("omprov.diff._tally._AT_ONCE", 50)
    with Tally(held=100) as tally:
        tally.add(digests(range(5_000)), 1)
        tally.add(digests(range(1_000, 5_010)), -1)
        assert tally.surplus() == (1_000, 10)


def test_the_file_in_which_members_wait_is_gone_afterwards(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Tally(held=1) as tally:
        tally.add(digests(range(10)), 1)
        tally.add(digests(range(5)), -1)
        assert tally.surplus() == (5, 0)
    assert list(tmp_path.iterdir()) == []
