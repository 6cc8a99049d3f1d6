"""Rows of lanes as lines of characters; no colours, no labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator

    from ._glyphs import Glyphs
    from ._lanes import Arrow, Row

Node = TypeVar("Node", bound="Hashable")


@dataclass(frozen=True, slots=True)
class Line(Generic[Node]):
    """One line of a picture.

    Attributes:
        part: ``joins`` above a node, the ``node`` itself, or its ``leaves`` below.
        cells: the characters, and which edge each belongs to (``None`` for the node's own mark
            and for blanks).
    """

    node: Node
    part: Literal["joins", "node", "leaves"]
    cells: tuple[tuple[str, Arrow[Node] | None], ...]

    @property
    def text(self) -> str:
        """The characters alone."""
        return "".join(character for character, _ in self.cells).rstrip()


def draw_row(
    row: Row[Node],
    glyphs: Glyphs,
    *,
    mark: str,
    is_inferred: Callable[[Arrow[Node]], bool],
) -> Iterator[Line[Node]]:
    """Draw one row: where edges join, the node, and where edges leave.

    Args:
        row: what to draw.
        glyphs: the characters.
        mark: of the node.
        is_inferred: how an edge's lane is drawn.
    """
    canvas = _Canvas(row, glyphs, is_inferred)
    if len(row.arriving) > 1:
        yield Line(row.node, "joins", canvas.bends(row.arriving, up=True))
    yield Line(row.node, "node", canvas.straight(mark))
    if row.leaving:
        yield Line(row.node, "leaves", canvas.bends(row.leaving, up=False))


class _Canvas(Generic[Node]):
    """Draws the lines of one row; every column is a character and the gap to its right."""

    def __init__(
        self, row: Row[Node], glyphs: Glyphs, is_inferred: Callable[[Arrow[Node]], bool]
    ) -> None:
        self.row = row
        self.glyphs = glyphs
        self.is_inferred = is_inferred

    def straight(self, mark: str) -> tuple[tuple[str, Arrow[Node] | None], ...]:
        """The node's own line: every other lane goes straight by."""
        cells = self._blank()
        self._pass(cells)
        cells[2 * self.row.column] = (mark, None)
        return tuple(cells)

    def bends(
        self, edges: dict[int, Arrow[Node]], *, up: bool
    ) -> tuple[tuple[str, Arrow[Node] | None], ...]:
        """A line on which edges turn between their own columns and the node's."""
        cells, column = self._blank(), self.row.column
        far_first = sorted(edges.items(), key=lambda item: abs(item[0] - column), reverse=True)
        for at, edge in far_first:
            low, high = sorted((at, column))
            for cell in range(2 * low + 1, 2 * high):
                cells[cell] = (self.glyphs.across, edge)
        self._pass(cells)
        for at, edge in edges.items():
            cells[2 * at] = (self._corner(at, edges, up=up), edge)
        return tuple(cells)

    def _corner(self, at: int, edges: Collection[int], *, up: bool) -> str:
        glyphs, column = self.glyphs, self.row.column
        left, right = min(edges) < column, max(edges) > column
        if at == column:
            if left and right:
                return glyphs.to_both
            if left or right:
                return glyphs.to_left if left else glyphs.to_right
            return self._lane(self.row.leaving[at])
        if min(edges) < at < max(edges):
            return glyphs.up_between if up else glyphs.down_between
        if at > column:
            return glyphs.up_right if up else glyphs.down_right
        return glyphs.up_left if up else glyphs.down_left

    def _pass(self, cells: list[tuple[str, Arrow[Node] | None]]) -> None:
        for at, edge in self.row.passing.items():
            cells[2 * at] = (self._lane(edge), edge)

    def _lane(self, edge: Arrow[Node]) -> str:
        return self.glyphs.inferred if self.is_inferred(edge) else self.glyphs.declared

    def _blank(self) -> list[tuple[str, Arrow[Node] | None]]:
        return [(" ", None)] * (2 * self.row.width)
