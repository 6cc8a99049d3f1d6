"""The change feed, as others may see it: what happened, and in which project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omprov.catalog import ChangeKind
from omprov.repository._door._opened import Opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from omprov.catalog import CatalogReader, FeedRow
    from omprov.records import AssetName, RunId, VersionId

PAGE = 500
"""How many changes one call gives at most."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One change.

    Attributes:
        position: rises with each change of the repository.
        kind: what sort of change.
        time: when.
        project: whose; ``None`` for what concerns no single one.
        asset: which asset changed, or has the version that did.
        version: which version.
        run: which run.
        data: more of it, as the catalog has it.
    """

    position: int
    kind: ChangeKind
    time: datetime
    project: str | None
    asset: AssetName | None
    version: VersionId | None
    run: RunId | None
    data: Mapping[str, Any]


class Changes(Opened):
    """The change feed."""

    def position(self) -> int:
        """Return the position of the last change; 0 where there is none."""
        with self._reading() as reader:
            return reader.position()

    def list_changes(self, after: int, *, limit: int = PAGE) -> list[Happened]:
        """Return the changes above position `after`, in order; at most `PAGE` of them."""
        with self._reading() as reader:
            rows = list(reader.iter_feed(after, min(limit, PAGE)))
            return _described(reader, rows)


def _described(reader: CatalogReader, rows: Sequence[FeedRow]) -> list[Happened]:
    """Say of rows of the feed what they concern, in a constant number of statements."""
    assets = reader.get_assets({row.asset for row in rows if row.asset is not None})
    versions = reader.get_versions({row.version for row in rows if row.version is not None})
    runs = reader.run_projects({run for row in rows if (run := _run_of(row)) is not None})

    found = []
    for row in rows:
        asset = None if row.asset is None else assets.get(row.asset)
        version = None if row.version is None else versions.get(row.version)
        run = _run_of(row)
        name = asset.name if asset else version.asset if version else None
        found.append(
            Happened(
                row.position,
                row.kind,
                row.time,
                name.project if name else runs.get(run) if run else _project_of(row),
                name,
                version.id if version else None,
                run if run in runs else None,
                row.data,
            )
        )
    return found


def _run_of(row: FeedRow) -> RunId | None:
    """Return the run that a row may be of; the target of a tag may be another thing."""
    match row.kind:
        case ChangeKind.RUN:
            run: RunId | None = row.data.get("run")
            return run
        case ChangeKind.TAG if row.asset is None and row.version is None:
            target: RunId | None = row.data.get("target")
            return target
        case _:
            return None


def _project_of(row: FeedRow) -> str | None:
    name: str | None = row.data.get("name") if row.kind is ChangeKind.PROJECT else None
    return name
