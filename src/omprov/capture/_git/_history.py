"""Reads commits of a git repository, in process."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pygit2
from pygit2.enums import FileMode, ObjectType

from omprov.errors import Conflict, InvalidInput, NotFound

from ._objects import open_repository, read_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._known import Homes

HEAD = "HEAD"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIXES = ("", "refs/heads/", "refs/remotes/", "refs/tags/")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as far as it matters.

    Attributes:
        id: in hex digits.
        parents: the ids of its parents.
        tree: the id of what is tracked; ``None`` where that is not there.
        author: name and address.
        time: when it was committed.
        message: in full.
    """

    id: str
    parents: tuple[str, ...]
    tree: str | None
    author: str
    time: datetime
    message: str


class GitHistory:
    """The commits of one repository, and of each the tree at one path."""

    def __init__(self, path: Path, subfolder: str = "", *, may_be_shallow: bool = False) -> None:
        """Open a repository.

        Args:
            path: a folder in a working tree, or a bare repository.
            subfolder: what is tracked, from the root of the repository; all of it with ``""``.
            may_be_shallow: open a shallow clone, too; its history is not to be imported.

        Raises:
            NotFound: there is no git repository.
            Conflict: it is a shallow clone, whose history is cut off.
            Unavailable: git refuses to read it, for instance since another user owns it.
            InvalidInput: the subfolder cannot be one.
        """
        self.repository = open_repository(path)
        if self.repository.is_shallow and not may_be_shallow:
            raise Conflict(
                f"{path} is a shallow clone, whose history is cut off: `git fetch --unshallow` "
                "fetches the rest"
            )
        self._parts = [part for part in subfolder.split("/") if part not in {"", "."}]
        if ".." in self._parts:
            raise InvalidInput(f"{subfolder!r} leads out of the repository")
        self.subfolder = "/".join(self._parts)
        self._find = lru_cache(maxsize=65_536)(self._find_tree)

    @property
    def root(self) -> Path:
        """The working tree's top folder, or the bare repository."""
        return Path(self.repository.workdir or self.repository.path)

    @property
    def remote(self) -> str | None:
        """The address of the remote ``origin``, or of the only one."""
        remotes = {remote.name: remote.url for remote in self.repository.remotes}
        if "origin" in remotes:
            return remotes["origin"]
        return next(iter(remotes.values())) if len(remotes) == 1 else None

    def tips(self, names: Iterable[str] = (), *, every: bool = False) -> dict[str, str]:
        """Return the commits to begin at, by the full names of the references.

        Args:
            names: branches, tags or references; with none of them, what is checked out.
            every: all branches and tags.

        Raises:
            NotFound: there is no such branch, or no commit at all.
        """
        if every:
            found = self._every_tip()
        elif chosen := list(names):
            found = dict(self._tip(name) for name in chosen)
        else:
            found = self._head()
        if not found:
            raise NotFound("commit", self.root, hint="Nothing was committed there yet.")
        return found

    def _every_tip(self) -> dict[str, str]:
        found = {}
        for name in self.repository.references:
            commit = self._commit_at(name)
            if commit is not None and name.startswith(
                ("refs/heads/", "refs/remotes/", "refs/tags/")
            ):
                found[name] = commit
        if self.repository.head_is_detached:
            found |= self._head()
        return found

    def _tip(self, name: str) -> tuple[str, str]:
        for prefix in _PREFIXES:
            if (commit := self._commit_at(prefix + name)) is not None:
                return prefix + name, commit
        known = [one.removeprefix("refs/heads/") for one in self.repository.references]
        raise NotFound("branch", name, sorted(known)[:5])

    def _head(self) -> dict[str, str]:
        if self.repository.head_is_unborn:
            return {}
        name = HEAD if self.repository.head_is_detached else self.repository.head.name
        return {name: str(self.repository.head.peel(pygit2.Commit).id)}

    def _commit_at(self, reference: str) -> str | None:
        try:
            return str(self.repository.references[reference].peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError, pygit2.InvalidSpecError):
            return None  # no such reference, or one of something else than a commit

    def new_commits(self, tips: Iterable[str], known: Homes) -> list[str]:
        """Return the ids of the commits that lead to some, parents before children, by time.

        Args:
            tips: where to begin.
            known: those at which to stop; all that lead to them are known as well.

        Raises:
            Unavailable: a commit is not there: the repository is damaged.
        """
        found: dict[str, _Place] = {}
        waiting = [tip for tip in tips if tip not in known]
        while waiting:
            id_ = waiting.pop()
            if id_ not in found:
                commit = self._read(id_)
                parents = [one for one in map(str, commit.parent_ids) if one not in known]
                found[id_] = _Place(commit.commit_time, parents)
                waiting += parents
        return _parents_first(found)

    def commit(self, id_: str) -> Commit:
        """Return a commit."""
        commit = self._read(id_)
        author = commit.author
        return Commit(
            id_,
            tuple(map(str, commit.parent_ids)),
            self._find(str(commit.tree_id)),
            f"{_text(author.raw_name)} <{_text(author.raw_email)}>",
            _time(commit.commit_time),
            _text(commit.raw_message, commit.message_encoding).strip(),
        )

    def tree_at(self, commit: str) -> str | None:
        """Return what a commit tracks."""
        return self._find(str(self._read(commit).tree_id))

    def reachable(self) -> set[str]:
        """Return every commit that leads to a branch, a tag, or what is checked out."""
        tips = {**self._every_tip(), **self._head()}
        found: set[str] = set()
        waiting = list(tips.values())
        while waiting:
            id_ = waiting.pop()
            if id_ not in found:
                found.add(id_)
                waiting += [str(parent) for parent in self._read(id_).parent_ids]
        return found

    def is_within(self, older: str, newer: str) -> bool:
        """Say whether one commit leads to another, or is the same."""
        if older == newer:
            return True
        return self.has(older) and self.repository.descendant_of(newer, older)

    def current(self, reference: str) -> str | None:
        """Return the commit that a reference is at; ``None`` where it is gone."""
        return self._head().get(HEAD) if reference == HEAD else self._commit_at(reference)

    def has(self, id_: str) -> bool:
        """Say whether an object is there."""
        return id_ in self.repository

    def _read(self, id_: str) -> pygit2.Commit:
        commit: pygit2.Commit = read_object(self.repository, id_)
        return commit

    def _find_tree(self, tree: str) -> str | None:
        for part in self._parts:
            try:
                entry = read_object(self.repository, tree)[part]
            except KeyError:
                return None
            if entry.type != ObjectType.TREE or entry.filemode == FileMode.COMMIT:
                return None
            tree = str(entry.id)
        return tree


class _Place(NamedTuple):
    """When a commit was made, and those of its parents that are new."""

    time: int
    parents: list[str]


def _parents_first(commits: Mapping[str, _Place]) -> list[str]:
    """Order commits by time, but none before its parents."""
    children: dict[str, list[str]] = {}
    missing = {id_: len(set(place.parents)) for id_, place in commits.items()}
    for id_, place in commits.items():
        for parent in set(place.parents):
            children.setdefault(parent, []).append(id_)
    ready = [(commits[id_].time, id_) for id_, count in missing.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, id_ = heapq.heappop(ready)
        ordered.append(id_)
        for child in children.get(id_, ()):
            missing[child] -= 1
            if not missing[child]:
                heapq.heappush(ready, (commits[child].time, child))
    return ordered


def _text(raw: bytes, encoding: str | None = None) -> str:
    """Decode what a commit says, by the encoding that it names if that can be."""
    try:
        text = raw.decode(encoding or "utf-8")
    except (UnicodeError, LookupError):
        text = raw.decode("utf-8", errors="replace")
    return text.encode("utf-8", errors="replace").decode()  # some encodings know half characters


def _time(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # a clock that was far off
        return _EPOCH
