"""Where a tool is measured: a new folder, a home of its own, the programs; and its steps there."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from processes import Failed, Measured, measure, size_of
from tools import OMPROV, Step, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_sets import DataSet

HERE = Path(__file__).parent
ENTRY = "import sys\nfrom omprov.cli import main\nsys.exit(main())\n"
FOREIGN = "GIT_", "BORG_", "RESTIC_", "DVC_", "OMPROV_", "PYTHON"


def write_program(path: Path, interpreter: str, script: str) -> None:
    path.write_text(f"#!{interpreter}\n{script}")
    path.chmod(0o755)


def make_programs(folder: Path, omprov: str, peers: Path) -> None:
    """Write the programs that tools.py calls and nobody ships."""
    folder.mkdir()
    write_program(folder / "omprov", omprov, ENTRY)
    write_program(folder / "limits", omprov, (HERE / "limits.py").read_text())
    if any(peers.glob("lib/*/site-packages/oxen")):
        script = (HERE / "oxen_commands.py").read_text()
        write_program(folder / "oxen-python", str(peers / "bin" / "python"), script)


def make_environment(place: Path, tool: Tool, path: str) -> dict[str, str]:
    """Return a clean environment: no settings of the user, a home of the tool's own."""
    home = place / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname = benchmark\nemail = benchmark@example.org\n[init]\ndefaultBranch = main\n"
        "[advice]\ndetachedHead = false\n"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)
    }
    environment |= {"HOME": str(home), "PATH": path, "DVC_SITE_CACHE_DIR": str(home / "site")}
    if tool is OMPROV and "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    return environment | tool.environment


class Place:
    """A new folder with a copy of the data, in which one tool goes through its steps.

    With `move`, with the data themselves: where a copy would take too long.
    """

    def __init__(
        self, folder: Path, tool: Tool, *, data: Path, path: str, move: bool = False
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.tool = tool
        self.environment = make_environment(folder, tool, path)
        bring = ["mv"] if move else ["cp", "-r"]
        subprocess.run([*bring, data, folder / "data"], check=True)
        self.run(tool.set_up)

    def run(self, script: str, version: str = "") -> Measured:
        command = ["sh", "-ec", script]
        return measure(command, self.folder, self.environment | {"version": version})

    def take(self, step: Step, version: str = "") -> Measured:
        """Take a step, with what has to happen before and after it."""
        if step.before:
            self.run(step.before, version)
        measured = self.run(step.script, version)
        if step.after:
            self.run(step.after, version)
        return measured

    def store_size(self) -> int:
        return size_of(self.folder / self.tool.store)


@dataclass(frozen=True)
class Result:
    """What a tool took on one data set: step → figures, and what its store grew by."""

    steps: dict[str, Measured]
    first: int
    growth: int


def check(out: Path, expected: Path, data_set: DataSet) -> None:
    """Make sure that a checkout has its size and the right changed files: who fails is not fast."""
    places = data_set.changed_places()
    different = [
        place for place in places if not filecmp.cmp(out / place, expected / place, shallow=False)
    ]
    if different or size_of(out) != size_of(expected):
        raise Failed(f"the checkout is not what was added: {different[:3]}")


def measure_tool(place: Place, versions: Mapping[str, Path], data_set: DataSet) -> Result:
    tool, out = place.tool, place.folder / place.tool.out
    steps = {}
    empty = place.store_size()
    steps["v1"] = place.take(tool.add, "v1")
    first = place.store_size()
    steps["again"] = place.take(tool.add, "again")
    for path in data_set.changed_places():
        fresh = place.folder / "fresh"
        shutil.copyfile(versions["v2"] / path, fresh)
        fresh.replace(place.folder / "data" / path)
    before = place.store_size()
    steps["v2"] = place.take(tool.add, "v2")
    growth = place.store_size() - before
    if tool.diff:
        steps["diff"] = place.take(tool.diff)
    steps["check_out"] = place.take(tool.check_out)
    check(out, versions["v1"], data_set)
    if tool.switch:
        steps["switch"] = place.take(tool.switch)
        check(out, versions["v2"], data_set)
    return Result(steps, first - empty, growth)
