"""What differs between two large trees of files: ours beside `diff -rq` and a plain dictionary.

Two trees of 1,000,000 files, once in one folder and once in 1,000, differ in 100 of them (50
changed, 25 added, 25 removed). Ours is the measure ``files`` on trees of the content store: *first*
with a store opened for it, so that every node is read from its pack and decompressed, *again* with
what the store then remembers. The dictionary holds path → digest of either tree, built already:
what a tool pays that keeps flat manifests in memory. `diff -rq` reads files on disk; it is run on
trees of 20,000, and ours on the same.

    python benchmarks/diff/files.py --files 1000000
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.content import ContentStore
from omprov.diff import FolderTree, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omprov.records import Digest

CHANGES = 100


def make_files(count: int, folders: int) -> dict[str, bytes]:
    """Give files of few distinct contents: their bytes do not matter here."""
    return {
        f"{number % folders:04d}/{number:07d}.jpg" if folders > 1 else f"{number:07d}.jpg": (
            b"%d" % (number % 997)
        )
        for number in range(count)
    }


def change_some(files: Mapping[str, bytes]) -> dict[str, bytes]:
    changed = dict(files)
    stride = len(files) // CHANGES + 1  # so that they lie in as many folders as there are
    paths = list(files)[::stride]
    for place, path in enumerate(paths):
        content = changed.pop(path)
        if place % 4 < 2:
            changed[path] = content + b"?"
        elif place % 4 == 2:
            changed[path.replace(".jpg", "-new.jpg")] = content + b"!"
            changed[path] = content
    return changed


def timed(call: Callable[[], object], repeat: int = 1) -> float:
    seconds = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds


def compare_dictionaries(old: Mapping[str, int], new: Mapping[str, int]) -> int:
    only = old.keys() ^ new.keys()
    return len(only) + sum(1 for path, digest in new.items() if old.get(path, digest) != digest)


def measure(store: ContentStore, old: Digest, new: Digest) -> float:
    return compare(store.tree(old), store.tree(new), "files").amount


def row(files: int, folders: int, tool: str, seconds: float, amount: float) -> None:
    print(f"| {files:,} | {folders:,} | {tool} | {seconds * 1000:.1f} | {amount:.0f} |")


def compare_large(count: int, folders: int, place: Path) -> None:
    old_files = make_files(count, folders)
    new_files = change_some(old_files)
    with ContentStore.create(place) as store:
        old, new = store.put_files(old_files).digest, store.put_files(new_files).digest
    with ContentStore.open(place) as store:
        amount = measure(store, old, new)
    with ContentStore.open(place) as store:
        first = timed(lambda: measure(store, old, new))
        again = timed(lambda: measure(store, old, new), 5)
    row(count, folders, "omprov, first", first, amount)
    row(count, folders, "omprov, again", again, amount)
    flat_old = {path: hash(content) for path, content in old_files.items()}
    flat_new = {path: hash(content) for path, content in new_files.items()}
    flat = timed(lambda: compare_dictionaries(flat_old, flat_new), 3)
    row(count, folders, "two dictionaries", flat, compare_dictionaries(flat_old, flat_new))


def write(files: Mapping[str, bytes], folder: Path) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content * 1_000)


def compare_on_disk(count: int, folders: int, place: Path) -> None:
    old_files = make_files(count, folders)
    write(old_files, place / "old")
    write(change_some(old_files), place / "new")
    command = ["diff", "-rq", place / "old", place / "new"]
    report = subprocess.run(command, capture_output=True, check=False).stdout.splitlines()
    seconds = timed(lambda: subprocess.run(command, capture_output=True, check=False), 3)
    row(count, folders, "diff -rq (reads the files)", seconds, len(report))
    seconds = timed(
        lambda: compare(FolderTree(place / "old"), FolderTree(place / "new"), "files"), 3
    )
    amount = compare(FolderTree(place / "old"), FolderTree(place / "new"), "files").amount
    row(count, folders, "omprov FolderTree (reads the files)", seconds, amount)
    with ContentStore.create(place / "store") as store:
        old, new = store.put_tree(place / "old").digest, store.put_tree(place / "new").digest
        row(count, folders, "omprov, first", timed(lambda: measure(store, old, new)), amount)
        row(count, folders, "omprov, again", timed(lambda: measure(store, old, new), 5), amount)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--on-disk", type=int, default=20_000)
    arguments = parser.parse_args()
    print("\n### Files: two trees that differ in 100 files\n")
    print("| files | folders | tool | ms | differ |")
    print("|---:|---:|---|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        compare_large(arguments.files, 1, Path(place, "flat"))
        compare_large(arguments.files, 1_000, Path(place, "deep"))
        compare_on_disk(arguments.on_disk, 100, Path(place))


if __name__ == "__main__":
    main()
