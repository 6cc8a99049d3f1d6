"""Hooks by which a git repository brings its own history up to date."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from omprov.errors import Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOOKS = ("post-commit", "post-merge", "post-rewrite", "reference-transaction")
"""After a commit, a merge or pull, an amend or rebase, and where a fetch moved what is remote."""
_BEGIN, _END = "# >>> omprov >>>\n", "# <<< omprov <<<\n"
_SHELL = "#!/bin/sh\n"
_BLOCK = """{begin}# imports new commits in the background; `omprov git hook remove` takes this away
if {condition}; then
  ({command} </dev/null >/dev/null 2>&1 &)
fi
{end}"""
_ALWAYS = "true"
_FETCHED = '[ "$1" = committed ] && grep -q " refs/remotes/"'


def hooks_folder(path: Path) -> Path:
    """Return where git looks for the hooks of a repository, settings and worktrees considered.

    Raises:
        NotFound: there is no git repository.
        Unavailable: there is no git program.
    """
    try:
        found = subprocess.run(
            ["git", "-C", path, "rev-parse", "--git-path", "hooks"],
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Unavailable(f"git cannot be run: {error.strerror}") from error
    if found.returncode:
        raise NotFound("git repository", path, hint="`git init` makes one.")
    return path / os.fsdecode(found.stdout.rstrip(b"\n"))


def install_hooks(path: Path, command: Sequence[str]) -> list[Path]:
    """Let git run a command whenever commits are added; hooks that are there go on working.

    Args:
        path: a folder in a git working tree.
        command: what to run; its output is thrown away and nothing waits for it.

    Returns:
        The hooks.

    Raises:
        NotFound: there is no git repository.
        Conflict: a hook is there that is no shell script.
        Unavailable: they cannot be written.
    """
    folder = hooks_folder(path)
    texts = {folder / name: _read(folder / name) for name in HOOKS}
    for hook, text in texts.items():
        if text and not _is_shell(text):
            raise Conflict(
                f"{hook} is no shell script: let it run `{shlex.join(command)}` in the background"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for hook, text in texts.items():
            condition = _FETCHED if hook.name == "reference-transaction" else _ALWAYS
            block = _BLOCK.format(
                begin=_BEGIN, end=_END, condition=condition, command=shlex.join(command)
            )
            _write(hook, _inserted(_without(text) or _SHELL, block))
    except OSError as error:
        raise Unavailable(f"{folder} cannot be written: {error.strerror}") from error
    return [*texts]


def remove_hooks(path: Path) -> list[Path]:
    """Take away what `install_hooks` wrote; return the hooks that had it.

    Raises:
        NotFound: there is no git repository.
        Unavailable: they cannot be written.
    """
    folder = hooks_folder(path)
    found = [hook for name in HOOKS if _BEGIN in _read(hook := folder / name)]
    try:
        for hook in found:
            rest = _without(_read(hook))
            if rest in {"", _SHELL}:
                hook.unlink()
            else:
                _write(hook, rest)
    except OSError as error:
        raise Unavailable(f"{folder} cannot be written: {error.strerror}") from error
    return found


def _read(hook: Path) -> str:
    try:
        return hook.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _write(hook: Path, text: str) -> None:
    fresh = hook.with_name(hook.name + ".new")
    fresh.write_text(text, encoding="utf-8", errors="surrogateescape")
    fresh.chmod(0o755)
    fresh.replace(hook)


def _is_shell(text: str) -> bool:
    first = text.partition("\n")[0]
    return first.startswith("#!") and first.rpartition("/")[2].split()[-1].endswith("sh")


def _inserted(text: str, block: str) -> str:
    """Put the block after the first line: what follows may end the script."""
    first, newline, rest = text.partition("\n")
    return f"{first}{newline or chr(10)}{block}{rest}"


def _without(text: str) -> str:
    before, begin, rest = text.partition(_BEGIN)
    return before + rest.partition(_END)[2] if begin else text
