"""Files of versions: in the store, on disk, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import omprov.diff
from omprov.errors import InvalidInput
from omprov.repository._door._on_disk import OnDisk
from omprov.repository._door._versions import Versions
from omprov.repository._resolving import resolve_asset, resolve_version

if TYPE_CHECKING:
    from omprov.records import Asset, Difference, Version
    from omprov.repository._door._opened import AnyVersion


class Contents(Versions, OnDisk):
    """Files of versions: in the store, on disk, compared."""

    def diff(
        self, older: AnyVersion, newer: AnyVersion, *, measure: str | None = None
    ) -> Difference:
        """Measure by how much `newer` differs from `older`, with evidence.

        Args:
            older: a version.
            newer: a version of the same kind.
            measure: its name; the asset's own, or the kind's, where left out.

        Raises:
            NotFound: there is no such version or measure.
            InvalidInput: the two are of different kinds.
            SourceChanged: the measure reads data kept by reference that is not what it was.
        """
        if measure is not None:
            omprov.diff.get_measure(measure)
        old, new, asset = self._comparable(older, newer)
        return self._differences.between(
            old.digest, new.digest, new.asset.kind, measure or asset.measure, must_read=True
        )

    def finer_diff(
        self, older: AnyVersion, newer: AnyVersion, *, besides: str = ""
    ) -> tuple[Difference, ...]:
        """Say more of the files that changed: rows of tables, records, cells, tensors.

        Each measure that fits looks at those files only; where it cannot, or they are too large
        for an answer at once, its note says so. See `omprov.diff.finer_differences`.

        Args:
            older: a version.
            newer: a version of the same kind.
            besides: the measure that `diff` used already.

        Raises:
            NotFound: there is no such version.
            InvalidInput: the two are of different kinds.
        """
        old, new, _ = self._comparable(older, newer)
        trees = [
            None if version.digest is None else self.content.tree(version.digest)
            for version in (old, new)
        ]
        return omprov.diff.finer_differences(trees[0], trees[1], besides=besides)

    def _comparable(self, older: AnyVersion, newer: AnyVersion) -> tuple[Version, Version, Asset]:
        """Return both versions and the newer one's asset."""
        with self._reading() as reader:
            old = resolve_version(reader, older, self.project)
            new = resolve_version(reader, newer, self.project)
            asset = resolve_asset(reader, new.asset, self.project)
        if old.asset.kind != new.asset.kind:
            raise InvalidInput(
                f"{old} and {new} are of different kinds: compare versions of one kind"
            )
        return old, new, asset
