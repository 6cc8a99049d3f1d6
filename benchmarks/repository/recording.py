"""What it costs to record a run, and what it costs those who wait for it.

Fills a repository with runs as in the *calm* stream (most on the newest code and data, some on
older), then times further `record_run` calls with three inputs and one output, end to end: the
transaction, the inference, the edges, the commit with its fsync. Beside it, in the same run, the
peer: creating and finishing a run with three params and one metric in MLflow's SQLite store (it
records no lineage at all); MLflow wants other versions of our dependencies, so give it a virtual
environment of its own and name its interpreter by `--mlflow-python`.

    python benchmarks/repository/recording.py --runs 100000
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from omprov.repository import Output, Repository


def now() -> datetime:
    return datetime.now(UTC)


def grow_inputs(repo: Repository, versions: int, rng: random.Random) -> dict[str, int]:
    """Give three input assets a git-like history each."""
    sizes = {
        "algorithm/code": versions,
        "dataset/data": versions // 5,
        "model/base": versions // 10,
    }
    for asset, size in sizes.items():
        for number in range(1, size + 1):
            behind = 1 if rng.random() < 0.85 else rng.randint(1, 10)
            parents = {max(1, number - behind)} if number > 1 else set()
            if rng.random() < 0.12 and number > 12:
                parents.add(number - rng.randint(2, 10))
            parents = [f"v{parent}" for parent in sorted(parents)]
            repo.add_version(asset, {"state": b"%d" % number}, inherits=parents)
    return sizes


def calm(rng: random.Random, progress: float, size: int) -> int:
    newest = max(1, round(progress * size))
    chance = rng.random()
    if chance < 0.9:
        return newest
    if chance < 0.99:
        return max(1, newest - int(rng.expovariate(1 / 20)))
    return rng.randint(1, newest)


def record(repo: Repository, sizes: dict[str, int], rng: random.Random, progress: float) -> None:
    picks = {asset: calm(rng, progress, size) for asset, size in sizes.items()}
    repo.record_run(
        inputs={
            "algorithm": f"algorithm/code:v{picks['algorithm/code']}",
            "dataset": f"dataset/data:v{picks['dataset/data']}",
            "base_model": f"model/base:v{picks['model/base']}",
        },
        outputs={"model": Output("model/out")},
        metrics={"accuracy": rng.random()},
    )


PEER = """
import json, sys, time
from mlflow.tracking import MlflowClient
client = MlflowClient(f"sqlite:///{sys.argv[1]}/mlflow.db")
experiment = client.create_experiment("bench")
seconds = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    run = client.create_run(experiment).info.run_id
    for role in ("algorithm", "dataset", "base_model"):
        client.log_param(run, role, "v1")
    client.log_metric(run, "accuracy", 0.5)
    client.set_terminated(run)
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
"""


def mlflow_seconds(python: str, folder: Path, count: int) -> list[float] | None:
    """Time MLflow in the interpreter that has it; None where it has not."""
    command = [python, "-c", PEER, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def show(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    print(
        f"| {name} | {statistics.median(ordered) * 1e3:.2f} "
        f"| {statistics.mean(ordered) * 1e3:.2f} | "
        f"{ordered[int(len(ordered) * 0.95)] * 1e3:.2f} | {ordered[-1] * 1e3:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2_000, help="runs already in the catalog")
    parser.add_argument("--versions", type=int, default=1_000, help="versions of the code")
    parser.add_argument("--timed", type=int, default=300, help="runs to time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--mlflow-python", default=sys.executable, help="an interpreter that has mlflow"
    )
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        repo = Repository.create(Path(folder), who="bench", clock=now)
        sizes = grow_inputs(repo, args.versions, rng)
        start = time.perf_counter()
        for done in range(args.runs):
            record(repo, sizes, rng, 0.5 + 0.5 * done / args.runs)
        filled = time.perf_counter() - start
        seconds = []
        for _ in range(args.timed):
            start = time.perf_counter()
            record(repo, sizes, rng, 1.0)
            seconds.append(time.perf_counter() - start)
        print(f"filled {args.runs} runs in {filled:.1f} s\n")
        print("| one run recorded | median ms | mean ms | p95 ms | max ms |\n|---|---|---|---|---|")
        show(f"omprov, {args.runs} runs in the catalog", seconds)
        peer = mlflow_seconds(args.mlflow_python, Path(folder), 100)
        if peer is None:
            print("| mlflow (not installed here) | | | | |")
        else:
            show("mlflow, SQLite, empty store, no lineage", peer)
            ratio = statistics.median(peer) / statistics.median(seconds)
            print(f"\nmlflow takes {ratio:.0f} × as long")
        repo.close()
        start = time.perf_counter()
        with Repository.open(Path(folder), who="bench", clock=now) as cold:
            cold.inherits("model/out")
        print(
            "\nopened again, graphs loaded, one question answered: "
            f"{time.perf_counter() - start:.2f} s"
        )


if __name__ == "__main__":
    main()
