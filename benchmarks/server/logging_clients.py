"""Eight clients that log to our server for a minute: is anything lost, and how long does one wait?

    python benchmarks/server/logging_clients.py --seconds 60

Each logs batches of 100 points to a run of its own, in MLflow's protocol. At the end every point
that was acknowledged is read back.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path

from http_clients import Client, timed
from servers import ours
from tracking import API, NOW, Setup


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("OMPROV_BENCH_FOLDER")) as name:
        folder = Path(name)
        acknowledged: Counter[str] = Counter()
        with ours(folder) as running:
            setup = Setup(running.port)

            async def log(client: Client, number: int, turn: int) -> None:
                run = setup.runs[number]
                points = [
                    {"key": "loss", "value": at / 7, "timestamp": NOW, "step": 100 * turn + at}
                    for at in range(100)
                ]
                await client.ask(
                    "POST", f"{API}/runs/log-batch", {"run_id": run, "metrics": points}
                )
                acknowledged[run] += len(points)

            times = timed(running.port, args.clients, 10**9, log, seconds=args.seconds)
        lost = sum(acknowledged.values()) - stored_points(folder)
    print("| clients | batches/s | p50 ms | p95 ms | p99 ms | points | lost |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    figures = " | ".join(f"{times.at(share):.1f}" for share in (0.5, 0.95, 0.99))
    total = sum(acknowledged.values())
    print(f"| {args.clients} | {times.rate:.0f} | {figures} | {total} | {lost} |")
    if lost:
        raise SystemExit(f"{lost} points were lost")


def stored_points(folder: Path) -> int:
    """Count points by SQL alone, so that nothing of ours can be wrong about it."""
    connection = sqlite3.connect(folder / ".omprov" / "catalog.db")
    (count,) = connection.execute("SELECT count(*) FROM metric_point").fetchone()
    connection.close()
    return int(count)


if __name__ == "__main__":
    main()
