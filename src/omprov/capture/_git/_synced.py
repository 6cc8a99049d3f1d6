"""What an import of a git history brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Synced:
    """What an import brought.

    Attributes:
        asset: whose versions the commits are.
        tips: where it began: reference → commit.
        commits: how many were not known.
        versions: how many of these made a version.
        vanished: versions whose commits no branch or tag leads to any more; they are kept.
    """

    asset: str
    tips: Mapping[str, str]
    commits: int
    versions: int
    vanished: int
