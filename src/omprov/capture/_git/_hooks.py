"""Hooks by which a git repository brings its own history up to date."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.errors import Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

_BEGIN, _END = "# >>> omprov >>>\n", "# <<< omprov <<<\n"
_SHELL = "#!/bin/sh\n"
_BLOCK = """{begin}# imports new commits in the background; `omprov git hook remove` takes this away
({command} </dev/null >/dev/null 2>&1 &)
{end}"""
_FETCH_BLOCK = """{begin}# imports what was fetched; `omprov git hook remove` takes this away
if [ "$1" = committed ]; then
  omprov_references=$(cat)
  case "$omprov_references" in
    *" refs/remotes/"*) ({command} </dev/null >/dev/null 2>&1 &) ;;
  esac
  exec <<OMPROV_REFERENCES
$omprov_references
OMPROV_REFERENCES
fi
{end}"""
"""What git says on standard input is read here, and given back to what follows."""
_BLOCKS = {
    "post-commit": _BLOCK,
    "post-merge": _BLOCK,
    "post-rewrite": _BLOCK,
    "reference-transaction": _FETCH_BLOCK,
}
"""After a commit, a merge or pull, an amend or rebase, and where a fetch moved what is remote."""


def hooks_folder(path: Path) -> Path:
    """Return where git looks for the hooks of a repository, settings and worktrees considered.

    Raises:
        NotFound: there is no git repository.
        Conflict: the setting ``core.hooksPath`` names a folder that other repositories share.
        Unavailable: there is no git program.
    """
    hooks, own, *top = (
        _ask_git(path, question)
        for question in ("--git-path hooks", "--git-common-dir", "--show-toplevel")
    )
    if hooks is None or own is None:
        raise NotFound("git repository", path, hint="`git init` makes one.")
    inside = [Path(os.path.realpath(one)) for one in (own, *top) if one is not None]
    if not any(Path(os.path.realpath(hooks)).is_relative_to(one) for one in inside):
        raise Conflict(
            f"core.hooksPath names {hooks}, which other repositories may use, too: call "
            "`omprov git sync` from the hooks there, or set core.hooksPath for this repository"
        )
    return hooks


def _ask_git(path: Path, question: str) -> Path | None:
    """Return a path that git tells; ``None`` where there is none to tell."""
    words = ["git", "-C", str(path), "rev-parse", *question.split()]
    try:
        found = subprocess.run(words, capture_output=True, check=False)
    except OSError as error:
        raise Unavailable(f"git cannot be run: {error.strerror}") from error
    return None if found.returncode else path / os.fsdecode(found.stdout.rstrip(b"\n"))


def install_hooks(path: Path, command: Sequence[str]) -> list[Path]:
    """Let git run a command whenever commits are added; hooks that are there go on working.

    Args:
        path: a folder in a git working tree.
        command: what to run; its output is thrown away and nothing waits for it.

    Returns:
        The hooks.

    Raises:
        NotFound: there is no git repository.
        Conflict: a hook is there that is no shell script; or hooks are shared by repositories.
        Unavailable: they cannot be written.
    """
    folder = hooks_folder(path)
    texts = {folder / name: _read(folder / name) for name in _BLOCKS}
    for hook, text in texts.items():
        if text and not _is_shell(text):
            raise Conflict(
                f"{hook} is no shell script: let it run `{shlex.join(command)}` in the background"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for hook, text in texts.items():
            block = _BLOCKS[hook.name].format(begin=_BEGIN, end=_END, command=shlex.join(command))
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
    found = [hook for name in _BLOCKS if _BEGIN in _read(hook := folder / name)]
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
