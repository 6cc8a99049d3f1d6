"""Recording runs and inferring what their outputs inherit."""

from __future__ import annotations

import contextlib
import random

import pytest
from own_doors import OwnDoors
from provenance_oracle import Oracle

from omprov.errors import CycleError
from omprov.records import Missing, Policy, Treatment
from omprov.repository import Output
from omprov.testing.repository import RunContract


class TestRuns(OwnDoors, RunContract):
    pass


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.in_a_file
def test_random_histories_written_by_two_processes_stay_exact(repo, reopen, seed):
    rng = random.Random(seed)
    doors = [repo, reopen()]
    counts = {"algorithm/a": 0, "dataset/d": 0, "model/m": 0, "model/t": 0}

    def some(asset):
        return f"{asset}:v{rng.randint(max(1, counts[asset] - 4), counts[asset])}"

    def upload(door, asset):
        known = [f"v{n + 1}" for n in range(counts[asset])]
        chosen = rng.sample(known, min(len(known), rng.choice([0, 1, 1, 1, 2])))
        body = " ".join(str(rng.randrange(6)) for _ in range(6)).encode()
        added = door.add_version(asset, {"f": body, f"g{rng.randrange(4)}": body}, inherits=chosen)
        counts[asset] += added.created

    for asset in ("algorithm/a", "dataset/d"):
        upload(repo, asset)
    for step in range(30):
        door = rng.choice(doors)
        match rng.choice(["upload", "run", "run", "run", "tune", "edge", "policy"]):
            case "upload":
                upload(door, rng.choice(["algorithm/a", "dataset/d"]))
            case "run":
                inputs = {"algorithm": some("algorithm/a")}
                if rng.random() < 0.9:
                    inputs["dataset"] = some("dataset/d")
                params = {"lr": rng.randrange(3)} if rng.random() < 0.4 else None
                door.record_run(inputs=inputs, outputs={"model": Output("model/m")}, params=params)
                counts["model/m"] += 1
            case "tune" if counts["model/m"]:
                base = some("model/t") if counts["model/t"] and rng.random() < 0.4 else None
                door.record_run(
                    inputs={
                        "base_model": base or some("model/m"),
                        "dataset": some("dataset/d"),
                    },
                    outputs={"model": Output("model/t")},
                )
                counts["model/t"] += 1
            case "edge":
                asset = rng.choice(["algorithm/a", "dataset/d"])
                with contextlib.suppress(CycleError):
                    door.add_edge(some(asset), some(asset), weight=rng.random())
            case "policy" if counts["model/m"] and rng.random() < 0.3:
                missing = rng.choice(list(Missing))
                roles = {"algorithm": rng.choice([Treatment.LINEAGE, Treatment.IGNORED])}
                door.set_policy("model/m", Policy(roles, missing))
        if step % 10 == 9:
            Oracle(door).check()
    Oracle(repo).check()
    assert reopen().check() == []
