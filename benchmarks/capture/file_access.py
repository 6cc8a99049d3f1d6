"""Noting which files are read: loaders of many small files, with the recorder and without.

Two loaders: one that only opens and reads, which is the worst case, and one that makes batches of
normalised arrays, as a loader for training does. Processes with and without the recorder take
turns. Each reads all files several times and tells its own processor time of every pass, which
other work on the machine disturbs less than the clock on the wall; for strace, which works beside
it, that clock counts. Files stay in the page cache: from a disk the share would be smaller.

    python benchmarks/capture/file_access.py --files 10000 --repeats 10
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

from omprov.capture._watching._watch import watch_files

LOADER = """
import os, sys, time
folder, passes, loader = sys.argv[1], int(sys.argv[2]), sys.argv[3]
paths = [
    os.path.join(above, name)
    for above, _, names in sorted(os.walk(folder))
    for name in sorted(names)
]
def bare():
    for path in paths:
        with open(path, "rb") as file:
            file.read()
def batches():
    batch = []
    for path in paths:
        with open(path, "rb") as file:
            pixels = numpy.frombuffer(file.read(), "uint8")
        batch.append((pixels[:10_000].astype("float32") / 255 - 0.5).reshape(100, 100))
        if len(batch) == 32:
            numpy.stack(batch)
            batch.clear()
import numpy
for _ in range(passes):
    started = time.process_time()
    globals()[loader]()
    print(time.process_time() - started)
"""
LOADERS = ("bare", "batches")


def make_files(folder: Path, files: int, size: int) -> None:
    for number in range(files):
        path = folder / f"class_{number % 10}" / f"image_{number:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def load(words: list[str], variables: dict[str, str]) -> list[float]:
    done = subprocess.run(
        words, env={**os.environ, **variables}, check=True, capture_output=True, text=True
    )
    return [float(line) for line in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=10 * 1024, help="bytes of a file")
    parser.add_argument("--repeats", type=int, default=10, help="processes of each sort")
    parser.add_argument("--passes", type=int, default=3, help="over all files in each process")
    parser.add_argument("--strace", action="store_true", help="under strace, too, once")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        data, scratch = Path(place, "data"), Path(place, "scratch")
        make_files(data, args.files, args.size)
        for loader in LOADERS:
            words = [sys.executable, "-c", LOADER, str(data), str(args.passes), loader]
            load(words, {})
            bare: list[list[float]] = []
            watched: list[list[float]] = []
            for number in range(args.repeats):
                for is_watched in (number % 2 == 0, number % 2 != 0):
                    if not is_watched:
                        bare.append(load(words, {}))
                        continue
                    with watch_files(scratch, words, method="python") as watch:
                        watched.append(load(words, watch.environment))
                    assert len(watch.accesses().accesses.reads) >= args.files
            firsts = [one[0] for one in bare], [one[0] for one in watched]
            alls = list(chain(*bare)), list(chain(*watched))
            report(f"{loader}, first pass", *firsts, args.files)
            report(f"{loader}, all passes", *alls, args.files)
            if args.strace:
                started = time.perf_counter()
                load(words, {})
                between = time.perf_counter()
                with watch_files(scratch, words, method="strace") as watch:
                    load(list(watch.command), watch.environment)
                ended = time.perf_counter()
                whole = [between - started], [ended - between]
                report(f"{loader}, whole process and strace", *whole, args.files * args.passes)


def report(what: str, bare: list[float], watched: list[float], files: int) -> None:
    """Print the medians, the quickest, and by how much the watched ones are slower."""
    for how, pick in (("median", statistics.median), ("quickest", min)):
        without, with_it = pick(bare), pick(watched)
        print(
            f"{what}, {how}: {without / files * 1e6:.2f} µs a file, "
            f"watched {with_it / files * 1e6:.2f} µs: {(with_it / without - 1) * 100:+.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
