"""Folders as plain data, and how Hypothesis makes them up."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

Folder = dict[str, object]
"""name → bytes (a file), ("x", bytes) (executable), ("->", target) (symlink), or a Folder."""


def make_folder(path: Path, folder: Folder) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, what in folder.items():
        place = path / name
        match what:
            case bytes():
                place.write_bytes(what)
            case ("x", bytes(content)):
                place.write_bytes(content)
                place.chmod(0o755)
            case ("->", target):
                place.symlink_to(target)
            case dict():
                make_folder(place, what)
            case _:
                raise AssertionError(what)
    return path


def read_folder(path: Path) -> Folder:
    folder: Folder = {}
    for entry in os.scandir(path):
        place = path / entry.name
        if entry.is_symlink():
            folder[entry.name] = ("->", str(place.readlink()))
        elif entry.is_dir():
            folder[entry.name] = read_folder(place)
        elif os.access(place, os.X_OK) and place.stat().st_mode & 0o100:
            folder[entry.name] = ("x", place.read_bytes())
        else:
            folder[entry.name] = place.read_bytes()
    return folder


def leaves(folder: Folder, prefix: str = "") -> dict[str, object]:
    """Every file and symlink by its path."""
    found: dict[str, object] = {}
    for name, what in folder.items():
        if isinstance(what, dict):
            found.update(leaves(what, prefix + name + "/"))
        else:
            found[prefix + name] = what
    return found


def random_bytes(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


_raw_names = st.one_of(
    st.sampled_from([b"a", b"b", b"c", b"a-", b"a.txt", b"a0", b"x y", b"\n", b".hidden", b"-rf"]),
    st.sampled_from([b"\xff", b"caf\xc3\xa9", b"caf\xe9", b"\xe4\xb8\xad\xe6\x96\x87", b"..."]),
    st.binary(min_size=1, max_size=6).filter(
        lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
    ),
)
names = _raw_names.map(os.fsdecode).filter(
    lambda name: name not in {".git", ".hg", ".omprov", ".omprovignore"}
)
contents = st.one_of(
    st.just(b""),
    st.binary(max_size=40),
    st.builds(random_bytes, st.integers(0, 3), st.sampled_from([1000, 262_143, 262_144, 400_000])),
)
things = st.one_of(
    contents,
    st.tuples(st.just("x"), contents),
    st.tuples(st.just("->"), st.sampled_from(["a", "..", "/nowhere", "b/c", ".", "caf\udce9"])),
)
folders = st.recursive(
    st.dictionaries(names, things, max_size=5),
    lambda below: st.dictionaries(names, st.one_of(things, below), max_size=5),
    max_leaves=12,
)
