"""Adding, comparing and getting back, as whole processes: ours, the peers, the limits in one run.

Two data sets, *small* (many files of 10 KB) and *large* (a few large files). Each tool gets a copy
of the same bytes in a new folder with a home of its own, for each repetition: ext4 is slow for a
while after many files were deleted. The page cache is warm and clean before each step. A figure is
the median of the repetitions; in brackets, the tool's figure divided by ours.

    python benchmarks/content/peers.py --install         # once: dvc and oxenai, by pip
    apt-get install restic borgbackup git-lfs git        # once
    python benchmarks/content/peers.py --full --repeat 3

What is not installed is passed over and named. `--full` takes 20,000 files and 4 × 1 GB.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from data_sets import LargeFiles, SmallFiles
from places import Place, Result, make_programs, measure_tool
from processes import Failed, Measured
from tables import goal_of_diff, goals_of, print_results, print_table
from tools import LIMITS, OMPROV, PEERS, Step, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from data_sets import DataSet
    from tables import Results

PEERS_VENV = Path.home() / ".cache" / "omprov-benchmark-peers"


def say(*words: object) -> None:
    """Tell how far the run has come, apart from the tables."""
    print(*words, file=sys.stderr, flush=True)


def measure_limits(place: Place) -> dict[str, Measured]:
    return {name: place.run(script) for name, script in LIMITS.items()}


# All tools on one data set


def median_of(measured: Sequence[Measured]) -> Measured:
    names = Measured.__dataclass_fields__
    return Measured(*(statistics.median(getattr(one, name) for one in measured) for name in names))


def median_result(results: Sequence[Result]) -> Result:
    return Result(
        {step: median_of([one.steps[step] for one in results]) for step in results[0].steps},
        int(statistics.median(one.first for one in results)),
        int(statistics.median(one.growth for one in results)),
    )


def make_versions(base: Path, data_set: DataSet) -> dict[str, Path]:
    """Make v1, and v2 as a copy in which the files that stay are hard links."""
    versions = {version: base / version for version in ("v1", "v2")}
    data_set.make(versions["v1"])
    subprocess.run(["cp", "-rl", versions["v1"], versions["v2"]], check=True)
    data_set.change(versions["v2"])
    return versions


def measure_all(
    base: Path, data_set: DataSet, tools: Iterable[Tool], *, path: str, repeat: int
) -> tuple[dict[str, Measured], Results]:
    """Measure the limits and each tool, `repeat` times in turns."""
    say(f"{data_set.name}: {data_set.title}")
    versions = make_versions(base, data_set)
    limits: list[dict[str, Measured]] = []
    found: dict[str, list[Result]] = {}
    results: Results = {}
    nothing = Tool("limits", "", ".", "true", Step(""), Step(""), "")
    for number in range(repeat):
        place = Place(base / f"limits-{number}", nothing, data=versions["v1"], path=path)
        limits.append(measure_limits(place))
        clear(place, data_set)
        for tool in tools:
            if tool.name in results or not tool_is_there(tool, path, results):
                continue
            name = "".join(filter(str.isalnum, tool.name))
            try:
                place = Place(base / f"{name}-{number}", tool, data=versions["v1"], path=path)
                found.setdefault(tool.name, []).append(measure_tool(place, versions, data_set))
                seconds = found[tool.name][-1].steps.items()
                say(f"  {tool.name}:", *(f"{step} {one.seconds:.2f}" for step, one in seconds))
            except Failed as error:
                results[tool.name] = "failed"
                say(f"  {tool.name} failed: {error}")
            clear(place, data_set)
    results |= {name: median_result(each) for name, each in found.items() if name not in results}
    medians = {name: median_of([one[name] for one in limits]) for name in LIMITS}
    return medians, {tool.name: results[tool.name] for tool in tools}


def tool_is_there(tool: Tool, path: str, results: Results) -> bool:
    if shutil.which(tool.program, path=path):
        return True
    results[tool.name] = "not installed"
    return False


def clear(place: Place, data_set: DataSet) -> None:
    """Make room where it takes few deletions; many small files stay until the end."""
    if isinstance(data_set, LargeFiles):
        shutil.rmtree(place.folder)


def install(peers: Path) -> None:
    """Make the virtual environment of the peers that pip brings."""
    venv.create(peers, with_pip=True)
    pip = [peers / "bin" / "pip", "install", "--quiet"]
    subprocess.run([*pip, "dvc", "oxenai"], check=True)
    if subprocess.run([*pip, "--only-binary", ":all:", "borgbackup"], check=False).returncode:
        say("borgbackup has no wheel here.")
    say("The rest is of the distribution: apt-get install restic borgbackup git-lfs git")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=2_000, metavar="FILES")
    parser.add_argument("--large", type=int, default=1, metavar="FILES")
    parser.add_argument("--large-mb", type=int, default=100, metavar="MB")
    parser.add_argument("--diff-files", type=int, default=100_000, metavar="FILES")
    parser.add_argument("--full", action="store_true", help="20,000, 4 × 1,000 MB, 1,000,000")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions, in turns")
    parser.add_argument(
        "--only", default="", help="tools whose name contains one of these, by commas"
    )
    parser.add_argument("--omprov", default=sys.executable, help="the Python that has OMProv")
    parser.add_argument(
        "--peers-venv", type=Path, default=PEERS_VENV, help="the Python environment of DVC and Oxen"
    )
    parser.add_argument("--install", action="store_true", help="make that environment, and end")
    parser.add_argument("--folder", type=Path, help="where to work; else where temporary files go")
    arguments = parser.parse_args()
    if arguments.full:
        arguments.small, arguments.large, arguments.large_mb = 20_000, 4, 1_000
        arguments.diff_files = 1_000_000
    return arguments


def main() -> None:
    arguments = parse()
    if arguments.install:
        install(arguments.peers_venv)
        return
    wanted = [word for word in arguments.only.split(",") if word]
    tools = [OMPROV, *(t for t in PEERS if not wanted or any(word in t.name for word in wanted))]
    data_sets = [
        SmallFiles(arguments.small),
        LargeFiles(arguments.large, arguments.large_mb),
    ]
    goals = []
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run.")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        peers = arguments.peers_venv.absolute()
        make_programs(Path(name) / "bin", arguments.omprov, peers)
        path = os.pathsep.join([f"{name}/bin", f"{peers}/bin", os.environ["PATH"]])
        for data_set in data_sets:
            if not data_set.count:
                continue
            base = Path(name) / data_set.name
            base.mkdir()
            limits, results = measure_all(base, data_set, tools, path=path, repeat=arguments.repeat)
            print_results(data_set, limits, results)
            sys.stdout.flush()
            goals += goals_of(data_set, limits, results)
        if arguments.diff_files:
            goals.append(goal_of_diff(arguments.diff_files))
        print("\n### Goals")
        print_table(["", "seen", "goal", "met"], [goal.row() for goal in goals])
        sys.stdout.flush()
        say("removing the files, which may take minutes")


if __name__ == "__main__":
    main()
