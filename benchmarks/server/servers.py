"""Servers in processes of their own: ours and MLflow's, on a fresh store each."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OURS = [sys.executable, "-c", "from omprov.cli import main; main()"]


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        first_answer: seconds from its start to its first answer.
    """

    port: int
    first_answer: float
    process: subprocess.Popen[bytes]

    def megabytes(self) -> float:
        """Return the resident memory of all its processes, without what they share twice."""
        return sum(_own_kilobytes(pid) for pid in _family(self.process.pid)) / 1024


@contextmanager
def ours(folder: Path, *, workers: int = 1) -> Iterator[Running]:
    """Serve a repository in a folder, made where it is not there."""
    environment = {key: value for key, value in os.environ.items() if key != "OMPROV_URL"}
    if not (folder / ".omprov").exists():
        subprocess.run(
            [*_OURS, "init"], cwd=folder, env=environment, check=True, capture_output=True
        )
    port = _free_port()
    command = [*_OURS, "ui", "--no-open", "--port", str(port), "--workers", str(workers)]
    with _running(command, folder, environment, port, "/healthz") as found:
        yield found


@contextmanager
def mlflow(folder: Path, venv: Path, store: str, *, workers: int = 1) -> Iterator[Running]:
    """Run `mlflow server` on a store, with artifacts in a folder."""
    port = _free_port()
    command = [
        str(venv / "bin" / "mlflow"),
        "server",
        *("--backend-store-uri", store),
        *("--artifacts-destination", str(folder / "artifacts")),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
    ]
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "HOME": str(folder),
    }
    with _running(command, folder, environment, port, "/health") as found:
        yield found


@contextmanager
def _running(
    command: Sequence[str], folder: Path, environment: dict[str, str], port: int, path: str
) -> Iterator[Running]:
    begin = time.perf_counter()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(process, port, path, folder / "server.log")
            yield Running(port, time.perf_counter() - begin, process)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.perf_counter() + 180
    while time.perf_counter() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"the server did not answer:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _family(int(child))
    return found


def _own_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
