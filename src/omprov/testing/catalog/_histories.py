"""What histories that another tool recorded must do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from omprov.catalog import ChangeKind, NewVersion
from omprov.errors import InvalidInput, NotFound
from omprov.records import AssetId, Digest

from ._scene import NASTY, NOW, NeedsCatalog, Scene

if TYPE_CHECKING:
    from omprov.catalog import Catalog

_FIRST, _SECOND, _UNKNOWN = "ab" * 20, "cd" * 32, "ef" * 20
_LONG_AGO = datetime(1999, 12, 31, 23, 59, 58, tzinfo=UTC)


def _version(digest: str, message: str = "") -> NewVersion:
    return NewVersion(
        digest=Digest(digest * 64),
        size=7,
        files=1,
        created=_LONG_AGO,
        creator=NASTY,
        message=message,
        source={"git": {"commit": _FIRST}},
    )


class HistoryContract(NeedsCatalog):
    """What histories that another tool recorded must do."""

    def test_many_versions_are_added_in_order(self, catalog: Catalog, scene: Scene) -> None:
        count = len(scene.steps)
        with catalog.write("ann", NOW) as writer:
            before = writer.position()
            keys = writer.add_versions(
                scene.algorithm.id, [_version("a", f"number {place}") for place in range(1200)]
            )
            writer.announce_versions(
                scene.algorithm.id,
                {keys[0]: {}, **{key: {keys[0]: 0.5} for key in keys[1:]}},
            )
            assert writer.add_versions(scene.algorithm.id, []) == []
        assert keys == sorted(keys)
        with catalog.read() as reader:
            versions = reader.get_versions(keys)
            assert [versions[key].number for key in keys] == [*range(count + 1, count + 1201)]
            assert [versions[key].message for key in keys[:2]] == ["number 0", "number 1"]
            one = versions[keys[-1]]
            assert (one.created, one.creator, one.size, one.files) == (_LONG_AGO, NASTY, 7, 1)
            assert one.source == {"git": {"commit": _FIRST}}
            rows = list(reader.iter_feed(before))
            assert [row.version for row in rows] == keys
            assert {row.kind for row in rows} == {ChangeKind.UPLOADED}
            assert rows[1].data == {"parents": [[keys[0], 0.5]]}

    def test_the_latest_version_with_a_content_is_its_twin(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("ann", NOW) as writer:
            keys = writer.add_versions(scene.algorithm.id, [_version(one) for one in "abab"])
            writer.announce_versions(scene.algorithm.id, {key: {} for key in keys})
            asked = [Digest(one * 64) for one in "abd"]
            assert writer.find_twins(scene.algorithm.id, asked) == {
                asked[0]: keys[2],
                asked[1]: keys[3],
            }
            writer.remove_version(keys[3])
            assert writer.find_twins(scene.algorithm.id, asked)[asked[1]] == keys[1]
            assert writer.find_twins(scene.dataset.id, asked) == {}

    def test_commits_are_found_again(self, catalog: Catalog, scene: Scene) -> None:
        key = scene.steps[0].key
        with catalog.write("ann", NOW) as writer:
            writer.set_commits(scene.algorithm.id, {_FIRST: key, _SECOND: None})
        with catalog.read() as reader:
            asked = [_FIRST, _SECOND, _UNKNOWN]
            assert reader.find_commits(scene.algorithm.id, asked) == {_FIRST: key, _SECOND: None}
            assert reader.list_commits(scene.algorithm.id) == {_FIRST: key, _SECOND: None}
            assert reader.find_commits(scene.model.id, asked) == {}
            with pytest.raises(InvalidInput, match="no commit id"):
                reader.find_commits(scene.algorithm.id, ["main"])
        with catalog.write("ann", NOW) as writer:
            writer.set_commits(scene.algorithm.id, {_SECOND: key})
            assert writer.find_commits(scene.algorithm.id, [_SECOND]) == {_SECOND: key}

    def test_a_history_of_what_is_not_there(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound, match="asset"):
            writer.add_versions(AssetId("none"), [_version("a")])
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound, match="asset"):
            writer.set_commits(AssetId("none"), {_FIRST: None})
