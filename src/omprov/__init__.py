"""OMProv: where every model came from, and by how much it differs from those before it.

The front door. Every name loads on its first use, so ``import omprov`` itself costs next to
nothing.

Example:
    >>> import omprov
    >>> with omprov.start_run("train") as run:
    ...     data = run.use("dataset/digits:latest")
    ...     run.log_params({"lr": 0.1})
    ...     run.log_metric("accuracy", 0.97, step=10)
    ...     run.log_output("model/digits-mlp", "out")
    >>> omprov.get_version("model/digits-mlp").inherits
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from omprov._front import add_version, connect, difference, get_version, run, start_run
    from omprov.capture import ActiveRun, active_run
    from omprov.capture.hooks import autolog
    from omprov.errors import OmprovError
    from omprov.records import Kind, Policy, Reference
    from omprov.repository import Output, Repository

__version__ = "0.1.0"

_HOMES = {
    "ActiveRun": "omprov.capture",
    "Kind": "omprov.records",
    "OmprovError": "omprov.errors",
    "Output": "omprov.repository",
    "Policy": "omprov.records",
    "Reference": "omprov.records",
    "Repository": "omprov.repository",
    "active_run": "omprov.capture",
    "add_version": "omprov._front",
    "autolog": "omprov.capture.hooks",
    "connect": "omprov._front",
    "difference": "omprov._front",
    "get_version": "omprov._front",
    "run": "omprov._front",
    "start_run": "omprov._front",
}

__all__ = [
    "ActiveRun",
    "Kind",
    "OmprovError",
    "Output",
    "Policy",
    "Reference",
    "Repository",
    "__version__",
    "active_run",
    "add_version",
    "autolog",
    "connect",
    "difference",
    "get_version",
    "run",
    "start_run",
]


def load_ipython_extension(ipython: Any) -> None:
    """Let a notebook record its cells: ``%load_ext omprov``."""
    from omprov.capture.hooks import ipython as hook  # loads with its framework only

    hook.load_ipython_extension(ipython)


__getattr__, __dir__ = load_on_use(__name__, _HOMES)
