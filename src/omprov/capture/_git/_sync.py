"""Imports the history of a git repository as the version graph of an algorithm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import AssetName, Kind, Reference, name_like

from ._history import GitHistory
from ._known import KnownCommits
from ._synced import Synced
from ._unchanged import FOLDER, TIP, Asked, Memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omprov.content import Progress
    from omprov.repository import Repository

__all__ = ["Synced", "default_name", "sync_git"]

_VANISHED = "vanished"


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
        Conflict: a shallow clone; or another folder, or another repository, was imported into the
            asset before.
        Unavailable: git cannot read it, or lacks objects.
    """
    memory = Memory(repository.path, Asked(str(path), asset, subfolder, branches, every))
    history = GitHistory(path, subfolder)
    tips = history.tips(branches, every=every)
    whose = _asset_name(repository, asset or default_name(history))
    name = str(whose)
    tags = _tags(repository, name)
    if tags.get(FOLDER, history.subfolder) != history.subfolder:
        raise Conflict(
            f"{name} holds the folder {tags[FOLDER] or '/'} of its repository: import "
            f"{history.subfolder or '/'} as another asset (--as)"
        )
    homes = KnownCommits(lambda commits: repository.find_commit_keys(name, commits))
    commits = history.new_commits(tips.values(), homes)
    versions = 0
    if commits:
        if FOLDER not in tags:
            if all(history.tree_at(commit) is None for commit in commits):
                raise NotFound("folder", history.subfolder, hint="No commit has it.")
        elif not any(map(history.has, repository.find_commit_keys(name))):
            raise Conflict(
                f"{name} holds the history of another repository: import {history.root} as an "
                "asset of its own (--as)"
            )
        from ._importing import Import  # draws in much, and most often nothing is new

        run = Import(repository, history, name, homes, {FOLDER: history.subfolder})
        versions = run.record(commits, progress)
    moved = _not_forwards(history, tags)
    vanished = _mark_vanished(repository, history, name) if moved else 0
    state = {**dict.fromkeys(moved), **{TIP + ref: tip for ref, tip in tips.items()}}
    if any(tags.get(tag) != value for tag, value in state.items()):
        repository.add_commits(name, (), {}, state)
    memory.keep(history.repository.path, whose, tips, {**tags, FOLDER: history.subfolder, **state})
    return Synced(name, tips, len(commits), versions, vanished)


def default_name(history: GitHistory) -> str:
    """Return the name of a repository: its remote's, or its folder's."""
    place = history.remote or str(history.root).removesuffix("/.git")
    return name_like(re.split(r"[/:\\]", place.rstrip("/").removesuffix(".git"))[-1], "code")


def _asset_name(repository: Repository, asset: str) -> AssetName:
    reference = Reference.parse(asset)
    if reference.selector is not None:
        raise InvalidInput(f"{asset} names a version: name the asset alone")
    kind = reference.kind or Kind.ALGORITHM
    return AssetName(reference.project or repository.project, kind, reference.name)


def _tags(repository: Repository, name: str) -> Mapping[str, str]:
    try:
        return repository.get_asset(name).tags
    except NotFound:
        return {}


def _not_forwards(history: GitHistory, tags: Mapping[str, str]) -> list[str]:
    """Return the tags of imported references that are gone, or went elsewhere than forwards."""
    tips = {tag: tip for tag, tip in tags.items() if tag.startswith(TIP)}
    return [
        tag
        for tag, tip in tips.items()
        if (current := history.current(tag.removeprefix(TIP))) is None
        or not history.is_within(tip, current)
    ]


def _mark_vanished(repository: Repository, history: GitHistory, asset: str) -> int:
    """Mark versions whose commits nothing leads to any more; return how many there are."""
    reachable = history.reachable()
    return repository.tag_commits(
        asset,
        {
            commit: None if commit in reachable else _VANISHED
            for commit in repository.find_commit_keys(asset)
        },
    )
