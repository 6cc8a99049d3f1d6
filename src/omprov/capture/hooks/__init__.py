"""Hooks for the frameworks that people train with: one module for each, loaded with its framework.

Import the one you need, for instance `omprov.capture.hooks.lightning`, or let `omprov.autolog` turn
them on as frameworks are imported. A hook writes to the active run, and begins one of its own where
there is none. An error inside a hook is said once, as a warning, and training goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._autolog import autolog

__all__ = ["autolog"]

__getattr__, __dir__ = load_on_use(__name__, {"autolog": "._autolog"})
