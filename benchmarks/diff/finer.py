"""Rows of two tables and tensors of two models: ours beside what people write by hand.

A table of 1,000,000 rows (six floats, a number, a label, a file name) of which 1 % changed, as CSV
and as Parquet, and as CSV with its rows in another order; pandas reads both and merges them on all
columns, with a number for rows that occur more than once. A model of 500 MB in safetensors (float32
and bfloat16), each number moved a little; the peer is NumPy on the whole tensors, in memory at
once, which reads no bfloat16. Each measurement is a process of its own: seconds of the processor
for the comparison alone (not for the digests), and the most memory that the process took.

    python benchmarks/diff/finer.py --rows 1000000 --megabytes 500
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from omprov.diff import FolderTree, compare

LAYER = 4_000_000  # numbers of a tensor
CHANGED = 0.01


def make_tables(rows: int, place: Path) -> None:
    rng = np.random.default_rng(1)
    old = pd.DataFrame({f"f{column}": rng.random(rows) for column in range(6)})
    old["id"] = np.arange(rows)
    old["label"] = rng.integers(0, 10, rows)
    old["name"] = [f"images/{number:07d}.jpg" for number in range(rows)]
    new = old.copy()
    new.loc[rng.random(rows) < CHANGED, "label"] = 99
    shuffled = new.sample(frac=1, random_state=1)
    for name, side in (("old", old), ("new", new), ("shuffled", shuffled)):
        for sort in ("csv", "parquet"):
            (place / sort / name).mkdir(parents=True)
        side.to_csv(place / "csv" / name / "t.csv", index=False)
        side.to_parquet(place / "parquet" / name / "t.parquet", index=False)


def write_model(path: Path, layers: dict[str, tuple[str, np.ndarray]]) -> None:
    header, offset = {}, 0
    for name, (dtype, numbers) in layers.items():
        end = offset + numbers.nbytes
        header[name] = {"dtype": dtype, "shape": [numbers.size], "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, numbers in layers.values():
            file.write(numbers.tobytes())


def make_models(megabytes: int, place: Path) -> None:
    for dtype, width in (("F32", 4), ("BF16", 2)):
        count = max(1, megabytes * 1_000_000 // (LAYER * width))
        for name in ("old", "new"):
            rng = np.random.default_rng(1)
            layers = {}
            for layer in range(count):
                numbers = rng.standard_normal(LAYER, np.float32)
                if name == "new":
                    numbers += 0.01 * rng.standard_normal(LAYER, np.float32)
                else:
                    rng.standard_normal(LAYER, np.float32)
                stored = numbers.view(np.uint32) >> 16 if dtype == "BF16" else numbers
                layers[f"layer.{layer}"] = (
                    dtype,
                    stored.astype(f"u{width}") if width == 2 else stored,
                )
            write_model(place / dtype / name / "model.safetensors", layers)


def omprov_amount(measure: str, old: Path, new: Path) -> tuple[float, float]:
    trees = FolderTree(old), FolderTree(new)
    digests = [tree.digest for tree in trees]  # a store knows them
    assert len(digests) == 2
    start = time.process_time()
    amount = compare(*trees, measure).weight
    return amount, time.process_time() - start


def pandas_amount(old: Path, new: Path) -> tuple[float, float]:
    start = time.process_time()
    sides = []
    for place in (old, new):
        [path] = place.iterdir()
        side = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        side["occurrence"] = side.groupby(list(side.columns)).cumcount()
        sides.append(side)
    merged = sides[0].merge(sides[1], how="outer", indicator=True)
    differ = (merged["_merge"] != "both").sum()
    return differ / (len(sides[0]) + len(sides[1])), time.process_time() - start


def numpy_amount(old: Path, new: Path) -> tuple[float, float]:
    from safetensors.numpy import load_file

    start = time.process_time()
    sides = [load_file(place / "model.safetensors") for place in (old, new)]
    apart = []
    for name, before in sides[0].items():
        a, b = before.astype(np.float64), sides[1][name].astype(np.float64)
        apart.append(np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)))
    return float(np.mean(apart)), time.process_time() - start


def run_here(tool: str, old: Path, new: Path) -> None:
    peers = {"pandas": pandas_amount, "numpy": numpy_amount}
    if tool in peers:
        amount, seconds = peers[tool](old, new)
    else:
        amount, seconds = omprov_amount(tool, old, new)
    status = Path("/proc/self/status").read_text()  # the system's own maximum is the parent's too
    memory = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    print(json.dumps([amount, seconds, memory]))


def show(what: str, tools: dict[str, str], old: Path, new: Path) -> None:
    for label, tool in tools.items():
        command = [sys.executable, __file__, "--tool", tool, "--pair", str(old), str(new)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        amount, seconds, memory = json.loads(answer)
        print(f"| {what} | {label} | {seconds:.2f} | {memory:,.0f} | {amount:.6f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--tool", help=argparse.SUPPRESS)
    parser.add_argument("--pair", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.tool:
        run_here(arguments.tool, *arguments.pair)
        return
    print(f"\n### Finer measures: {arguments.rows:,} rows, {arguments.megabytes:,} MB of tensors\n")
    print("| what | tool | CPU s | MiB | weight |")
    print("|---|---|---:|---:|---:|")
    tables = {"**OMProv** rows": "rows", "pandas, merge on all columns": "pandas"}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_tables(arguments.rows, place)
        show("CSV", tables, place / "csv/old", place / "csv/new")
        show("CSV, shuffled", tables, place / "csv/old", place / "csv/shuffled")
        show("Parquet", tables, place / "parquet/old", place / "parquet/new")
        show("Parquet, shuffled", tables, place / "parquet/old", place / "parquet/shuffled")
        make_models(arguments.megabytes, place)
        whole = {"**OMProv** tensors": "tensors", "NumPy, whole tensors": "numpy"}
        show("safetensors, float32", whole, place / "F32/old", place / "F32/new")
        ours = {"**OMProv** tensors": "tensors"}
        show("safetensors, bfloat16", ours, place / "BF16/old", place / "BF16/new")


if __name__ == "__main__":
    main()
