"""What a version may be given as content, and how versions' contents are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import omprov.diff
from omprov.content import TreeSummary, split_url
from omprov.errors import InvalidInput, NotFound, SourceChanged
from omprov.records import Difference, Digest, Kind, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.catalog import CatalogReader
    from omprov.content import ContentStore, Progress, Referenced, StoredTree
    from omprov.diff import KeysRead
    from omprov.records import Asset, VersionKey

    Content: TypeAlias = "str | Path | Mapping[str, bytes] | TreeSummary | ByReference | None"
    """A folder or file on disk, files in memory, something stored already, data that stays where it
    is, or nothing at all."""

PARAMS_FILE = "params.json"
ENVIRONMENT_FILE = "environment.json"

_SETTINGS = {Kind.PARAMS, Kind.ENVIRONMENT}
_TREES_KEPT = 512
_LARGEST_KEPT = 32 << 10
"""Bytes of a tree of settings that is kept in memory: each new one is compared with several."""


@dataclass(frozen=True, slots=True)
class ByReference:
    """Data that stays where it is: its manifest is recorded, its bytes are not.

    Attributes:
        place: a folder or file, or a URL (``s3://``, ``gs://``, ``az://``, ``file://``).
        hashed: read everything once, for its digest; else sizes with ETags or times stand for it.
            ``None`` reads disks and not buckets.
    """

    place: str | Path
    hashed: bool | None = None

    @property
    def path(self) -> Path | None:
        """Where it is on disk; ``None`` in a bucket."""
        text = str(self.place)
        if "://" not in text:
            return Path(text)
        url = split_url(text)
        return Path(url.path) if url.scheme == "file" else None


def path_of(content: Content) -> Path | None:
    """Return the path of content that is a folder or file on disk."""
    match content:
        case str() | Path():
            return Path(content)
        case ByReference():
            return content.path
        case _:
            return None


def store_content(
    store: ContentStore, content: Content, progress: Progress | None = None
) -> tuple[TreeSummary | None, dict[str, Any]]:
    """Put content in the store; when this returns, it is durable.

    Returns:
        What was stored, and what the version's source says of it.

    Raises:
        NotFound: there is no such path.
    """
    match content:
        case None | TreeSummary():
            return content, {}
        case str() | Path():
            path = Path(content)
            if not path.exists() and not path.is_symlink():
                raise NotFound("file or folder", path)
            return store.put_tree(path, progress=progress), {}
        case ByReference():
            found = store.put_reference(content.place, hashed=content.hashed, progress=progress)
            return found.summary, _source_of(found)
        case _:
            return store.put_files(content), {}


def store_contents(store: ContentStore, contents: Sequence[Content]) -> list[TreeSummary | None]:
    """Put several contents in the store, as `store_content` does; those in memory at once.

    Raises:
        NotFound: one is a path where nothing is.
    """
    found = [
        None if isinstance(content, Mapping) else store_content(store, content)[0]
        for content in contents
    ]
    in_memory = {at: one for at, one in enumerate(contents) if isinstance(one, Mapping)}
    if in_memory:
        trees = store.put_trees(in_memory.values())
        for at, tree in zip(in_memory, trees, strict=True):
            found[at] = tree
    return found


def _source_of(found: Referenced) -> dict[str, Any]:
    source: dict[str, Any] = {"reference": found.address, "identified by": found.identified_by}
    if found.left_out_count:
        source["left out"] = {"count": found.left_out_count, "for instance": [*found.left_out]}
    return source


def json_file(name: str, value: Mapping[str, Any]) -> dict[str, bytes]:
    """Write a mapping as the one file of a params or environment version, the same bytes always.

    Raises:
        InvalidInput: a value is no JSON data.
    """
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1)
        return {name: (text + "\n").encode()}
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} cannot hold this: {error}; give JSON values") from error


class Differences:
    """Differences between versions, each computed once.

    Args:
        store: where the contents are.
    """

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._word_counts: dict[Digest, int] = {}
        self._weight = lru_cache(maxsize=100_000)(self._compute_weight)
        self._settings = lru_cache(maxsize=_TREES_KEPT)(self._keep_settings)
        self._keys = lru_cache(maxsize=_TREES_KEPT)(self._read_keys)

    def know_words(self, tree: Digest, words: int) -> None:
        """Take over how many words all files of a tree have, so that they need not be read."""
        self._word_counts.setdefault(Digest(f"tree:{tree}"), words)

    def between(
        self,
        older: Digest | None,
        newer: Digest | None,
        kind: Kind,
        measure: str | None,
        *,
        must_read: bool = False,
        sample: int = 100,
    ) -> Difference:
        """Compute by how much one content differs from another, with evidence.

        Args:
            older: ``None`` for no content.
            newer: the same.
            kind: chooses the measure where none is named.
            measure: its name.
            must_read: raise where data kept by reference is not what it was; else the files that
                differ are counted instead, and the difference says so.
            sample: how many changes to keep as evidence at most.
        """
        chosen = omprov.diff.measure_for(kind, measure)
        if older == newer:
            return Difference(chosen.name, 0, 0)
        find = self._settings if kind in _SETTINGS else self._store.tree
        old = None if older is None else find(older)
        new = None if newer is None else find(newer)
        try:
            if chosen.name == "keys" and kind in _SETTINGS and _is_small(old) and _is_small(new):
                return omprov.diff.compare_keys_read(
                    self._keys(older), self._keys(newer), sample=sample
                )
            return chosen.compare(old, new, sample=sample, word_counts=self._word_counts)
        except (NotFound, SourceChanged) as error:  # of what lies elsewhere
            if must_read:
                raise
            instead = omprov.diff.get_measure("files").compare(old, new, sample=sample)
            return replace(instead, exact=False, note=f"files instead of {chosen.name}: {error}")

    def _keep_settings(self, digest: Digest) -> StoredTree:
        tree = self._store.tree(digest)
        return tree.keeping_files() if _is_small(tree) else tree

    def _read_keys(self, digest: Digest | None) -> KeysRead:
        return omprov.diff.read_keys(None if digest is None else self._store.tree(digest))

    def weight(
        self, older: Digest | None, newer: Digest | None, kind: Kind, measure: str | None
    ) -> float:
        """Return the weight alone; remembered."""
        return 0.0 if older == newer else self._weight(older, newer, kind, measure)

    def _compute_weight(
        self, older: Digest | None, newer: Digest | None, kind: Kind, measure: str | None
    ) -> float:
        return self.between(older, newer, kind, measure, sample=0).weight

    def free_distance(
        self, reader: CatalogReader, newer: VersionKey | None, older: VersionKey | None
    ) -> float:
        """Return the difference of two versions in a free role, by the newer one's measure.

        Where the newer run used none, the older one's measure counts.
        """
        leading = older if newer is None else newer
        if leading is None or newer == older:
            return 0.0
        versions = reader.get_versions([key for key in (newer, older) if key is not None])
        some = versions[leading]
        asset = reader.find_asset(some.asset)

        def digest(key: VersionKey | None) -> Digest | None:
            return None if key is None else versions[key].digest

        return self.weight(
            digest(older), digest(newer), some.asset.kind, asset.measure if asset else None
        )


def _is_small(tree: StoredTree | None) -> bool:
    return tree is None or tree.size <= _LARGEST_KEPT


def nearest(
    differences: Differences, asset: Asset, digest: Digest, candidates: list[Version]
) -> Version | None:
    """Return the version whose content is nearest to `digest`; of equally near ones the first.

    Files in common decide; where those are equal, the asset's own measure does.

    Args:
        differences: what compares.
        asset: whose measure.
        digest: the new content.
        candidates: the versions to choose from, newest first.
    """
    kind = asset.name.kind
    by_files = [(differences.weight(v.digest, digest, kind, "files"), v) for v in candidates]
    if not by_files:
        return None
    least = min(weight for weight, _ in by_files)
    close = [version for weight, version in by_files if weight == least]
    if len(close) == 1:
        return close[0]
    return min(close, key=lambda v: differences.weight(v.digest, digest, kind, asset.measure))
