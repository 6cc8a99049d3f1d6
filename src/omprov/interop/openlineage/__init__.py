"""OpenLineage: takes the events of other tools as runs, and answers Marquez's reads.

`make_routes` is what a server mounts.
"""

from __future__ import annotations

from ._routes import make_routes

__all__ = ["make_routes"]
