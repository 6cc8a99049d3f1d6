"""How changes are chosen and shown as evidence."""

from __future__ import annotations

import heapq
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omprov.records import Change

_SHOWN = 500  # characters of a value


def largest(
    changes: Sequence[Change], sample: int, size: Callable[[Change], float]
) -> tuple[Change, ...]:
    """Return the `sample` largest changes, largest first; equals stay in order."""
    return tuple(heapq.nlargest(sample, changes, key=size))


def shown(value: Any) -> Any:
    """Give a value as evidence: plain JSON data of bounded length.

    NaN and infinities become strings, as not every JSON reader takes them; what is long becomes the
    beginning of its JSON text.
    """
    plain = _finite(value)
    text = json.dumps(plain, ensure_ascii=False)
    return plain if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def listed(problems: Sequence[str]) -> str:
    """Put the first of some problems, and how many more there are, into one note."""
    distinct = list(dict.fromkeys(problems))
    more = f"; and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return "; ".join(distinct[:3]) + more
