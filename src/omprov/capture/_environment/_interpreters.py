"""Finds the Python interpreter that a command runs in the end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.capture._parameters import Invocation

_PROJECT_TOOLS = {"uv", "poetry", "pdm", "rye", "hatch", "pipenv"}
_NAMES = ("python3", "python")


def find_interpreter(
    invocation: Invocation, folder: Path, environ: Mapping[str, str]
) -> str | None:
    """Return the path of the interpreter whose packages a command uses.

    That which is named; that of the project or conda environment which a launcher enters; that
    which stands in the first line of the program; else the first on the path, since a shell script
    would start that one. ``None`` where there is none.

    Args:
        invocation: the command, taken apart.
        folder: where it runs.
        environ: its variables.
    """
    path = invocation.environment.get("PATH", environ.get("PATH"))
    named = invocation.program if invocation.is_python and invocation.program else None
    if named is not None and (os.sep in named or not _entered(invocation)):
        found = _which(named, folder, path)
        if found is not None and not found.endswith((".py", ".sh")):
            return found
    inside = _inside(invocation, folder, environ)
    if inside is not None:
        return inside
    starters = [one.name for one in invocation.launchers] + [invocation.program or ""]
    for name in reversed(starters):
        program = _which(name, folder, path) if name else None
        interpreter = None if program is None else _first_line(Path(program), path)
        if interpreter is not None:
            return interpreter
    return next((one for name in _NAMES if (one := shutil.which(name, path=path))), None)


def _entered(invocation: Invocation) -> bool:
    return any(
        one.name in _PROJECT_TOOLS or one.name in {"conda", "mamba", "micromamba", "pixi"}
        for one in invocation.launchers
    )


def _inside(invocation: Invocation, folder: Path, environ: Mapping[str, str]) -> str | None:
    """Return the interpreter of the environment that a launcher enters."""
    for launcher in invocation.launchers:
        places: list[Path] = []
        if launcher.name in _PROJECT_TOOLS:
            places = [one / ".venv" for one in (folder, *folder.parents)]
        elif launcher.name in {"conda", "mamba", "micromamba"}:
            named = _after(launcher.words, ("-p", "--prefix"))
            name = _after(launcher.words, ("-n", "--name"))
            root = Path(environ.get("CONDA_EXE", "/opt/conda/bin/conda")).parent.parent
            places = [Path(named)] if named else [root / "envs" / name] if name else []
        for place in places:
            if (place / "bin" / "python").exists():
                return str(place / "bin" / "python")
    return None


def _after(words: tuple[str, ...], options: tuple[str, ...]) -> str | None:
    for place, word in enumerate(words):
        if word in options and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(tuple(f"{option}=" for option in options)):
            return word.partition("=")[2]
    return None


def _which(name: str, folder: Path, path: str | None) -> str | None:
    if os.sep in name:
        place = folder / name
        return str(place) if place.is_file() and os.access(place, os.X_OK) else None
    return shutil.which(name, path=path)


def _first_line(program: Path, path: str | None) -> str | None:
    """Return the interpreter that the first line of a Python program names."""
    try:
        with program.open("rb") as file:
            line = file.readline(512)
            if line.startswith(b"#!/bin/sh"):  # as written where paths are long
                line = b"#!" + file.readline(512).removeprefix(b"'''exec' ").strip(b'"')
    except OSError:
        return None
    if not line.startswith(b"#!") or b"python" not in line:
        return None
    words = line[2:].decode(errors="replace").replace('"', " ").split()
    if not words:
        return None
    if Path(words[0]).name == "env":
        named = next((word for word in words[1:] if word.startswith("python")), None)
        return None if named is None else shutil.which(named, path=path)
    return words[0] if Path(words[0]).exists() else None
