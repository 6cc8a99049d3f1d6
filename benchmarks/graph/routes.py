"""The lightest route from u to w: OMProv beside rustworkx, igraph and networkx, in one run.

    python benchmarks/graph/routes.py --versions 1000000

Routes by length: random walks of so many steps down from a random version, and uniformly random
pairs of which one reaches the other. Every contender gets a process of its own, the same weights
and pairs, and as many pairs as fit into ``--budget`` seconds for each length; every distance is
compared with OMProv's. Prints markdown; times are in milliseconds.
"""

from __future__ import annotations

import argparse
from math import isclose
from random import Random

import histories
import numpy as np
from measuring import CLOCKS, Built, in_own_process, print_table, show, time_each

from omprov.graph import VersionGraph

LENGTHS = {"1–30 steps": (1, 30), "100–300 steps": (100, 300), "1,000–3,000 steps": (1000, 3000)}
UNIFORM = "uniform reachable"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", type=int, default=30_000)
    parser.add_argument("--history", choices=histories.HISTORIES, default="git-like")
    parser.add_argument("--pairs", type=int, default=200, help="of each length")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each length")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    return parser.parse_args()


def make(options: argparse.Namespace) -> tuple[histories.History, list[list[float]]]:
    parents = histories.HISTORIES[options.history](options.versions, options.seed)
    return parents, histories.weights_of(parents, options.seed)


def our_graph(parents: histories.History, weights: list[list[float]]) -> VersionGraph[int]:
    edges = (
        (v, p, weight)
        for v, row in enumerate(parents)
        for p, weight in zip(row, weights[v], strict=True)
    )
    return VersionGraph.load(range(len(parents)), edges)


def choose_pairs(options: argparse.Namespace, graph: VersionGraph[int]) -> dict[str, list]:
    """Choose pairs of each length among the newer nine tenths of the versions."""
    random = Random(options.seed)
    pairs: dict[str, list[tuple[int, int]]] = {name: [] for name in (*LENGTHS, UNIFORM)}
    for name, chosen in pairs.items():
        while len(chosen) < options.pairs:
            newer = random.randrange(options.versions // 10, options.versions)
            older = newer
            if name == UNIFORM:
                older = random.randrange(newer)
            else:
                for _ in range(random.randint(*LENGTHS[name])):
                    older = random.choice(list(graph.parents(older)) or [older])
            if newer != older and graph.reaches(newer, older):
                chosen.append((newer, older))
    return pairs


def ours(options: argparse.Namespace) -> dict:
    parents, weights = make(options)
    built = Built(lambda: our_graph(parents, weights))
    graph = built.value
    pairs = choose_pairs(options, graph)
    result = {"build": built.seconds, "pairs": pairs, "answers": {}, "times": {}, "routes": {}}
    for name, chosen in pairs.items():
        result["times"][name], result["answers"][name] = time_each(graph.distance, chosen, 60)
        result["routes"][name], _ = time_each(graph.lightest_route, chosen, 60)
    return result


def with_rustworkx(parents: histories.History, weights: list[list[float]]):
    import rustworkx

    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * len(parents))
    graph.add_edges_from(
        [(v, p, w) for v, row in enumerate(parents) for p, w in zip(row, weights[v], strict=True)]
    )
    return lambda u, w: rustworkx.dijkstra_shortest_path_lengths(graph, u, float, goal=w)[w]


def with_igraph(parents: histories.History, weights: list[list[float]]):
    import igraph

    edges = [(v, p) for v, row in enumerate(parents) for p in row]
    graph = igraph.Graph(n=len(parents), edges=edges, directed=True)
    flat = [weight for row in weights for weight in row]
    return lambda u, w: graph.distances(source=[u], target=[w], weights=flat, mode="out")[0][0]


def with_networkx(parents: histories.History, weights: list[list[float]]):
    import networkx as nx

    graph = nx.DiGraph()
    for v, row in enumerate(parents):
        graph.add_weighted_edges_from((v, p, w) for p, w in zip(row, weights[v], strict=True))
    return lambda u, w: nx.dijkstra_path_length(graph, u, w)


CONTENDERS = {
    "rustworkx dijkstra": with_rustworkx,
    "igraph distances": with_igraph,
    "networkx dijkstra": with_networkx,
}


def theirs(options: argparse.Namespace, name: str, pairs: dict[str, list]) -> dict:
    built = Built(lambda: CONTENDERS[name](*make(options)))
    measured = {
        length: time_each(built.value, chosen, options.budget) for length, chosen in pairs.items()
    }
    return {
        "build": built.seconds,
        "times": {length: times for length, (times, _) in measured.items()},
        "answers": {length: answers for length, (_, answers) in measured.items()},
    }


def row(name: str, length: str, times: np.ndarray, reference: np.ndarray) -> list[str]:
    milliseconds = times / 1e3
    ratio = times.mean() / reference[: len(times)].mean()
    return [
        length,
        name,
        show(float(np.median(milliseconds))),
        show(float(milliseconds.mean())),
        show(float(np.percentile(milliseconds, 95))),
        show(float(milliseconds.max())),
        f"{show(float(ratio))} ×",
        f"{len(times):,}",
    ]


def main() -> None:
    options = arguments()
    what = f"{options.history}, {options.versions:,} versions, {options.clock} time"
    print(f"## Lightest routes: {what}\n")
    mine = in_own_process(ours, options.clock, options)
    others = {
        name: in_own_process(theirs, options.clock, options, name, mine["pairs"])
        for name in CONTENDERS
    }
    rows = []
    for length, reference in mine["times"].items():
        rows.append(row("**OMProv** distance", length, reference, reference))
        rows.append(row("**OMProv** lightest_route", "", mine["routes"][length], reference))
        for name, result in others.items():
            known = mine["answers"][length]
            for one, other in zip(known, result["answers"][length], strict=False):
                if not isclose(one, other, rel_tol=1e-9, abs_tol=1e-9):
                    raise SystemExit(f"{name} and OMProv disagree: {other} and {one}")
            rows.append(row(name, "", result["times"][length], reference))
    print_table(("route", "", "p50 ms", "mean", "p95", "max", "ratio of means", "pairs"), rows)


if __name__ == "__main__":
    main()
