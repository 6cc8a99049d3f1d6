"""How long recordings and reads take in a catalog that holds many runs.

    python benchmarks/repository/catalog.py --runs 100000

A recording is what one job costs: three inputs looked up and used, two parameters, a metric, an
output version, three inferred edges, their feed and audit rows, and a durable commit.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omprov.catalog import create_catalog, open_catalog
from omprov.records import AssetName, Digest, Edge, Kind, Origin, RunStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INPUTS = (Kind.ALGORITHM, Kind.DATASET, Kind.PARAMS)
MODEL = AssetName("default", Kind.MODEL, "net")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.db"
        begin = time.perf_counter()
        fill(path, options.runs)
        seconds = time.perf_counter() - begin
        print(f"{options.runs} runs written in {seconds:.1f} s, {path.stat().st_size / 1e6:.0f} MB")
        measure(path, options.repeat)


def fill(path, runs):
    catalog = create_catalog(path)
    with catalog.write("ann", NOW) as writer:
        writer.add_project("default")
        model = writer.add_asset(MODEL)
        keys = {kind: upload(writer, kind) for kind in INPUTS}
    chance, made = random.Random(1), []
    for start in range(0, runs, 1000):
        with catalog.write("ann", NOW) as writer:
            for _ in range(min(1000, runs - start)):
                made.append(record(writer, model, keys, made[-1000:], chance))
    catalog.close()


def upload(writer, kind):
    asset = writer.add_asset(AssetName("default", kind, "net"))
    digests = (Digest(f"{number:064x}") for number in range(1000))
    return [writer.add_version(asset.id, digest=d, feed={"parents": []}).key for d in digests]


def record(writer, model, keys, earlier, chance):
    inputs = {str(kind): chance.choice(keys[kind]) for kind in INPUTS}
    below = chance.sample(earlier, min(3, len(earlier)))
    writer.get_versions(inputs.values())
    run = writer.add_run(
        project="default",
        name="train",
        status=RunStatus.SUCCEEDED,
        started=NOW,
        ended=NOW,
        inputs=inputs,
        params={"lr": 0.1, "depth": 3},
        metrics={"accuracy": 0.9},
    )
    if below:
        writer.producing_tuple(below[0])
    made = writer.add_version(model.id, digest=None, run=run, feed={"tuple": inputs})
    writer.add_run_output(run, "model", made.key)
    writer.add_edges([Edge(made.key, older, 0.1) for older in below], Origin.INFERRED)
    return made.key


def measure(path, repeat):
    report("open and close", repeat, lambda: open_catalog(path).close())
    catalog, chance = open_catalog(path), random.Random(2)
    with catalog.read() as reader:
        model = reader.find_asset(MODEL)
        names = {kind: AssetName("default", kind, "net") for kind in INPUTS}
        keys = {kind: [v.key for v in reader.list_versions(n)] for kind, n in names.items()}
        earlier = [version.key for version in reader.list_versions(MODEL, limit=1000)]
        run = reader.list_runs(limit=1)[0].id

    def write(change):
        def transaction():
            with catalog.write("ann", NOW) as writer:
                change(writer)

        return transaction

    def read(look):
        def view():
            with catalog.read() as reader:
                look(reader)

        return view

    points = [("loss", step, step / 3, NOW + timedelta(seconds=step)) for step in range(10_000)]
    report("record", repeat, write(lambda w: record(w, model, keys, earlier, chance)))
    report("10,000 metric points", 5, write(lambda w: w.add_metric_points(run, points)))
    report("get 3 versions", repeat, read(lambda r: r.get_versions(earlier[:3])))
    report("newest version", repeat, read(lambda r: r.list_versions(MODEL, limit=1)))
    report("page of 100 runs", 30, read(lambda r: r.list_runs()))
    report("all provenance tuples", 3, read(lambda r: r.provenance_tuples(model.id)))
    report("all inferred edges", 3, read(lambda r: r.inferred_edges(model.id)))
    report("check", 1, lambda: print(catalog.check() or "sound"))
    catalog.close()


def report(what, repeat, call):
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1e3)
    print(f"{what:24} median {statistics.median(times):8.2f} ms   worst {max(times):8.2f} ms")


if __name__ == "__main__":
    main()
