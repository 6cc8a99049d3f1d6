"""Folders on disk: what they hold, what changed, and getting versions back."""

from __future__ import annotations

from own_doors import OwnDoors

from omprov.testing.repository import FolderContract


class TestFolders(OwnDoors, FolderContract):
    pass
