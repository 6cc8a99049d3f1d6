"""Lineage, routes and comparisons."""

from __future__ import annotations

from own_doors import OwnDoors

from omprov.testing.repository import ReadingContract


class TestReading(OwnDoors, ReadingContract):
    pass
