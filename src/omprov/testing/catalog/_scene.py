"""The small history that the tests start from, and the fixtures that give it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from omprov.records import (
    Asset,
    AssetName,
    Digest,
    Edge,
    Kind,
    Origin,
    RunId,
    RunStatus,
    Version,
    VersionKey,
)

if TYPE_CHECKING:
    from omprov.catalog import Catalog, CatalogWriter

NOW = datetime(2026, 3, 1, 12, 30, 15, 123457, tzinfo=UTC)
NASTY = '<b>né</b> \'; DROP TABLE run; --  "%s" {} \\ 数据 🧪 \u202e \n\t'


@dataclass(frozen=True)
class Scene:
    """A small history: an algorithm of three versions, a dataset of one, a run, its model."""

    algorithm: Asset
    dataset: Asset
    model: Asset
    steps: tuple[Version, Version, Version]
    data: Version
    run: RunId
    made: Version


def set_scene(catalog: Catalog) -> Scene:
    """Record the history of `Scene` in one transaction."""
    with catalog.write("ann", NOW) as writer:
        writer.add_project("default")
        algorithm = writer.add_asset(AssetName("default", Kind.ALGORITHM, "net"))
        dataset = writer.add_asset(AssetName("default", Kind.DATASET, "digits"))
        model = writer.add_asset(AssetName("default", Kind.MODEL, "net"))
        first = upload(writer, algorithm, "aa" * 32)
        second = upload(writer, algorithm, "ab" * 32, parents={first.key: 0.25})
        third = upload(writer, algorithm, "bb" * 32, parents={second.key: 0.5})
        data = upload(writer, dataset, "cc" * 32)
        run, made = produce(writer, model, {"algorithm": third.key, "dataset": data.key})
    return Scene(algorithm, dataset, model, (first, second, third), data, run, made)


def upload(
    writer: CatalogWriter,
    asset: Asset,
    digest: str | None = None,
    parents: dict[VersionKey, float] | None = None,
) -> Version:
    """Add a version without a run, and its declared edges."""
    parents = parents or {}
    added = writer.add_version(
        asset.id,
        digest=None if digest is None else Digest(digest),
        feed={"parents": [list(item) for item in parents.items()]},
    )
    edges = [Edge(added.key, older, weight) for older, weight in parents.items()]
    writer.add_edges(edges, Origin.DECLARED)
    return added


def produce(
    writer: CatalogWriter, asset: Asset, inputs: dict[str, VersionKey]
) -> tuple[RunId, Version]:
    """Add a finished run with these inputs, and the version of `asset` that it made."""
    run = writer.add_run(
        project="default",
        name="train",
        status=RunStatus.SUCCEEDED,
        started=NOW,
        ended=NOW + timedelta(seconds=2),
        inputs=inputs,
    )
    made = writer.add_version(asset.id, digest=None, run=run, feed={"tuple": inputs})
    writer.add_run_output(run, "model", made.key)
    return run, made


class NeedsCatalog:
    """The fixtures that every part of the suite stands on."""

    @pytest.fixture
    def catalog(self) -> Catalog:
        """Give an empty catalog, without any project; each back end's tests override this."""
        raise NotImplementedError

    @pytest.fixture
    def scene(self, catalog: Catalog) -> Scene:
        return set_scene(catalog)
