"""From the files that a run read and wrote to the versions that are its inputs and outputs.

`docs/design/placing.md` has the rules, in the order in which they apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._reads import PlacedInputs, place_reads
    from ._recording import copy_limit
    from ._writes import PlacedOutputs, place_writes, remember_outputs
    from ._written import Written, find_written

__all__ = [
    "PlacedInputs",
    "PlacedOutputs",
    "Written",
    "copy_limit",
    "find_written",
    "place_reads",
    "place_writes",
    "remember_outputs",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "PlacedInputs": "._reads",
        "PlacedOutputs": "._writes",
        "Written": "._written",
        "copy_limit": "._recording",
        "find_written": "._written",
        "place_reads": "._reads",
        "place_writes": "._writes",
        "remember_outputs": "._writes",
    },
)
