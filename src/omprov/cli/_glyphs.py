"""The characters that pictures on a terminal are made of, with a fallback to ASCII."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of characters.

    Attributes:
        declared: a lane of a declared edge, and of an inferred one.
        across: the horizontal part of an edge.
        to_both: where edges leave a node to both sides, to the right, to the left.
        down_right: corners: where an edge turns down at the right or the left end, or between.
        up_right: where an edge comes from above and ends at its right end, or between.
    """

    node: str = "●"
    removed_node: str = "○"
    stub: str = "◌"
    declared: str = "│"
    inferred: str = "┊"
    across: str = "─"
    to_both: str = "┼"
    to_right: str = "├"
    to_left: str = "┤"
    down_right: str = "╮"
    down_left: str = "╭"
    down_between: str = "┬"
    up_right: str = "╯"
    up_left: str = "╰"
    up_between: str = "┴"
    more: str = "⋮"
    dot: str = "·"
    arrow: str = "→"
    flag: str = "⚑"
    dots: str = "…"

    def fit(self, encoding: str) -> Glyphs:
        """Return this set where `encoding` has its characters, else the one in ASCII."""
        try:
            "".join(getattr(self, field.name) for field in fields(self)).encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return ASCII
        return self


UNICODE = Glyphs()
ASCII = Glyphs(
    node="*",
    removed_node="o",
    stub="@",
    declared="|",
    inferred=":",
    across="-",
    to_both="+",
    to_right="+",
    to_left="+",
    down_right=".",
    down_left=".",
    down_between=".",
    up_right="'",
    up_left="'",
    up_between="'",
    more=":",
    dot="-",
    arrow="->",
    flag="^",
    dots="...",
)
