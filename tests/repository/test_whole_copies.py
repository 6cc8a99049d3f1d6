"""Copies of whole repositories: between folders, and to PostgreSQL and back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from ticking import Clock

from omprov.catalog import _copied_rows, _copying
from omprov.errors import Conflict, InvalidInput
from omprov.repository import Repository, copy_repository
from whole_repositories import assert_copied, dump, fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    with Repository.create(folder, who="ada", clock=Clock()) as repository:
        fill(repository)
    return folder


@pytest.fixture
def source(filled, tmp_path, clock):
    folder = shutil.copytree(filled, tmp_path / "source")
    with Repository.open(folder, who="ada", clock=clock) as repository:
        yield repository


@pytest.fixture
def make(tmp_path, clock):
    """Make a new repository, which is closed at the end."""
    made = []

    def make_one(name="target", catalog=None, **more):
        known = {"who": "carl", "clock": clock}
        folder = tmp_path / name
        if catalog is not None:
            opened = Repository.open_shared(folder, catalog=catalog, **known, **more)
        elif (folder / ".omprov" / "catalog.db").exists():
            opened = Repository.open(folder, **known)
        else:
            opened = Repository.create(folder, **known)
        made.append(opened)
        return opened

    yield make_one
    for repository in made:
        repository.close()


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(_copying, "_ROWS", 3)


def test_a_folder_is_copied_to_a_folder(source, make, small_batches):
    target = make()
    done = copy_repository(source, target)
    assert done.absent == 0
    assert not done.resumed
    assert_copied(source, target)
    version = target.add_version("dataset/digits", {"a.txt": b"new"}).version
    assert version.number == 4
    assert [one.action for one in target.list_audit(limit=100) if one.who == "carl"][-1] == (
        "project.add"
    )


def test_it_goes_to_postgres_and_back(source, make, pg_url, small_batches, tmp_path):
    shared = make("shared", pg_url, content=str(tmp_path / "bucket"))
    copy_repository(source, shared)
    assert_copied(source, shared)
    back = make("back")
    copy_repository(shared, back)
    assert_copied(source, back)
    shared.close()
    again = make("shared", pg_url, content=str(tmp_path / "bucket"))
    again.add_version("dataset/digits", {"a.txt": b"new"})
    again.record_run(inputs={"dataset": "dataset/digits"}, outputs={}, metrics={"x": 1.0})
    again.add_project("later")
    other = make("another stage", pg_url, content=str(tmp_path / "bucket"))
    assert other.open_file("model/net:v3", "weights").read() == b"\3" * 1000


def test_the_stage_of_another_server_takes_over_the_name(source, make, pg_url):
    other = make("other", pg_url)
    shared = make("shared", pg_url)
    copy_repository(source, shared)
    other.close()
    assert make("other", pg_url).get_version("model/net:v3").number == 3


def test_finished_is_finished(source, make):
    target = make()
    copy_repository(source, target)
    before = dump(target)
    done = copy_repository(source, target)
    assert done.was_finished
    assert dump(target) == before
    source.set_tags("model/net:v3", {"x": "y"})
    with pytest.raises(Conflict, match="an earlier state"):
        copy_repository(source, target)
    target.set_tags("model/net:v3", {"x": "y"})
    with pytest.raises(Conflict, match="since it was copied"):
        copy_repository(source, target)


@pytest.mark.parametrize(
    ("use", "why"),
    [
        (lambda one: one.add_version("dataset/mine", {"a": b"b"}), "table asset"),
        (lambda one: one.add_project("mine"), "project mine"),
    ],
)
def test_a_target_that_is_used_stays_as_it_is(source, make, use, why):
    target = make()
    use(target)
    before = dump(target)
    with pytest.raises(Conflict, match=why):
        copy_repository(source, target)
    assert dump(target) == before
    assert not target.content.size() or target.get_version("dataset/mine")


def test_a_repository_is_no_copy_of_itself(make):
    repository = make()
    with pytest.raises(Conflict, match="the same repository"):
        copy_repository(repository, repository)
    repository.add_version("dataset/mine", {"a": b"b"})
    with pytest.raises(Conflict, match="the same repository"):
        copy_repository(repository, repository)


def test_another_layout_is_refused(source, make):
    target = make()
    before = dump(target)
    with source.copied() as view, pytest.raises(Conflict, match="one release of omprov"):
        target.begin_copy(replace(view.state, layout="0001"))
    assert dump(target) == before


def test_a_half_copy_takes_no_other_source(source, make, small_batches):
    target = make()
    begin_only(source, target, 4)
    other = make("other")
    with pytest.raises(Conflict, match="of another repository"):
        copy_repository(other, target)


def test_whoever_writes_meanwhile_stops_it(source, make, small_batches):
    target = make()
    begin_only(source, target, 4)
    target.add_project("mine")
    with pytest.raises(Conflict, match="recorded something"):
        copy_repository(source, target)


def begin_only(source, target, batches):
    """Copy some batches of rows, and no more."""
    with source.copied() as view:
        place = target.begin_copy(view.state)
        for rows, _ in zip(view.rows(""), range(batches), strict=False):
            target.add_copied(rows, place)
            place = rows.place
    return place


def test_it_goes_on_where_it_was(source, make, small_batches):
    target = make()
    begin_only(source, target, 9)
    done = copy_repository(source, target)
    assert done.resumed
    with source.copied() as view:
        assert done.rows == sum(len(rows.rows) for rows in view.rows("")) - rows_of(source, 9)
    assert_copied(source, target)


def rows_of(source, batches):
    with source.copied() as view:
        pairs = zip(view.rows(""), range(batches), strict=False)
        return sum(len(rows.rows) for rows, _ in pairs)


def test_every_place_is_one_to_go_on_from(source, small_batches):
    with source.copied() as view:
        batches = list(view.rows(""))
        for n, rows in enumerate(batches, 1):
            assert list(view.rows(rows.place)) == batches[n:]


def test_where_the_source_moved_on_rows_are_copied_anew(source, make, small_batches):
    target = make()
    begin_only(source, target, 30)
    source.add_version("dataset/digits", {"a.txt": b"later"})
    source.set_alias("model/net:v3", "best")
    done = copy_repository(source, target)
    assert not done.resumed
    assert_copied(source, target)


KILLED = """
import os, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from omprov.catalog import _copying
from omprov.repository import Repository, copy_repository
_copying._ROWS = 3
left = int(sys.argv[3])
class Killed(Repository):
    def add_copied(self, rows, after):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        super().add_copied(rows, after)
clock = lambda: datetime.now(UTC)
with Repository.open(Path(sys.argv[1]), who="x", clock=clock) as source, \\
     Killed.open(Path(sys.argv[2]), who="x", clock=clock) as target:
    copy_repository(source, target)
"""


@pytest.mark.slow
def test_a_copy_that_was_killed_is_completed(source, make, tmp_path, small_batches):
    make().close()
    places = set()
    for left in (1, 9, 20):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, source.path, tmp_path / "target", str(left)],
            check=False,
            env=os.environ,
        )
        assert killed.returncode == -signal.SIGKILL
        with make()._reading() as reader:
            places.add(reader.copy_mark().place)
    assert len(places) == 3
    target = make()
    assert copy_repository(source, target).resumed
    assert_copied(source, target)


def test_what_the_source_lacks_the_copy_lacks(source, make, tmp_path):
    half = make("half")
    with source.copied() as view:
        place = half.begin_copy(view.state)
        for rows in view.rows(place):
            half.add_copied(rows, place)
            place = rows.place
        half.end_copy()
        needed = len(view.contents().needed)
    done = copy_repository(half, make())
    assert (done.contents, done.absent) == (needed, needed)


def test_people_come_only_where_asked(team, make):
    team.add_token(team.get_user("ada"), "laptop")
    plain, whole = make("plain"), make("whole")
    copy_repository(team, plain)
    assert plain.list_users() == []
    copy_repository(team, whole, people=True)
    assert whole.list_users() == team.list_users()
    assert whole.check_password("bob", "battery staple").name == "bob"
    assert whole.list_tokens(whole.get_user("ada")) == team.list_tokens(team.get_user("ada"))


def test_the_users_of_the_target_stay(source, make, team):
    copy_repository(source, team)
    assert [one.name for one in team.list_users()] == ["ada", "bob"]
    assert team.check_password("bob", "battery staple").name == "bob"
    assert {row.action for row in team.list_audit(limit=4)} >= {"copy"}
    assert_copied(source, team)


def test_people_are_not_mixed(source, team):
    before = dump(team)
    with pytest.raises(Conflict, match="it has users"):
        copy_repository(source, team, people=True)
    assert dump(team) == before


def test_people_go_to_postgres(team, make, pg_url):
    shared, back = make("shared", pg_url), make("back")
    copy_repository(team, shared, people=True)
    copy_repository(shared, back, people=True)
    assert back.list_users() == shared.list_users() == team.list_users()


def test_lines_hold_rows_as_they_are(source):
    with source.copied() as view:
        for rows in view.rows(""):
            again = _copied_rows.read_line(rows.line())
            assert again == rows
            assert [list(map(type, row)) for row in again.rows] == [
                list(map(type, row)) for row in rows.rows
            ]
            assert "Infinity" not in rows.line()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        '{"table": "project", "rows": []}',
        '{"table": "repository", "rows": [[1, 2, "3"]]}',
        '{"table": "no", "rows": [[1]]}',
        '{"table": "project", "rows": [[1]]}',
        '{"table": "project", "rows": [[1, "x", "y", "z"]]}',
        '{"table": "project", "rows": [[null, "x", "y", 1]]}',
        '{"table": "project", "rows": [[true, "x", "y", 1]]}',
        '{"table": "project", "rows": [[18446744073709551616, "x", "y", 1]]}',
        '{"table": "project", "rows": [[1, "x", "y\\u0000", 1]]}',
        '{"table": "run_files", "rows": [[1, "x", {"b": "??"}]]}',
        '{"table": "run_files", "rows": [[1, "x", "y"]]}',
    ],
)
def test_lines_with_anything_else_are_refused(line):
    with pytest.raises(InvalidInput):
        _copied_rows.read_line(line)


@pytest.mark.parametrize("place", ["x", "[]", '["version", ["x"]]', '["snapshot", ["x"]]', "[1,2]"])
def test_places_that_are_none_are_refused(source, place):
    with source.copied() as view, pytest.raises(InvalidInput):
        list(view.rows(place))
