"""A lineage as a tree for a terminal; what several things share is spelled out once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from omprov.records import Run

from . import _wording
from ._json_shapes import node_name

if TYPE_CHECKING:
    from omprov.records import Version
    from omprov.repository import Lineage, Link

    from ._glyphs import Glyphs


def draw_lineage(lineage: Lineage, *, down: bool, glyphs: Glyphs) -> Tree:
    """Draw a lineage as a tree below its root.

    Args:
        lineage: what to draw.
        down: its direction: to effects rather than to causes.
        glyphs: the characters to use.
    """
    onward: dict[str, list[Link]] = defaultdict(list)
    for link in lineage.links:
        onward[node_name(link.target if down else link.source)].append(link)
    root = Tree(_name(lineage.root, None, glyphs), guide_style="dim")
    drawn = {node_name(lineage.root)}
    waiting: list[tuple[Tree, Version | Run]] = [(root, lineage.root)]
    while waiting:
        branch, node = waiting.pop()
        fresh: list[tuple[Tree, Version | Run]] = []
        for link in onward[node_name(node)]:
            end = link.source if down else link.target
            label = _name(end, link, glyphs)
            if node_name(end) in drawn:
                if onward[node_name(end)]:
                    label.append(f"  {glyphs.dots} as above", "dim")
                branch.add(label)
                continue
            drawn.add(node_name(end))
            fresh.append((branch.add(label), end))
        waiting += reversed(fresh)
    return root


def _name(node: Version | Run, link: Link | None, glyphs: Glyphs) -> Text:
    text = Text()
    if link is not None and link.role and not isinstance(node, Run):
        text.append(f"{link.role} ", "dim")
    if link is not None and link.kind == "inherits":
        text.append(f"inherits {_wording.weight(link.weight)} ", "dim")
    if isinstance(node, Run):
        text.append(f"run {_wording.printable(node.name)}", "cyan")
        text.append(f"  {node.id.rpartition('-')[2]}", "dim")
        for name, value in list(node.metrics.items())[:3]:
            text.append(f"  {_wording.printable(name)} {_wording.number(value)}", "green")
        return text
    text.append(node.reference, "bold")
    for alias in node.aliases:
        text.append(f"  {glyphs.flag} {alias}", "bold yellow")
    if node.removed:
        text.append("  removed", "red")
    if node.message:
        text.append(f"  {_wording.first_line(node.message)}")
    return text
