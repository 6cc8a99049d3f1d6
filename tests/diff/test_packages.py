import json

from omprov.diff import MemoryTree, compare, compare_packages


def environment(**facts):
    return MemoryTree({"environment.json": json.dumps(facts).encode()})


def test_packages_are_added_removed_and_changed():
    difference = compare_packages(
        {"numpy": "2.0", "torch": "2.1", "six": "1"}, {"numpy": "2.0", "torch": "2.2", "rich": "13"}
    )
    assert difference.counts == {"added": 1, "removed": 1, "changed": 1}
    assert difference.weight == 3 / 4
    evidence = {change.name: (change.old, change.new) for change in difference.changes}
    assert evidence == {"rich": (None, "13"), "six": ("1", None), "torch": ("2.1", "2.2")}


def test_names_are_normalised():
    assert compare_packages({"Typing_Extensions": "4"}, {"typing-extensions": "4"}).amount == 0
    assert compare_packages({"zope.interface": "4"}, {"ZOPE--Interface": "4"}).amount == 0


def test_an_environment_counts_its_packages_and_python():
    old = environment(python="3.11.7", packages={"numpy": "2.0"}, host="a")
    new = environment(python="3.12.1", packages={"numpy": "2.0"}, host="b")
    difference = compare(old, new, "packages")
    assert (difference.amount, difference.total) == (1, 2)
    assert [change.name for change in difference.changes] == ["python"]


def test_no_environment_is_an_empty_one():
    new = environment(packages={"numpy": "2.0"})
    assert compare(None, new, "packages").weight == 1
    assert compare(None, None, "packages").weight == 0
    assert compare(new, new, "packages").weight == 0


def test_other_files_count_as_one_entry_each():
    old = MemoryTree({"conda.yaml": b"a"})
    new = MemoryTree({"conda.yaml": b"b", "environment.json": b'{"packages": {"numpy": "2"}}'})
    difference = compare(old, new, "packages")
    assert (difference.amount, difference.total) == (2, 2)


def test_an_environment_that_cannot_be_read_is_one_entry_and_is_named():
    for content in (b"{", b"[]", b'{"packages": []}'):
        old = MemoryTree({"environment.json": content})
        difference = compare(old, environment(packages={"numpy": "2"}), "packages")
        assert (difference.amount, difference.total) == (2, 2)
        assert "environment.json" in difference.note
