"""The commands that draw: graph, lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput

from ._command import command
from ._completion import complete_assets, complete_versions
from ._dot import history_dot, lineage_dot
from ._graph_picture import draw_history, legend, shown_versions
from ._json_shapes import edge_json, lineage_json, version_json
from ._lineage_picture import draw_lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from omprov.records import Version, VersionKey
    from omprov.repository import History, Lineage, Repository

    from ._session import Session

_DRAWN = 50


@command(
    "graph",
    example="omprov graph model/digits\nomprov graph dataset/digits --dot | dot -Tsvg > digits.svg",
    keys={
        "graphs": "list of {asset, versions, edges}: *version* (each with `metrics`, name → value) "
        "from top to bottom, and *edge*"
    },
)
@click.argument("asset", required=False, shell_complete=complete_assets)
@click.option(
    "-n",
    "limit",
    metavar="N",
    type=click.IntRange(1),
    help=f"How many versions [default: {_DRAWN}; all with --json and --dot].",
)
@click.option("--dot", is_flag=True, help="Write Graphviz.")
def graph_command(session: Session, *, asset: str | None, limit: int | None, dot: bool) -> None:
    """Draw the version graph of ASSET: newest on top, with the weight of every edge.

    Declared edges are drawn with whole lines, inferred ones with dotted lines. Without ASSET: the
    graphs of all assets.
    """
    if dot and asset is None:
        raise InvalidInput("--dot writes one graph: name the asset")
    most = limit if limit is not None or dot or session.as_json else _DRAWN
    with session.repository() as repository:
        names = [asset] if asset else [str(one.name) for one in repository.list_assets()]
        found = []
        for name in names:
            history = repository.history(name)
            versions = shown_versions(history, most)
            found.append((history, versions, _metrics(repository, versions)))
    if dot and not session.as_json:
        history, versions, metrics = found[0]
        text = history_dot(str(history.asset), versions, history.edges, metrics)
        session.out.print(text, soft_wrap=True)
        return
    session.answer(
        {"graphs": [_graph_json(*one) for one in found]},
        lambda out: _show_graphs(out, found, most, session),
    )


def _metrics(
    repository: Repository, versions: Iterable[Version]
) -> dict[VersionKey, Mapping[str, float]]:
    runs = {version.key: version.run for version in versions if version.run is not None}
    known = {run: repository.get_run(run).metrics for run in set(runs.values())}
    return {key: known[run] for key, run in runs.items() if known[run]}


def _graph_json(
    history: History,
    versions: list[Version],
    metrics: Mapping[VersionKey, Mapping[str, float]],
) -> dict[str, object]:
    shown = {version.key for version in versions}
    return {
        "asset": str(history.asset),
        "versions": [
            version_json(version) | {"metrics": dict(metrics.get(version.key, {}))}
            for version in versions
        ],
        "edges": [edge_json(edge) for edge in history.edges if edge.newer.key in shown],
    }


def _show_graphs(
    out: Console,
    found: list[tuple[History, list[Version], dict[VersionKey, Mapping[str, float]]]],
    limit: int | None,
    session: Session,
) -> None:
    for number, (history, _, metrics) in enumerate(found):
        if number:
            out.print()
        out.print(str(history.asset), style="bold underline", soft_wrap=True)
        if not history.versions:
            out.print("no version yet", style="dim")
            continue
        picture = draw_history(history, metrics, limit=limit, glyphs=session.glyphs)
        if session.cuts_lines:
            out.print(picture, no_wrap=True, overflow="ellipsis")
        else:
            out.print(picture, soft_wrap=True)
        explained = legend(history, session.glyphs)
        if explained is not None:
            out.print(explained)


@command(
    "lineage",
    example="omprov lineage model/digits:v7\nomprov lineage dataset/digits:v4 --down --depth 2",
    keys={
        "root": "reference",
        "versions": "list of *version*, the root first",
        "runs": "list of *run*",
        "links": "list of *link*, from effect to cause",
        "cut": "true where --depth left something out",
    },
)
@click.argument("reference", metavar="REF", shell_complete=complete_versions)
@click.option("--down", is_flag=True, help="What came of it, instead of what it came from.")
@click.option("--depth", metavar="N", type=click.IntRange(1), help="At most so many steps away.")
@click.option("--inherits", is_flag=True, help="Follow also the declared parents of inputs.")
@click.option("--dot", is_flag=True, help="Write Graphviz.")
def lineage_command(
    session: Session, *, reference: str, down: bool, depth: int | None, inherits: bool, dot: bool
) -> None:
    """Show what a version came from (runs and their inputs), or what came of it."""
    with session.repository() as repository:
        lineage = repository.lineage(
            reference, "down" if down else "up", depth=depth, inherits=inherits
        )
    if dot and not session.as_json:
        session.out.print(lineage_dot(lineage), soft_wrap=True)
        return
    session.answer(
        lineage_json(lineage), lambda out: _show_lineage(out, lineage, session, down=down)
    )


def _show_lineage(out: Console, lineage: Lineage, session: Session, *, down: bool) -> None:
    out.print(draw_lineage(lineage, down=down, glyphs=session.glyphs))
    if not lineage.links:
        words = "Nothing recorded came of it." if down else "No run made it."
        out.print(words, style="dim")
    if lineage.cut:
        out.print("There is more: raise --depth.", style="yellow")
