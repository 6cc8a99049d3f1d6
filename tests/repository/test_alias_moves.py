"""Two who move one alias at once: one of them does, the other is told."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from omprov.catalog import ChangeKind
from omprov.errors import Conflict, NotFound

MOVER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from omprov.errors import Conflict
from omprov.repository import Repository
path, who, target = sys.argv[1:]
with Repository.open(Path(path), who=who, clock=lambda: datetime.now(UTC)) as repository:
    seen = repository.get_version("model/m:production")
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        repository.set_alias(target, "production", expected=seen)
        print("moved", flush=True)
    except Conflict as error:
        print(error, flush=True)
"""


@pytest.fixture
def versions(repo):
    made = [repo.add_version("model/m", {"w": b"%d" % n}).version for n in range(4)]
    repo.set_alias(made[0], "production")
    return made


def test_an_alias_moves_from_where_it_was_seen(repo, versions):
    first, second, third, _ = versions
    assert repo.set_alias(second, "production", expected=first).key == first.key
    with pytest.raises(Conflict) as caught:
        repo.set_alias(third, "production", expected=first)
    assert "production of model/m points to v2, not to v1: ada moved it at 2026-01-01" in str(
        caught.value
    )
    with pytest.raises(Conflict, match="points to v2, not to nothing"):
        repo.set_alias(third, "production", expected=None)
    assert repo.get_version("model/m:production").number == 2
    assert repo.set_alias(third, "production").number == 2


def test_an_alias_is_made_where_there_was_none(repo, versions):
    first, second, *_ = versions
    assert repo.set_alias(first, "best", expected=None) is None
    with pytest.raises(Conflict, match="not to nothing: ada moved it"):
        repo.set_alias(second, "best", expected=None)
    with pytest.raises(Conflict, match="other of model/m points to nothing, not to v1"):
        repo.set_alias(second, "other", expected=first)


def test_an_alias_is_taken_away_from_where_it_was_seen(repo, versions):
    first, second, *_ = versions
    with pytest.raises(Conflict):
        repo.remove_alias("model/m", "production", expected=second)
    repo.remove_alias("model/m", "production", expected=first)
    with pytest.raises(Conflict, match="points to nothing, not to v1: ada moved it"):
        repo.remove_alias("model/m", "production", expected=first)
    with pytest.raises(NotFound):
        repo.remove_alias("model/m", "production", expected=None)


def test_of_many_threads_one_moves_it(repo, versions):
    first, *others = versions

    def move(version):
        try:
            repo.set_alias(version, "production", expected=first)
        except Conflict:
            return None
        return version.key

    with ThreadPoolExecutor(3) as pool:
        moved = [key for key in pool.map(move, others) if key is not None]
    assert moved == [repo.get_version("model/m:production").key]


def test_of_two_processes_one_moves_it_and_the_other_is_told_who(repo, versions):
    words = [sys.executable, "-c", MOVER, str(repo.path)]
    movers = {
        who: subprocess.Popen(
            [*words, who, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for who, target in (("ann", "model/m:v2"), ("bob", "model/m:v3"))
    }
    for mover in movers.values():
        assert mover.stdout.readline() == "ready\n"
    for mover in movers.values():
        mover.stdin.write("go\n")
        mover.stdin.flush()
    told = {who: mover.communicate()[0].strip() for who, mover in movers.items()}
    assert sorted(mover.returncode for mover in movers.values()) == [0, 0]
    (winner,) = (who for who, words in told.items() if words == "moved")
    (loser,) = told.keys() - {winner}
    number = {"ann": 2, "bob": 3}[winner]
    assert f"points to v{number}, not to v1: {winner} moved it at" in told[loser]
    assert repo.get_version("model/m:production").number == number
    moves = [row for row in repo.list_audit() if row.action == "alias.set"]
    assert [row.who for row in moves] == [winner, "ada"]


def test_every_move_is_in_the_audit_and_in_the_feed(repo, versions):
    first, second, third, _ = versions
    with repo._catalog.read() as reader:
        start = reader.position()
    repo.set_alias(second, "production")
    repo.set_alias(second, "production")  # no move
    repo.remove_alias("model/m", "production")
    repo.set_alias(third, "production")
    repo.remove_version(third)
    repo.set_alias(first, "production")
    repo.remove_asset("model/m")
    keys = [first.key, second.key, None, third.key, None, first.key, None]
    moves = list(pairwise(keys))
    moves[2] = (None, third.key)
    with repo._catalog.read() as reader:
        rows = [row for row in reader.iter_feed(start) if row.kind is ChangeKind.ALIAS]
    assert [(row.data["previous"], row.data["version"]) for row in rows] == moves
    assert {row.data["alias"] for row in rows} == {"production"}
    audit = [row for row in repo.list_audit()[::-1] if row.action == "alias.set"][1:]
    assert [(row.detail["previous"], row.detail["version"]) for row in audit] == moves
    assert {(row.who, row.target) for row in audit} == {("ada", "model/m:production")}


def test_a_move_is_seen_by_who_opened_the_repository_before(repo, versions, reopen):
    other = reopen()
    repo.set_alias(versions[1], "production")
    assert other.get_version("model/m:production").number == 2
    other.set_alias(versions[2], "production", expected=versions[1])
    with pytest.raises(Conflict, match="bob moved it"):
        repo.set_alias(versions[3], "production", expected=versions[1])
