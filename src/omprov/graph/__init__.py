"""Version graphs: what inherits what, by how much it differs, and what follows for outputs.

A `VersionGraph` holds the versions of inputs with their declared edges; it answers reachability and
lightest routes. An `OutputGraph` holds versions that runs made, and infers from what the runs used
which version inherits which; every operation says by a `GraphChange` what it did to the stored
edges. Both are plain values in memory: no I/O, no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from omprov.errors import CycleError

    from ._changes import GraphChange
    from ._mean_distance import FreeDistance
    from ._output_graph import OutputGraph
    from ._tuning import Tuning
    from ._version_graph import VersionGraph

__all__ = ["CycleError", "FreeDistance", "GraphChange", "OutputGraph", "Tuning", "VersionGraph"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "CycleError": "omprov.errors",
        "FreeDistance": "._mean_distance",
        "GraphChange": "._changes",
        "OutputGraph": "._output_graph",
        "Tuning": "._tuning",
        "VersionGraph": "._version_graph",
    },
)
