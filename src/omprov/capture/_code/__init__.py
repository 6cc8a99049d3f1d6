"""The code of a run: which version of which algorithm, what was changed, what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._code import Code, LeftOut
    from ._recording import record_code
    from ._rules import DEFAULT_LIMITS, Limits

__all__ = ["DEFAULT_LIMITS", "Code", "LeftOut", "Limits", "record_code"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "DEFAULT_LIMITS": "._rules",
        "Code": "._code",
        "LeftOut": "._code",
        "Limits": "._rules",
        "record_code": "._recording",
    },
)
