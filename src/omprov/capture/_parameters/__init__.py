"""The parameters of a run, read from its command line and the files that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._invocation import Invocation, Launcher, find_invocation
    from ._reading import Parameters, read_parameters

__all__ = ["Invocation", "Launcher", "Parameters", "find_invocation", "read_parameters"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Invocation": "._invocation",
        "Launcher": "._invocation",
        "Parameters": "._reading",
        "find_invocation": "._invocation",
        "read_parameters": "._reading",
    },
)
