"""Measures `omprov ui`: first answer, memory, and calls on keep-alive connections.

``python benchmarks/server/rest.py [--runs 10000] [--connections 8] [--workers 1]``

The client is a plain asyncio one, so that it costs little beside the server on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from omprov.records import RunStatus
from omprov.repository import Repository

AT = "2026-01-01T00:00:00Z"


def rss(pid: int) -> float:
    """Return the megabytes of a process and its children."""
    total = 0
    tree = [pid]
    while tree:
        one = tree.pop()
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/status").read_text()
            total += int(text.partition("VmRSS:")[2].split()[0])
            for task in Path(f"/proc/{one}/task").iterdir():
                tree += map(int, (task / "children").read_text().split())
    return total / 1024


def busy(pid: int) -> float:
    """Return the seconds of processor time that a process has had: they hardly depend on others."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


async def call(reader, writer, method, path, body=None):
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + data)
    await writer.drain()
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    text = await reader.readexactly(length)
    status = int(answer.split()[1])
    assert status < 400, text[:500]
    return text


async def load(port, connections, calls, make):
    took = []

    async def one(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(calls // connections):
            began = time.perf_counter()
            await call(reader, writer, *make(number, n))
            took.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(connections)))
    return len(took) / (time.perf_counter() - began), took


def report(name, rate, took, spent):
    cuts = statistics.quantiles(took, n=100)
    shown = " ".join(f"p{q} {cuts[q - 1] * 1000:7.2f} ms" for q in (50, 95, 99))
    print(f"{name:34} {rate:8.0f}/s  {shown}  processor {spent / len(took) * 1000:6.2f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="omprov-bench-"))
    with Repository.create(folder, who="ada", clock=lambda: datetime.now(UTC)) as repository:
        with repository._writing() as writer:
            for n in range(options.runs):
                writer.add_run(
                    project="default",
                    name=f"r{n % 50}",
                    status=RunStatus.SUCCEEDED,
                    started=datetime.now(UTC),
                    ended=datetime.now(UTC),
                    inputs={},
                    params={"lr": 0.1, "depth": n, "seed": n},
                    metrics={"loss": 0.5, "acc": 0.9},
                )
        ids = [run.id for run in repository.list_runs(limit=64)]
    began = time.perf_counter()
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from omprov.cli import main; main()",
            "ui",
            "--port",
            "0",
            "--no-open",
            "--workers",
            str(options.workers),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    port = int(server.stdout.readline().partition("127.0.0.1:")[2].split()[0])
    urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/projects").read()
    print(
        f"first answer after {time.perf_counter() - began:.2f} s, "
        f"{busy(server.pid):.2f} s of processor; {rss(server.pid):.0f} MB"
    )
    points = [{"name": f"m{n}", "step": 0, "value": 0.5, "time": AT} for n in range(100)]
    where = "/api/v1/projects/default/runs"
    measures = {
        "GET /healthz": lambda c, n: ("GET", "/healthz"),
        "GET one run": lambda c, n: ("GET", f"/api/v1/runs/{ids[n % 64]}"),
        "POST runs (3 params, 2 metrics)": lambda c, n: (
            "POST",
            where,
            {"params": {"a": n, "b": 1, "c": c}, "metrics": {"x": 1, "y": 2}},
        ),
        "PATCH runs (begin)": lambda c, n: (
            "PATCH",
            f"{where}/019ca8a7-93c0-7000-8000-{c:04x}{n:08x}",
            {"begin": {"name": "fit", "started": AT}},
        ),
        "PATCH runs (100 points)": lambda c, n: (
            "PATCH",
            f"{where}/{ids[c % 64]}",
            {"points": points},
        ),
        "GET 100 newest runs": lambda c, n: ("GET", where),
        "GET runs by name": lambda c, n: ("GET", f"{where}?name=r{n % 50}&limit=20"),
    }
    try:
        for name, make in measures.items():
            for connections in (1, options.connections):
                calls = options.calls if connections > 1 else options.calls // 4
                before = busy(server.pid)
                rate, took = asyncio.run(load(port, connections, calls, make))
                report(f"{name} ×{connections}", rate, took, busy(server.pid) - before)
        print(f"{rss(server.pid):.0f} MB at the end")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
