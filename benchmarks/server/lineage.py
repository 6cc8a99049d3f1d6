"""Lineage over REST in a repository with very many versions.

    python benchmarks/server/lineage.py --versions 1000000

The history is git-like (`benchmarks/graph/histories.py`), all of one dataset; at its newest
versions runs make models. Asked are what random versions inherit, their lineage five steps up, and
the lineage of models, by one client that keeps its connection. Times include HTTP and JSON.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from http_clients import Client, timed
from servers import ours

from omprov.catalog import NewVersion, open_catalog
from omprov.records import AssetName, Edge, Kind, Origin
from omprov.repository import Output, Repository

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))
from histories import git_like

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DATA = AssetName("default", Kind.DATASET, "data")
_AT_ONCE = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--requests", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("OMPROV_BENCH_FOLDER")) as name:
        folder = Path(name)
        begin = time.perf_counter()
        data, models = fill(folder, args.versions, args.models)
        print(f"{args.versions} versions written in {time.perf_counter() - begin:.0f} s\n")
        with ours(folder) as running:
            chance = random.Random(1)
            print("| question | first ms | p50 ms | p95 ms | p99 ms |")
            print("|---|---:|---:|---:|---:|")
            for title, path, among in (
                ("inherits", "inherits", data),
                ("lineage of a dataset, 5 steps", "lineage?depth=5&inherits=true", data),
                ("lineage of a model", "lineage", models),
            ):

                async def ask(client: Client, number: int, turn: int) -> None:
                    del number, turn
                    await client.ask("GET", f"/api/v1/versions/{chance.choice(among)}/{path}")  # noqa: B023 called within the turn

                first = timed(running.port, 1, 1, ask)
                times = timed(running.port, 1, args.requests, ask)
                shown = " | ".join(f"{times.at(share):.1f}" for share in (0.5, 0.95, 0.99))
                print(f"| {title} | {first.at(0):.0f} | {shown} |")
            print(f"\nmemory {running.megabytes():.0f} MB")


def fill(folder: Path, versions: int, models: int) -> tuple[list[str], list[str]]:
    """Write the history past the repository, and runs on top by the repository."""
    Repository.create(folder, who="bench", clock=lambda: NOW).close()
    catalog = open_catalog(folder / ".omprov" / "catalog.db")
    keys = []
    history = git_like(versions)
    with catalog.write("bench", NOW) as writer:
        asset = writer.add_asset(DATA)
    for start in range(0, versions, _AT_ONCE):
        part = history[start : start + _AT_ONCE]
        new = [NewVersion(None, 0, 0, NOW, "bench", "", {}) for _ in part]
        with catalog.write("bench", NOW) as writer:
            fresh = writer.add_versions(asset.id, new)
            keys += fresh
            parents = {
                key: {keys[one]: 0.1 for one in older}
                for key, older in zip(fresh, part, strict=True)
            }
            edges = [Edge(key, old, 0.1) for key, olds in parents.items() for old in olds]
            writer.add_edges(edges, Origin.DECLARED)
            writer.announce_versions(asset.id, parents)
    catalog.close()
    chance = random.Random(0)
    with Repository.open(folder, who="bench", clock=lambda: NOW) as repository:
        newest = repository.list_versions(DATA, limit=10_000)
        made = []
        for _ in range(models):
            run = repository.record_run(
                inputs={"dataset": chance.choice(newest)}, outputs={"model": Output("model/net")}
            )
            made.append(run.outputs["model"].id)
        return [version.id for version in newest], made


if __name__ == "__main__":
    main()
