"""Edges: declaring them, reading them, following them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from omprov.client._door._opened import path_of
from omprov.client._door._versions import Versions
from omprov.client._wire import from_json
from omprov.records import Inherits
from omprov.repository import History, Lineage, Route

if TYPE_CHECKING:
    from omprov.repository import AnyAsset, AnyVersion


class Edges(Versions):
    """Edges: declaring them, reading them, following them."""

    def add_edge(
        self, newer: AnyVersion, older: AnyVersion, *, weight: float | None = None
    ) -> Inherits:
        """Declare that one existing version inherits another; see `Repository.add_edge`."""
        body = {
            "newer": self.get_version(newer).id,
            "older": self.get_version(older).id,
            "weight": weight,
        }
        return self._send(Inherits, "POST", "/edges", body)

    def remove_edge(self, newer: AnyVersion, older: AnyVersion) -> None:
        """Take a declared edge away, and infer anew whatever rested on it."""
        body = {"newer": self._version_id(newer), "older": self._version_id(older)}
        self.connection.send("DELETE", "/edges", body)

    def inherits(self, reference: AnyVersion) -> list[Inherits]:
        """Return what a version inherits directly, lightest first, with reasons."""
        path = path_of("versions", self._version_id(reference), "inherits")
        return self._get(list[Inherits], path)

    def inherited_by(self, reference: AnyVersion) -> list[Inherits]:
        """Return what inherits a version directly, lightest first, with reasons."""
        path = path_of("versions", self._version_id(reference), "inherited-by")
        return self._get(list[Inherits], path)

    def history(self, asset: AnyAsset) -> History:
        """Return the version graph of an asset."""
        return self._get(History, self._asset_path(self.get_asset(asset), "history"))

    def lightest_route(self, newer: AnyVersion, older: AnyVersion) -> Route | None:
        """Return the lightest route from one version to another; None where there is none."""
        path = path_of("versions", self._version_id(newer), "route")
        found = self.connection.get(path, to=self._version_id(older))
        return None if found is None else from_json(Route, found)

    def lineage(
        self,
        reference: AnyVersion,
        direction: Literal["up", "down"] = "up",
        *,
        depth: int | None = None,
        inherits: bool = False,
    ) -> Lineage:
        """Return what a version came from (``up``), or what came of it (``down``)."""
        path = path_of("versions", self._version_id(reference), "lineage")
        return self._get(Lineage, path, direction=direction, depth=depth, inherits=inherits)
