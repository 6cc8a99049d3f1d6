"""Passwords, sessions and tokens: who comes in, who does not, and from when on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import argon2
import pytest

from omprov.errors import (
    Busy,
    InvalidInput,
    MissingExtra,
    NotFound,
    NotSignedIn,
    TooManyTries,
)
from omprov.records import Role
from omprov.repository import _passwords

INSTANT = timedelta(microseconds=1)


def refused(repository, name, password="wrong password", **where):
    """The error of a try that does not come in."""
    with pytest.raises((NotSignedIn, TooManyTries)) as caught:
        repository.check_password(name, password, **where)
    return caught.value


def everything_stored(repository):
    """Every byte of the database and its log."""
    return b"".join(path.read_bytes() for path in repository.path.glob("catalog*"))


# -- passwords


def test_the_right_password_comes_in_and_no_other(team):
    assert team.check_password("ada", "correct horse") == team.get_user("ada")
    for wrong in ("", "correct horse ", "Correct horse", "correct horse\0", "battery staple"):
        assert isinstance(refused(team, "ada", wrong), NotSignedIn)
        team.check_password("ada", "correct horse")


def test_a_password_is_the_same_however_it_is_typed(team):
    team.set_user("bob", password="pa\u0308sse\ufb01xx")  # a with dots as two, fi as one letter
    assert team.check_password("bob", "p\u00e4ssefixx").name == "bob"


@pytest.mark.parametrize("bad", ["", "1234567", "\ufb01" * 3, "x" * 1025])
def test_a_password_that_is_too_short_or_too_long_is_refused(team, bad):
    with pytest.raises(InvalidInput, match="password is too"):
        team.add_user("eve", bad)
    with pytest.raises(InvalidInput, match="password is too"):
        team.set_user("bob", password=bad)
    team.check_password("bob", "battery staple")


def test_a_password_has_eight_characters_at_least(team):
    team.add_user("eve", "12345678")
    assert team.check_password("eve", "12345678").name == "eve"


def test_hashes_are_argon2id_of_the_strength_that_is_promised(monkeypatch):
    hashed = _passwords.hash_password("correct horse")
    parameters = argon2.extract_parameters(hashed)
    assert parameters.type is argon2.Type.ID
    assert (parameters.memory_cost, parameters.time_cost) == (32 * 1024, 3)
    assert argon2.extract_parameters(_passwords._NOBODY) == parameters


def test_words_and_work_are_the_same_whether_a_user_exists(team, monkeypatch):
    team.set_user("bob", disabled=True)
    checked = []
    verify = argon2.PasswordHasher.verify

    def counting(self, stored, password):
        checked.append(argon2.extract_parameters(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    cases = [
        ("ada", "wrong password"),
        ("bob", "battery staple"),
        ("bob", "wrong password"),
        ("nobody", "wrong password"),
        ("No Name\0", "wrong password"),
        ("x" * 10_000, "wrong password"),
    ]
    told = [refused(team, name, password) for name, password in cases]
    assert {(type(error), str(error)) for error in told} == {
        (NotSignedIn, "the name or the password is wrong")
    }
    assert len(checked) == len(cases)
    assert len(set(map(repr, checked))) == 1


def test_refusals_are_the_same_whether_a_user_exists(team, still):
    for _ in range(5):
        refused(team, "ada")
        refused(team, "nobody")
    told = [refused(team, name, "correct horse") for name in ("ada", "nobody")]
    assert {(type(error), str(error)) for error in told} == {
        (TooManyTries, "too many failed sign-ins: try again in 60 s")
    }


def test_a_hash_of_other_parameters_is_renewed_at_the_next_sign_in(team, monkeypatch):
    def stored():
        with closing(sqlite3.connect(team.path / "catalog.db")) as connection:
            return connection.execute("SELECT password FROM account ORDER BY name").fetchall()

    before = stored()
    stronger = argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(_passwords, "_hasher", lambda: stronger)
    refused(team, "ada")
    assert stored() == before
    team.check_password("ada", "correct horse")
    after = stored()
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert argon2.extract_parameters(after[0][0]).time_cost == 2
    team.check_password("ada", "correct horse")
    assert stored() == after


def test_without_argon2_the_extra_is_named(team):
    program = (
        "import sys; sys.modules['argon2'] = None\n"
        "from datetime import datetime, UTC; from pathlib import Path\n"
        "from omprov.repository import Repository\n"
        "r = Repository.open(Path(sys.argv[1]), who='x', clock=lambda: datetime.now(UTC))\n"
        "for call in (lambda: r.check_password('ada', 'correct horse'),\n"
        "             lambda: r.add_user('eve', 'correct horse')):\n"
        "    try: call()\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, team.path], check=True, capture_output=True, text=True
    )
    line = f"{MissingExtra.__name__} signing in with a password needs an extra: "
    assert done.stdout == 2 * (line + "pip install 'omprov[server]'\n")


# -- limits


def test_after_five_failures_even_the_right_password_waits(team, elsewhere, still):
    for repository in (team, elsewhere, team, elsewhere, team):
        assert isinstance(refused(repository, "ada"), NotSignedIn)
    for repository in (team, elsewhere):  # all processes count together
        assert refused(repository, "ada", "correct horse").retry_after == 60
    still.forward(seconds=60)
    assert team.check_password("ada", "correct horse").name == "ada"


def test_many_at_once_are_no_way_round(team):
    def attempt(number):
        return type(refused(team, "ada", f"guess number {number}"))

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(attempt, range(16)))
    assert told.count(NotSignedIn) == 5
    assert told.count(TooManyTries) == 11


def test_a_place_that_tries_many_names_is_refused(team, still):
    for name in ("a", "b", "c", "d", "e"):
        assert isinstance(refused(team, name, origin="10.0.0.1"), NotSignedIn)
    assert isinstance(refused(team, "ada", "correct horse", origin="10.0.0.1"), TooManyTries)
    assert team.check_password("ada", "correct horse", origin="10.0.0.2").name == "ada"


def test_nobody_is_locked_out_where_they_signed_in_before(team, still):
    team.check_password("ada", "correct horse", origin="home")
    for _ in range(40):  # for hours, somebody elsewhere, and somebody at home who tries other names
        for name, origin in (("ada", "away"), ("eve", "home"), ("ada", "")):
            refused(team, name, origin=origin)
        still.forward(minutes=5)
        assert team.check_password("ada", "correct horse", origin="home").name == "ada"


def test_a_known_place_has_its_limit_too(team):
    team.check_password("ada", "correct horse", origin="home")
    for _ in range(5):
        refused(team, "ada", origin="home")
    assert isinstance(refused(team, "ada", "correct horse", origin="home"), TooManyTries)


def test_a_refusal_is_not_lengthened_by_further_tries(team, still):
    for _ in range(5):
        refused(team, "ada")
    for seconds in range(60, 0, -10):
        assert refused(team, "ada").retry_after == seconds
        still.forward(seconds=10)
    assert isinstance(refused(team, "ada"), NotSignedIn)
    assert refused(team, "ada").retry_after == 120


def test_a_new_password_opens_the_name_again(team):
    for _ in range(5):
        refused(team, "bob", origin="away")
    team.set_user("bob", password="another one")
    assert team.check_password("bob", "another one", origin="home").name == "bob"


def test_the_audit_knows_when_a_user_was_refused_and_no_name_that_is_none(team):
    for _ in range(5):
        refused(team, "ada", origin="10.0.0.1")
        refused(team, "my password", origin="10.0.0.2")
    rows = [row for row in team.list_audit() if row.action == "sign-in.limit"]
    assert [(row.target, row.detail) for row in rows] == [
        ("ada", {"origin": "10.0.0.1", "seconds": 60})
    ]
    assert "my password" not in str(team.list_audit())
    assert b"my password" not in everything_stored(team)


def test_what_is_remembered_of_tries_does_not_pile_up(team, still):
    def count():
        with closing(sqlite3.connect(team.path / "catalog.db")) as connection:
            return connection.execute("SELECT count(*) FROM sign_in_tries").fetchone()[0]

    for number in range(10):
        refused(team, f"name-{number}", origin=f"10.0.0.{number}")
    assert count() == 20
    still.forward(hours=1, microseconds=1)
    refused(team, "another")
    assert count() == 1


# -- sessions


def test_a_session_is_found_by_its_secret_alone(team):
    secret, session = team.sign_in(team.get_user("bob"))
    assert team.find_sign_in(secret) == session
    assert session.user == team.get_user("bob")
    for other in ("", secret[:-1], secret + "x", secret.upper(), "é", "x" * 10_000, session.csrf):
        assert team.find_sign_in(other) is None
    assert team.find_token(secret) is None


def test_each_session_has_a_secret_and_a_word_against_forgery_of_its_own(team):
    bob = team.get_user("bob")
    made = [team.sign_in(bob) for _ in range(20)]
    assert len({secret for secret, _ in made}) == len({one.csrf for _, one in made}) == 20
    assert all(len(secret) >= 43 for secret, _ in made)  # 256 bits, six in a letter
    assert not any(one.csrf in secret or secret in one.csrf for secret, one in made)


def test_a_session_ends_after_thirty_days_however_it_is_used(team, still):
    start = still.now
    secret, session = team.sign_in(team.get_user("bob"))
    assert session.expires == start + timedelta(days=30)
    while still.now + timedelta(hours=6) < session.expires:
        still.forward(hours=6)
        assert team.find_sign_in(secret) == session
    still.now = session.expires - INSTANT
    assert team.find_sign_in(secret) == session
    still.now = session.expires
    assert team.find_sign_in(secret) is None


def test_a_session_ends_after_twelve_hours_of_disuse(team, elsewhere, still):
    secret, session = team.sign_in(team.get_user("bob"))
    still.forward(hours=12)
    still.now -= INSTANT
    assert team.find_sign_in(secret) == session
    used = still.now
    still.now = used + timedelta(hours=12) - INSTANT
    assert elsewhere.find_sign_in(secret) == session
    still.now = still.now + timedelta(hours=12)
    assert elsewhere.find_sign_in(secret) is None
    assert team.find_sign_in(secret) is None


def test_signing_out_ends_a_session_and_no_other(team):
    bob = team.get_user("bob")
    (secret, _), (other, _) = team.sign_in(bob), team.sign_in(bob)
    team.find_sign_in(secret)
    team.sign_out(secret)
    team.sign_out(secret)
    team.sign_out("never was")
    assert team.find_sign_in(secret) is None
    assert team.find_sign_in(other) is not None


@pytest.mark.parametrize("change", [{"password": "another one"}, {"disabled": True}])
def test_a_new_password_or_being_disabled_ends_all_sessions(team, elsewhere, still, change):
    bob, ada = team.get_user("bob"), team.get_user("ada")
    mine = [team.sign_in(bob)[0] for _ in range(3)]
    hers = team.sign_in(ada)[0]
    assert all(view.find_sign_in(secret) for secret in mine for view in (team, elsewhere))
    team.set_user("bob", **change)
    assert not any(team.find_sign_in(secret) for secret in mine)
    still.forward(seconds=2)
    assert not any(elsewhere.find_sign_in(secret) for secret in mine)
    assert elsewhere.find_sign_in(hers) is not None


def test_who_is_disabled_cannot_begin_a_session(team):
    bob = team.get_user("bob")
    team.set_user("bob", disabled=True)
    with pytest.raises(NotSignedIn):
        team.sign_in(bob)


# -- tokens


def test_a_token_is_found_by_its_secret_alone(team, still):
    secret, token = team.add_token("bob", "ci", role=Role.VIEWER, project="default")
    assert secret.startswith("omp_")
    assert len(secret) >= 4 + 43
    user, found = team.find_token(secret)
    assert (user, found.id, found.last_used) == (team.get_user("bob"), token.id, still.now)
    assert (found.role, found.project, found.expires) == (Role.VIEWER, "default", None)
    for other in (
        "",
        "omp_",
        secret[:-1],
        secret + "x",
        secret[4:],
        "omp_é",
        "omp_" + "x" * 10_000,
    ):
        assert team.find_token(other) is None
    assert team.find_sign_in(secret) is None


def test_a_token_expires_at_the_very_moment(team, elsewhere, still):
    end = still.now + timedelta(days=90)
    secret, token = team.add_token("bob", "ci", expires=end)
    assert token.expires == end
    for now, works in ((end - INSTANT, True), (end, False), (end + timedelta(days=9), False)):
        still.now = now
        assert [view.find_token(secret) is not None for view in (team, elsewhere)] == [works] * 2


def test_a_token_is_not_made_for_the_past_or_without_a_name(team, still):
    for past in (still.now, still.now - INSTANT, datetime(2030, 1, 1)):  # noqa: DTZ001 the case
        with pytest.raises(InvalidInput, match="expire"):
            team.add_token("bob", "ci", expires=past)
    for name in ("", "  ", "a\nb", "x" * 129):
        with pytest.raises(InvalidInput, match="name"):
            team.add_token("bob", name)
    with pytest.raises(NotFound, match="project"):
        team.add_token("bob", "ci", project="nowhere")
    with pytest.raises(NotFound, match="user"):
        team.add_token("eve", "ci")
    assert team.list_tokens("bob") == []


def test_a_removed_token_stops_at_once_here_and_soon_elsewhere(team, elsewhere, still):
    secret, token = team.add_token("bob", "ci")
    other, _ = team.add_token("bob", "laptop")
    assert team.find_token(secret)
    assert elsewhere.find_token(secret)
    with pytest.raises(NotFound):
        team.remove_token("ada", token.id)
    team.remove_token("bob", token.id)
    assert team.find_token(secret) is None
    still.forward(seconds=2)
    assert elsewhere.find_token(secret) is None
    assert elsewhere.find_token(other) is not None
    with pytest.raises(NotFound):
        team.remove_token("bob", token.id)


def test_tokens_of_a_disabled_user_stop_until_they_are_enabled(team, elsewhere, still):
    secret, _ = team.add_token("bob", "ci")
    assert elsewhere.find_token(secret)
    team.set_user("bob", disabled=True)
    assert team.find_token(secret) is None
    still.forward(seconds=2)
    assert elsewhere.find_token(secret) is None
    team.set_user("bob", disabled=False)
    assert team.find_token(secret) is not None


def test_a_token_outlives_a_new_password(team):
    secret, _ = team.add_token("bob", "ci")
    team.set_user("bob", password="another one")
    assert team.find_token(secret) is not None


def test_use_is_written_down_once_in_five_minutes(team, still, monkeypatch):
    secret, _ = team.add_token("bob", "ci")
    session, _ = team.sign_in(team.get_user("bob"))
    writes = []
    write = team._catalog.write
    monkeypatch.setattr(
        team._catalog, "write", lambda who, now: writes.append(now) or write(who, now)
    )
    start = still.now
    for _ in range(20):
        for _ in range(10):
            assert team.find_token(secret)
            assert team.find_sign_in(session)
        still.forward(minutes=1)
    fives = [start + timedelta(minutes=minutes) for minutes in (0, 5, 10, 15)]
    assert writes == sorted(fives + fives[1:])
    assert team.list_tokens("bob")[0].last_used == fives[-1]


def test_who_reads_while_nothing_can_be_written_is_still_let_in(
    team, elsewhere, still, monkeypatch
):
    secret, _ = team.add_token("bob", "ci")
    waited = []

    @contextmanager
    def busy(who, now):
        waited.append(now)
        raise Busy("another process is writing")
        yield

    monkeypatch.setattr(elsewhere._catalog, "write", busy)
    start = still.now
    for _ in range(10):
        assert elsewhere.find_token(secret)[1].last_used is None
        still.forward(minutes=1)
    # of all these requests two had to wait for the database
    assert waited == [start, start + timedelta(minutes=5)]
    assert team.list_tokens("bob")[0].last_used is None


def test_what_was_read_before_a_change_is_not_remembered_after_it(team, monkeypatch):
    secret, token = team.add_token("bob", "ci")
    read = team._read

    def overtaken(question):
        answer = read(question)
        monkeypatch.undo()
        team.remove_token("bob", token.id)
        return answer

    monkeypatch.setattr(team, "_read", overtaken)
    assert team.find_token(secret) is not None  # it was read just before
    assert team.find_token(secret) is None


def test_no_secret_is_stored_or_told(team):
    session, _ = team.sign_in(team.get_user("bob"))
    token, _ = team.add_token("bob", "ci")
    team.find_token(token)
    team.find_sign_in(session)
    team.set_user("bob", password="another one")
    stored = everything_stored(team)
    for secret in (session, token, token[4:], "correct horse", "battery staple", "another one"):
        assert secret.encode() not in stored
    assert b"$argon2id$" in stored  # the files are the right ones
