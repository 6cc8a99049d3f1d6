"""What a training is told: warnings of the logger ``omprov``."""

from __future__ import annotations


def warn(text: str, bug: Exception | None = None) -> None:
    """Say what went wrong beside the training.

    Args:
        text: what.
        bug: shown with its traceback.
    """
    import logging  # start-up: most runs have nothing to say

    logging.getLogger("omprov").warning("omprov: %s", text, exc_info=bug)
