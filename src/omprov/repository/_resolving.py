"""From what people write to the asset or version they mean."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, assert_never

from omprov.errors import AmbiguousReference, InvalidInput, NotFound
from omprov.records import LATEST, AssetName, Kind, Reference, Version, show_digest

if TYPE_CHECKING:
    from omprov.catalog import CatalogReader
    from omprov.records import Asset

BESIDE_OUTPUTS = frozenset({Kind.PARAMS, Kind.ENVIRONMENT})
"""The kinds that runs record by themselves, under the names of what they make: a short name means
one of them only where nothing else has it."""


def parse(reference: str | Reference | AssetName | Version) -> Reference:
    """Give the reference that `reference` is, names or reads as.

    Raises:
        InvalidReference: it is text that is no reference.
    """
    match reference:
        case Reference():
            return reference
        case AssetName():
            return Reference(reference.name, reference.kind, reference.project)
        case Version():
            name = reference.asset
            return Reference(name.name, name.kind, name.project, f"v{reference.number}")
        case str():
            return Reference.parse(reference)
        case _:
            assert_never(reference)


def resolve_asset(
    reader: CatalogReader, reference: str | Reference | AssetName, project: str
) -> Asset:
    """Find the asset that a reference names; its selector is not looked at.

    Args:
        reader: where to look.
        reference: what the user wrote.
        project: the project of references that name none.

    Raises:
        NotFound: no such asset, or it was removed; with near matches.
        AmbiguousReference: the kind was left out and several kinds have the name, those of
            `BESIDE_OUTPUTS` aside.
    """
    wanted = parse(reference)
    home = wanted.project or project
    if wanted.kind is not None:
        asset = reader.find_asset(AssetName(home, wanted.kind, wanted.name))
        if asset is not None and asset.removed is None:
            return asset
    return _search_asset(reader, wanted, home)


def _search_asset(reader: CatalogReader, wanted: Reference, home: str) -> Asset:
    """Find an asset by a short name, or say what is wrong with the reference."""
    if reader.find_project(home) is None:
        raise NotFound("project", home, _near(home, [p.name for p in reader.list_projects()]))
    found = reader.list_assets(project=home, kind=wanted.kind, name=wanted.name)
    meant = [asset for asset in found if asset.name.kind not in BESIDE_OUTPUTS] or found
    if len(meant) == 1:
        return meant[0]
    if found:
        raise AmbiguousReference(str(wanted), [str(asset.name) for asset in found])
    if wanted.kind is not None:
        gone = reader.find_asset(AssetName(home, wanted.kind, wanted.name))
        if gone is not None and gone.removed is not None:
            hint = f"It was removed on {gone.removed:%Y-%m-%d}; its name stays taken."
            raise NotFound("asset", gone.name, hint=hint)
    raise NotFound("asset", _without_selector(wanted), _near_assets(reader, wanted, home))


def resolve_version(
    reader: CatalogReader,
    reference: str | Reference | AssetName | Version,
    project: str,
    *,
    removed: bool = False,
) -> Version:
    """Find the version that a reference names; without a selector, the latest.

    Args:
        reader: where to look.
        reference: what the user wrote.
        project: the project of references that name none.
        removed: a removed version may be named too, by its asset's kind and name and its number:
            its tombstone answers for what it was, and what came of it.

    Raises:
        NotFound: no such asset, version or alias, or it was removed.
        AmbiguousReference: a digest prefix that several contents share, or as `resolve_asset`.
    """
    wanted = parse(reference)
    if removed and wanted.kind is not None and wanted.number is not None:
        name = AssetName(wanted.project or project, wanted.kind, wanted.name)
        known = reader.find_version(name, wanted.number)
        if known is not None:
            return known
    asset = resolve_asset(reader, wanted, project).name
    if wanted.number is not None:
        version = reader.find_version(asset, wanted.number)
        if version is not None and version.removed is not None:
            raise NotFound("version", wanted, hint=f"It was removed on {version.removed:%Y-%m-%d}.")
    elif wanted.digest_prefix is not None:
        version = _by_digest(reader, asset, wanted, wanted.digest_prefix)
    elif wanted.alias is not None:
        version = reader.find_version_by_alias(asset, wanted.alias)
    else:
        newest = reader.list_versions(asset, limit=1)
        version = newest[0] if newest else None
    if version is None:
        raise _no_version(reader, asset, wanted)
    return version


def _by_digest(
    reader: CatalogReader, asset: AssetName, wanted: Reference, prefix: str
) -> Version | None:
    found = reader.find_versions_by_digest(asset, prefix)
    digests = {version.digest for version in found if version.digest is not None}
    if len(digests) > 1:
        raise AmbiguousReference(str(wanted), sorted(show_digest(d, 16) for d in digests))
    return found[0] if found else None


def _no_version(reader: CatalogReader, asset: AssetName, wanted: Reference) -> NotFound:
    newest = reader.list_versions(asset, limit=1)
    if not newest:
        return NotFound("version", wanted, hint=f"{asset} has no version yet: `omprov add` one.")
    number = newest[0].number
    names = [*reader.aliases(asset), LATEST, f"v{number}"]
    near = [f"{asset}:{name}" for name in _near(wanted.selector or "", names)]
    return NotFound("version", wanted, near, f"The newest is v{number}.")


def _near_assets(reader: CatalogReader, wanted: Reference, home: str) -> list[str]:
    by_name: dict[str, list[str]] = {}
    for asset in reader.list_assets(project=home):
        by_name.setdefault(asset.name.name, []).append(str(asset.name))
    return [full for name in _near(wanted.name, list(by_name)) for full in by_name[name]][:3]


def _near(word: str, words: list[str]) -> list[str]:
    return difflib.get_close_matches(word, words, n=3, cutoff=0.6)


def _without_selector(wanted: Reference) -> Reference:
    return Reference(wanted.name, wanted.kind, wanted.project)


def new_asset_name(reference: str | Reference | AssetName, project: str) -> AssetName:
    """Give the full name for an asset about to be made; the kind must be there.

    Raises:
        InvalidInput: the kind was left out, or there is a selector.
    """
    wanted = parse(reference)
    if wanted.selector is not None:
        raise InvalidInput(
            f"{wanted} names one version; leave out ':{wanted.selector}': the next number is given"
        )
    if wanted.kind is None:
        raise InvalidInput(
            f"{wanted} does not say what it is; write its kind, for example dataset/{wanted.name}"
        )
    return AssetName(wanted.project or project, wanted.kind, wanted.name)
