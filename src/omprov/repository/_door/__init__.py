"""`Repository`, noun by noun: each module holds the calls about one noun."""

from __future__ import annotations

from omprov.repository._door._assets import Assets
from omprov.repository._door._backups import Backups
from omprov.repository._door._care import Care
from omprov.repository._door._changes import Changes
from omprov.repository._door._commits import Commits
from omprov.repository._door._contents import Contents
from omprov.repository._door._copying import Copying
from omprov.repository._door._edges import Edges
from omprov.repository._door._foreign import Foreign
from omprov.repository._door._labels import Labels
from omprov.repository._door._late_facts import LateFacts
from omprov.repository._door._opened import AnyAsset, AnyVersion
from omprov.repository._door._people import People
from omprov.repository._door._remotes import Remotes
from omprov.repository._door._requests import Requests

__all__ = ["AnyAsset", "AnyVersion", "Repository"]


class Repository(
    Assets,
    Contents,
    Commits,
    Remotes,
    Edges,
    Labels,
    LateFacts,
    People,
    Foreign,
    Care,
    Backups,
    Copying,
    Changes,
    Requests,
):
    """A repository in a folder.

    Every method that changes something is one transaction: all or nothing, durable when it
    returns. Safe to use from several threads, and from several processes at once; a write that has
    to wait for another for too long raises `Busy`.

    Use `create` or `open`; close it, or use it in a ``with`` statement.

    Attributes:
        path: the ``.omprov`` folder.
        project: the project of references that name none.
        who: the name recorded with every change.
        workspace: which versions the folders of the working directory hold.
        config: the settings.
        content: the content store.
    """
