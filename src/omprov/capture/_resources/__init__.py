"""What a run used: processor, memory, disks, GPUs and energy, over time and in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._resources import Resources
    from ._sampling import Sampler, sample_resources

__all__ = ["Resources", "Sampler", "sample_resources"]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Resources": "._resources",
        "Sampler": "._sampling",
        "sample_resources": "._sampling",
    },
)
