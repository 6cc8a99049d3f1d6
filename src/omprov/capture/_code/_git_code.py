"""The code of a git checkout: the version of its commit, and a child with what was changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pygit2

from omprov.capture._git._history import GitHistory
from omprov.capture._git._links import code_link, public_address
from omprov.capture._git._sync import default_name, sync_git
from omprov.capture._redaction import DEFAULT
from omprov.errors import Conflict, NotFound, OmprovError, Unavailable
from omprov.records import name_like
from omprov.repository import AUTO

from ._checkout import Changes, read_changes
from ._code import Code
from ._diff_text import diff_text
from ._files import put_changed
from ._request import full_name

if TYPE_CHECKING:
    from omprov.content import Progress
    from omprov.records import Version
    from omprov.repository import Repository

    from ._request import Request

_FOLDER_TAG = "git.folder"
"""The tag in which an import says which folder of a repository an asset holds."""
_NEWEST = 50
"""So many versions are looked at for one with the tree of a commit whose history is not there."""
_MOST_LISTED = 500
"""Changed files that a version's source names."""


class Checkout:
    """A git checkout, read only.

    Attributes:
        top: its top folder.
        notes: what people should know.
    """

    def __init__(self, history: GitHistory, notes: list[str]) -> None:
        self._history = history
        self.top = Path(history.repository.workdir)
        self.notes = notes

    @classmethod
    def open(cls, place: Path, notes: list[str]) -> Self | None:
        """Open the checkout that a folder lies in; ``None`` if git ignores that folder.

        Raises:
            NotFound: there is none.
            Unavailable: git refuses to read it.
        """
        checkout_history = GitHistory(place, may_be_shallow=True)
        if checkout_history.repository.is_bare:
            return None
        checkout = cls(checkout_history, notes)
        if checkout.ignores(place):
            notes.append(f"git ignores {place}: its files were recorded without git")
            return None
        return checkout

    def ignores(self, path: Path) -> bool:
        """Say whether git leaves a file or folder out."""
        real, top = path.resolve(), self.top.resolve()
        if real == top or not real.is_relative_to(top):
            return False
        name = real.relative_to(top).as_posix()
        index = self._history.repository
        return index.path_is_ignored(name + "/" * real.is_dir()) and not self._is_tracked(name)

    def _is_tracked(self, name: str) -> bool:
        if self._head() is None:
            return False
        try:
            return name in self._history.repository.head.peel(pygit2.Tree)
        except (pygit2.GitError, KeyError):
            return False

    def _head(self) -> str | None:
        """Return the commit that is checked out; ``None`` before the first one."""
        try:
            return next(iter(self._history.tips().values()))
        except NotFound:
            return None

    def record(
        self,
        repository: Repository,
        request: Request,
    ) -> Code:
        """Record what is checked out."""
        try:
            head = self._head()
            name = self._asset(repository, request.as_, head)
            subfolder = _folder_of(repository, name)
            self._history = GitHistory(self.top, subfolder, may_be_shallow=True)
            base, readable = None, True
            if head is not None:
                base, readable = self._base(repository, name, head, request.progress)
            changes = read_changes(
                self._history.repository, subfolder, request, from_disk=not readable
            )
        except (pygit2.GitError, KeyError, ValueError) as error:
            if isinstance(error, OmprovError):
                raise
            raise Unavailable(f"{self.top} cannot be read by git: {error}") from error
        self.notes += changes.notes
        return self._changed(
            repository, base or name, head, changes, diff_limit=request.limits.diff
        )

    def _asset(self, repository: Repository, as_: str | None, head: str | None) -> str:
        """Return whose versions the commits are: another name where it holds another history."""
        if as_ is not None:
            return full_name(repository, as_)
        name = default_name(self._history)
        first = full_name(repository, name)
        if head is None or not self._holds_other_history(repository, first, head):
            return first
        second = full_name(repository, name_like(f"{_owner(self._history)}-{name}", "code"))
        if self._holds_other_history(repository, second, head):
            raise Conflict(
                f"{first} and {second} hold the histories of other repositories: say whose "
                "versions this code is with --as"
            )
        self.notes.append(f"{first} holds another repository's history: this one is {second}")
        return second

    def _holds_other_history(self, repository: Repository, name: str, head: str) -> bool:
        if repository.find_commit_keys(name, [head]) or self._history.repository.is_shallow:
            return False
        known = repository.find_commit_keys(name)
        return bool(known) and not any(map(self._history.has, known))

    def _base(
        self, repository: Repository, name: str, head: str, progress: Progress | None
    ) -> tuple[Version | None, bool]:
        """Return the version of the commit, and whether git has its files at all."""
        try:
            return self._committed(repository, name, head, progress), True
        except Unavailable as error:
            if type(error) is not Unavailable:  # not git's
                raise
        self.notes.append("git lacks files of the commit: those on disk were recorded")
        return None, False

    def _committed(
        self, repository: Repository, name: str, head: str, progress: Progress | None
    ) -> Version | None:
        """Return the version of the commit, imported with its history where that can be."""
        known = repository.find_commits(name, [head])
        if head in known:
            return known[head]
        if self._history.repository.is_shallow:
            reason = "the clone is shallow, so the version stands without the history before it"
        else:
            try:
                sync_git(
                    repository,
                    self.top,
                    asset=name,
                    subfolder=self._history.subfolder,
                    progress=progress,
                )
                return repository.find_commits(name, [head])[head]
            except NotFound as error:
                if error.what != "folder":
                    raise
                return None
            except Unavailable as error:
                if type(error) is not Unavailable:  # not git's
                    raise
                reason = f"the history cannot be read ({error}), so the version stands without it"
        self.notes.append(reason)
        return self._alone(repository, name, head)

    def _alone(self, repository: Repository, name: str, head: str) -> Version | None:
        """Record the files of one commit, with its parent found by content."""
        tree = self._history.tree_at(head)
        if tree is None:
            return None
        try:
            recent = repository.list_versions(name, limit=_NEWEST)
        except NotFound:
            recent = []
        for version in recent:
            git = version.source.get("git", {})
            if git.get("tree") == tree and not git.get("dirty"):
                return version
        from omprov.capture._git._trees import GitTrees
        from omprov.content import TreeSummary

        trees = GitTrees(self._history.repository, repository.content)
        with repository.content.tree_writer() as writer:
            trees.writer = writer
            put = trees.put(tree)
            writer.commit()
        return repository.add_version(
            name,
            stored=TreeSummary(put.digest, put.size, put.files),
            inherits=AUTO,
            message=self._history.commit(head).message,
            source={"git": {**self._source(head), "tree": tree}},
        ).version

    def _changed(
        self,
        repository: Repository,
        home: Version | str,
        head: str | None,
        changes: Changes,
        *,
        diff_limit: int,
    ) -> Code:
        """Record what differs from the commit's version, or from nothing, if anything does."""
        base = None if isinstance(home, str) else home
        left_out, notes = tuple(changes.left_out), tuple(self.notes)
        digest = None if base is None else base.digest
        changed = tuple(sorted(changes.files))
        if base is not None and changed:
            repository.bring(base)
        stored = put_changed(repository.content, digest, changes.files) if changed else None
        if stored is None or stored.digest == digest:
            if changed and stored is None:
                notes = (*notes, "all files are gone: the code counts as it was committed")
            return Code(base, head, left_out=left_out, notes=notes)
        tree = None if base is None else repository.tree(base)
        text, more = diff_text(tree, changes.files, diff_limit)
        source = self._changes_source(head, changes, text, more)
        message = _message(changed, head)
        if isinstance(home, str):
            added = repository.add_version(
                home, stored=stored, inherits=AUTO, message=message, source=source
            )
        else:
            added = repository.add_child(home, stored, message=message, source=source)
        return Code(added.version, head, base is not None, changed, left_out, notes)

    def _changes_source(
        self, head: str | None, changes: Changes, text: str, more: int
    ) -> dict[str, Any]:
        """Say what was changed: the files, the diff, and how many files it lacks."""
        paths = sorted(changes.files)
        said: dict[str, Any] = {
            "files": [_show(path) for path in paths[:_MOST_LISTED]],
            "diff": DEFAULT.shapes(text),
        }
        if len(paths) > _MOST_LISTED:
            said["more files"] = len(paths) - _MOST_LISTED
        if more:
            said["files not in the diff"] = more
        if changes.left_out:
            said["left out"] = {
                _show(one.path): one.reason for one in changes.left_out[:_MOST_LISTED]
            }
        git = {**self._source(head), "dirty": True} if head is not None else {"dirty": True}
        return {"git": git, "changes": said}

    def _source(self, head: str) -> dict[str, Any]:
        source: dict[str, Any] = {"commit": head}
        if self._history.subfolder:
            source["folder"] = self._history.subfolder
        remote = self._history.remote
        if remote is not None:
            source["remote"] = public_address(remote)
            link = code_link(source["remote"], head, self._history.subfolder)
            if link is not None:
                source["link"] = link
        return source


def _folder_of(repository: Repository, name: str) -> str:
    try:
        return repository.get_asset(name).tags.get(_FOLDER_TAG, "")
    except NotFound as error:
        if error.what == "asset" and "removed" in str(error):
            raise
        return ""


def _owner(history: GitHistory) -> str:
    """Return what tells a repository from another one of the same name: its owner, or its place."""
    place = history.remote or str(history.root).removesuffix("/.git")
    parts = place.rstrip("/").replace(":", "/").split("/")
    return parts[-2] if len(parts) > 1 else "other"


def _message(changed: tuple[str, ...], head: str | None) -> str:
    names = ", ".join(map(_show, changed[:3])) + (", …" if len(changed) > 3 else "")
    if head is None:
        return f"not committed yet: {names}"
    return f"changes to {names} since {head[:10]}"


def _show(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
