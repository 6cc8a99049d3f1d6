"""What the demo shows. Every number is read from the repository."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Protocol

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ._captured import edges_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

    from omprov.records import Because, Difference, Run, Version, VersionKey
    from omprov.repository import History, Repository

    from ._drop import Drop, Step, Suspect


_SOURCES = {
    "algorithm": "the commit that git has checked out",
    "dataset": "the files that the script opened",
    "params": "the options on its command line",
    "environment": "the interpreter and the machine",
}


class DrawGraph(Protocol):
    """Draws a version graph, newest version first."""

    def __call__(
        self, history: History, metrics: Mapping[VersionKey, Mapping[str, float]]
    ) -> RenderableType:
        """Return what a console can print.

        Args:
            history: the graph.
            metrics: version → metric → value, of the versions that have any.
        """
        ...


def show_title(console: Console, folder: Path) -> None:
    """Say what is about to happen."""
    console.print()
    console.print(Text("OMProv demo", style="bold"))
    _say(
        console,
        f"Real trainings on real handwritten digits, in {folder}. What befalls the data is staged.",
    )


def show_code(console: Console, repository: Repository, asset: str, draw: DrawGraph) -> None:
    """Draw the version graph of the algorithm."""
    _head(
        console,
        "The code",
        "evolves in git; a weight is the share of words that differ",
    )
    console.print(_indented(draw(repository.history(asset), {})))


def show_data(console: Console, repository: Repository, asset: str, draw: DrawGraph) -> None:
    """Draw the version graph of the dataset."""
    _head(
        console,
        "The data",
        "is a folder of images: OMProv remembers what it held, and counts files",
    )
    console.print(_indented(draw(repository.history(asset), {})))


def show_runs(console: Console, runs: Sequence[Run]) -> None:
    """List the trainings as they were recorded."""
    _head(
        console,
        "The trainings",
        "ran in no particular order: old code on new data, new code on old",
    )
    table = _table("", "code", "data", "parameters", "seconds", "accuracy", "made")
    table.columns[4].justify = table.columns[5].justify = "right"
    shared = _shared([run.params for run in runs])
    for number, run in enumerate(runs, start=1):
        own = {name: value for name, value in run.params.items() if name not in shared}
        assert run.ended is not None
        table.add_row(
            str(number),
            _number(run.inputs["algorithm"]),
            _number(run.inputs["dataset"]),
            " ".join(f"{name}={value}" for name, value in own.items()),
            f"{(run.ended - run.started).total_seconds():.1f}",
            f"{run.metrics['accuracy']:.3f}",
            str(run.outputs["model"]),
        )
    console.print(_indented(table))


def show_models(
    console: Console,
    repository: Repository,
    asset: str,
    accuracy: Mapping[VersionKey, float],
    draw: DrawGraph,
) -> None:
    """Draw the version graph of the model, with accuracies."""
    _head(console, "The models", "nobody said which came from which: every edge is inferred")
    metrics = {key: {"accuracy": value} for key, value in accuracy.items()}
    console.print(_indented(draw(repository.history(asset), metrics)))


def show_reasons(console: Console, steps: Sequence[Step]) -> None:
    """List the inferred edges with their reasons, role by role."""
    _head(
        console,
        "Because",
        "a model inherits another if all its inputs do; the weight is the mean over roles",
    )
    every = [reason for step in steps for reason in step.edge.because]
    differing = {reason.role for reason in every if reason.distance > 0}
    roles = [role for role in dict.fromkeys(r.role for r in every) if role in differing]
    table = _table("edge", "weight", *roles, "accuracy")
    table.columns[1].justify = table.columns[-1].justify = "right"
    arrow = _arrow(console)
    for step in sorted(steps, key=lambda s: (-s.edge.newer.number, -s.edge.older.number)):
        reasons = {reason.role: reason for reason in step.edge.because}
        table.add_row(
            f"{_number(step.edge.newer)} {arrow} {_number(step.edge.older)}",
            f"{step.edge.weight:.3f}",
            *(_reason(reasons.get(role), arrow) for role in roles),
            Text(f"{step.change:+.3f}", style="red" if step is steps[0] else ""),
        )
    console.print(_indented(table))
    same = sorted({reason.role for reason in every} - differing)
    if same:
        _say(console, f"The same on both ends of every edge: {_listed(same)}.")


def show_captured(
    console: Console, repository: Repository, declared: Sequence[Run], captured: Sequence[Run]
) -> None:
    """Say what came of the same trainings with nothing declared."""
    _head(
        console,
        "Once more, with nothing declared",
        "`omprov run -- python code/train.py …`: what it reads, writes and is told is captured",
    )
    first = captured[0]
    table = _table("role", "captured", "from")
    for role, version in first.inputs.items():
        table.add_row(role, str(version), _SOURCES.get(str(version.asset.kind), ""))
    table.add_row("model", str(first.outputs["model"]), "what the script wrote")
    console.print(_indented(table))
    wanted, found = edges_of(repository, declared), edges_of(repository, captured)
    same = len(wanted & found)
    _say(
        console,
        f"The version graph of {first.outputs['model'].asset} has {len(found)} edges, that of "
        f"{declared[0].outputs['model'].asset} {len(wanted)}: {same} are the same.",
    )


def show_drop(console: Console, repository: Repository, drop: Drop | None) -> None:
    """Say which change of an input goes with the largest drop, with its evidence."""
    if drop is None:
        _head(console, "The drop", "there is none: accuracy falls along no edge")
        return
    edge = drop.step.edge
    _head(console, "The drop", f"the largest along the {drop.edges} inferred edges")
    _say(
        console,
        f"{edge.newer} inherits {edge.older}, and its accuracy is "
        f"{_points(-drop.step.change)} points lower.",
    )
    unchanged = [reason.role for reason in edge.because if reason.distance == 0]
    changed = [suspect.reason.role for suspect in drop.suspects]
    _say(console, f"Changed between them: {_listed(changed)}. Unchanged: {_listed(unchanged)}.")
    for suspect in drop.suspects:
        _show_suspect(console, repository, suspect)


def show_commands(console: Console, folder: Path, commands: Sequence[str]) -> None:
    """Say what to try."""
    _head(console, "Try it", "everything above is in the repository that was left in the folder")
    activate = Path(sys.prefix) / "bin" / "activate"
    lines = [f"source {quote(str(activate))}"] if activate.exists() else []
    for line in [*lines, f"cd {quote(str(folder))}", *commands]:
        console.print(Text(f"  {line}"), soft_wrap=True)
    console.print()


def _show_suspect(console: Console, repository: Repository, suspect: Suspect) -> None:
    reason = suspect.reason
    if reason.newer is None or reason.older is None:
        return
    console.print()
    console.print(Text(f"  {reason.role}: from {reason.older} to {reason.newer}", style="bold"))
    difference = repository.diff(reason.older, reason.newer)
    _say(console, f"Evidence: {_evidence(difference)}.")
    route = repository.lightest_route(reason.newer, reason.older)
    for step in reversed(route.steps if route else ()):
        _say(console, f'Step: {step.newer}, "{step.newer.message}", weight {step.weight:.3f}.')
    for other in suspect.alone:
        _say(
            console,
            f"The same change, and no other, from {other.edge.older} to {other.edge.newer}: "
            f"accuracy {other.change:+.3f}.",
        )
    if suspect.without:
        worst, best = suspect.without[0].change, suspect.without[-1].change
        _say(
            console,
            f"Where the {reason.role} stays the same ({len(suspect.without)} edges): "
            f"accuracy {worst:+.3f} to {best:+.3f}.",
        )


def _evidence(difference: Difference) -> str:
    counts = [f"{count:g} {name}" for name, count in difference.counts.items() if count]
    sample = [change.name for change in difference.changes[:3]]
    more = ", and more" if difference.changed > len(sample) else ""
    names = f" ({', '.join(sample)}{more})" if sample else ""
    return (
        f"{difference.amount:,g} of {difference.total:,g} {difference.measure} differ: "
        f"{', '.join(counts)}{names}"
    )


def _reason(reason: Because | None, arrow: str) -> Text:
    if reason is None or reason.newer is None or reason.older is None:
        return Text("-", style="dim")
    if reason.newer.key == reason.older.key:
        return Text(_number(reason.newer), style="dim")
    return Text(f"{_number(reason.newer)} {arrow} {_number(reason.older)}  {reason.distance:.3f}")


def _shared(every: Sequence[Mapping[str, Any]]) -> set[str]:
    first = every[0] if every else {}
    return {name for name in first if all(one.get(name) == first[name] for one in every)}


def _arrow(console: Console) -> str:
    return "->" if console.options.ascii_only else "→"


def _number(version: Version) -> str:
    return f"v{version.number}"


def _points(change: float) -> str:
    return f"{100 * change:.1f}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _head(console: Console, title: str, subtitle: str) -> None:
    console.print()
    console.print(Text.assemble((title, "bold"), "  ", (subtitle, "dim")))


def _say(console: Console, sentence: str) -> None:
    console.print(_indented(Text(sentence)))


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
