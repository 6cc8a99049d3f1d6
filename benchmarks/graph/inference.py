"""What the next output costs: ours beside Algorithm 1 of the paper, in one run, as a table.

::

    python benchmarks/graph/inference.py --outputs 10000 --stream calm
    python benchmarks/graph/inference.py --outputs 100000 --stream stress --scale 0.1

Algorithm 1 is a plain loop over all outputs so far, given reachability in constant time by our own
index; it looks only from the new output to older ones. Ours looks both ways and returns covers.
Times are of the processor: nothing here waits, and other work on the machine counts less.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from streams import Stream, make_stream, version_graph

from omprov.graph import OutputGraph

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = 200
LOOPS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outputs", type=int, default=10_000)
    parser.add_argument("--stream", choices=["calm", "stress"], default="calm")
    parser.add_argument("--scale", type=float, default=0.1, help="of the input histories")
    parser.add_argument("--budget", type=int, default=0, help="versions settled for one distance")
    parser.add_argument("--weights", action="store_true", help="time far weights as well")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size < options.outputs]
    sizes.append(options.outputs)
    jobs = options.outputs + options.outputs // 20 + 4 * SAMPLES
    stream = make_stream(options.stream, jobs, scale=options.scale, seed=options.seed)
    inputs = ", ".join(f"{role} {len(h):,}" for role, h in stream.histories.items())
    print(f"Stream *{options.stream}*, inputs: {inputs}; µs per new output\n")
    print(
        "| outputs | groups | edges | ours median | mean | p95 | with weights, median | mean "
        "| Algorithm 1 | edges it writes | ratio of means | stream s | B/output |"
    )
    print("|" + "---|" * 13)
    for row in measure(stream, sizes, options.budget, weights=options.weights):
        print("| " + " | ".join(row) + " |", flush=True)


def measure(stream: Stream, sizes: list[int], budget: int, *, weights: bool) -> Iterator[list[str]]:
    graphs = {
        role: version_graph(history, place)
        for place, (role, history) in enumerate(stream.histories.items())
    }
    outputs: OutputGraph[int] = OutputGraph(graphs)
    gc.collect()
    gc.freeze()
    gc.disable()
    start_memory = memory()
    filling, done = 0.0, 0
    for size in sizes:
        started = time.process_time()
        while done < size:
            outputs.add(done, dict(zip(graphs, stream.jobs[done], strict=True)), budget=budget)
            done += 1
        filling += time.process_time() - started
        used = (memory() - start_memory) / size
        loop, written = algorithm_1(outputs, stream, done)
        ours, weighed = [], []
        last = min(len(stream.jobs), done + 4 * SAMPLES)
        while done < last and len(ours) < SAMPLES:
            before = len(outputs.versions.orders[0])
            inputs = dict(zip(graphs, stream.jobs[done], strict=True))
            started = time.process_time()
            change = outputs.add(done, inputs, budget=budget)
            seconds = time.process_time() - started
            if weights:
                for edge in change.added:
                    outputs.weight(edge.newer, edge.older)
            done += 1
            if len(outputs.versions.orders[0]) > before:  # a new tuple, no replica
                ours.append(seconds)
                weighed.append(time.process_time() - started)
        edges = sum(1 for _ in outputs.edges())
        yield [
            f"{size:,}",
            f"{len(outputs.versions.orders[0]):,}",
            f"{edges:,}",
            *(micro(f(ours)) for f in (statistics.median, statistics.mean, high)),
            *(micro(f(weighed)) if weights else "" for f in (statistics.median, statistics.mean)),
            micro(loop),
            f"{written:,.0f}",
            f"{loop / statistics.mean(ours):,.0f}",
            f"{filling:.1f}",
            f"{used:,.0f}",
        ]


def algorithm_1(outputs: OutputGraph[int], stream: Stream, done: int) -> tuple[float, float]:
    """Time the paper's loop for the next jobs; return seconds and edges per job."""
    reaches = [source.reach_function() for source in outputs.roles.all_sources()]
    earlier = stream.jobs[:done]
    seconds, edges = [], 0
    for job in stream.jobs[done : done + LOOPS]:
        started = time.process_time()
        tests = list(zip(reaches, job, strict=True))
        found = []
        for number, older in enumerate(earlier):
            for (reach, new), old in zip(tests, older, strict=True):
                if not reach(new, old):
                    break
            else:
                found.append(number)
        seconds.append(time.process_time() - started)
        edges += len(found)
    return statistics.mean(seconds), edges / LOOPS


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def high(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def memory() -> int:
    """Bytes of this process that are resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    main()
