"""Tracking a run: ours and the peers in one run, each in a process of its own.

A script starts a run, logs 10 parameters and then points of a metric, one call each, and finishes.
Per call the time is that in the training thread; start is until the run can be logged to, finish
until the script may go on. *process* is the whole process, interpreter and delivery included.
Figures are medians of the repetitions, which take turns; in brackets, the tool's figure divided by
ours.

    python benchmarks/capture/tracking.py --install      # once: the peers, by pip
    python benchmarks/capture/tracking.py --points 10000 --repeat 3

What is not installed is passed over and named. A tool that takes longer than 60 s for its points
stops there; its figures are of those it got to.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

PEERS_VENV = Path.home() / ".cache" / "omprov-benchmark-trackers"
PACKAGES = ["mlflow-skinny", "sqlalchemy", "alembic", "wandb", "aim", "dvclive"]

FRAME = """
import json, os, sys, time
points = int(sys.argv[1])
begin = time.perf_counter()
{imports}
imported = time.perf_counter()
{start}
started = time.perf_counter()
{params}
clock, calls = time.perf_counter_ns, []
deadline = time.perf_counter() + 60
for step in range(points):
    value = 1 / (step + 1)
    before = clock()
    {log}
    calls.append(clock() - before)
    if step % 64 == 0 and time.perf_counter() > deadline:
        break
logged = time.perf_counter()
{finish}
finished = time.perf_counter()
calls.sort()
os.write(3, json.dumps({{
    "import s": imported - begin, "start s": started - imported, "finish s": finished - logged,
    "call p50 µs": calls[len(calls) // 2] / 1e3, "call p99 µs": calls[len(calls) * 99 // 100] / 1e3,
    "points": len(calls),
}}).encode())
"""

TOOLS = {
    "omprov": {
        "imports": "import omprov",
        "start": "run = omprov.start_run('bench')",
        "params": "run.log_params({f'p{n}': n for n in range(10)})",
        "log": "run.log_metric('loss', value, step=step)",
        "finish": "run.finish()",
    },
    "mlflow, files": {
        "imports": "import mlflow",
        "start": "mlflow.set_tracking_uri('file:' + os.getcwd() + '/mlruns'); mlflow.start_run()",
        "params": "mlflow.log_params({f'p{n}': n for n in range(10)})",
        "log": "mlflow.log_metric('loss', value, step=step)",
        "finish": "mlflow.end_run()",
    },
    "mlflow, SQLite": {
        "imports": "import mlflow",
        "start": "mlflow.set_tracking_uri('sqlite:///m.db'); mlflow.start_run()",
        "params": "mlflow.log_params({f'p{n}': n for n in range(10)})",
        "log": "mlflow.log_metric('loss', value, step=step)",
        "finish": "mlflow.end_run()",
    },
    "wandb offline": {
        "imports": "import wandb",
        "start": "run = wandb.init(mode='offline', project='bench', dir=os.getcwd())",
        "params": "run.config.update({f'p{n}': n for n in range(10)})",
        "log": "run.log({'loss': value}, step=step)",
        "finish": "run.finish()",
    },
    "aim": {
        "imports": "import aim",
        "start": "run = aim.Run(repo=os.getcwd(), system_tracking_interval=None)",
        "params": "run['hparams'] = {f'p{n}': n for n in range(10)}",
        "log": "run.track(value, name='loss', step=step)",
        "finish": "run.close()",
    },
    "dvclive": {
        "imports": "import dvclive",
        "start": "run = dvclive.Live(save_dvc_exp=False, report=None)",
        "params": "run.log_params({f'p{n}': n for n in range(10)})",
        "log": "run.log_metric('loss', value); run.next_step()",
        "finish": "run.end()",
    },
}
COLUMNS = ["import s", "start s", "call p50 µs", "call p99 µs", "finish s", "process s"]


def run_tool(tool: str, python: str, points: int) -> dict[str, float] | None:
    script = FRAME.format(**TOOLS[tool])
    with tempfile.TemporaryDirectory(dir=os.environ.get("OMPROV_BENCH_FOLDER")) as folder:
        here = Path(folder)
        environment = {
            **os.environ,
            "HOME": folder,
            "WANDB_SILENT": "true",
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "DVC_NO_ANALYTICS": "true",
        }
        environment.pop("OMPROV_URL", None)
        if tool == "omprov":
            subprocess.run(
                [python, "-c", "from omprov.cli import main; main()", "init"],
                cwd=here,
                check=True,
                capture_output=True,
            )
        reader, writer = os.pipe()
        begin = time.perf_counter()
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" -c "$1" "$2" 3>&{writer}', python, script, str(points)],
            cwd=here,
            env=environment,
            pass_fds=[writer],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        took = time.perf_counter() - begin
        os.close(writer)
        with os.fdopen(reader) as file:
            answer = file.read()
        if not answer:
            print(
                f"{tool}: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}",
                file=sys.stderr,
            )
            return None
        return {**json.loads(answer), "process s": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--install", action="store_true", help="install the peers, and stop")
    parser.add_argument("--peers-venv", type=Path, default=PEERS_VENV)
    parser.add_argument("--only", default="", help="peers, separated by commas")
    args = parser.parse_args()
    peers = str(args.peers_venv / "bin" / "python")
    if args.install:
        venv.create(args.peers_venv, with_pip=True)
        subprocess.run([peers, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        return
    only = [name.strip() for name in args.only.split(",") if name.strip()]
    tools = [name for name in TOOLS if name == "omprov" or not only or name in only]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in tools}
    for _ in range(args.repeat):
        for name in tools:
            python = sys.executable if name == "omprov" else peers
            if name != "omprov" and not Path(peers).exists():
                continue
            one = run_tool(name, python, args.points)
            if one is not None:
                results[name].append(one)
    print_table(results)


def print_table(results: dict[str, list[dict[str, float]]]) -> None:
    medians = {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in results.items()
        if runs
    }
    ours = medians["omprov"]
    print("| |", " | ".join([*COLUMNS, "points"]), "|")
    print("|---|" + "---:|" * (len(COLUMNS) + 1))
    for name, one in medians.items():
        cells = [
            f"{one[key]:.3g}" + ("" if name == "omprov" else f" ({one[key] / ours[key]:.3g} ×)")
            for key in COLUMNS
        ]
        print(f"| {name} |", " | ".join([*cells, f"{one['points']:,.0f}"]), "|")
    missing = [name for name, runs in results.items() if not runs]
    if missing:
        print("\nNot measured:", ", ".join(missing))


if __name__ == "__main__":
    main()
