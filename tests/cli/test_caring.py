"""fsck, du, gc: what a user sees."""

from __future__ import annotations

import os

from omprov.content._reliance import only_collector


def test_gc_says_what_it_would_free_and_frees_it(story):
    story.write({"data/big.txt": os.urandom(30_000).hex()})
    story("add", "data", "-m", "Too big")
    story("checkout", "dataset/digits:v2", "data", "--force")
    story("rm", "dataset/digits:v3", "--yes")
    assert "too young to be touched" in story("gc", "--dry-run")
    foreseen = story.json("gc", "--dry-run", "--grace", "0")
    assert foreseen["dry_run"]
    assert foreseen["freed"]["total"] > 20_000
    assert "freed." in story("gc", "--grace", "0s")
    done = story.json("gc", "--grace", "0")
    assert (done["freed"]["total"], done["packs"]["removed"]) == (0, 0)
    assert story("fsck").endswith("All is well.\n")
    story("checkout", "dataset/digits:v1", "again")


def test_gc_obeys_the_setting_and_refuses_what_is_no_time(story):
    story("config", "gc.grace", "soon", code=2)
    assert "no length of time" in story.errors
    story("gc", "--grace", "soon", code=2)
    story("rm", "dataset/digits", "--all", "--yes")
    assert story.json("gc")["packs"]["removed"] == 0
    story("config", "gc.grace", "0")
    assert story.json("gc")["packs"]["removed"] > 0


def test_a_second_collector_is_told_to_wait(story):
    with only_collector(story.folder / ".omprov" / "content"):
        story("gc", code=5)
    assert "another process collects garbage" in story.errors


def test_du_lists_assets_and_what_lies_on_the_disk(story):
    shown = story("du")
    assert "dataset/digits" in shown
    assert "all assets" in shown
    assert "(omprov gc)" in shown
    usage = story.json("du")
    assert [one["asset"] for one in usage["assets"]][:2] == ["algorithm/train", "dataset/digits"]
    digits = usage["assets"][1]
    assert (digits["versions"], digits["logical"]) == (2, 14 + 18)
    assert digits["distinct"] == 8 + 6 + 5 + 5
    assert usage["total"]["stored"] <= usage["packs"]["bytes"]
    (one,) = story.json("du", "digits")["assets"]
    assert one == digits
    story("du", "dataset/nothing", code=3)


def test_an_empty_repository_takes_up_nothing(omprov):
    assert omprov.json("du")["total"]["ratio"] is None
    assert "0 B" in omprov("du")
    assert omprov("gc") == "0 B freed.\n"


def test_fsck_makes_the_index_again(story):
    index = story.folder / ".omprov" / "content" / "index.sqlite"
    index.write_bytes(b"nonsense" * 3000)
    shown = story("fsck", "--rebuild-index")
    assert "The index was made again: " in shown
    assert shown.endswith("All is well.\n")
    again = story.json("fsck", "--rebuild-index", "--quick")
    assert again["findings"] == []
    packs = list((story.folder / ".omprov" / "content" / "packs").iterdir())
    assert again["index"]["packs"] == len(packs)
