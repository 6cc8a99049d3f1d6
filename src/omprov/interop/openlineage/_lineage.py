"""The lineage of datasets and jobs, as Marquez draws it: what lies around one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput, NotFound

from . import _marquez
from ._catalog_views import find_asset, find_job_runs, job_names, job_of
from ._names import Named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omprov.repository import Repository

    Node = tuple[str, Named]

_VERSIONS = 20
"""Newest versions of a dataset whose makers and users are looked for."""
_COLONS = 32
"""Colons of a node's id; at each of them the name may begin, and is looked for."""
_NODES = 500
"""Nodes of one answer."""


def lineage_graph(repository: Repository, node: str, depth: int) -> dict[str, Any]:
    """Return what lies at most so many steps around a dataset or a job, in both directions.

    The latest runs of a job say what it reads and writes, the newest versions of a dataset who
    writes and reads it. An answer that is cut says so.

    Raises:
        NotFound: there is no such node.
        InvalidInput: it is no node's id.
    """
    root = _find(repository, node)
    arrows: set[tuple[Node, Node]] = set()
    known = {root}
    front, step, is_cut = [root], 0, False
    while front and step < depth and not is_cut:
        met: list[Node] = []
        for one in front:
            for arrow in _arrows(repository, one):
                arrows.add(arrow)
                met += [end for end in arrow if end not in known]
                known.update(arrow)
            if len(known) > _NODES:
                is_cut = True
                break
        front, step = list(dict.fromkeys(met)), step + 1
    shown = [_shown(repository, one, arrows) for one in sorted(known)]
    return {"graph": shown, "cut": is_cut or bool(front)}


def _find(repository: Repository, node: str) -> Node:
    kind, _, rest = node.partition(":")
    if kind not in {"dataset", "job"} or ":" not in rest:
        raise InvalidInput(
            f"nodeId={node!r:.80}: write dataset:NAMESPACE:NAME or job:NAMESPACE:NAME"
        )
    if rest.count(":") > _COLONS:
        raise InvalidInput(f"nodeId={node!r:.80}: it has more than {_COLONS} colons")
    jobs = job_names(repository) if kind == "job" else {}
    for at, letter in enumerate(rest):  # both may hold colons
        if letter != ":":
            continue
        named = Named(rest[:at], rest[at + 1 :])
        if kind == "job":
            if named in jobs or find_job_runs(repository, named, limit=1):
                return kind, named
            continue
        try:
            find_asset(repository, named)
        except NotFound:
            continue
        return kind, named
    raise NotFound("node", node)


def _arrows(repository: Repository, node: Node) -> Iterator[tuple[Node, Node]]:
    kind, named = node
    if kind == "job":
        runs = find_job_runs(repository, named, limit=_marquez.LATEST_RUNS)
        used, made = _marquez.ends_of(repository, runs)
        yield from ((("dataset", one), node) for one in used)
        yield from ((node, ("dataset", one)) for one in made)
        return
    try:
        asset = find_asset(repository, named)
    except NotFound:
        return  # a run names it that has not ended yet
    for version in repository.list_versions(asset.name, limit=_VERSIONS):
        maker = None if version.run is None else repository.find_run(version.run)
        if maker is not None and maker.project == repository.project:
            yield ("job", job_of(maker)), node
        for run in repository.list_runs(using=version, limit=_marquez.LATEST_RUNS):
            yield node, ("job", job_of(run))


def _shown(repository: Repository, node: Node, arrows: set[tuple[Node, Node]]) -> dict[str, Any]:
    kind, named = node
    try:
        data = (
            _marquez.job(repository, named)
            if kind == "job"
            else _marquez.dataset(repository, find_asset(repository, named))
        )
    except NotFound:
        data = {"id": named._asdict(), "name": named.name, "namespace": named.namespace}
    return {
        "id": _marquez.node_id(kind, named),
        "type": kind.upper(),
        "data": data,
        "inEdges": [_edge(arrow) for arrow in sorted(arrows) if arrow[1] == node],
        "outEdges": [_edge(arrow) for arrow in sorted(arrows) if arrow[0] == node],
    }


def _edge(arrow: tuple[Node, Node]) -> dict[str, str]:
    origin, destination = arrow
    return {"origin": _marquez.node_id(*origin), "destination": _marquez.node_id(*destination)}
