"""A version together with the repository it was found in, for people at a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from omprov.content import StoredTree
    from omprov.records import Difference, Inherits, Version

    from ._door import Repository
    from ._reading import Lineage


class VersionHandle:
    """A version that can be asked about its relations.

    Attributes:
        record: the version itself.
    """

    def __init__(self, repository: Repository, record: Version) -> None:
        self._repository = repository
        self.record = record

    @property
    def reference(self) -> str:
        """How people write this version."""
        return self.record.reference

    @property
    def inherits(self) -> list[Inherits]:
        """What it inherits directly, lightest first, with reasons."""
        return self._repository.inherits(self.record)

    @property
    def inherited_by(self) -> list[Inherits]:
        """What inherits it directly, lightest first, with reasons."""
        return self._repository.inherited_by(self.record)

    @property
    def tree(self) -> StoredTree:
        """Its files."""
        return self._repository.tree(self.record)

    def open(self, path: str) -> BinaryIO:
        """Open one of its files for reading; seekable."""
        return self._repository.open_file(self.record, path)

    def lineage(
        self, direction: Literal["up", "down"] = "up", *, depth: int | None = None
    ) -> Lineage:
        """Return what it came from (``up``), or what came of it (``down``)."""
        return self._repository.lineage(self.record, direction, depth=depth)

    def diff(self, older: str, *, measure: str | None = None) -> Difference:
        """Measure by how much it differs from `older`, with evidence."""
        return self._repository.diff(older, self.record, measure=measure)

    def finer_diff(self, older: str) -> tuple[Difference, ...]:
        """Say more of the files that changed since `older`: rows, records, cells, tensors."""
        return self._repository.finer_diff(older, self.record)

    def __repr__(self) -> str:
        return f"<{self.reference}>"
