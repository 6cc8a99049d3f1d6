"""Kills processes that add, check out and collect at random moments, and looks at what is left.

Run as a program: folder, seed, how many processes to kill. Processes are forked, so that each costs
little. What a process did is in a log: a line is there only once it is acknowledged.
"""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import sys
import traceback
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from omprov.content import ContentStore, _database
from omprov.errors import Busy

MOST = 10
HOUR = 3_600_000_000_000


def contents(seed: int) -> dict[str, bytes]:
    source = random.Random(seed)
    sizes = [0, 10, 3000, 3000, 270_000] if seed % 3 == 0 else [0, 10, 3000]
    common = {f"common/{n}": b"%d" % n * 50 for n in range(seed % 5)}
    return {f"{n % 3}/{n}": source.randbytes(source.choice(sizes)) for n in range(6)} | common


class Log:
    """Which contents are to be there: + adds one, - drops one, ! is something wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: str) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode() + b"\n")
        os.close(descriptor)

    def kept(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in self.path.read_text().splitlines():
            match line.split():
                case "+", digest, seed:
                    found[digest] = int(seed)
                case "-", digest:
                    found.pop(digest, None)
                case _:
                    raise AssertionError(self.path.read_text()[-3000:])
        return found


def work(base: Path, log: Log, seed: int, begun: int, *, alone: bool) -> None:
    source = random.Random(seed)
    held, grace = None, timedelta(0) if alone else timedelta(minutes=1)
    with ContentStore.open(base / "store") as store:
        for step in range(10_000):
            os.write(begun, b".")
            kept = log.kept()
            match source.choice(["put", "put", "check out", "drop", "collect", "collect"]):
                case "put":
                    number = source.randrange(40) if step % 2 else seed * 1000 + step
                    log.write(f"+ {store.put_files(contents(number)).digest} {number}")
                case "check out" if kept:
                    digest = source.choice(sorted(kept))
                    place = base / f"work{os.getpid()}"
                    store.materialize(digest, place, current=held)
                    held = digest
                    for path, content in contents(kept[digest]).items():
                        if (place / path).read_bytes() != content:
                            log.write(f"! {digest} {path}")
                case "drop" if alone:
                    for digest in source.sample(sorted(kept), max(len(kept) - MOST, 0)):
                        if digest != held:
                            log.write(f"- {digest}")
                case "collect":
                    with suppress(Busy):
                        store.collect(log.kept, grace=grace)


def start(base: Path, log: Log, seed: int, begun: int, *, alone: bool) -> int:
    process = os.fork()
    if process:
        return process
    try:
        work(base, log, seed, begun, alone=alone)
    except BaseException:  # noqa: BLE001 - it has to be seen
        log.write("! " + traceback.format_exc())
    os._exit(1)


def look(base: Path, log: Log, *, thoroughly: bool) -> None:
    kept = log.kept()
    with ContentStore.open(base / "store") as store:
        assert list((store.path / "tmp").iterdir()) == []
        assert store.fsck(full=thoroughly) == []
        assert store.check_reachable(kept) == {}
        if thoroughly:
            for digest, seed in kept.items():
                for path, content in contents(seed).items():
                    assert store.open_file(digest, path).read() == content
            store.rebuild_index()
            assert store.check_reachable(kept) == {}


def age(base: Path) -> None:
    for pack in (base / "store" / "packs").iterdir():
        earlier = pack.stat().st_mtime_ns - HOUR
        os.utime(pack, ns=(earlier, earlier))


def main(base: Path, seed: int, kills: int) -> None:
    moments = random.Random(seed)
    os.fsync = lambda descriptor: None  # nobody cuts the power: so more happens between two kills
    _database._SYNCHRONOUS = "OFF"
    log = Log(base / "log")
    log.path.touch()
    ContentStore.create(base / "store").close()
    killed = 0
    while killed < kills:
        alone = killed % 3 == 0
        age(base)
        numbers = range(killed, killed + (1 if alone else 2))
        told, begun = os.pipe()
        processes = [start(base, log, number, begun, alone=alone) for number in numbers]
        os.read(told, 1)
        select.select([], [], [], moments.uniform(0, 0.1))
        os.close(told)
        os.close(begun)
        for process in processes:
            os.kill(process, signal.SIGKILL)
            assert os.waitpid(process, 0)[1] == signal.SIGKILL, log.path.read_text()[-2000:]
            shutil.rmtree(base / f"work{process}", ignore_errors=True)
        killed += len(processes)
        look(base, log, thoroughly=killed % 20 < 2)
    look(base, log, thoroughly=True)
    lines = log.path.read_text().splitlines()
    acknowledged = sum(line.startswith("+") for line in lines)
    sys.stdout.write(f"{killed} {acknowledged} {len(log.kept())}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
