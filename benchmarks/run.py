"""Run every benchmark, each beside what people use for the same job today.

`python benchmarks/run.py` takes a few minutes; `--full` runs the sizes of docs/benchmarks.md, which
takes some hours on two cores and 80 GB of disk.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
QUICK_AND_FULL = [
    ("graph/reachability.py", "--versions 30000", "--versions 1000000"),
    ("graph/routes.py", "--versions 30000", "--versions 1000000"),
    ("graph/inference.py", "--outputs 5000", "--outputs 1000000 --scale 1"),
    (
        "graph/inference.py",
        "--outputs 5000 --stream stress",
        "--outputs 100000 --stream stress --scale 1",
    ),
    ("diff/words.py", "--words 50000 --shares 0.05", "--words 200000"),
    ("diff/files.py", "--files 100000 --on-disk 5000", "--files 1000000 --on-disk 20000"),
    ("diff/finer.py", "--rows 100000 --megabytes 50", "--rows 1000000 --megabytes 500"),
    ("content/store.py", "--files 5000 --large 200", "--files 20000 --large 1000"),
    ("content/peers.py", "", "--full"),
    ("content/memory.py", "", "--files 2000000 --gigabytes 20"),
    ("capture/git_history.py", "", "--commits 10000"),
    ("capture/tracking.py", "--points 2000 --repeat 1", ""),
    ("repository/catalog.py", "--runs 5000", "--runs 100000"),
    ("repository/recording.py", "--runs 2000", "--runs 100000"),
    ("server/tracking.py", "--runs 500 --requests 200", "--runs 100000"),
    ("server/logging_clients.py", "--seconds 10", ""),
    ("server/lineage.py", "--versions 30000", "--versions 1000000"),
    ("capture/file_access.py", "--files 2000 --repeats 4", "--repeats 20 --strace"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the sizes of docs/benchmarks.md")
    parser.add_argument("--only", default="", help="only scripts whose path contains this")
    args = parser.parse_args()
    for script, quick, full in QUICK_AND_FULL:
        if args.only not in script:
            continue
        options = (full if args.full else quick).split()
        print(f"\n## {script} {' '.join(options)}\n", flush=True)
        subprocess.run([sys.executable, str(HERE / script), *options], check=True)


if __name__ == "__main__":
    main()
