"""The one door to a catalog and a content store: use cases and transactions.

`Repository` is what the command line, the Python front door and every later room call. It owns the
transactions, keeps the version graphs in step with the catalog, and never prints.
"""

from ._active_runs import ActiveRun, Used
from ._checking import Finding
from ._config import SETTINGS, Config, parse_size
from ._door import FOLDER, Repository
from ._door._remotes import Exchange
from ._handles import VersionHandle
from ._reading import History, Lineage, Link, Route
from ._recording import MetricPoint, Output
from ._versions import AUTO, Added
from ._workspace import Held, Workspace

__all__ = [
    "AUTO",
    "FOLDER",
    "SETTINGS",
    "ActiveRun",
    "Added",
    "Config",
    "Exchange",
    "Finding",
    "Held",
    "History",
    "Lineage",
    "Link",
    "MetricPoint",
    "Output",
    "Repository",
    "Route",
    "Used",
    "VersionHandle",
    "Workspace",
    "parse_size",
]
