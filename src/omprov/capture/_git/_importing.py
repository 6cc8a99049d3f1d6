"""Makes versions of commits that are not known yet: contents, differences, transactions."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import omprov.diff
from omprov.content import Done, Expected, TreeSummary
from omprov.diff import WordMemory
from omprov.errors import NotFound
from omprov.records import Difference, Digest, Reference
from omprov.repository import CommitVersion

from ._contraction import Contraction
from ._links import code_link, public_address
from ._matching import LARGEST, Matching
from ._trees import GitTree, GitTrees

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omprov.content import Progress
    from omprov.diff import Measure, Tree
    from omprov.repository import Repository

    from ._contraction import Home
    from ._history import Commit, GitHistory
    from ._known import Homes
    from ._matching import Blobs, Pair

_BATCH = 1000
"""Commits that are recorded in one transaction."""
_SAMPLE = 20
"""Files that the evidence of one edge names."""
_MOST_TREES = 4096
"""Trees of versions that are remembered, to compare others with."""


class _Made(NamedTuple):
    """A commit that makes a version, what it tracks, and what its parents do."""

    commit: Commit
    tree: GitTree
    inherits: Mapping[Home, Tree]


class Import:
    """One run through commits that are not known."""

    def __init__(
        self,
        repository: Repository,
        history: GitHistory,
        asset: str,
        homes: Homes,
        tags: Mapping[str, str],
    ) -> None:
        """Prepare an import.

        Args:
            repository: where to record.
            history: what is read.
            asset: whose versions.
            homes: each known commit with its version.
            tags: what the asset is to say of itself, from the first transaction on.
        """
        self._tags = tags
        self._repository = repository
        self._history = history
        self._asset = asset
        self._contraction = Contraction(homes, lambda: repository.uploaded_edges(asset))
        self._git_trees = GitTrees(history.repository, repository.content)
        self._trees: OrderedDict[Home, Tree] = OrderedDict()
        self._words = WordMemory()
        self._measure = _measure(repository, asset)
        remote = history.remote
        self._remote = None if remote is None else public_address(remote)

    def record(self, ids: Sequence[str], progress: Progress | None) -> int:
        """Record commits, batch by batch; return how many made a version."""
        if progress is not None:
            progress(Expected(len(ids), 0))
        count = 0
        with Matching(self._history.repository, self._words) as matching:
            for start in range(0, len(ids), _BATCH):
                batch = [self._history.commit(id_) for id_ in ids[start : start + _BATCH]]
                with self._repository.content.tree_writer() as writer:
                    self._git_trees.writer = writer
                    made = list(self._placed(batch, matching))
                    matching.finish()
                    versions = [self._to_version(one) for one in made]
                    writer.commit()
                homes = {commit.id: self._contraction.homes[commit.id] for commit in batch}
                count += self._repository.add_commits(self._asset, versions, homes, self._tags)
                if progress is not None:
                    progress(Done(len(batch), 0))
        return count

    def _placed(self, batch: Iterable[Commit], matching: Matching) -> Iterator[_Made]:
        """Store what commits track that make a version, while words are matched beside that."""
        for commit in batch:
            made = self._place(commit)
            if made is not None:
                if self._measure.name == "words":
                    matching.add(self._pairs(made))
                yield made

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

    def _pairs(self, made: _Made) -> dict[Pair, Blobs]:
        """Return the pairs of files that differ at one path."""
        pairs: dict[Pair, Blobs] = {}
        for old in made.inherits.values():
            if isinstance(old, GitTree):
                for _, before, after in made.tree.files_from(old):
                    if before is not None and after is not None and before.id != after.id:
                        was, now = self._git_trees.file(before), self._git_trees.file(after)
                        if max(was.size, now.size) <= LARGEST and not (
                            before.is_module or after.is_module
                        ):
                            pairs[Digest(was.digest.hex()), Digest(now.digest.hex())] = (
                                before.id,
                                after.id,
                            )
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
        if self._history.has(id_):
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
