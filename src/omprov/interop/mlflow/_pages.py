"""Pages of lists: opaque tokens that say where the next one begins."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._call import Call

T = TypeVar("T")


def page(
    call: Call, find: Callable[[int, int], Sequence[T]], *, usual: int, most: int
) -> tuple[Sequence[T], dict[str, Any]]:
    """Return a page, and what to answer beside it.

    Args:
        call: says how many, and where the page begins.
        find: returns so many from there.
        usual: how many, where the call does not say.
        most: how many it may ask for.

    Raises:
        Refused: the number or the token cannot be right.
    """
    limit = call.number("max_results", usual)
    if not 0 < limit <= most:
        raise invalid(f"Invalid value {limit} for parameter 'max_results': it takes 1 to {most}.")
    offset = _offset(call.find_text("page_token"))
    found = find(limit + 1, offset)
    if len(found) <= limit:
        return found, {}
    return found[:limit], {"next_page_token": _token(offset + limit)}


def _token(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (ValueError, KeyError, TypeError) as error:
        raise invalid("Invalid page token, could not base64-decode") from error
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < 2**62:
        raise invalid(f"Invalid page token: the offset {offset!r} is none")
    return offset
