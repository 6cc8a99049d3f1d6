"""Verifying the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from omprov.repository import _checking
from omprov.repository._door._opened import Opened

if TYPE_CHECKING:
    from omprov.content import Progress
    from omprov.repository._checking import Finding


class Care(Opened):
    """Verifying the repository."""

    def check(
        self,
        *,
        content: bool = True,
        graphs: bool = True,
        sources: Literal["look", "read"] | None = None,
        progress: Progress | None = None,
    ) -> list[Finding]:
        """Verify the repository: database, every stored byte, every inferred edge.

        Args:
            content: read and verify every byte of the content store.
            graphs: infer every output graph anew and compare.
            sources: ``look`` whether what is kept by reference still has its size and ETag, or
                ``read`` what has a known digest.
            progress: called as content is read.

        Returns:
            What is wrong, each with the versions that it hits; empty when all is well.
        """
        findings = _checking.check_catalog(self._catalog)
        with self._reading() as reader:
            findings += _checking.check_content(
                self.content, reader, every_byte=content, progress=progress
            )
            if sources is not None:
                findings += _checking.check_sources(
                    self.content, reader, read=sources == "read", progress=progress
                )
        if graphs:
            with self._reading_graphs() as reader:
                findings += _checking.check_graphs(reader, self._graphs)
        return findings

    def count_by_reference(self) -> int:
        """Return how many files of all versions are kept by reference, so that `check` reads none.

        Folders that versions share count once.
        """
        with self._reading() as reader:
            return self.content.count_elsewhere({digest for digest, _ in reader.digests()})
