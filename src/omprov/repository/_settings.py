"""The versions of a run's parameters and environment: planned before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, NotFound
from omprov.records import AssetName, Kind, name_like

from ._resolving import new_asset_name
from ._versions import AUTO, find_asset, plan_version, write_version

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from omprov.catalog import CatalogReader, CatalogWriter
    from omprov.content import TreeSummary
    from omprov.records import Asset, Digest, Version

    from ._contents import Differences
    from ._graphs import Graphs
    from ._recording import Output
    from ._versions import Plan


@dataclass(frozen=True, slots=True)
class Stored:
    """Content that lies in the store already, for `write_run`.

    Attributes:
        outputs: role → what was made, and its content.
        params: the content of the parameters.
        environment: that of the environment.
        planned: what becomes of those two, as of a position of the change feed.
        position: that position.
    """

    outputs: Mapping[str, tuple[Output, TreeSummary | None]]
    params: TreeSummary | None
    environment: TreeSummary | None
    planned: Mapping[AssetName, Plan] = field(default_factory=dict)
    position: int = 0

    def digests(self) -> list[Digest | None]:
        """Return the contents that versions will name."""
        trees = [*(tree for _, tree in self.outputs.values()), self.params, self.environment]
        return [None if tree is None else tree.digest for tree in trees]

    def settings(self) -> Iterator[tuple[str, Kind, TreeSummary]]:
        """Give role, kind and content of the parameters and of the environment, where they are."""
        if self.params is not None:
            yield "params", Kind.PARAMS, self.params
        if self.environment is not None:
            yield "environment", Kind.ENVIRONMENT, self.environment

    def at(self, position: int) -> Stored:
        """Return the same without plans, if anything was recorded since they were made."""
        return self if position == self.position else replace(self, planned={})


def plan_settings(
    reader: CatalogReader, differences: Differences, stored: Stored, *, name: str, project: str
) -> Stored:
    """Plan the versions of parameters and environment, so that no transaction waits for it.

    What is wrong with the outputs is for the transaction to tell.

    Args:
        reader: a view of the catalog.
        differences: what compares.
        stored: the contents.
        name: of the run.
        project: whose assets they are.
    """
    position = reader.position()
    try:
        owner = _owner(reader, stored, name, project)
    except (NotFound, InvalidInput):
        return stored
    planned: dict[AssetName, Plan] = {}
    for _, kind, summary in stored.settings():
        asset = AssetName(project, kind, owner)
        try:
            known = find_asset(reader, asset, project)
        except NotFound:
            return stored
        planned[asset] = plan_version(reader, differences, known, summary.digest, inherits=AUTO)
    return replace(stored, planned=planned, position=position)


def _owner(reader: CatalogReader, stored: Stored, name: str, project: str) -> str:
    for output, _ in stored.outputs.values():
        asset = find_asset(reader, output.asset, project)
        return (asset.name if asset else new_asset_name(output.asset, project)).name
    return name_like(name, "run")


def add_settings(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    made: Mapping[str, Asset],
    stored: Stored,
    *,
    used: Container[str],
    name: str,
    project: str,
) -> dict[str, Version]:
    """Return the versions of a run's parameters and environment, by role; recorded where new.

    Args:
        writer: of the one transaction.
        graphs: kept in step.
        differences: what compares.
        made: the assets of the outputs; the first one's name is theirs, too.
        stored: their contents, with what was planned as of this transaction.
        used: roles that are taken.
        name: of the run: theirs where there is no output.
        project: whose assets they are.
    """
    owner = next(iter(made.values())).name.name if made else name_like(name, "run")
    found: dict[str, Version] = {}
    for role, kind, summary in stored.settings():
        if role in used:
            continue
        wanted = AssetName(project, kind, owner)
        asset = find_asset(writer, wanted, project) or writer.add_asset(wanted)
        plan = stored.planned.get(wanted) or plan_version(
            writer, differences, asset, summary.digest, inherits=AUTO
        )
        found[role] = write_version(writer, graphs, asset, plan, summary).version
    return found
