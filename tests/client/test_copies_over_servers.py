"""Copies of whole repositories to a real server, from it, and from one to another."""

from __future__ import annotations

import shutil
import threading
from contextlib import closing

import argon2
import pytest
from cutting_proxy import CuttingProxy
from live_servers import LiveServer, serving, ticking_clock

from omprov.catalog import _copying
from omprov.client import Connection, RemoteEnd
from omprov.errors import Conflict, InvalidInput, NotAllowed
from omprov.records import Role
from omprov.repository import Repository, _passwords, copy_repository
from whole_repositories import assert_copied, dump, fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    with Repository.create(folder, who="ada", clock=ticking_clock()) as repository:
        fill(repository)
    return folder


@pytest.fixture
def source(filled, tmp_path, clock):
    folder = shutil.copytree(filled, tmp_path / "source")
    with Repository.open(folder, who="ada", clock=clock) as repository:
        yield repository


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(_copying, "_ROWS", 20)


def end_at(url, token=None):
    return RemoteEnd(Connection(url, token, sleep=lambda _: None))


def test_to_a_server_and_from_it(source, server, behind, tmp_path, clock):
    done = copy_repository(source, end_at(server.url))
    assert done.absent == 0
    assert_copied(source, behind)
    with Repository.create(tmp_path / "back", who="eve", clock=clock) as back:
        copy_repository(end_at(server.url), back)
        assert_copied(source, back)
    assert copy_repository(source, end_at(server.url)).was_finished


def test_the_server_works_with_it_at_once(source, server, repo):
    assert repo.list_assets() == []
    copy_repository(source, end_at(server.url))
    assert repo.history("model/net") == source.history("model/net")
    repo.add_version("dataset/digits", {"a.txt": b"new"})
    assert repo.get_version("dataset/digits").number == 4


def test_from_server_to_server(source, server, behind, tmp_path, clock):
    copy_repository(source, end_at(server.url))
    with serving(tmp_path / "other", clock=clock) as other:
        copy_repository(end_at(server.url), end_at(other.url))
        with Repository.open(tmp_path / "other", who="ada", clock=clock) as copy:
            assert_copied(source, copy)


def test_a_server_that_is_used_is_refused(source, server, behind):
    behind.add_version("dataset/mine", {"a": b"b"})
    before = dump(behind)
    with pytest.raises(Conflict, match="table asset"):
        copy_repository(source, end_at(server.url))
    assert dump(behind) == before


def test_people_do_not_travel(source, server):
    with pytest.raises(InvalidInput, match="between folders and databases"):
        copy_repository(source, end_at(server.url), people=True)
    with pytest.raises(InvalidInput, match="between folders and databases"):
        copy_repository(end_at(server.url), source, people=True)


def test_answers_may_be_lost(source, server, behind):
    """Each request arrives twice, for its first answer is lost."""
    known = set()

    def cuts(line):
        is_new = line.startswith(("POST", "PUT")) and line not in known
        known.add(line)
        return is_new

    with closing(CuttingProxy(server.url, cuts)) as proxy:
        copy_repository(source, end_at(proxy.url))
    assert sum("/copy/rows" in line for line in proxy.cut) > 10
    assert_copied(source, behind)


def test_rows_may_stop_in_the_middle(source, server, tmp_path, clock):
    """Each answer ends a little later than the one before."""
    copy_repository(source, end_at(server.url))
    lengths = iter(range(3000, 20_000, 4000))

    def cuts(line):
        return next(lengths, False) if "/copy/rows" in line else False

    with Repository.create(tmp_path / "back", who="eve", clock=clock) as back:
        with closing(CuttingProxy(server.url, cuts)) as proxy:
            copy_repository(end_at(proxy.url), back)
        assert len({line for line in proxy.cut if "after=%5B" in line}) > 1
        assert_copied(source, back)


def test_where_the_source_moves_on_it_begins_anew(source, server, behind, tmp_path, clock):
    copy_repository(source, end_at(server.url))
    with Repository.create(tmp_path / "back", who="eve", clock=clock) as back:
        moved = threading.Event()

        class Moving(RemoteEnd):
            def begin_copy(self, *_, **__):
                raise AssertionError

        class Target:
            take_contents = back.take_contents
            add_copied, end_copy = back.add_copied, back.end_copy

            def begin_copy(self, state, *, people):
                place = back.begin_copy(state, people=people)
                if not moved.is_set():
                    moved.set()
                    behind.add_version("dataset/digits", {"late": b"x" * 100})
                return place

        copy_repository(Moving(Connection(server.url, sleep=lambda _: None)), Target())
        assert back.get_version("dataset/digits").number == 4
        assert_copied(behind, back)


@pytest.fixture
def guarded(tmp_path, clock, monkeypatch):
    """A server where people sign in, with tokens of ada, who owns it, and of bob, an editor."""
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(_passwords, "_hasher", lambda: hasher)
    folder = tmp_path / "guarded"
    with Repository.create(folder, who="setup", clock=clock) as made:
        ada = made.add_user("ada", "correct horse", owner=True)
        bob = made.add_user("bob", "battery staple")
        tokens = [made.add_token(one, "t", role=Role.OWNER)[0] for one in (ada, bob)]
        tokens.append(made.add_token(ada, "limited", role=Role.EDITOR)[0])
    server = LiveServer(folder, clock=clock)
    yield server, tokens
    server.stop()


def test_only_owners_of_the_server_copy(source, guarded, clock):
    server, (ada, bob, limited) = guarded
    for token in (bob, limited):
        with pytest.raises(NotAllowed):
            copy_repository(source, end_at(server.url, token))
        with pytest.raises(NotAllowed):
            copy_repository(end_at(server.url, token), source)
        connection = Connection(server.url, token, sleep=lambda _: None)
        for path in ("/copy", "/copy/rows?stamp=x"):
            with pytest.raises(NotAllowed):
                connection.get(path)
        with pytest.raises(NotAllowed):
            connection.send("POST", "/copy/objects", {"objects": []})
        with pytest.raises(NotAllowed):
            connection.send("POST", "/copy/end")
    copy_repository(source, end_at(server.url, ada))
    with Repository.open(server.settings.folder, who="x", clock=clock) as copy:
        assert_copied(source, copy)
        assert [user.name for user in copy.list_users()] == ["ada", "bob"]
