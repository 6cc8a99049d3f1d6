"""OMProv: where every model came from, and by how much it differs from the ones before it."""

from __future__ import annotations

__version__ = "0.1.0"
