"""The contract suite of repositories: of `Repository` itself, and of whatever takes its place.

Inherit each class in own tests, and override the fixtures of `NeedsRepository`.
"""

from ._folders import FolderContract
from ._needs import NeedsRepository
from ._reading import ReadingContract
from ._run_updates import RunUpdateContract
from ._runs import RunContract
from ._versions import VersionContract

__all__ = [
    "FolderContract",
    "NeedsRepository",
    "ReadingContract",
    "RunContract",
    "RunUpdateContract",
    "VersionContract",
]
