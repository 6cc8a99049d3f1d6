"""Runs that are recorded bit by bit."""

from __future__ import annotations

from own_doors import OwnDoors

from omprov.testing.repository import RunUpdateContract


class TestRunUpdates(OwnDoors, RunUpdateContract):
    pass
