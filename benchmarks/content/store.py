"""Adding, checking out and comparing: many small files, and one large one, beside plain copies.

20,000 files of 10 KB and a file of 1 GB, all of random bytes, the page cache warm. `cp -r` and
`sync` on the same bytes, in the same run, show what the disk takes; `read` is one pass over the
files with BLAKE3, in one thread. Every figure is one run: compare ratios.

    python benchmarks/content/store.py --files 20000 --large 1000
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from blake3 import blake3

from omprov.content import ContentStore

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
MEGABYTE = 1_000_000


def timed(what: str, call: Callable[[], Result]) -> Result:
    start, cpu = time.perf_counter(), time.process_time()
    result = call()
    seconds, busy = time.perf_counter() - start, time.process_time() - cpu
    print(f"| {what} | {seconds:.3f} | {busy:.3f} |", flush=True)
    return result


def make_small(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number % 100:02d}" / f"{number:06d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(10_240))


def make_large(folder: Path, megabytes: int) -> None:
    folder.mkdir()
    with (folder / "big.bin").open("wb") as file:
        for _ in range(megabytes // 10):
            file.write(os.urandom(10 * MEGABYTE))


def read_all(folder: Path) -> None:
    for path in folder.rglob("*.bin"):
        blake3(path.read_bytes()).digest()


def copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-r", source, target], check=True)
    os.sync()


def measure_small(base: Path, store: ContentStore, count: int) -> None:
    data = base / "small"
    make_small(data, count)
    os.sync()
    timed("read", lambda: read_all(data))
    timed("`cp -r` and `sync`", lambda: copy(data, base / "small-copy"))
    first = timed("first add", lambda: store.put_tree(data)).digest
    store.put_tree(data)
    timed("add, nothing new", lambda: store.put_tree(data))
    for path in sorted(data.rglob("*.bin"))[::100]:
        path.write_bytes(os.urandom(10_240))
    before = store.size()
    second = timed("add, 1 % changed", lambda: store.put_tree(data)).digest
    growth = store.size() - before
    older, newer = store.tree(first), store.tree(second)
    timed("difference of the two", lambda: list(newer.changes_from(older)))
    out = base / "small-out"
    timed("checkout", lambda: store.materialize(first, out))
    timed("switch", lambda: store.materialize(second, out, current=first))
    store.materialize(second, out)
    timed("switch back", lambda: store.materialize(first, out, current=second))
    timed("status", lambda: list(store.changes_on_disk(first, out)))
    timed("verify", store.fsck)
    print(f"\nGrowth by 1 % changed: {growth / MEGABYTE:.1f} MB.\n")


def measure_large(base: Path, store: ContentStore, megabytes: int) -> None:
    data = base / "large"
    make_large(data, megabytes)
    os.sync()
    timed("`cp` and `sync`", lambda: copy(data, base / "large-copy"))
    digest = timed("first add", lambda: store.put_tree(data)).digest
    path = data / "big.bin"
    with path.open("r+b") as file:  # 10 MB into the middle
        file.seek(megabytes // 2 * MEGABYTE)
        rest = file.read()
        file.seek(megabytes // 2 * MEGABYTE)
        file.write(os.urandom(10 * MEGABYTE))
        file.write(rest)
    before = store.size()
    timed("add, 10 MB inserted", lambda: store.put_tree(data))
    growth = store.size() - before
    timed("checkout", lambda: store.materialize(digest, base / "large-out"))
    print(f"\nGrowth by 10 MB inserted: {growth / MEGABYTE:.1f} MB.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--large", type=int, default=1000, metavar="MB")
    parser.add_argument("--folder", type=Path, help="where to work; a new folder by default")
    arguments = parser.parse_args()
    for title, measure, size in (
        (f"{arguments.files:,} files of 10 KB", measure_small, arguments.files),
        (f"one file of {arguments.large:,} MB", measure_large, arguments.large),
    ):
        print(f"\n| {title} | seconds | CPU seconds |\n|---|---|---|")
        with (
            tempfile.TemporaryDirectory(dir=arguments.folder) as name,
            ContentStore.create(Path(name) / "store") as store,
        ):
            measure(Path(name), store, size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory of this process, its own making of test data included: {peak:.0f} MB.")


if __name__ == "__main__":
    main()
