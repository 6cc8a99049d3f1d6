"""What the tests of `omprov.diff` compare with: written-out definitions, and real tools."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from omprov.diff import MemoryTree, WordCounts

if TYPE_CHECKING:
    from pathlib import Path

_COUNTS = re.compile(rb"(\d+)(?: words?| \d+% )")
_STATISTICS = re.compile(rb": \d+ words?(?:  |$)")


def longest_common(old, new):
    """The textbook table."""
    row = [0] * (len(new) + 1)
    for word in old:
        diagonal = 0
        for place, other in enumerate(new, 1):
            above = row[place]
            row[place] = diagonal + 1 if word == other else max(above, row[place - 1])
            diagonal = above
    return row[-1]


def wdiff(old: bytes, new: bytes, folder: Path) -> WordCounts:
    """The counts that the real ``wdiff -s`` prints."""
    (folder / "old").write_bytes(old)
    (folder / "new").write_bytes(new)
    command = ["wdiff", "-s", "-123", folder / "old", folder / "new"]
    printed = subprocess.run(command, capture_output=True, check=False)
    assert printed.returncode in {0, 1}, printed.stderr
    lines = [line for line in printed.stdout.splitlines() if _STATISTICS.search(line)]
    # in wdiff's order: words, common, deleted or inserted, changed; an empty file has words only
    rows = [([*map(int, _COUNTS.findall(line)), 0, 0, 0])[:4] for line in lines]
    (olds, common, deleted, changed_old), (news, _, inserted, changed_new) = rows
    return WordCounts(olds, news, common, deleted, inserted, changed_old, changed_new)


def diff_rq(old: Path, new: Path) -> dict[bytes, str]:
    """Path → ``added``, ``removed`` or ``changed``, as the real ``diff -rq`` reports them.

    A folder that is only in one side, or stands where the other has a file, is spelled out into its
    files: ``diff`` names it once.
    """
    command = ["diff", "-rq", "--no-dereference", "old", "new"]
    printed = subprocess.run(
        command, cwd=old.parent, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    assert printed.returncode in {0, 1}, printed.stderr
    report: dict[bytes, str] = {}
    for line in printed.stdout.splitlines():
        if only := re.fullmatch(rb"Only in (old|new)(.*?): (.*)", line):
            side, folder, name = only.groups()
            path = (folder + b"/" + name).lstrip(b"/")
            _spell_out(report, old.parent / os.fsdecode(side), path, side == b"new")
        elif pair := re.match(rb"(?:Files|Symbolic links) old/(.*) and new/.* differ$", line):
            report[pair[1]] = "changed"
        else:
            pair = re.fullmatch(rb"File old/(.*) is an? .* while file new/.* is an? .*", line)
            assert pair, line
            _report_sort_change(report, old, new, pair[1])
    return report


def _report_sort_change(report, old: Path, new: Path, path: bytes) -> None:
    places = old / os.fsdecode(path), new / os.fsdecode(path)
    if any(place.is_dir() and not place.is_symlink() for place in places):
        _spell_out(report, old, path, False)
        _spell_out(report, new, path, True)
    else:
        report[path] = "changed"


def _spell_out(report, root: Path, path: bytes, is_new: bool) -> None:
    place = root / os.fsdecode(path)
    if place.is_dir() and not place.is_symlink():
        for inner in place.iterdir():
            _spell_out(report, root, path + b"/" + os.fsencode(inner.name), is_new)
    else:
        report[path] = "added" if is_new else "removed"


def texts(most: int = 12):
    """Texts of few distinct words, so that much matches, and of every sort of white space."""
    words = st.sampled_from([b"a", b"b", b"c", b"the", b"\xc3\xa9", b"\xa0\xff"])
    spaces = st.sampled_from([b" ", b"\n", b"\t ", b"\r\n", b"\v", b"\f"])
    parts = st.lists(st.tuples(words, spaces), max_size=most)
    return parts.map(lambda pairs: b"".join(word + space for word, space in pairs))


def trees(contents=None):
    """Small trees over few paths, so that two of them share some."""
    contents = texts() | st.just(b"\0 binary") if contents is None else contents
    paths = st.sampled_from(["a", "a-b", "a.b/x", "b/x", "b/y", "b/c/x", "ü", "\udcff"])
    modes = st.sampled_from(["file", "file", "executable", "symlink"])
    files = st.dictionaries(paths, st.tuples(contents, modes), max_size=5)
    return files.map(
        lambda named: MemoryTree(
            {path: content for path, (content, _) in named.items()},
            modes={path: mode for path, (_, mode) in named.items()},
        )
    )
