"""Aliases and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, NotFound
from omprov.records import LATEST, Reference, check_name
from omprov.repository._door._runs import Runs
from omprov.repository._resolving import resolve_asset, resolve_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.records import Run, Version
    from omprov.repository._door._opened import AnyAsset, AnyVersion


class Labels(Runs):
    """Aliases and tags."""

    def set_alias(self, reference: AnyVersion, alias: str) -> Version | None:
        """Point an alias at a version; return where it pointed before.

        Raises:
            InvalidInput: it reads as a version number or is ``latest``.
        """
        check_name(alias, "alias")
        if alias == LATEST or Reference("x", selector=alias).number is not None:
            raise InvalidInput(f"alias {alias!r} would hide a version; take another word")
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            asset = resolve_asset(writer, version.asset, self.project)
            before = writer.set_alias(asset.id, alias, version.key)
            return writer.get_versions([before])[before] if before is not None else None

    def remove_alias(self, asset: AnyAsset, alias: str) -> None:
        """Take an alias away.

        Raises:
            NotFound: the asset has no such alias.
        """
        with self._writing() as writer:
            found = resolve_asset(writer, asset, self.project)
            if writer.set_alias(found.id, alias, None) is None:
                raise NotFound("alias", alias, writer.aliases(found.name))

    def set_tags(self, reference: AnyVersion, tags: Mapping[str, str | None]) -> Version:
        """Set tags of a version; ``None`` takes one away."""
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            writer.set_tags(version.id, tags)
            return writer.get_versions([version.key])[version.key]

    def set_run_tags(self, id: str, tags: Mapping[str, str | None]) -> Run:
        """Set tags of a run; ``None`` takes one away."""
        run = self.get_run(id)
        with self._writing() as writer:
            writer.set_tags(run.id, tags)
        return self.get_run(run.id)
