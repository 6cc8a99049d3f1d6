"""OpenLineage: takes the events of other tools as runs, answers Marquez's reads, emits our runs.

`make_routes` is what a server mounts; the rest is for whoever delivers runs and lets others know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._emitting import Emission, emission_of, events_of
    from ._outbox import Emitted, Emitter, Receiver
    from ._routes import make_routes

__all__ = [
    "Emission",
    "Emitted",
    "Emitter",
    "Receiver",
    "emission_of",
    "events_of",
    "make_routes",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Emission": "._emitting",
        "Emitted": "._outbox",
        "Emitter": "._outbox",
        "Receiver": "._outbox",
        "emission_of": "._emitting",
        "events_of": "._emitting",
        "make_routes": "._routes",
    },
)
