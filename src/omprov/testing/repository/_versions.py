"""What adding, finding and removing versions must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from omprov.errors import (
    AlreadyExists,
    AmbiguousReference,
    CycleError,
    InvalidInput,
    InvalidReference,
    NotFound,
)
from omprov.records import Origin
from omprov.repository import Output

from ._needs import NeedsRepository

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.repository import Added, Repository


def files(*names: str, **contents: str) -> dict[str, bytes]:
    return {name: name.encode() for name in names} | {
        name: text.encode() for name, text in contents.items()
    }


def parents(added: Added) -> list[tuple[str, float]]:
    return [(str(edge.older), round(edge.weight, 6)) for edge in added.inherits]


class VersionContract(NeedsRepository):
    """What adding, finding and removing versions must do."""

    def test_the_first_version_is_a_root(self, repo: Repository) -> None:
        added = repo.add_version("dataset/digits", files("a", "b"), message="start")
        assert added.created
        assert str(added.version) == "dataset/digits:v1"
        assert added.version.files == 2
        assert added.version.creator == "ada"
        assert parents(added) == []

    def test_auto_takes_the_nearest_of_the_newest_versions(self, repo: Repository) -> None:
        repo.add_version("dataset/d", files("a", "b", "c", "d"))
        repo.add_version("dataset/d", files("x", "y", "z"), inherits=())
        added = repo.add_version("dataset/d", files("a", "b", "c", "e"))
        assert parents(added) == [("dataset/d:v1", 0.4)]

    def test_the_version_that_the_workspace_knows_comes_before_the_nearest(
        self, repo: Repository, tmp_path: Path
    ) -> None:
        folder = tmp_path / "data"
        folder.mkdir()
        (folder / "a").write_text("a")
        repo.add_version("dataset/d", folder)
        repo.add_version("dataset/d", files("b", "c"))
        (folder / "a").unlink()
        (folder / "b").write_text("b")
        (folder / "c").write_text("c2")
        assert parents(repo.add_version("dataset/d", folder)) == [("dataset/d:v1", 1.0)]

    def test_the_same_content_again_is_the_same_version(self, repo: Repository) -> None:
        first = repo.add_version("dataset/d", files("a"))
        again = repo.add_version("dataset/d", files("a"))
        assert not again.created
        assert again.version == first.version
        assert len(repo.list_versions("dataset/d")) == 1

    def test_a_folder_that_did_not_change_is_nothing_new_even_with_a_later_twin(
        self, repo: Repository, tmp_path: Path
    ) -> None:
        repo.add_version("dataset/d", files("a"))
        repo.add_version("dataset/d", files("b"))
        repo.add_version("dataset/d", files("a"), inherits=["v2"])
        repo.checkout("dataset/d:v1", tmp_path / "old")
        added = repo.add_version("dataset/d", tmp_path / "old")
        assert (added.created, added.version.number) == (False, 1)

    def test_content_that_a_run_made_is_nothing_new(self, repo: Repository) -> None:
        repo.record_run(inputs={}, outputs={"model": Output("model/m", files("w"))})
        added = repo.add_version("model/m", files("w"))
        assert (added.created, added.version.number) == (False, 1)
        repo.remove_version("model/m:v1")
        assert repo.add_version("model/m", files("w")).version.number == 2

    def test_a_revert_is_a_new_version_with_a_weightless_edge_to_its_twin(
        self, repo: Repository
    ) -> None:
        repo.add_version("dataset/d", files("a", "b"))
        repo.add_version("dataset/d", files("a", "c"), inherits=["v1"])
        reverted = repo.add_version("dataset/d", files("a", "b"), inherits=["v2"])
        assert reverted.created
        assert sorted(parents(reverted)) == [
            ("dataset/d:v1", 0.0),
            ("dataset/d:v2", round(2 / 3, 6)),
        ]
        edges = repo.inherits("dataset/d:v3")
        assert [(str(edge.older), edge.origin) for edge in edges] == [
            ("dataset/d:v1", Origin.DECLARED),
            ("dataset/d:v2", Origin.DECLARED),
        ]

    def test_a_merge_has_both_parents(self, repo: Repository) -> None:
        repo.add_version("dataset/d", files("a"))
        repo.add_version("dataset/d", files("a", "b"), inherits=["v1"])
        repo.add_version("dataset/d", files("a", "c"), inherits=["v1"])
        merged = repo.add_version("dataset/d", files("a", "b", "c"), inherits=["v2", "v3"])
        assert [name for name, _ in parents(merged)] == ["dataset/d:v2", "dataset/d:v3"]
        route = repo.lightest_route("dataset/d:v4", "dataset/d:v1")
        assert route is not None
        assert route.distance == pytest.approx(1 / 3 + 1 / 2)

    def test_code_is_measured_in_words(self, repo: Repository) -> None:
        repo.add_version("algorithm/train", {"train.py": b"one two three four\n"})
        added = repo.add_version("algorithm/train", {"train.py": b"one two three five\n"})
        (edge,) = added.inherits
        assert edge.difference is not None
        assert (edge.difference.measure, edge.weight) == ("words", 0.25)
        (stored,) = repo.inherits(added.version)
        assert stored.difference == edge.difference

    def test_a_fork_inherits_a_version_of_another_asset(self, repo: Repository) -> None:
        repo.add_version("dataset/a", files("x"))
        forked = repo.add_version("dataset/b", files("x", "y"), inherits=["dataset/a"])
        assert parents(forked) == [("dataset/a:v1", 0.5)]
        route = repo.lightest_route("dataset/b", "dataset/a")
        assert route is not None
        assert route.distance == 0.5

    def test_a_parent_of_another_kind_is_refused_and_nothing_is_written(
        self, repo: Repository
    ) -> None:
        repo.add_version("model/m", files("x"))
        with pytest.raises(InvalidInput, match="its own kind"):
            repo.add_version("dataset/d", files("x"), inherits=["model/m"])
        assert [str(asset.name) for asset in repo.list_assets()] == ["model/m"]

    def test_a_late_edge_that_closes_a_cycle_names_it(self, repo: Repository) -> None:
        repo.add_version("dataset/d", files("a"))
        repo.add_version("dataset/d", files("b"), inherits=["v1"])
        repo.add_version("dataset/d", files("c"), inherits=["v2"])
        with pytest.raises(CycleError) as caught:
            repo.add_edge("dataset/d:v1", "dataset/d:v3")
        assert caught.value.cycle == [
            "dataset/d:v1",
            "dataset/d:v3",
            "dataset/d:v2",
            "dataset/d:v1",
        ]
        assert repo.inherits("dataset/d:v1") == []

    @pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
    def test_a_weight_that_is_none_is_refused(self, repo: Repository, weight: Any) -> None:
        repo.add_version("dataset/d", files("a"))
        repo.add_version("dataset/d", files("b"), inherits=())
        with pytest.raises(InvalidInput, match="weight"):
            repo.add_edge("dataset/d:v2", "dataset/d:v1", weight=weight)

    @pytest.mark.parametrize(
        "name", ["dataset/Ünïcode", "dataset/" + "x" * 300, "dataset/a b", "a/b/c/d"]
    )
    def test_names_that_cannot_be_are_refused(self, repo: Repository, name: Any) -> None:
        with pytest.raises(InvalidReference):
            repo.add_version(name, files("a"))
        assert repo.list_assets() == []

    def test_an_unknown_reference_gets_near_matches(self, repo: Repository) -> None:
        repo.add_version("dataset/digits", files("a"))
        with pytest.raises(NotFound, match="did you mean dataset/digits"):
            repo.get_version("dataset/digit")
        with pytest.raises(NotFound, match="newest is v1"):
            repo.get_version("dataset/digits:v7")
        repo.set_alias("dataset/digits", "champion")
        with pytest.raises(NotFound, match="dataset/digits:champion"):
            repo.get_version("dataset/digits:champio")

    def test_a_short_name_may_be_ambiguous(self, repo: Repository) -> None:
        repo.add_version("dataset/digits", files("a"))
        assert str(repo.get_version("digits")) == "dataset/digits:v1"
        repo.add_version("model/digits", files("a"))
        with pytest.raises(AmbiguousReference, match="dataset/digits or model/digits"):
            repo.get_version("digits")

    def test_a_short_name_means_no_settings_where_something_else_has_it(
        self, repo: Repository
    ) -> None:
        repo.add_asset("params/digits")
        assert str(repo.get_asset("digits").name) == "params/digits"
        repo.add_asset("environment/digits")
        with pytest.raises(AmbiguousReference, match="environment/digits or params/digits"):
            repo.get_asset("digits")
        repo.add_asset("model/digits")
        assert str(repo.get_asset("digits").name) == "model/digits"
        assert str(repo.get_asset("params/digits").name) == "params/digits"
        repo.add_asset("dataset/digits")
        with pytest.raises(AmbiguousReference):
            repo.get_asset("digits")

    def test_a_digest_prefix_names_the_newest_version_with_it(self, repo: Repository) -> None:
        first = repo.add_version("dataset/d", files("a")).version
        repo.add_version("dataset/d", files("b"))
        assert first.digest is not None
        assert repo.get_version(f"dataset/d:@{first.digest[:8]}") == first
        assert repo.get_version(f"dataset/d:@b3:{first.digest}") == first

    def test_a_missing_path_writes_nothing(self, repo: Repository, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="nowhere"):
            repo.add_version("dataset/d", tmp_path / "nowhere")
        assert repo.list_assets() == []

    def test_projects_keep_names_apart(self, repo: Repository) -> None:
        repo.add_project("vision")
        repo.add_version("vision/dataset/d", files("a"))
        repo.add_version("dataset/d", files("b"))
        assert str(repo.get_version("vision/dataset/d")) == "vision/dataset/d:v1"
        assert repo.get_version("dataset/d").asset.project == "default"
        with pytest.raises(NotFound, match="project 'visio'; did you mean vision"):
            repo.add_version("visio/dataset/d", files("a"))
        with pytest.raises(AlreadyExists):
            repo.add_project("vision")

    def test_removing_leaves_a_tombstone_in_the_lineage(self, repo: Repository) -> None:
        repo.add_version("dataset/d", files("a"))
        repo.add_version("dataset/d", files("a", "b"))
        repo.add_version("dataset/d", files("a", "b", "c"))
        repo.remove_version("dataset/d:v2")
        with pytest.raises(NotFound, match="was removed"):
            repo.get_version("dataset/d:v2")
        assert [v.number for v in repo.list_versions("dataset/d")] == [3, 1]
        route = repo.lightest_route("dataset/d:v3", "dataset/d:v1")
        assert route is not None
        assert route.distance == pytest.approx(5 / 6)
        assert [v.number for v in repo.history("dataset/d").versions] == [3, 2, 1]

    def test_aliases_move_and_go(self, repo: Repository) -> None:
        repo.add_version("model/m", files("a"))
        repo.add_version("model/m", files("b"))
        assert repo.set_alias("model/m:v1", "champion") is None
        assert str(repo.set_alias("model/m:v2", "champion")) == "model/m:v1"
        assert repo.get_version("model/m:champion").number == 2
        repo.remove_alias("model/m", "champion")
        with pytest.raises(NotFound):
            repo.get_version("model/m:champion")
        for word in ("latest", "v3"):
            with pytest.raises(InvalidInput):
                repo.set_alias("model/m", word)

    def test_tags_are_set_and_taken_away(self, repo: Repository) -> None:
        repo.add_version("model/m", files("a"))
        assert repo.set_tags("model/m", {"stage": "test", "<b>": "'; --"}).tags == {
            "stage": "test",
            "<b>": "'; --",
        }
        assert repo.set_tags("model/m", {"stage": None}).tags == {"<b>": "'; --"}
