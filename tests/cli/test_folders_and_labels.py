"""add, status, checkout, tag, alias, rm, config, init, fsck, migrate: what a user sees."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omprov.repository import Repository


def test_a_folder_is_recorded_and_its_next_state_inherits_it(omprov):
    omprov.write({"data/a.txt": "1", "data/b.txt": "2"})
    first = omprov("add", "data", "--as", "dataset/digits", "-m", "First")
    assert first.startswith("dataset/digits:v1  2 files · 2 B")
    omprov.write({"data/b.txt": "3"})
    second = omprov("add", "data")
    assert "dataset/digits:v2" in second
    assert "inherits dataset/digits:v1  0.5  files: 1 of 2 differ (changed 1)" in second
    assert omprov("add", "data") == "dataset/digits:v2  nothing changed\n"


def test_the_first_time_a_folder_needs_a_name_and_the_message_suggests_one(omprov):
    omprov.write({"My Data/a.txt": "1"})
    omprov("add", "My Data", code=2)
    assert "--as dataset/my-data" in omprov.errors
    omprov("add", "nowhere", "--as", "dataset/x", code=3)
    omprov("add", "My Data", "--as", "digits", code=2)
    assert "dataset/digits" in omprov.errors


def test_parents_can_be_named_and_refused(omprov):
    for number in (1, 2, 3):
        omprov.write({"d/a.txt": f"{number}"})
        parents = ["--root"] if number < 3 else ["--parent", "v1", "--parent", "v2"]
        omprov("add", "d", "--as", "dataset/x", *parents)
    edges = omprov.json("log", "dataset/x")["assets"][0]["versions"][0]["inherits"]
    assert {edge["older"] for edge in edges} == {"dataset/x:v1", "dataset/x:v2"}
    omprov("add", "d", "--root", "--parent", "v1", code=2)


def test_status_tells_what_changed_and_what_is_newer(story):
    story.write({"data/a.txt": "changed", "data/new.txt": "new"})
    (story.folder / "data/c.txt").unlink()
    shown = story("status", "data")
    for line in ("modified a.txt", "added    new.txt", "removed  c.txt"):
        assert line in shown
    story("checkout", "dataset/digits:v1", "data", "--force")
    assert "newer: dataset/digits:v2" in story("status", "data")
    story("status", "code", "nowhere", code=3)


def test_status_knows_a_folder_that_is_gone(story):
    (story.folder / "data").rename(story.folder / "elsewhere")
    assert "the folder is gone" in story("status", "data")


def test_checkout_keeps_changes_that_no_version_holds(story):
    story.write({"data/a.txt": "precious"})
    story("checkout", "dataset/digits:v1", code=4)
    assert "a.txt" in story.errors
    assert (story.folder / "data/a.txt").read_text() == "precious"
    story("checkout", "dataset/digits:v1", "--force")
    assert (story.folder / "data/a.txt").read_text() == "one two\n"


def test_checkout_goes_where_the_asset_lies_or_to_a_new_folder(story):
    assert story("checkout", "dataset/digits:v1").startswith("data holds dataset/digits:v1")
    (story.folder / ".omprov/workspace.json").unlink()
    assert story("checkout", "algorithm/train").startswith("train holds algorithm/train:v1")
    story("checkout", "algorithm/train", "second")
    story("checkout", "algorithm/train", code=2)


def test_tags_are_set_shown_and_taken_away(story):
    assert "stage=test" in story("tag", "model/net:v1", "stage=test", "by=me")
    assert story("tag", "model/net:v1", "-d", "by") == "model/net:v1\n  stage=test\n"
    story("tag", "model/net:v1", "novalue", code=2)


def test_an_alias_moves_and_goes(story):
    story("alias", "model/net:v1", "champion")
    assert "it was model/net:v1" in story("alias", "model/net:v2", "champion")
    assert story.json("show", "model/net:champion")["version"]["number"] == 2
    story("alias", "--rm", "model/net", "champion")
    story("alias", "--rm", "model/net", "champion", code=3)
    story("alias", "model/net:v1", "v7", code=2)


def test_a_removed_version_is_refused_as_an_input_but_still_answers(story):
    story("rm", "dataset/digits:v1", code=2)
    assert "--yes" in story.errors
    story("rm", "dataset/digits", "--yes", code=2)
    assert "Removed dataset/digits:v1" in story("rm", "dataset/digits:v1", "--yes")
    assert "removed on" in story("show", "dataset/digits:v1")
    story("checkout", "dataset/digits:v1", "elsewhere", code=3)
    assert "removed" in story("graph", "dataset/digits")
    story("rm", "dataset/digits", "--all", "--yes")
    story("log", "dataset/digits", code=3)


def test_settings_are_shown_set_and_unset(omprov):
    omprov("config", "user.name", code=1)
    omprov("config", "user.name", "Ada Lovelace")
    assert omprov("config", "user.name") == "Ada Lovelace\n"
    assert "user.name = Ada Lovelace" in omprov("config")
    omprov("config", "user.name", "--unset")
    assert omprov.json("config")["settings"] == {}
    omprov("config", "no.such", code=3)
    omprov("config", "--unset", code=2)


def test_init_makes_a_repository_once(omprov, tmp_path):
    omprov("init", code=4)
    assert "other" in omprov("init", "other")
    assert (tmp_path / "other/.omprov/catalog.db").exists()


def test_the_repository_is_found_upwards_or_named(story, monkeypatch):
    (story.folder / "deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    assert "digits" in story("log")
    monkeypatch.chdir("/")
    story("log", code=3)
    assert "omprov init" in story.errors
    assert "digits" in story("--repo", str(story.folder), "log")
    assert "digits" in story("log", "--repo", str(story.folder))
    monkeypatch.setenv("OMPROV_URL", str(story.folder))
    assert "digits" in story("log")
    monkeypatch.setenv("OMPROV_URL", "http://127.0.0.1:1")
    story("log", code=5)


def test_fsck_is_silent_about_a_sound_repository_and_lists_what_is_damaged(story):
    assert story("fsck") == "All is well.\n"
    assert story("fsck", "--quick") == "All is well.\n"
    packs = [p for p in (story.folder / ".omprov/content").rglob("*") if p.suffix == ".pack"]
    pack = max(packs, key=lambda path: path.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 3] ^= 0xFF
    pack.chmod(0o600)
    pack.write_bytes(data)
    assert "finding" in story("fsck", code=1)


def test_migrate_brings_an_older_catalog_up_and_says_where_the_copy_is(story):
    assert "already" in story("migrate")
    catalog = story.folder / ".omprov/catalog.db"
    with sqlite3.connect(catalog) as database:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"
        ).fetchall()
        for (name,) in tables:
            database.execute(f'DROP TABLE "{name}"')
        database.execute("DELETE FROM alembic_version")
    database.close()
    story("log", code=5)
    assert "omprov migrate" in story.errors
    assert "catalog.db.first.backup" in story("migrate")
    assert story.json("migrate") == {"copy": None}
    story("--repo", "nowhere", "migrate", code=3)


@pytest.mark.parametrize("name", ["x" * 128, "a.b-c_d"])
def test_long_and_odd_names_are_shown_whole(omprov, name):
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", f"dataset/{name}", "-m", "数字 ✓")
    for words in (("log",), ("show", f"dataset/{name}"), ("graph",), ("status",)):
        assert name in omprov(*words)
    assert "数字 ✓" in omprov("log", f"dataset/{name}")


def test_names_that_cannot_be_are_refused(omprov):
    omprov.write({"d/a": "1"})
    for name in ("x" * 300, "Größe", "a b", "a/b/c/d", ""):
        omprov("add", "d", "--as", f"dataset/{name}", code=2)


def test_file_names_that_are_long_or_no_utf8_can_be_listed(omprov):
    folder = Path("d")
    folder.mkdir()
    for name in (b"n" * 255, b"\xff\xfe", "数.txt".encode(), b"evil\x1b[31m"):
        (folder / os.fsdecode(name)).write_bytes(name)
    omprov("add", "d", "--as", "dataset/x")
    shown = omprov("show", "dataset/x", "--files")
    assert "n" * 255 in shown
    assert "数.txt" in shown
    assert "\x1b" not in shown
    assert len(omprov.json("show", "dataset/x", "--files")["files"]) == 4


def test_text_cannot_steer_the_terminal(omprov):
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", "dataset/x", "-m", "red \x1b[31m\x07 alert\nsecond line")
    omprov("tag", "dataset/x", "note=\x1b]0;title\x07")
    for words in (("log",), ("show", "dataset/x"), ("graph",), ("lineage", "dataset/x")):
        assert not {"\x1b", "\x07"} & set(omprov(*words))


def test_a_folder_that_cannot_be_compared_hides_no_other(omprov):
    omprov.write({"a/x": "1", "b/x": "1"})
    omprov("add", "a", "--as", "dataset/a")
    omprov("add", "b", "--as", "dataset/b")
    os.mkfifo("a/pipe")
    shown = omprov("status")
    assert "cannot be compared: " in shown
    assert "a named pipe" in shown
    assert "b  dataset/b:v1  unchanged" in shown
    assert omprov.json("status", "a")["folders"][0]["problem"] is not None


def test_folders_keep_their_project_when_another_is_set(omprov):
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", "dataset/x")
    omprov("config", "project", "vision", code=3)
    with Repository.open(omprov.folder, who="ada", clock=lambda: datetime.now(UTC)) as repo:
        repo.add_project("vision")
    omprov("config", "project", "vision")
    omprov.write({"d/a": "2"})
    assert omprov("add", "d").startswith("dataset/x:v2")
    assert "newer" not in omprov("status")
    assert omprov.json("run", "-i", "d", "--", "true")["run"]["inputs"]["dataset"] == "dataset/x:v2"


def test_a_checkout_goes_to_the_one_folder_that_is_still_there(omprov):
    omprov.write({"a/x": "1", "b/x": "2"})
    omprov("add", "a", "--as", "dataset/d")
    omprov("add", "b", "--as", "dataset/d")
    omprov("checkout", "dataset/d", code=2)
    shutil.rmtree("a")
    assert omprov("checkout", "dataset/d:v1").startswith("b holds dataset/d:v1")


def test_nothing_new_is_said_without_opening_the_catalog(omprov, monkeypatch):
    omprov.write({"data/a.txt": "1"})
    omprov("add", "data", "--as", "dataset/digits")
    with monkeypatch.context() as patch:
        patch.setattr("omprov._front.connect", None)
        assert omprov("add", "data") == "dataset/digits:v1  nothing changed\n"
        again = omprov("add", "data", "--as", "dataset/digits")
        assert again == "dataset/digits:v1  nothing changed\n"
    assert "dataset/other:v1" in omprov("add", "data", "--as", "dataset/other")
    omprov("checkout", "dataset/digits", "data")
    omprov.write({"data/a.txt": "2"})
    assert "dataset/digits:v2" in omprov("add", "data")
    assert omprov("add", "data") == "dataset/digits:v2  nothing changed\n"


def test_a_removed_version_is_not_what_a_folder_holds_unchanged(omprov):
    omprov.write({"data/a.txt": "1"})
    omprov("add", "data", "--as", "dataset/digits")
    omprov("rm", "dataset/digits:v1", "--yes")
    assert "dataset/digits:v2" in omprov("add", "data")
