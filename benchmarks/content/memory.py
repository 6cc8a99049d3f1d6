"""Memory of `omprov add` at sizes that do not fit: many tiny files, and one very large file.

Peak RSS is the sum over all processes of the command, pages that they share counted in each;
*anonymous* leaves out mapped files; *largest* is the largest single process. The very large file
has a counter in each page of a random megabyte, so that it is quick to make and no chunk of it
comes twice.

    python benchmarks/content/memory.py --files 2000000 --gigabytes 20
    python benchmarks/content/memory.py --files 2000000 --one-folder --gigabytes 0
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from places import Place, make_programs
from tables import in_megabytes, in_seconds, print_table
from tools import OMPROV

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processes import Measured

IN_A_FOLDER = 1_000
PAGE = 4_096
BLOCK = 1 << 20
BLOCKS_AT_ONCE = 64
GIGABYTE = 10**9
GOAL = 400_000_000
HEADINGS = [
    "",
    "s",
    "CPU s",
    "rate",
    "peak RSS MB",
    "anonymous MB",
    "largest process MB",
    "under 400 MB",
    "store growth MB",
]


def write_tiny(number: int, folder: Path) -> None:
    (folder / f"{number:08d}.txt").write_bytes(
        b"%d: %s\n" % (number, os.urandom(16).hex().encode())
    )


def make_share(first: int, base: Path, count: int, *, one_folder: bool) -> None:
    """Write the files of one folder, or as many into the only folder."""
    folder = base if one_folder else base / f"{first // IN_A_FOLDER:05d}"
    folder.mkdir(exist_ok=True)
    for number in range(first, min(first + IN_A_FOLDER, count)):
        write_tiny(number, folder)


def make_files(base: Path, count: int, *, one_folder: bool) -> None:
    base.mkdir(parents=True)
    share = partial(make_share, base=base, count=count, one_folder=one_folder)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(share, range(0, count, IN_A_FOLDER), chunksize=16):
            pass


def make_large(base: Path, gigabytes: float) -> int:
    """Write the large file and return its size in bytes."""
    base.mkdir(parents=True)
    block = np.frombuffer(os.urandom(BLOCK) * BLOCKS_AT_ONCE, np.uint64).reshape(-1, PAGE // 8)
    block = block.copy()
    pages = np.arange(len(block), dtype=np.uint64)
    with (base / "large.bin").open("wb") as file:
        for number in range(max(1, round(gigabytes * GIGABYTE / block.nbytes))):
            block[:, 0] = pages + np.uint64(number * len(block))
            file.write(block)
        return file.tell()


@dataclass(frozen=True)
class Taken:
    """One step, and what the store grew by: the whole size where nothing came twice."""

    step: str
    measured: Measured
    growth: int


def row(what: str, taken: Taken, amount: float, unit: str) -> list[str]:
    measured = taken.measured
    rate = amount / measured.seconds
    return [
        f"{what}: {taken.step}",
        in_seconds(measured.seconds),
        in_seconds(measured.cpu_seconds),
        f"{rate:,.{0 if rate > 100 else 2}f} {unit}/s",
        in_megabytes(measured.resident),
        in_megabytes(measured.anonymous),
        in_megabytes(measured.largest),
        "yes" if measured.resident <= GOAL else "**no**",
        in_megabytes(taken.growth),
    ]


def measure_steps(place: Place, *, check_out: bool) -> Iterator[Taken]:
    steps = {"add": OMPROV.add, "add, nothing new": OMPROV.add}
    if check_out:
        steps["checkout"] = OMPROV.check_out
    for name, step in steps.items():
        before = place.store_size()
        measured = place.take(step)
        yield Taken(name, measured, place.store_size() - before)


def measure_folder(base: Path, arguments: argparse.Namespace) -> list[list[str]]:
    count = arguments.files
    make_files(base / "made", count, one_folder=arguments.one_folder)
    place = Place(base / "files", OMPROV, data=base / "made", path=arguments.path, move=True)
    where = "in one folder" if arguments.one_folder else f"in folders of {IN_A_FOLDER:,}"
    return [
        row(f"{count:,} files {where}", taken, count, "files")
        for taken in measure_steps(place, check_out=arguments.checkout)
    ]


def measure_file(base: Path, arguments: argparse.Namespace) -> list[list[str]]:
    size = make_large(base / "made", arguments.gigabytes) / GIGABYTE
    place = Place(base / "file", OMPROV, data=base / "made", path=arguments.path, move=True)
    return [
        row(f"one file of {size:.1f} GB", taken, size, "GB")
        for taken in measure_steps(place, check_out=arguments.checkout)
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--one-folder", action="store_true", help="not 1,000 files in a folder")
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--checkout", action="store_true", help="check out as well; takes room")
    parser.add_argument("--omprov", default=sys.executable, help="the Python that has OMProv")
    parser.add_argument("--folder", type=Path, help="where to work; else where temporary files go")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    rows = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        base = Path(name)
        make_programs(base / "bin", arguments.omprov, base)
        arguments.path = os.pathsep.join([str(base / "bin"), os.environ["PATH"]])
        if arguments.files:
            rows += measure_folder(base / "small", arguments)
        if arguments.gigabytes:
            rows += measure_file(base / "large", arguments)
        print_table(HEADINGS, rows)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
