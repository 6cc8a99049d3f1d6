"""What the demo's repository should say, worked out again from what its runs used.

Nothing of OMProv computes here: files are compared as bytes, words by a table of common
subsequences, routes by trying all, covers by trying every third version.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from itertools import product

KINDS = ("algorithm", "dataset", "dataset.test", "params")
FREE = {"params"}


def read_files(repo, version):
    """Return path → bytes of a version, from a fresh checkout of it."""
    folder = repo.local_copy(version)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def words_weight(old, new):
    """Words deleted and inserted out of all words of both sides, file by file."""
    amount = total = 0
    for path in old.keys() | new.keys():
        left, right = (files.get(path, b"").decode().split() for files in (old, new))
        common = longest_common(left, right)
        amount += len(left) + len(right) - 2 * common
        total += len(left) + len(right)
    return amount / total


def longest_common(left, right):
    if left == right:
        return len(left)
    above = [0] * (len(right) + 1)
    for word in left:
        row = [0]
        for place, other in enumerate(right):
            row.append(above[place] + 1 if word == other else max(row[-1], above[place + 1]))
        above = row
    return above[-1]


def wdiff_weight(old, new, folder):
    """The same weight, as GNU wdiff counts."""
    amount = total = 0
    for path in sorted(old.keys() | new.keys()):
        for side, files in (("old", old), ("new", new)):
            (folder / side).write_bytes(files.get(path, b""))
        listing = subprocess.run(
            [shutil.which("wdiff"), "-s", "-123", folder / "old", folder / "new"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        counts = re.findall(r": (\d+) words  (\d+)", listing)
        old_words, old_common, new_words, new_common = (int(n) for pair in counts for n in pair)
        amount += old_words - old_common + new_words - new_common
        total += old_words + new_words
    return amount / total


def files_weight(old, new):
    """Files on one side only, and files that differ, out of the files on either."""
    paths = old.keys() | new.keys()
    return sum(old.get(path) != new.get(path) for path in paths) / len(paths)


def keys_weight(old, new):
    keys = old.keys() | new.keys()
    return sum(old.get(key) != new.get(key) for key in keys) / len(keys)


class Graph:
    """Declared edges: newer → older → weight, by the versions' numbers."""

    def __init__(self, history):
        self.parents = {version.number: {} for version in history.versions}
        for edge in history.edges:
            self.parents[edge.newer.number][edge.older.number] = edge.weight

    def distance(self, newer, older):
        if newer == older:
            return 0.0
        routes = [w + self.distance(p, older) for p, w in self.parents[newer].items()]
        return min(routes, default=math.inf)


def inferred(repo, runs, graphs):
    """Return (newer, older) → weight by the numbers of the models, from the definition.

    Args:
        repo: the repository.
        runs: all that made models.
        graphs: role → `Graph` of the roles that constrain.
    """
    used = {run.outputs["model"].number: run for run in runs}

    def parts(newer, older):
        ours, theirs = used[newer], used[older]
        return {
            role: keys_weight(theirs.params, ours.params)
            if role in FREE
            else graphs[role].distance(ours.inputs[role].number, theirs.inputs[role].number)
            for role in KINDS
        }

    def inherits(newer, older):
        found = parts(newer, older)
        lineage = [found[role] for role in KINDS if role not in FREE]
        if math.inf in lineage:
            return False
        same = all(
            used[newer].inputs[role].number == used[older].inputs[role].number
            for role in KINDS
            if role not in FREE
        )
        return newer > older if same else True

    above = {(a, b) for a, b in product(used, used) if a != b and inherits(a, b)}
    return {
        (a, b): sum(parts(a, b).values()) / len(KINDS)
        for a, b in above
        if not any((a, c) in above and (c, b) in above for c in used)
    }
