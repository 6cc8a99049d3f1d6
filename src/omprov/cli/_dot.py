"""Graphs in Graphviz's language, with every name quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.records import Origin

from . import _wording
from ._json_shapes import node_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.records import Inherits, Version, VersionKey
    from omprov.repository import Lineage


def history_dot(
    name: str,
    versions: Iterable[Version],
    edges: Iterable[Inherits],
    metrics: Mapping[VersionKey, Mapping[str, float]],
) -> str:
    """Write a version graph; inferred edges are dashed.

    Args:
        name: of the graph.
        versions: to draw.
        edges: those with a newer end among `versions`.
        metrics: version → metric → value.
    """
    drawn = list(versions)
    shown = {version.key for version in drawn}
    lines = [_node(v.reference, _label(v, metrics.get(v.key, {})), "box") for v in drawn]
    stubs: dict[str, None] = {}
    for edge in edges:
        if edge.newer.key not in shown:
            continue
        if edge.older.key not in shown:
            stubs[edge.older.reference] = None
        style = "dashed" if edge.origin is Origin.INFERRED else "solid"
        weight = _wording.weight(edge.weight)
        lines.append(_arrow(edge.newer.reference, edge.older.reference, weight, style))
    lines += [_node(stub, stub, "plaintext") for stub in stubs]
    return _digraph(name, lines)


def lineage_dot(lineage: Lineage) -> str:
    """Write a lineage: versions are boxes, runs ellipses."""
    lines = [_node(v.reference, v.reference, "box") for v in lineage.versions]
    lines += [_node(run.id, f"{run.name}\n{run.status}", "ellipse") for run in lineage.runs]
    for link in lineage.links:
        source, target = node_name(link.source), node_name(link.target)
        label = link.role or _wording.weight(link.weight)
        style = "dotted" if link.kind == "inherits" else "solid"
        lines.append(_arrow(source, target, label, style))
    return _digraph(lineage.root.reference, lines)


def _label(version: Version, metrics: Mapping[str, float]) -> str:
    parts = [f"v{version.number}", *version.aliases]
    parts += [f"{name} {_wording.number(value)}" for name, value in metrics.items()]
    if version.message:
        parts.append(_wording.first_line(version.message))
    return "\n".join(parts)


def _node(name: str, label: str, shape: str) -> str:
    return f"  {_quoted(name)} [label={_quoted(label)}, shape={shape}];"


def _arrow(source: str, target: str, label: str, style: str) -> str:
    return f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(label)}, style={style}];"


def _digraph(name: str, lines: list[str]) -> str:
    return "\n".join([f"digraph {_quoted(name)} {{", "  rankdir=BT;", *lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
