"""The source files of a folder that git knows nothing of, as a version of an algorithm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.records import name_like
from omprov.repository import AUTO

from ._code import Code, LeftOut
from ._files import put_changed, read_source
from ._ignoring import GIT, OWN, IgnoreFiles
from ._new_files import NewFiles
from ._request import full_name
from ._rules import is_code
from ._script import is_shared, runs_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.capture._parameters import Invocation
    from omprov.repository import Repository

    from ._files import SourceFile
    from ._request import Request

_LARGEST = 20 << 20
"""Bytes of a folder's source in all …"""
_MOST = 2_000
"""… and files: what is more is hardly one program."""


def record_snapshot(
    repository: Repository,
    folder: Path,
    invocation: Invocation,
    request: Request,
    notes: Sequence[str],
) -> Code:
    """Record the script that a command runs and the source files of its folder.

    A script in a folder for all sorts of things (home, ``/tmp``), or in one with too many files,
    is recorded alone. Where the command runs no code of the folder, nothing is recorded.
    """
    script = request.script
    if script is None and not runs_folder(invocation, folder):
        return Code(None, notes=(*notes, "no source: the command names no script of its own"))
    top = folder if script is None else script.parent
    called = top.name
    files: dict[str, SourceFile] = {}
    left_out: list[LeftOut] = []
    if script is None or not is_shared(top):
        files, left_out = _read_folder(top, request)
    if script is not None and script.name not in files:
        alone = read_source(script)
        if alone is not None:
            files, called = {script.name: alone}, script.stem
    if not files:
        return Code(None, left_out=tuple(left_out), notes=(*notes, f"no source in {top}"))
    stored = put_changed(repository.content, None, files)
    added = repository.add_version(
        full_name(repository, request.as_ or name_like(called, "code")),
        stored=stored,
        inherits=AUTO,
        source={"folder": str(top), **({"script": script.name} if script is not None else {})},
        message="recorded without git",
    )
    return Code(added.version, left_out=tuple(left_out), notes=tuple(notes))


def _read_folder(top: Path, request: Request) -> tuple[dict[str, SourceFile], list[LeftOut]]:
    """Read the program text in a folder; none of it where there is too much."""
    rules = IgnoreFiles(top, [OWN, GIT])
    named = request.named_in(top)
    new = NewFiles(
        top,
        replace(request.limits, files=_MOST + 1, total=_LARGEST),
        ignores=rules.ignores,
        held=request.held_in(top),
        tracks=lambda _: False,
        named=named,
    )
    new.take([""] if top.is_dir() else [])
    files = {path: file for path, file in new.files.items() if path in named or _counts(path)}
    if len(files) > _MOST or any("together" in one.reason for one in new.left_out):
        return {}, [LeftOut("./", "it holds too much to be one program")]
    return files, new.left_out


def _counts(path: str) -> bool:
    """Say whether a file is program text or settings: notes and results are not told apart here."""
    return is_code(Path(path).name)
