"""Imports the history of a git repository as the version graph of an algorithm."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import omprov.diff
from omprov.content import Done, Expected, TreeSummary
from omprov.diff import WordMemory
from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import AssetName, Difference, Kind, Reference
from omprov.repository import CommitVersion

from ._contraction import Contraction
from ._history import GitHistory
from ._known import KnownCommits
from ._links import code_link, public_address
from ._matching import LARGEST, Matching
from ._trees import GitTree, GitTrees

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from omprov.content import Progress
    from omprov.diff import Measure, Tree
    from omprov.repository import Repository

    from ._contraction import Home
    from ._history import Commit
    from ._matching import Blobs, Pair

_BATCH = 1000
"""Commits that are recorded in one transaction."""
_SAMPLE = 20
"""Files that the evidence of one edge names."""
_MOST_TREES = 4096
"""Trees of versions that are remembered, to compare others with."""
_TIP = "git.tip:"
_FOLDER = "git.folder"
_VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Synced:
    """What an import brought.

    Attributes:
        asset: whose versions the commits are.
        tips: where it began: reference → commit.
        commits: how many were not known.
        versions: how many of these made a version.
        vanished: versions whose commits no branch or tag leads to any more; they are kept.
    """

    asset: str
    tips: Mapping[str, str]
    commits: int
    versions: int
    vanished: int


def sync_git(
    repository: Repository,
    path: Path,
    *,
    asset: str | None = None,
    subfolder: str = "",
    branches: Sequence[str] = (),
    every: bool = False,
    progress: Progress | None = None,
) -> Synced:
    """Make a version of each commit that changes what is tracked.

    A commit inherits the versions of all its parents; a revert also the version with the same
    content. Weights are by how much the content differs. What is known is not looked at again; an
    interrupted import goes on where it was.

    Args:
        repository: where to record.
        path: a folder in a git working tree, or a bare repository.
        asset: whose versions; named after the repository where left out.
        subfolder: what is tracked, from the root of the repository; all of it with ``""``.
        branches: where to begin; at what is checked out where left out.
        every: begin at all branches and tags.
        progress: told commits as items, and bytes of their trees.

    Raises:
        NotFound: there is no git repository, no such branch or folder, or no commit.
        Conflict: a shallow clone, or another folder of the asset was imported before.
        Unavailable: git cannot read it.
    """
    history = GitHistory(path, subfolder)
    tips = history.tips(branches, every=every)
    name = _asset_name(repository, asset or default_name(history))
    tags = _tags(repository, name)
    if tags.get(_FOLDER, history.subfolder) != history.subfolder:
        raise Conflict(
            f"{name} holds the folder {tags[_FOLDER] or '/'} of its repository: import "
            f"{history.subfolder or '/'} as another asset (--as)"
        )
    homes = KnownCommits(lambda commits: repository.find_commit_keys(name, commits))
    commits = history.new_commits(tips.values(), homes)
    if _FOLDER not in tags and all(commit.tree is None for commit in commits):
        raise NotFound("folder", history.subfolder, hint="No commit has it.")
    contraction = Contraction(homes, lambda: repository.uploaded_edges(name))
    run = _Import(repository, history, name, contraction)
    if progress is not None and commits:
        progress(Expected(len(commits), 0))
    versions = run.record(commits, progress)
    vanished = _mark_vanished(repository, history, name, tags)
    state = {_FOLDER: history.subfolder, **{_TIP + ref: tip for ref, tip in tips.items()}}
    if any(tags.get(tag) != value for tag, value in state.items()):
        repository.add_commits(name, (), {}, state)
    return Synced(name, tips, len(commits), versions, vanished)


def default_name(history: GitHistory) -> str:
    """Return the name of a repository: its remote's, or its folder's."""
    place = history.remote or str(history.root).removesuffix("/.git")
    name = re.split(r"[/:\\]", place.rstrip("/").removesuffix(".git"))[-1]
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "code"


def _asset_name(repository: Repository, asset: str) -> str:
    reference = Reference.parse(asset)
    if reference.selector is not None:
        raise InvalidInput(f"{asset} names a version: name the asset alone")
    kind = reference.kind or Kind.ALGORITHM
    return str(AssetName(reference.project or repository.project, kind, reference.name))


def _tags(repository: Repository, name: str) -> Mapping[str, str]:
    try:
        return repository.get_asset(name).tags
    except NotFound:
        return {}


class _Made(NamedTuple):
    """A commit that makes a version, what it tracks, and what its parents do."""

    commit: Commit
    tree: GitTree
    inherits: Mapping[Home, Tree]


class _Import:
    """One run through commits that are not known."""

    def __init__(
        self, repository: Repository, history: GitHistory, asset: str, contraction: Contraction
    ) -> None:
        self._repository = repository
        self._history = history
        self._asset = asset
        self._contraction = contraction
        self._git_trees = GitTrees(history.repository, repository.content)
        self._trees: OrderedDict[Home, Tree] = OrderedDict()
        self._words = WordMemory()
        self._measure = _measure(repository, asset)
        remote = history.remote
        self._remote = None if remote is None else public_address(remote)

    def record(self, commits: Sequence[Commit], progress: Progress | None) -> int:
        """Record them, batch by batch; return how many made a version."""
        count = 0
        with Matching(self._history.repository, self._words) as matching:
            for start in range(0, len(commits), _BATCH):
                batch = commits[start : start + _BATCH]
                with self._repository.content.tree_writer() as writer:
                    self._git_trees.writer = writer
                    made = [one for commit in batch if (one := self._place(commit)) is not None]
                    if self._measure.name == "words":
                        matching.match(self._pairs(made))
                    versions = [self._to_version(one) for one in made]
                    writer.commit()
                homes = {commit.id: self._contraction.homes[commit.id] for commit in batch}
                count += self._repository.add_commits(self._asset, versions, homes)
                if progress is not None:
                    progress(Done(len(batch), sum(version.content.size for version in versions)))
        return count

    def _place(self, commit: Commit) -> _Made | None:
        """Store what a commit tracks, if it makes a version."""
        parents = self._contraction.place(commit, self._history.tree_at)
        if parents is None:
            return None
        assert commit.tree is not None
        olds = {home: self._tree(home) for home in parents}
        like = next((tree for tree in olds.values() if isinstance(tree, GitTree)), None)
        tree = self._git_trees.put(commit.tree, like)
        self._remember(commit.id, tree)
        return _Made(commit, tree, olds)

    def _pairs(self, made: Iterable[_Made]) -> dict[Pair, Blobs]:
        """Return the pairs of files that differ at one path, and were not matched before."""
        pairs: dict[Pair, Blobs] = {}
        for one in made:
            for old in one.inherits.values():
                if not isinstance(old, GitTree):
                    continue
                for delta in one.tree.changes_from(old):
                    if delta.old is None or delta.new is None:
                        continue
                    pair = delta.old.digest, delta.new.digest
                    known = pair[0] == pair[1] or pair in self._words.matches
                    if known or max(delta.old.size, delta.new.size) > LARGEST:
                        continue
                    blobs = old.blob(delta.path), one.tree.blob(delta.path)
                    if blobs[0] is not None and blobs[1] is not None:
                        pairs[pair] = blobs[0], blobs[1]
        return pairs

    def _to_version(self, made: _Made) -> CommitVersion:
        commit, tree = made.commit, made.tree
        return CommitVersion(
            commit.id,
            TreeSummary(tree.digest, tree.size, tree.files),
            {home: self._difference(old, tree) for home, old in made.inherits.items()},
            message=commit.message,
            creator=commit.author,
            created=commit.time,
            source={"git": self._source(commit)},
        )

    def _difference(self, old: Tree, new: Tree) -> Difference:
        if old.digest == new.digest:
            return Difference(self._measure.name, 0, 0)
        return self._measure.compare(old, new, sample=_SAMPLE, word_counts=self._words)

    def _source(self, commit: Commit) -> dict[str, Any]:
        source: dict[str, Any] = {"commit": commit.id, "tree": commit.tree}
        if self._history.subfolder:
            source["folder"] = self._history.subfolder
        if self._remote is not None:
            source["remote"] = self._remote
            link = code_link(self._remote, commit.id, self._history.subfolder)
            if link is not None:
                source["link"] = link
        return source

    def _tree(self, home: Home) -> Tree:
        tree = self._trees.get(home)
        if tree is None:
            tree = self._recorded_tree(home)
            self._remember(home, tree)
        return tree

    def _recorded_tree(self, home: Home) -> Tree:
        """Return what a version holds: as git has it, unless git has cleaned it up."""
        version = self._repository.get_commit_version(self._asset, home)
        assert version.digest is not None
        id_ = version.source["git"]["tree"]
        if id_ in self._history.repository:
            return self._git_trees.stored(id_, version.digest, version.size, version.files)
        return self._repository.content.tree(version.digest)

    def _remember(self, home: Home, tree: Tree) -> None:
        self._trees[home] = tree
        if len(self._trees) > _MOST_TREES:
            self._trees.popitem(last=False)


def _measure(repository: Repository, asset: str) -> Measure:
    name = Reference.parse(asset)
    assert name.kind is not None
    try:
        own = repository.get_asset(asset).measure
    except NotFound:
        own = None
    return omprov.diff.measure_for(name.kind, own)


def _mark_vanished(
    repository: Repository, history: GitHistory, asset: str, tags: Mapping[str, str]
) -> int:
    """Mark versions whose commits nothing leads to any more; return how many there are.

    That can only be where a reference that was imported is gone, or went elsewhere than forwards.
    """
    tips = {tag.removeprefix(_TIP): tip for tag, tip in tags.items() if tag.startswith(_TIP)}
    if all(_went_forwards(history, reference, tip) for reference, tip in tips.items()):
        return 0
    reachable = history.reachable()
    commits = repository.find_commit_keys(asset)
    return repository.tag_commits(
        asset, {commit: None if commit in reachable else _VANISHED for commit in commits}
    )


def _went_forwards(history: GitHistory, reference: str, tip: str) -> bool:
    current = history.current(reference)
    return current is not None and history.is_within(tip, current)
