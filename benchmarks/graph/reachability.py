"""Does u inherit w? OMProv beside networkx, rustworkx, igraph and SQLite, in one run.

    python benchmarks/graph/reachability.py --versions 1000000

Every contender gets a process of its own, the same history and the same uniformly random pairs,
and as many of them as fit into ``--budget`` seconds; every answer is compared with OMProv's. Prints
markdown. *mean* is without the cost of reading the clock for OMProv, with it (0.1 µs) for the
others. B/version is the size of the arrays for OMProv's index, growth of resident memory elsewhere.
"""

from __future__ import annotations

import argparse
import sqlite3
from random import Random

import histories
import numpy as np
from measuring import (
    CLOCKS,
    Built,
    in_own_process,
    now,
    print_table,
    show,
    time_each,
    time_together,
)

from omprov.graph import VersionGraph
from omprov.graph._interval_index import IntervalIndex

APPENDED = 20_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, default=50_000)
    parser.add_argument("--history", choices=histories.HISTORIES, default="git-like")
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--budget", type=float, default=5.0, help="seconds for each contender")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    return parser.parse_args()


def random_pairs(options: argparse.Namespace) -> list[tuple[int, int]]:
    random = Random(options.seed)
    ends = range(options.versions)
    # two different ends: whether a version reaches itself is a matter of taste
    return [tuple(random.sample(ends, 2)) for _ in range(options.pairs)]


def history(options: argparse.Namespace) -> histories.History:
    return histories.HISTORIES[options.history](options.versions, options.seed)


def ours(options: argparse.Namespace) -> dict:
    """Measure IntervalIndex, and VersionGraph with int and with str ids."""
    parents, pairs = history(options), random_pairs(options)
    built = Built(lambda: IntervalIndex(parents))
    index = built.value
    reach = index.reach_function()
    us, ws = np.array(pairs, np.int32).T.copy()
    in_batch = index.reach_pairs(us, ws)
    batch = time_together(index.reach_pairs, [(us, ws)]) / len(pairs) * 1e3
    arrays = sum(
        len(values) * getattr(values, "itemsize", 1) for values in index._arrays().values()
    )
    result = {
        "build": built.seconds,
        "bytes": arrays / options.versions,
        "mean": time_together(reach, pairs),
        "times": time_each(reach, pairs, options.budget)[0],
        "answers": in_batch.tolist(),
        "batch": batch,
        "one newer": mean_nanoseconds(lambda u: index.reached(u, ws), us),
        "one older": mean_nanoseconds(lambda w: index.reaching(us, w), ws),
    }
    base = max(1, options.versions - APPENDED)
    growing = IntervalIndex(parents[:base])
    times, _ = time_each(lambda row, _: growing.append(row), ((p, 0) for p in parents[base:]), 60)
    return result | {"append": times}


def mean_nanoseconds(call, ends, repeat: int = 10) -> float:
    started = now()
    for end in ends[:repeat].tolist():
        call(end)
    return (now() - started) / repeat / len(ends) * 1e9


def ours_by_ids(options: argparse.Namespace, kind: str) -> dict:
    """Measure the public face, with rising integers with gaps or with strings as ids."""
    random, ids, last = Random(options.seed), [], 1000
    for _ in range(options.versions):
        last += random.choice((1, 1, 2, 3))
        ids.append(last)
    if kind == "str":
        ids = [f"version-{number}" for number in ids]
    edges = [(ids[v], ids[parent], 0.5) for v, row in enumerate(history(options)) for parent in row]
    started = now()
    graph = VersionGraph.load(ids, edges)
    load = now() - started
    pairs = [(ids[u], ids[w]) for u, w in random_pairs(options)]
    newer, older = (
        np.array(column) if kind == "int" else list(column) for column in zip(*pairs, strict=True)
    )
    batch = time_together(graph.reaches_many, [(newer, older)]) / len(pairs) * 1e3
    return {
        "load": load,
        "state": graph.state(),
        "mean": time_together(graph.reaches, pairs),
        "batch": batch,
    }


def restored(state: bytes) -> dict:
    """Measure reading a state, in a process that has done nothing before."""
    built = Built(lambda: VersionGraph.from_state(state))
    count = len(built.value)
    return {"restore": built.seconds, "bytes": built.bytes / count, "stored": len(state) / count}


def with_networkx(parents: histories.History):
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(parents)))
    graph.add_edges_from((v, p) for v, row in enumerate(parents) for p in row)
    return lambda u, w: nx.has_path(graph, u, w)


def with_rustworkx(parents: histories.History):
    import rustworkx

    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * len(parents))
    graph.add_edges_from_no_data([(v, p) for v, row in enumerate(parents) for p in row])
    return lambda u, w: rustworkx.has_path(graph, u, w)


def with_igraph(parents: histories.History):
    import igraph

    edges = [(v, p) for v, row in enumerate(parents) for p in row]
    graph = igraph.Graph(n=len(parents), edges=edges, directed=True)
    return lambda u, w: graph.distances(source=[u], target=[w], mode="out")[0][0] < float("inf")


def with_sqlite(parents: histories.History):
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE inherits (newer INTEGER, older INTEGER)")
    database.executemany(
        "INSERT INTO inherits VALUES (?, ?)",
        ((v, p) for v, row in enumerate(parents) for p in row),
    )
    database.execute("CREATE INDEX by_newer ON inherits (newer, older)")
    query = """
        WITH RECURSIVE reached(version) AS (
            SELECT ?1 UNION
            SELECT older FROM inherits JOIN reached ON newer = version WHERE older >= ?2
        ) SELECT EXISTS (SELECT 1 FROM reached WHERE version = ?2)
    """
    return lambda u, w: bool(database.execute(query, (u, w)).fetchone()[0])


CONTENDERS = {
    "networkx has_path": with_networkx,
    "rustworkx has_path": with_rustworkx,
    "igraph distances": with_igraph,
    "SQLite recursive query": with_sqlite,
}


def theirs(options: argparse.Namespace, name: str) -> dict:
    """Measure one contender."""
    parents = history(options)
    built = Built(lambda: CONTENDERS[name](parents))
    times, answers = time_each(built.value, random_pairs(options), options.budget)
    return {
        "build": built.seconds,
        "bytes": built.bytes / options.versions,
        "mean": times.mean(),
        "times": times,
        "answers": [bool(answer) for answer in answers],
    }


def row(name: str, result: dict, reference: dict) -> list[str]:
    times = result["times"]
    return [
        name,
        show(result["build"]),
        show(result["bytes"]),
        show(float(np.median(times))),
        show(float(np.percentile(times, 95))),
        show(float(times.max())),
        show(result["mean"]),
        f"{show(result['mean'] / reference['mean'])} ×",
        f"{len(times):,}",
    ]


def main() -> None:
    options = arguments()
    print(
        f"## Reachability: {options.history}, {options.versions:,} versions, {options.clock} time\n"
    )
    mine = in_own_process(ours, options.clock, options)
    rows = [row("**OMProv** interval index", mine, mine)]
    for name in CONTENDERS:
        result = in_own_process(theirs, options.clock, options, name)
        count = len(result["answers"])
        if result["answers"] != mine["answers"][:count]:
            raise SystemExit(f"{name} and OMProv disagree")
        rows.append(row(name, result, mine))
    headings = ("", "build s", "B/version", "p50 µs", "p95", "max", "mean", "ratio", "pairs")
    print_table(headings, rows)
    appended = mine["append"]
    print(
        f"\nIn batches: pairs {show(mine['batch'])} ns, one newer {show(mine['one newer'])} ns, "
        f"one older {show(mine['one older'])} ns. Appending: "
        f"mean {show(float(appended.mean()))} µs, median {show(float(np.median(appended)))}, "
        f"longest pause {show(float(appended.max()) / 1e3)} ms.\n"
    )
    ids = []
    for kind in ("int", "str"):
        result = in_own_process(ours_by_ids, options.clock, options, kind)
        ids.append((kind, result | in_own_process(restored, options.clock, result["state"])))
    print_table(
        (
            "VersionGraph",
            "load s",
            "from state s",
            "B/version",
            "B stored",
            "single µs",
            "batch ns",
        ),
        [
            [f"{kind} ids"]
            + [show(by[key]) for key in ("load", "restore", "bytes", "stored", "mean", "batch")]
            for kind, by in ids
        ],
    )


if __name__ == "__main__":
    main()
