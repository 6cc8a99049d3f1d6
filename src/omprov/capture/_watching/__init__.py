"""Which files the processes of a run read and wrote, and which of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._rules import Rules, Verdict, apply_rules, patterns, rules_of
    from ._watch import Watch, watch_files
    from ._watched import Watched

__all__ = [
    "Rules",
    "Verdict",
    "Watch",
    "Watched",
    "apply_rules",
    "patterns",
    "rules_of",
    "watch_files",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Rules": "._rules",
        "Verdict": "._rules",
        "Watch": "._watch",
        "Watched": "._watched",
        "apply_rules": "._rules",
        "patterns": "._rules",
        "rules_of": "._rules",
        "watch_files": "._watch",
    },
)
