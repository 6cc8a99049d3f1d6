"""What lineage, routes and comparisons must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omprov.errors import InvalidInput, NotFound
from omprov.repository import Output

from ._needs import NeedsRepository

if TYPE_CHECKING:
    from omprov.repository import Lineage, Repository


def names(lineage: Lineage) -> list[str]:
    return [str(version) for version in lineage.versions]


class ReadingContract(NeedsRepository):
    """What lineage, routes and comparisons must do."""

    @pytest.fixture
    def chain(self, repo: Repository) -> Repository:
        """Raw → prepared → base → tuned, each by a run."""
        repo.add_version("dataset/raw", {"a": b"1"})
        repo.add_version("algorithm/code", {"f.py": b"x"})

        def run(inputs: dict[str, str], output: str, kind: str) -> None:
            repo.record_run(
                inputs=inputs | {"algorithm": "algorithm/code"}, outputs={kind: Output(output)}
            )

        run({"dataset": "dataset/raw"}, "dataset/prepared", "dataset")
        run({"dataset": "dataset/prepared"}, "model/base", "model")
        run({"base_model": "model/base", "dataset": "dataset/raw"}, "model/tuned", "model")
        return repo

    def test_lineage_goes_up_to_the_roots_nearest_first(self, chain: Repository) -> None:
        found = chain.lineage("model/tuned")
        assert names(found) == [
            "model/tuned:v1",
            "algorithm/code:v1",
            "model/base:v1",
            "dataset/raw:v1",
            "dataset/prepared:v1",
        ]
        assert len(found.runs) == 3
        assert not found.cut
        used = {(link.role, str(link.target)) for link in found.links if link.kind == "used"}
        assert ("base_model", "model/base:v1") in used
        assert sum(link.kind == "made" for link in found.links) == 3

    def test_lineage_goes_down_to_everything_that_came_of_it(self, chain: Repository) -> None:
        found = chain.lineage("dataset/raw", "down")
        assert set(names(found)) == {
            "dataset/raw:v1",
            "dataset/prepared:v1",
            "model/base:v1",
            "model/tuned:v1",
        }

    def test_a_cut_lineage_says_so(self, chain: Repository) -> None:
        found = chain.lineage("model/tuned", depth=1)
        assert found.cut
        assert "dataset/prepared:v1" not in names(found)
        assert not chain.lineage("model/tuned", depth=3).cut

    def test_lineage_follows_declared_edges_of_inputs_only_when_asked(
        self, chain: Repository
    ) -> None:
        chain.add_version("dataset/raw", {"a": b"2"})
        assert names(chain.lineage("dataset/raw:v2")) == ["dataset/raw:v2"]
        assert names(chain.lineage("dataset/raw:v2", inherits=True)) == [
            "dataset/raw:v2",
            "dataset/raw:v1",
        ]

    def test_a_removed_version_stays_in_the_lineage(self, chain: Repository) -> None:
        chain.remove_version("model/base")
        found = chain.lineage("model/tuned")
        (gone,) = [version for version in found.versions if version.removed]
        assert str(gone) == "model/base:v1"

    def test_a_removed_version_still_answers_for_what_came_of_it(self, chain: Repository) -> None:
        chain.remove_version("dataset/prepared:v1")
        assert "model/tuned:v1" in names(chain.lineage("dataset/prepared:v1", "down"))
        assert len(chain.list_runs(using="dataset/prepared:v1")) == 1
        assert chain.inherits("dataset/prepared:v1") == []
        assert chain.get_version("dataset/prepared:v1", removed=True).removed is not None
        with pytest.raises(NotFound, match="was removed"):
            chain.get_version("dataset/prepared:v1")
        chain.remove_asset("dataset/raw")
        assert "model/tuned:v1" in names(chain.lineage("dataset/raw:v1", "down"))
        with pytest.raises(NotFound, match="removed"):
            chain.lineage("dataset/raw")

    def test_no_route_leads_between_unrelated_versions(self, chain: Repository) -> None:
        assert chain.lightest_route("dataset/raw", "dataset/prepared") is None
        assert chain.lightest_route("model/tuned", "model/base") is None

    def test_versions_of_different_kinds_are_not_compared(self, chain: Repository) -> None:
        with pytest.raises(InvalidInput, match="different kinds"):
            chain.diff("dataset/raw", "algorithm/code")
        with pytest.raises(NotFound, match="measure"):
            chain.diff("dataset/raw", "dataset/raw", measure="miles")

    def test_an_asset_may_have_a_measure_of_its_own(self, repo: Repository) -> None:
        repo.add_asset("dataset/texts", measure="words")
        repo.add_version("dataset/texts", {"t": b"a b c d"})
        added = repo.add_version("dataset/texts", {"t": b"a b c e"})
        assert added.inherits[0].weight == 0.25
        assert repo.diff("dataset/texts:v1", "dataset/texts:v2").measure == "words"
        assert repo.diff("dataset/texts:v1", "dataset/texts:v2", measure="files").weight == 1

    def test_finer_measures_tell_of_the_files_that_changed(self, repo: Repository) -> None:
        repo.add_version("dataset/tables", {"a.csv": b"1\n2\n", "b.csv": b"1\n"})
        repo.add_version("dataset/tables", {"a.csv": b"1\n3\n", "b.csv": b"1\n"})
        [rows] = repo.finer_diff("dataset/tables:v1", "dataset/tables:v2")
        assert (rows.measure, rows.amount, rows.total) == ("rows", 2, 4)
        assert repo.finer_diff("dataset/tables:v1", "dataset/tables:v2", besides="rows") == ()
        assert repo.finer_diff("dataset/tables:v1", "dataset/tables:v1") == ()
        repo.add_version("algorithm/code", {"a.py": b"1"})
        with pytest.raises(InvalidInput, match="different kinds"):
            repo.finer_diff("dataset/tables:v1", "algorithm/code:v1")

    def test_an_asset_may_be_measured_by_rows(self, repo: Repository) -> None:
        repo.add_asset("dataset/tables", measure="rows")
        repo.add_version("dataset/tables", {"a.csv": b"1\n2\n"})
        added = repo.add_version("dataset/tables", {"a.csv": b"1\n3\n"})
        assert added.inherits[0].weight == 0.5
