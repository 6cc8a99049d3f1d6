"""Where the code of a command lies: beside its script, or in the folder where it runs."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omprov.capture._parameters import Invocation

_BUILDERS = {
    "dvc": "dvc.yaml",
    "just": "justfile",
    "make": "Makefile",
    "nextflow": "main.nf",
    "npm": "package.json",
    "snakemake": "Snakefile",
}
"""Programs that run what a file of the folder says."""


def find_script(invocation: Invocation, folder: Path) -> Path | None:
    """Return the real path of the script that a command runs, if it is one of the user's own.

    Scripts of the system and of installed packages are none.
    """
    if invocation.script is None:
        return None
    path = Path(os.path.realpath(folder / invocation.script))
    if not path.is_file() or _is_installed(path):
        return None
    return path


def runs_folder(invocation: Invocation, folder: Path) -> bool:
    """Say whether a command runs code of a folder without naming a file: ``-m``, ``make``."""
    if invocation.module is not None:
        place = folder / invocation.module.split(".")[0]
        return place.is_dir() or place.with_suffix(".py").is_file()
    program = Path(invocation.program or "").name
    return program in _BUILDERS and (folder / _BUILDERS[program]).is_file()


def is_shared(folder: Path) -> bool:
    """Say whether a folder holds all sorts of things: then a script in it stands alone."""
    real = Path(os.path.realpath(folder))
    home = Path(os.path.realpath(Path.home()))
    places = {Path("/"), home, Path(os.path.realpath(tempfile.gettempdir()))}
    places |= {home / name for name in ("Desktop", "Documents", "Downloads", "bin", ".local/bin")}
    return real in places or real in {Path("/tmp"), Path("/var/tmp"), Path("/mnt"), Path("/opt")}  # noqa: S108


def _is_installed(path: Path) -> bool:
    if {"site-packages", "dist-packages"}.intersection(path.parts):
        return True
    places = {Path("/usr"), Path("/bin"), Path("/sbin"), Path("/lib"), Path("/opt/conda")}
    places |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "scripts")}
    own = {Path(os.path.realpath(sys.prefix)) / "bin"}
    if Path("/usr/local/src") in path.parents or Path("/usr/src") in path.parents:
        return False
    return any(path.is_relative_to(place) for place in places | own)
