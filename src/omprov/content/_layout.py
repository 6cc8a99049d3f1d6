"""What makes a folder or a bucket a content store: one line of text."""

from __future__ import annotations

from omprov.errors import Damaged, SchemaMismatch

LAYOUT = 1
LAYOUT_FILE = "layout"
_TEXT = "omprov content store, layout "


def layout_text() -> str:
    """Return what this release writes."""
    return f"{_TEXT}{LAYOUT}\n"


def check_layout_text(text: str, store: object) -> None:
    """Refuse what this release cannot read.

    Raises:
        SchemaMismatch: a newer release made the store.
        Damaged: the text says nothing of a layout.
    """
    number = text.removeprefix(_TEXT).strip()
    if not text.startswith(_TEXT) or not number.isdecimal():
        raise Damaged(f"{store}: {LAYOUT_FILE} does not say which layout the store has")
    if int(number) > LAYOUT:
        raise SchemaMismatch(
            f"the content store {store} has layout {number}; this release knows up to {LAYOUT}. "
            "Upgrade omprov."
        )
