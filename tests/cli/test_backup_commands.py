"""backup, restore, fsck --remote and --repair: what a user sees."""

from __future__ import annotations

import json
import os


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def largest(folder):
    return max((folder / "packs").iterdir(), key=lambda path: path.stat().st_size)


def test_a_repository_goes_there_and_comes_back(story):
    made = story.json("backup", "vault")
    assert made["sent"]["packs"] == made["backup"]["packs"] > 0
    assert made["backups"] is None
    assert "there already" in story("backup", "vault")
    listed = story.json("backup", "vault", "--list")["backups"]
    assert [one["id"] for one in listed][1] == made["backup"]["id"]
    assert made["backup"]["id"] in story("backup", "vault", "--list")
    back = story.json("restore", "vault", "new", "--at", made["backup"]["id"])
    assert back["fetched"] == made["sent"]
    assert story("fsck", "--repo", "new") == "All is well.\n"
    assert story("log", "--repo", "new") == story("log")
    assert story.json("show", "model/net:v2", "--repo", "new") == story.json("show", "model/net:v2")
    story("backup", "vault", "--keep", "1")
    assert len(story.json("backup", "vault", "--list")["backups"]) == 1


def test_what_cannot_be_is_told_in_one_line(story):
    story("backup", "data", code=4)
    story("restore", "nowhere", "new", code=3)
    story("backup", "vault")
    story("restore", "vault", ".", code=4)
    assert "is a repository" in story.errors
    assert len(story.errors.splitlines()) == 1
    story("restore", "vault", "new", "--at", "2020-01-01", code=3)
    story("backup", "vault", "--list", "--keep", "2", code=2)
    story("backup", "vault", "--keep", "0", code=2)
    story("backup", "ftp://x/y", code=2)
    story("backup", "vault", "--option", "nonsense", code=2)
    assert not (story.folder / "new").exists()


def test_a_time_chooses_the_backup_of_that_day(story):
    made = story.json("backup", "vault")["backup"]
    day = made["time"][:10]
    assert story.json("restore", "vault", "a", "--at", day)["backup"] == made
    assert story.json("restore", "vault", "b", "--at", made["time"])["backup"] == made
    assert story.json("restore", "vault", "c", "--at", made["id"][:15])["backup"] == made


def test_a_damaged_store_is_healed_from_a_backup(story):
    story.write({"data/big": os.urandom(40_000).hex()})
    story("add", "data")
    story("backup", "vault")
    content = story.folder / ".omprov" / "content"
    flip(largest(content))
    story("fsck", code=1)
    healed = story("fsck", "--repair", "--remote", str(story.folder / "vault"))
    assert "the pack lies in .omprov/content/damaged/" in healed
    assert healed.endswith("All is well.\n")
    assert story("fsck") == "All is well.\n"


def test_without_remote_it_says_how_to_bring_back_what_is_lost(story):
    story.write({"data/big": os.urandom(40_000).hex()})
    story("add", "data")
    flip(largest(story.folder / ".omprov" / "content"))
    told = story("fsck", "--repair", code=1)
    assert "hits dataset/digits:v3" in told
    assert "`omprov add` of the original data" in told
    answer = story.json("fsck", "--repair", code=1)
    assert answer["repair"]["packs"] == []
    story("add", "data")
    assert story("fsck") == "All is well.\n"


def test_a_backup_is_verified_and_mended(story):
    vault = story.folder / "vault"
    story("backup", "vault")
    assert "All is well." in story("fsck", "--remote", str(vault))
    flip(largest(vault))
    assert "cannot be restored whole" in story("fsck", "--remote", str(vault), code=1)
    assert "All is well." in story("fsck", "--remote", str(vault), "--repair")
    answer = json.loads(story("fsck", "--remote", str(vault), "--json"))
    assert answer["findings"] == []
    assert answer["remote"]["mended"] is None
    story("fsck", "--remote", code=3)
    story("fsck", "--remote", "--repair", code=3)
    story("fsck", "--remote", str(story.folder / "empty"), code=3)
    story("fsck", "--rebuild-index", "--remote", str(vault), code=2)
