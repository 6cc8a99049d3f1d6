"""Version graphs: what inherits what, by how much it differs, and what follows for outputs.

A `VersionGraph` holds the versions of inputs with their declared edges; it answers reachability and
lightest routes, and depends on nothing but NumPy and the records.
"""

from omprov.errors import CycleError

from ._version_graph import VersionGraph

__all__ = ["CycleError", "VersionGraph"]
