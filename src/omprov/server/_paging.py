"""Pages of lists: opaque cursors that say where the next one begins."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query

from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next` of the page before; opaque.")
]


def make_cursor(*keys: str | int) -> str:
    """Return the cursor of a page that begins behind the item with these keys."""
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *kinds: type) -> list[Any] | None:
    """Return the keys that a cursor holds; ``None`` for the first page.

    Args:
        cursor: as `make_cursor` gave it.
        kinds: what the keys are.

    Raises:
        InvalidInput: it is none of such a list.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        read: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        read = None
    keys: list[Any] = read if isinstance(read, list) else []
    if len(keys) == len(kinds) and all(map(_is_of, keys, kinds)):
        return keys
    raise InvalidInput(
        f"{cursor[:40]!r} is no cursor of this list: pass `next` of the page before, as it is"
    )


def _is_of(key: object, kind: type) -> bool:
    return type(key) is kind  # True is no number here


def page(items: Sequence[Any], limit: int, cursor_of: Callable[[Any], str]) -> dict[str, Any]:
    """Make the page of a list.

    Args:
        items: one more than `limit`, where there is one more.
        limit: how many the page holds.
        cursor_of: gives the cursor behind an item.
    """
    more = len(items) > limit
    shown = list(items[:limit])
    return {"items": shown, "next": cursor_of(shown[-1]) if more else None}
