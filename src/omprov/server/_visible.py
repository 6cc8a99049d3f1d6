"""What of an answer somebody sees who does not see every project.

That a run used a version of another project is part of the run: its reference stays, and nothing
else of it. What came of a thing in a project that they do not see is left out; so are runs there,
and a lineage that was shortened so says that there is more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omprov.records import Run, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.records import Inherits
    from omprov.repository import History, Lineage, Link, Route

    from ._access import Access


def visible_run(access: Access, run: Run) -> Run:
    """Return a run of a project that they see."""
    if access.sees_all:
        return run
    return replace(
        run,
        inputs={role: _masked(access, one) for role, one in run.inputs.items()},
        outputs={role: _masked(access, one) for role, one in run.outputs.items()},
    )


def visible_edges(access: Access, edges: Iterable[Inherits]) -> list[Inherits]:
    """Return the edges whose newer end they see."""
    if access.sees_all:
        return list(edges)
    return [_edge(access, edge) for edge in edges if access.sees(edge.newer.asset.project)]


def visible_history(access: Access, history: History) -> History:
    """Return the graph of an asset that they see."""
    return replace(history, edges=tuple(visible_edges(access, history.edges)))


def visible_route(access: Access, route: Route) -> Route:
    """Return a route from a version that they see."""
    if access.sees_all:
        return route
    return replace(
        route,
        versions=tuple(_masked(access, one) for one in route.versions),
        steps=tuple(_edge(access, step) for step in route.steps),
    )


def visible_lineage(access: Access, lineage: Lineage) -> Lineage:
    """Return what they see of the lineage of a version that they see."""
    if access.sees_all:
        return lineage
    links = _reached(lineage, [link for link in lineage.links if _is_visible(access, link)])
    ends = {end.id for link in links for end in (link.source, link.target)} | {lineage.root.id}
    return replace(
        lineage,
        versions=tuple(_masked(access, one) for one in lineage.versions if one.id in ends),
        runs=tuple(visible_run(access, one) for one in lineage.runs if one.id in ends),
        links=tuple(
            replace(link, source=_node(access, link.source), target=_node(access, link.target))
            for link in links
        ),
        cut=lineage.cut or len(links) < len(lineage.links),
    )


def _is_visible(access: Access, link: Link) -> bool:
    """Say whether the run of a link, or its newer version, is in a project that they see."""
    if link.kind == "made":
        return access.sees(_project(link.target))
    return access.sees(_project(link.source))


def _reached(lineage: Lineage, links: list[Link]) -> list[Link]:
    """Return the links that hang together with the root."""
    beside: dict[str, list[str]] = {}
    for link in links:
        beside.setdefault(link.source.id, []).append(link.target.id)
        beside.setdefault(link.target.id, []).append(link.source.id)
    known: set[str] = {lineage.root.id}
    front = [str(lineage.root.id)]
    while front:
        new = [end for end in beside.get(front.pop(), ()) if end not in known]
        known.update(new)
        front += new
    return [link for link in links if link.source.id in known]


def _project(node: Version | Run) -> str:
    return node.project if isinstance(node, Run) else node.asset.project


def _node(access: Access, node: Version | Run) -> Version | Run:
    return visible_run(access, node) if isinstance(node, Run) else _masked(access, node)


def _edge(access: Access, edge: Inherits) -> Inherits:
    seen = all(access.sees(end.asset.project) for end in (edge.newer, edge.older))
    because = tuple(
        replace(
            one,
            newer=one.newer and _masked(access, one.newer),
            older=one.older and _masked(access, one.older),
        )
        for one in edge.because
    )
    return replace(
        edge,
        newer=_masked(access, edge.newer),
        older=_masked(access, edge.older),
        because=because,
        difference=edge.difference if seen else None,
    )


def _masked(access: Access, version: Version) -> Version:
    if access.sees(version.asset.project):
        return version
    return replace(version, creator="", message="", source={}, tags={}, aliases=())
