"""Verifying a repository: the database, every stored byte, every inferred edge."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.records import AssetName, Digest, VersionKey, show_digest

from ._sources import get_asset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omprov.catalog import Catalog, CatalogReader
    from omprov.content import ContentStore, Progress

    from ._graphs import Graphs


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        room: ``catalog``, ``content``, ``graph`` or ``remote``.
        what: one sentence.
        versions: the versions that it hits, as people write them.
    """

    room: str
    what: str
    versions: tuple[str, ...] = ()


def check_catalog(catalog: Catalog) -> list[Finding]:
    """Let the database check itself."""
    return [Finding("catalog", what) for what in catalog.check()]


def check_content(
    store: ContentStore,
    reader: CatalogReader,
    *,
    every_byte: bool,
    progress: Progress | None = None,
    not_there: Callable[[set[Digest]], set[Digest]] | None = None,
) -> list[Finding]:
    """Verify the content store, and that every version's content is there.

    Args:
        store: which.
        reader: says what is needed.
        every_byte: read everything.
        progress: told the packs and bytes.
        not_there: of a shared repository, leaves out the contents that its bucket has.
    """
    roots: dict[Digest, list[VersionKey]] = defaultdict(list)
    for digest, key in reader.digests():
        roots[digest].append(key)
    if not_there is not None:
        roots = defaultdict(list, {digest: roots[digest] for digest in not_there(set(roots))})
    damages = store.fsck(progress=progress, full=every_byte)
    findings = [Finding("content", str(damage)) for damage in damages]
    for digest, what in store.check_reachable(roots, damages).items():
        findings.append(
            Finding(
                "content",
                f"content {show_digest(digest, 12)} cannot be read whole: {what}",
                references(reader, roots[digest]),
            )
        )
    return findings


def check_sources(
    store: ContentStore, reader: CatalogReader, *, read: bool, progress: Progress | None = None
) -> list[Finding]:
    """Look whether what versions hold by reference is still what it was."""
    roots: dict[Digest, list[VersionKey]] = defaultdict(list)
    for digest, key in reader.digests():
        roots[digest].append(key)
    findings = []
    for digest, losses in store.check_sources(roots, read=read, progress=progress).items():
        more = losses.count - len(losses.reasons)
        what = " · ".join(losses.reasons) + (f" · and {more} more" if more else "")
        findings.append(Finding("content", what, references(reader, roots[digest])))
    return findings


def check_graphs(reader: CatalogReader, graphs: Graphs) -> list[Finding]:
    """Infer every output graph anew and compare it with the stored edges."""
    names = [asset.name for asset in reader.output_assets()]
    findings = []
    for name, change in graphs.rebuild(names, {}).items():
        put_off = _put_off(reader, name) if change.reweighted else set()
        for word, edges in (
            ("is missing", change.added),
            ("should not be there", change.removed),
            ("has another weight", [e for e in change.reweighted if e[:2] not in put_off]),
        ):
            if edges:
                ends = sorted({key for edge in edges for key in (edge.newer, edge.older)})
                findings.append(
                    Finding(
                        "graph",
                        f"{name}: {len(edges)} inferred edge(s): what is stored {word}",
                        references(reader, ends),
                    )
                )
    return findings


def _put_off(reader: CatalogReader, name: AssetName) -> set[tuple[VersionKey, VersionKey]]:
    """Return the edges whose weight is computed when it is read: no damage."""
    edges = reader.inferred_edges(get_asset(reader, name).id)
    return {(edge.newer, edge.older) for edge in edges if edge.weight is None}


def references(reader: CatalogReader, keys: Sequence[VersionKey]) -> tuple[str, ...]:
    """Return how people write these versions."""
    versions = reader.get_versions(keys)
    return tuple(str(versions[key]) for key in keys if key in versions)
