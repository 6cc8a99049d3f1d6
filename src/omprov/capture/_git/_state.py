"""What references and settings a git repository has, read as files: without libgit2, in a moment.

This knows just as much of git's layout as it takes to notice that something may have changed;
where it is at a loss, `GitHistory` is to look.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK = b"gitdir:"
_OWN_FILES = ("HEAD", "commondir", "config.worktree")
"""Of one working tree …"""
_SHARED_FILES = ("packed-refs", "shallow", "info/grafts")
"""… and of all that share a repository."""


def find_git_folder(path: str) -> Path | None:
    """Return the folder in which git keeps its books on `path`, as libgit2 finds it.

    Returns:
        ``None`` where there is none, or where it belongs to another user, whom git may not trust.
    """
    start = Path(os.path.realpath(path))
    try:
        device = start.stat().st_dev
        for folder in (start, *start.parents):
            if folder.stat().st_dev != device:
                return None
            own = folder / ".git"
            if own.exists():
                found = own if own.is_dir() else _linked(own)
                return found if _is_ours(folder, own, found) else None
            if _is_git_folder(folder):
                return folder if _is_ours(folder) else None
    except (OSError, ValueError):
        return None
    return None


def state_of(git_folder: Path, *, with_settings: bool) -> str | None:
    """Return a digest that changes whenever a reference or the repository's settings do.

    It takes in when each file was changed, so that a reference which went elsewhere and came back
    is not where it was.

    Args:
        git_folder: what `find_git_folder` found.
        with_settings: the user's and the system's settings count as well.

    Returns:
        ``None`` where this cannot be told from a few files.
    """
    try:
        common = _common_folder(git_folder)
        if (
            not _is_ours(git_folder, common)
            or not (common / "objects").is_dir()
            or (common / "reftable").exists()
        ):
            return None
        digest = blake3(bytes(common))
        for file in _files(git_folder, common):
            digest.update(_look(file))
        for file in _settings(common, everywhere=with_settings):
            look = _look(file)
            if with_settings and b"[include" in look.lower():  # other files, who knows which
                return None
            digest.update(look)
    except (OSError, ValueError):
        return None
    return digest.hexdigest()


def _files(git_folder: Path, common: Path) -> Iterator[Path]:
    yield from (git_folder / name for name in _OWN_FILES)
    yield from (common / name for name in _SHARED_FILES)
    for folder in {git_folder: None, common: None}:
        yield from map(Path, _below(bytes(folder / "refs")))


def _below(folder: bytes) -> Iterator[str]:
    try:
        found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        else:
            yield os.fsdecode(entry.path)


def _settings(common: Path, *, everywhere: bool) -> Iterator[Path]:
    yield common / "config"
    if everywhere:
        yield Path("~/.gitconfig").expanduser()
        yield Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "git/config"
        yield Path("/etc/gitconfig")


def _look(file: Path) -> bytes:
    """Return what a file holds, and which file it is since when.

    Raises:
        ValueError: it is a symlink.
    """
    if file.is_symlink():
        raise ValueError(file)
    try:
        with file.open("rb") as opened:
            stat = os.fstat(opened.fileno())
            content = opened.read()
    except FileNotFoundError:
        return f"{file!r}\n".encode()
    return f"{file!r} {stat.st_ino} {stat.st_ctime_ns} {len(content)}\n".encode() + content


def _linked(file: Path) -> Path:
    """Return the folder that the ``.git`` file of a working tree or submodule names."""
    content = file.read_bytes()
    if not content.startswith(_LINK):
        raise ValueError(file)
    place = os.fsdecode(content.removeprefix(_LINK).strip())
    return Path(os.path.realpath(file.parent / place))


def _common_folder(git_folder: Path) -> Path:
    try:
        place = os.fsdecode((git_folder / "commondir").read_bytes().strip())
    except FileNotFoundError:
        return git_folder
    return Path(os.path.realpath(git_folder / place))


def _is_git_folder(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and all(
        (folder / name).is_dir() for name in ("objects", "refs")
    )


def _is_ours(*places: Path) -> bool:
    return all(place.stat().st_uid == os.geteuid() for place in places)
