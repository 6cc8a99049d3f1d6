"""The version graph of an asset as a picture for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from omprov.records import Origin

from . import _wording
from ._glyphs import UNICODE, Glyphs
from ._lane_drawing import draw_row
from ._lanes import Arrow, lay_out, newest_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.records import Inherits, Version, VersionKey
    from omprov.repository import History

    from ._lane_drawing import Line

    Metrics = Mapping[VersionKey, Mapping[str, float]]

INFERRED = "cyan"
"""The colour of what was inferred."""
_ALIGNED_COLUMNS = 12
_METRICS_SHOWN = 3


def draw_history(
    history: History,
    metrics: Metrics | None = None,
    *,
    limit: int | None = None,
    glyphs: Glyphs = UNICODE,
) -> Text:
    """Draw a version graph: newest on top, one lane for every edge.

    Args:
        history: the graph. A parent in another asset is drawn as a stub.
        metrics: version → metric → value, of the versions that have any.
        limit: how many versions to draw at most; what is left out is said.
        glyphs: the characters to use.
    """
    picture = _Picture(history, metrics or {}, limit, glyphs)
    text = Text("\n", no_wrap=True, overflow="ellipsis").join(picture.lines())
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def shown_versions(history: History, limit: int | None) -> list[Version]:
    """Return the versions that a picture of at most `limit` versions shows, from top to bottom."""
    by_key = _all_versions(history)
    order = _order(history, by_key)
    return [by_key[key] for key in order if by_key[key].asset == history.asset][:limit]


def _all_versions(history: History) -> dict[VersionKey, Version]:
    ends = (edge.older for edge in history.edges)
    return {version.key: version for version in (*history.versions, *ends)}


def _order(history: History, by_key: Mapping[VersionKey, Version]) -> list[VersionKey]:
    def rank(key: VersionKey) -> tuple[int, ...]:
        version = by_key[key]  # a stub comes as soon as it may: right below its last child
        return (0, version.number, key) if version.asset == history.asset else (1, key)

    return newest_first(by_key, [_arrow(edge) for edge in history.edges], rank)


def _arrow(edge: Inherits) -> Arrow[VersionKey]:
    return Arrow(edge.newer.key, edge.older.key)


class _Picture:
    def __init__(
        self, history: History, metrics: Metrics, limit: int | None, glyphs: Glyphs
    ) -> None:
        self.history = history
        self.metrics = metrics
        self.glyphs = glyphs
        self.versions = _all_versions(history)
        self.edges = _by_arrow(history.edges)
        order = _order(history, self.versions)
        own = [key for key in order if self.versions[key].asset == history.asset]
        shown = set(own[:limit])
        self.hidden = len(own) - len(shown)
        reached = {edge.older for edge in self.edges if edge.newer in shown}
        stubs = reached.difference(own)
        self.order = [key for key in order if key in shown or key in stubs]

    def lines(self) -> Iterable[Text]:
        """Draw line by line."""
        rows = list(lay_out(self.order, self.edges))
        widest = max((row.width for row in rows), default=0)
        column = 2 * min(widest, _ALIGNED_COLUMNS) + 1
        for row in rows:
            mark = self._mark(self.versions[row.node])
            for line in draw_row(row, self.glyphs, mark=mark, is_inferred=self._is_inferred):
                text = self._coloured(line)
                text.append(" " * max(1, column - len(text)))
                match line.part:
                    case "node":
                        text.append_text(self._title(self.versions[row.node]))
                    case "leaves":
                        text.append_text(self._weights(row.leaving.values()))
                text.rstrip()
                yield text
        if self.hidden:
            more = f"{self.glyphs.more} {_wording.plural(self.hidden, 'older version')}"
            yield Text(more + "; -n shows more", style="dim")

    def _is_inferred(self, arrow: Arrow[VersionKey]) -> bool:
        return self.edges[arrow].origin is Origin.INFERRED

    def _mark(self, version: Version) -> str:
        if version.asset != self.history.asset:
            return self.glyphs.stub
        return self.glyphs.removed_node if version.removed else self.glyphs.node

    def _coloured(self, line: Line[VersionKey]) -> Text:
        text = Text()
        for character, arrow in line.cells:
            text.append(character, self._colour(arrow))
        text.rstrip()
        return text

    def _colour(self, arrow: Arrow[VersionKey] | None) -> str:
        if arrow is None:
            return "bold"
        return INFERRED if self._is_inferred(arrow) else "default"

    def _title(self, version: Version) -> Text:
        if version.asset != self.history.asset:
            return Text(version.reference, style="dim")
        text = Text(f"v{version.number}", style="bold")
        for alias in version.aliases:
            text.append(f"  {self.glyphs.flag} {alias}", "bold yellow")
        told = _wording.told_metrics(self.metrics.get(version.key, {}))
        for name, value in list(told.items())[:_METRICS_SHOWN]:
            text.append(f"  {_wording.printable(name)} {_wording.number(value)}", "green")
        if version.removed:
            text.append("  removed", "red")
        if version.message:
            text.append(f"  {_wording.first_line(version.message)}", "default")
        return text

    def _weights(self, arrows: Iterable[Arrow[VersionKey]]) -> Text:
        parts = []
        for arrow in arrows:
            edge = self.edges[arrow]
            name = edge.older.reference
            if edge.older.asset == self.history.asset:
                name = f"v{edge.older.number}"
            style = INFERRED if edge.origin is Origin.INFERRED else "default"
            part = Text(_wording.weight(edge.weight), style)
            parts.append(part.append(f" {self.glyphs.arrow} {name}", "dim"))
        return Text(f" {self.glyphs.dot} ", "dim").join(parts)


def _by_arrow(edges: Sequence[Inherits]) -> dict[Arrow[VersionKey], Inherits]:
    """Index edges by their ends, lightest first; of twins, the declared one stands."""
    ordered = sorted(edges, key=lambda edge: (edge.weight, -edge.older.key))
    found = {_arrow(edge): edge for edge in ordered if edge.origin is Origin.INFERRED}
    found.update((_arrow(edge), edge) for edge in ordered if edge.origin is Origin.DECLARED)
    return dict(sorted(found.items(), key=lambda item: (item[1].weight, -item[1].older.key)))


def legend(history: History, glyphs: Glyphs) -> Text | None:
    """Explain the lanes where there are both sorts."""
    origins = {edge.origin for edge in history.edges}
    if len(origins) < 2:
        return None
    text = Text(f"{glyphs.declared} declared   ", "default")
    return text.append(f"{glyphs.inferred} inferred", INFERRED)
