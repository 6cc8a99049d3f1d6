"""Eight processes that record runs of one output asset at once infer what one would."""

from __future__ import annotations

import subprocess
import sys

import pytest
from provenance_oracle import Oracle

from omprov.repository import Output, Repository

WRITERS, RUNS = 8, 6

WRITER = f"""
import random, sys
from datetime import UTC, datetime
from pathlib import Path
from omprov.errors import Busy
from omprov.repository import Output, Repository

def patiently(call, *arguments, **named):
    while True:
        try:
            return call(*arguments, **named)
        except Busy:  # eight on few cores may wait for longer than one is willing to
            continue

folder, address, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
rng = random.Random(number)
known = dict(who=f"w{{number}}", clock=lambda: datetime.now(UTC))
with (
    Repository.open_shared(folder, catalog=address, **known) if address
    else Repository.open(folder, **known)
) as repo:
    repo.list_versions("algorithm/a")
    print("ready", flush=True)
    sys.stdin.readline()
    for run in range({RUNS}):
        if run % 3 == 1:
            parents = rng.sample(repo.list_versions("dataset/d"), 2)
            patiently(
                repo.add_version,
                "dataset/d",
                {{"f": b"%d %d" % (number, run)}},
                inherits=parents,
            )
        used = {{
            "algorithm": rng.choice(repo.list_versions("algorithm/a")),
            "dataset": rng.choice(repo.list_versions("dataset/d")),
        }}
        if run > 2:
            used["base_model"] = rng.choice(repo.list_versions("model/base"))
        name = "model/base" if rng.random() < 0.2 else "model/m"
        outputs = {{"model": Output(name)}}
        patiently(repo.record_run, inputs=used, outputs=outputs, params={{"lr": run % 2}})
    if number == 0:
        patiently(repo.add_edge, "algorithm/a:v4", "algorithm/a:v2", weight=0.1)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path, clock):
    """Open a repository; give it with the address of its catalog, which is empty of a file's."""
    if request.param == "sqlite":
        with Repository.create(tmp_path, who="ada", clock=clock) as repository:
            yield repository, ""
        return
    url = request.getfixturevalue("pg_url")
    with Repository.open_shared(tmp_path, catalog=url, who="ada", clock=clock) as repository:
        yield repository, url


@pytest.mark.slow
def test_eight_writers_infer_what_one_would(place, tmp_path):
    repo, address = place
    for parents in ((), ("v1",), ("v1",), ("v3",)):
        text = f"code {len(repo.list_assets()) and len(repo.list_versions('algorithm/a'))}"
        repo.add_version("algorithm/a", {"a.py": text.encode()}, inherits=parents)
        repo.add_version("dataset/d", {"f": text.encode()}, inherits=parents)
    repo.record_run(inputs={"algorithm": "algorithm/a"}, outputs={"model": Output("model/base")})
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path, address, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert len(repo.list_runs(limit=None)) == 1 + WRITERS * RUNS
    oracle = Oracle(repo)
    assert len(oracle.stored) > WRITERS
    oracle.check()
    assert repo.check() == []
