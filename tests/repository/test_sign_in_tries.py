"""How many sign-ins may fail, and how long the next try has to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.catalog import Tries
from omprov.errors import TooManyTries
from omprov.repository._sign_in_tries import (
    FORGOTTEN_AFTER,
    LIMIT,
    LONGEST_WAIT,
    WINDOW,
    Subjects,
    given_back,
    refuse_early,
    with_failure,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
gaps = st.lists(st.integers(0, 2000).map(lambda seconds: seconds * SECOND), max_size=40)


def has_to_wait(tries, now):
    try:
        refuse_early([tries], now)
    except TooManyTries as error:
        return error.retry_after
    return 0


def failed(count, apart=SECOND):
    tries, now = Tries(), START
    for _ in range(count):
        now += apart
        tries = with_failure(tries, now)
    return tries, now


def test_the_fifth_failure_makes_the_sixth_try_wait_a_minute():
    tries, now = failed(4)
    assert has_to_wait(tries, now) == 0
    tries = with_failure(tries, now)
    assert has_to_wait(tries, now) == 60
    assert has_to_wait(tries, now + timedelta(seconds=59, microseconds=1)) == 1
    assert has_to_wait(tries, now + timedelta(seconds=60)) == 0


def test_failures_count_within_fifteen_minutes():
    inside = WINDOW / 4 - timedelta(microseconds=1)
    assert has_to_wait(*failed(5, inside)) == 60
    assert has_to_wait(*failed(500, WINDOW / 4)) == 0


def test_the_wait_grows_to_fifteen_minutes_and_no_further():
    tries, now = failed(5)
    waits = []
    for _ in range(8):
        waits.append(has_to_wait(tries, now) // 60)
        now = tries.until
        tries = with_failure(tries, now)
    assert waits == [1, 2, 4, 8, 15, 15, 15, 15]
    assert len(tries.times) <= LIMIT


def test_after_a_quiet_quarter_of_an_hour_all_is_forgotten():
    tries, _ = failed(5)
    later = with_failure(tries, tries.until + WINDOW + SECOND)
    assert (later.level, later.until) == (0, None)
    assert len(later.times) == 1
    again = with_failure(tries, tries.until + WINDOW)
    assert again.level == 2
    assert LONGEST_WAIT + WINDOW <= FORGOTTEN_AFTER


@given(gaps)
def test_nobody_is_heard_more_often_than_that(pauses):
    """Whatever an attacker does: of the tries that are heard, five at most lie in any quarter of an
    hour before the first wait, and after it each waits.
    """
    tries, now, heard = Tries(), START, []
    for pause in pauses:
        now += pause
        assert has_to_wait(tries, now) <= LONGEST_WAIT.total_seconds()
        if not has_to_wait(tries, now):
            heard.append(now)
            tries = with_failure(tries, now)
    for place, first in enumerate(heard[LIMIT:]):
        sixth_before = heard[place]
        if first - sixth_before < WINDOW:
            assert first - heard[place + LIMIT - 1] >= timedelta(minutes=1)


@given(gaps, st.integers(0, 3))
def test_a_right_password_leaves_what_was_before(pauses, others):
    tries, now = Tries(), START
    for pause in pauses:
        now += pause
        if not has_to_wait(tries, now):
            tries = with_failure(tries, now)
    now += LONGEST_WAIT
    counted = with_failure(tries, now)
    assert given_back(counted, counted, tries, now) == tries
    current = counted
    for _ in range(others):  # they were heard at the same time, and failed
        if not has_to_wait(current, now):
            current = with_failure(current, now)
    after = given_back(current, counted, tries, now)
    if current != counted:
        assert len(after.times) == len(current.times) - 1


def test_five_at_once_who_know_the_password_stop_nobody():
    tries, at, before = Tries(), [], []
    for number in range(5):
        at.append(START + number * SECOND)
        before.append(tries)
        tries = with_failure(tries, at[-1])
        before[-1] = (before[-1], tries)
    for time, (was, counted) in zip(at, before, strict=True):
        tries = given_back(tries, counted, was, time)
    assert not has_to_wait(tries, at[-1])
    assert tries.times == ()


def test_names_and_places_do_not_run_into_each_other():
    assert Subjects.of("a", "bc").pair != Subjects.of("ab", "c").pair
    assert Subjects.of("a", "").origin is None
    assert len(set(Subjects.of("a", "a").all)) == 3
    assert Subjects.of("\udcff", "\udcff").all


def test_the_error_says_how_long_and_crosses_the_wire():
    error = TooManyTries(61)
    assert (error.http_status, error.exit_code, error.retry_after) == (429, 5, 61)
    assert "61 s" in str(error)
    assert "15 minutes" in str(TooManyTries(900))
    with pytest.raises(TooManyTries):
        raise TooManyTries(**error.__dict__)
