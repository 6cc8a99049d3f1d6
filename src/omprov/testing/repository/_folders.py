"""What folders on disk must do: what they hold, what changed, getting versions back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from omprov.errors import Damaged, InvalidInput, LocalChanges, NotFound

from ._needs import NeedsRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omprov.repository import Repository


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class FolderContract(NeedsRepository):
    """What folders on disk must do: what they hold, what changed, getting versions back."""

    @pytest.fixture
    def data(self, repo: Repository, tmp_path: Path) -> Path:
        folder = tmp_path / "data"
        (folder / "sub").mkdir(parents=True)
        (folder / "a.txt").write_text("a")
        (folder / "sub" / "b.txt").write_text("b")
        repo.add_version("dataset/d", folder)
        return folder

    def test_an_added_folder_is_remembered_by_relative_path(
        self, repo: Repository, data: Path
    ) -> None:
        (held,) = repo.workspace.list()
        assert (held.path, held.reference) == ("data", "dataset/d:v1")
        assert repo.changes_on_disk(data) == []

    def test_changes_on_disk_are_named(self, repo: Repository, data: Path) -> None:
        (data / "a.txt").write_text("other")
        (data / "new.txt").write_text("n")
        (data / "sub" / "b.txt").unlink()
        changes = {
            change.path: (change.old is None, change.new is None)
            for change in repo.changes_on_disk(data)
        }
        assert changes == {
            "a.txt": (False, False),
            "new.txt": (True, False),
            "sub/b.txt": (False, True),
        }

    def test_a_folder_that_nobody_recorded_is_not_found(
        self, repo: Repository, tmp_path: Path
    ) -> None:
        with pytest.raises(NotFound, match="omprov add"):
            repo.changes_on_disk(tmp_path)

    def test_checkout_moves_between_versions_and_remembers(
        self, repo: Repository, data: Path
    ) -> None:
        before = snapshot(data)
        (data / "a.txt").write_text("a2")
        (data / "c.txt").write_text("c")
        repo.add_version("dataset/d", data)
        after = snapshot(data)
        repo.checkout("dataset/d:v1", data)
        assert snapshot(data) == before
        held = repo.workspace.find(data)
        assert held is not None
        assert held.reference == "dataset/d:v1"
        repo.checkout("dataset/d", data)
        assert snapshot(data) == after

    def test_checkout_keeps_what_no_version_knew_and_refuses_to_overwrite_changes(
        self, repo: Repository, data: Path
    ) -> None:
        (data / "c.txt").write_text("c")
        repo.add_version("dataset/d", data)
        (data / "mine.txt").write_text("mine")
        (data / "c.txt").write_text("changed by hand")
        with pytest.raises(LocalChanges, match=r"c\.txt"):
            repo.checkout("dataset/d:v1", data)
        assert (data / "c.txt").read_text() == "changed by hand"
        held = repo.workspace.find(data)
        assert held is not None
        assert held.reference == "dataset/d:v2"
        repo.checkout("dataset/d:v1", data, force=True)
        assert not (data / "c.txt").exists()
        assert (data / "mine.txt").read_text() == "mine"

    def test_a_version_without_content_cannot_be_checked_out(
        self, repo: Repository, tmp_path: Path
    ) -> None:
        repo.add_version("file/note", message="only a fact")
        with pytest.raises(NotFound, match="Only the fact"):
            repo.checkout("file/note", tmp_path / "x")

    @pytest.mark.usefixtures("data")
    def test_a_local_copy_is_shared_and_read_only(self, repo: Repository) -> None:
        path = repo.local_copy("dataset/d")
        assert snapshot(path) == {"a.txt": b"a", "sub/b.txt": b"b"}
        assert repo.local_copy("dataset/d") == path
        assert not (path / "a.txt").stat().st_mode & 0o222

    @pytest.mark.usefixtures("data")
    def test_threads_that_ask_for_the_same_copy_at_once_share_it(self, repo: Repository) -> None:
        with ThreadPoolExecutor(8) as pool:
            paths = set(pool.map(repo.local_copy, ["dataset/d"] * 16))
        (path,) = paths
        assert snapshot(path) == {"a.txt": b"a", "sub/b.txt": b"b"}
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.usefixtures("data")
    def test_a_damaged_workspace_file_is_named(self, repo: Repository) -> None:
        (repo.path / "workspace.json").write_text("{")
        with pytest.raises(Damaged, match=r"workspace\.json"):
            repo.workspace.list()

    def test_settings_are_kept_and_checked(
        self, repo: Repository, reopen: Callable[[], Repository]
    ) -> None:
        repo.config.set("user.name", "grace")
        repo.config.set("project", "vision")
        assert repo.config.items() == {"user.name": "grace", "project": "vision"}
        again = reopen()
        assert (again.who, again.project) == ("grace", "vision")
        repo.config.set("project", None)
        assert repo.config.get("project") is None
        with pytest.raises(NotFound, match=r"did you mean user\.name"):
            repo.config.get("user.nam")
        with pytest.raises(InvalidInput, match="whole number"):
            repo.config.set("parents.candidates", "many")
        (repo.path / "config").write_text("not ini")
        with pytest.raises(Damaged, match="config"):
            repo.config.items()
