"""Aliases and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import LATEST, Reference, check_name
from omprov.repository._door._runs import Runs
from omprov.repository._resolving import resolve_asset, resolve_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog import CatalogReader
    from omprov.records import AssetName, Run, Version, VersionKey
    from omprov.repository._door._opened import AnyAsset, AnyVersion


ANYWHERE: Literal["any"] = "any"
"""Stands for wherever an alias points now."""


class Labels(Runs):
    """Aliases and tags."""

    def set_alias(
        self,
        reference: AnyVersion,
        alias: str,
        *,
        expected: Version | Literal["any"] | None = ANYWHERE,
    ) -> Version | None:
        """Point an alias at a version; return where it pointed before.

        Args:
            reference: the version.
            alias: its name.
            expected: where the caller saw it point; ``None`` for nowhere. Left out, it is moved
                from wherever it is.

        Raises:
            InvalidInput: it reads as a version number or is ``latest``.
            NotAllowed: it is protected, and this view is of nobody who owns the project.
            Conflict: it points elsewhere than expected; the message says who moved it.
        """
        check_name(alias, "alias")
        if alias == LATEST or Reference("x", selector=alias).number is not None:
            raise InvalidInput(f"alias {alias!r} would hide a version; take another word")
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            asset = resolve_asset(writer, version.asset, self.project)
            self._check_may_move(writer, asset.name, [alias])
            _check_expected(writer, asset.name, alias, expected)
            before = writer.set_alias(asset.id, alias, version.key)
            return writer.get_versions([before])[before] if before is not None else None

    def remove_alias(
        self,
        asset: AnyAsset,
        alias: str,
        *,
        expected: Version | Literal["any"] | None = ANYWHERE,
    ) -> None:
        """Take an alias away.

        Args:
            asset: whose.
            alias: its name.
            expected: where the caller saw it point. Left out, it is taken wherever it is.

        Raises:
            NotFound: the asset has no such alias.
            NotAllowed: it is protected, and this view is of nobody who owns the project.
            Conflict: it points elsewhere than expected; the message says who moved it.
        """
        with self._writing() as writer:
            found = resolve_asset(writer, asset, self.project)
            self._check_may_move(writer, found.name, [alias])
            _check_expected(writer, found.name, alias, expected)
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


def _check_expected(
    reader: CatalogReader,
    asset: AssetName,
    alias: str,
    expected: Version | Literal["any"] | None,
) -> None:
    """Raise `Conflict` where an alias does not point where it is expected to."""
    if expected == ANYWHERE:
        return
    now = reader.aliases(asset).get(alias)
    seen = None if expected is None else expected.key
    if now == seen:
        return
    moved = reader.last_move(asset, alias)
    by = f": {moved.who} moved it at {moved.time:%Y-%m-%d %H:%M:%S %Z}" if moved else ""
    raise Conflict(
        f"{alias} of {asset} points to {_shown(reader, now)}, not to {_shown(reader, seen)}{by}. "
        "Look again, and move it from there."
    )


def _shown(reader: CatalogReader, key: VersionKey | None) -> str:
    if key is None:
        return "nothing"
    return f"v{reader.get_versions([key])[key].number}"
