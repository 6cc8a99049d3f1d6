"""Links to code on hosting sites."""

from __future__ import annotations

import pytest

from omprov.capture._git._links import code_link, public_address

COMMIT = "0123abc"


@pytest.mark.parametrize(
    ("remote", "link"),
    [
        ("https://github.com/ada/code.git", "https://github.com/ada/code/tree/0123abc"),
        ("git@github.com:ada/code.git", "https://github.com/ada/code/tree/0123abc"),
        ("ssh://git@github.com:22/ada/code", "https://github.com/ada/code/tree/0123abc"),
        ("https://ada:secret@gitlab.com/a/b/c.git", "https://gitlab.com/a/b/c/-/tree/0123abc"),
        ("https://bitbucket.org/ada/code", "https://bitbucket.org/ada/code/src/0123abc"),
        ("https://codeberg.org/a/b.git", "https://codeberg.org/a/b/src/commit/0123abc"),
        ("git@git.sr.ht:~ada/code", "https://git.sr.ht/~ada/code/tree/0123abc/item"),
        ("https://example.org/ada/code.git", None),
        ("/srv/git/code.git", None),
        ("../code", None),
        ("file:///srv/github/code.git", None),
    ],
)
def test_a_link_to_the_tree_of_a_commit(remote, link):
    assert code_link(remote, COMMIT) == link


def test_a_link_to_a_folder():
    link = code_link("https://github.com/ada/code", COMMIT, "src/über all/")
    assert link == "https://github.com/ada/code/tree/0123abc/src/%C3%BCber%20all"


def test_credentials_are_taken_out_of_an_address():
    assert public_address("https://ada:secret@host.org:8443/x.git") == "https://host.org:8443/x.git"
    for address in ("git@github.com:ada/code.git", "ssh://git@host/x", "/srv/x", "https://h/x"):
        assert public_address(address) == address
