"""Which files the processes of a run read and wrote, and which of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._rules import Judged, Rules, Verdict, apply_rules, make_rules
    from ._watch import Watch, watch_files
    from ._watched import Watched

__all__ = [
    "Judged",
    "Rules",
    "Verdict",
    "Watch",
    "Watched",
    "apply_rules",
    "make_rules",
    "watch_files",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Judged": "._rules",
        "Rules": "._rules",
        "Verdict": "._rules",
        "Watch": "._watch",
        "Watched": "._watched",
        "apply_rules": "._rules",
        "make_rules": "._rules",
        "watch_files": "._watch",
    },
)
