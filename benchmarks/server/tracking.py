"""The tracking server: ours and `mlflow server` in one run, on the same back end.

Both answer the very same requests, in MLflow's REST protocol, to clients that keep their
connection: create a run; log a batch of 100 metrics; search among the runs by metric and parameter,
sorted, 100 to a page; upload an artifact of 1 MB. One worker process each. *ratio* is how many
times better ours is. Memory is the proportional share of all processes after the work.

    python benchmarks/server/tracking.py --peers-venv ~/mlflow --install   # once
    python benchmarks/server/tracking.py --peers-venv ~/mlflow --runs 10000

Each operation ends after 60 s, however far it came; so does filling the store with runs to search,
where `filled` says how many there are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from http_clients import Client, Times, timed
from servers import Running, mlflow, ours

API = "/api/2.0/mlflow"
NOW = 1_767_225_600_000
BATCH = [
    {"key": f"m{at % 10}", "value": at / 7, "timestamp": NOW + at, "step": at} for at in range(100)
]
ARTIFACT = os.urandom(1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers-venv", type=Path, help="a virtual environment with mlflow")
    parser.add_argument("--install", action="store_true", help="make it, by pip")
    parser.add_argument("--runs", type=int, default=10_000, help="to search among")
    parser.add_argument("--requests", type=int, default=1000, help="of each operation")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--fill-seconds", type=float, default=600)
    args = parser.parse_args()
    if args.install:
        venv.create(args.peers_venv, with_pip=True)
        command = [args.peers_venv / "bin" / "pip", "install", "-q", "mlflow"]
        subprocess.run(command, check=True)
    found = {"omprov": measure(args, None)}
    if args.peers_venv and (args.peers_venv / "bin" / "mlflow").exists():
        found["mlflow"] = measure(args, args.peers_venv)
    else:
        print("mlflow is not installed there: passed over (--peers-venv, --install)\n")
    show(found)


def measure(args: argparse.Namespace, peers: Path | None) -> dict[str, float]:
    """Measure one server, on a store of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("OMPROV_BENCH_FOLDER")) as name:
        folder = Path(name)
        with server(folder, peers):
            pass  # the first start makes the store
        with server(folder, peers) as running:
            figures = {"start to first answer, s": running.first_answer}
            figures["memory when idle, MB"] = running.megabytes()
            figures |= operations(running, args)
            figures["memory after it, MB"] = running.megabytes()
            return figures


def server(folder: Path, peers: Path | None) -> Any:
    return ours(folder) if peers is None else mlflow(folder, peers, f"sqlite:///{folder}/mlflow.db")


def operations(running: Running, args: argparse.Namespace) -> dict[str, float]:
    setup = Setup(running.port)
    figures: dict[str, float] = {}
    for clients in args.clients:
        for name, request, count in (
            ("create run", setup.create, args.requests),
            ("log 100 metrics", setup.log, args.requests),
            ("upload 1 MB", setup.upload, max(args.requests // 5, 1)),
        ):
            figures |= told(name, clients, timed(running.port, clients, count, request))
    begin = time.perf_counter()
    filled = timed(running.port, 8, args.runs, setup.fill, seconds=args.fill_seconds)
    print(f"filled with {len(filled.each)} runs in {time.perf_counter() - begin:.0f} s", flush=True)
    for clients in args.clients:
        figures |= told("search", clients, timed(running.port, clients, 200, setup.search))
    return figures


def told(name: str, clients: int, times: Times) -> dict[str, float]:
    head = f"{name}, {clients} client{'s' if clients > 1 else ''}"
    return {
        f"{head}: requests/s": times.rate,
        f"{head}: p50 ms": times.at(0.5),
        f"{head}: p95 ms": times.at(0.95),
        f"{head}: p99 ms": times.at(0.99),
    }


class Setup:
    """The requests, and what they are about."""

    def __init__(self, port: int) -> None:
        self.runs: list[str] = []
        timed(port, 1, 1, self._prepare)

    async def _prepare(self, client: Client, number: int, turn: int) -> None:
        del number, turn
        for attribute in ("_experiment", "_searched"):
            answer = await client.ask("POST", f"{API}/experiments/create", {"name": attribute})
            setattr(self, attribute, json.loads(answer)["experiment_id"])
        for _ in range(16):
            self.runs.append(await self._new_run(client, self._experiment))

    async def _new_run(self, client: Client, experiment: str) -> str:
        body = {"experiment_id": experiment, "start_time": NOW, "run_name": "bench", "tags": []}
        answer = await client.ask("POST", f"{API}/runs/create", body)
        found: str = json.loads(answer)["run"]["info"]["run_id"]
        return found

    async def create(self, client: Client, number: int, turn: int) -> None:
        del number, turn
        await self._new_run(client, self._experiment)

    async def log(self, client: Client, number: int, turn: int) -> None:
        metrics = [{**one, "step": one["step"] + 100 * turn} for one in BATCH]
        body = {"run_id": self.runs[number], "metrics": metrics}
        await client.ask("POST", f"{API}/runs/log-batch", body)

    async def upload(self, client: Client, number: int, turn: int) -> None:
        path = f"{self._experiment}/{self.runs[number]}/artifacts/file-{turn}.bin"
        content = turn.to_bytes(8, "big") + ARTIFACT[8:]
        await client.ask(
            "PUT",
            f"/api/2.0/mlflow-artifacts/artifacts/{path}",
            content,
            "application/octet-stream",
        )

    async def fill(self, client: Client, number: int, turn: int) -> None:
        del number
        run = await self._new_run(client, self._searched)
        body = {
            "run_id": run,
            "metrics": [
                {"key": "loss", "value": turn * 7919 % 10_007 / 10_007, "timestamp": NOW, "step": 0}
            ],
            "params": [
                {"key": "lr", "value": str(turn % 10)},
                {"key": "model", "value": f"net{turn % 3}"},
            ],
        }
        await client.ask("POST", f"{API}/runs/log-batch", body)

    async def search(self, client: Client, number: int, turn: int) -> None:
        del number
        body = {
            "experiment_ids": [self._searched],
            "filter": f"metrics.loss < 0.5 and params.lr = '{turn % 10}'",
            "order_by": ["metrics.loss ASC"],
            "max_results": 100,
        }
        answer = json.loads(await client.ask("POST", f"{API}/runs/search", body))
        if not answer.get("runs"):
            raise SystemExit("the search found nothing")


def show(found: dict[str, dict[str, float]]) -> None:
    tools = list(found)
    print(f"| | {' | '.join(tools)} | ratio |")
    print(f"|---|{'---:|' * (len(tools) + 1)}")
    for name in found["omprov"]:
        values = [found[tool][name] for tool in tools]
        ratio = ""
        if len(values) == 2:
            mine, theirs = values
            ratio = f"{mine / theirs:.1f}" if name.endswith("/s") else f"{theirs / mine:.1f}"
        print(f"| {name} | {' | '.join(f'{value:.3g}' for value in values)} | {ratio} |")


if __name__ == "__main__":
    main()
