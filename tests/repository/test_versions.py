"""Adding versions: numbers, parents, weights."""

from __future__ import annotations

from own_doors import OwnDoors

from omprov.testing.repository import VersionContract


class TestVersions(OwnDoors, VersionContract):
    pass


def test_a_view_records_in_another_name_and_project(repo):
    repo.add_project("vision")
    view = repo.view(who="bob", project="vision")
    theirs = view.add_version("dataset/d", {"a": b"a"}).version
    ours = repo.add_version("dataset/d", {"b": b"b"}).version
    assert (str(theirs), theirs.creator) == ("vision/dataset/d:v1", "bob")
    assert (str(ours), ours.creator) == ("dataset/d:v1", "ada")
    assert view.get_version("d") == theirs
    assert repo.get_version("vision/dataset/d") == theirs
