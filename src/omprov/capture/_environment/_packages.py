"""The packages of an interpreter: asked in process for our own, by running it for another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._cache import FactCache

_PROBE = Path(__file__).with_name("_probe.py")
_PATIENCE = 30
"""Seconds that another interpreter may take to answer."""
_COUNTING = ("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "HOME")


def read_packages(python: str, environ: Mapping[str, str], cache: FactCache) -> dict[str, Any]:
    """Return what `_probe` says of an interpreter; an empty mapping where it gives no answer.

    Asked once as long as neither it nor one of the folders that it imports from changes.

    Args:
        python: its path.
        environ: the environment that it runs in.
        cache: where answers are kept.
    """
    path = os.path.abspath(python)  # noqa: PTH100 - a link into an environment stays one

    def ask() -> tuple[dict[str, Any], Iterable[str]]:
        facts = _answer(path, environ)
        config = str(Path(path).parent.parent / "pyvenv.cfg")
        return facts, [path, config, *facts.get("folders", ())]

    key = [path, *(environ.get(name) for name in _COUNTING)]
    facts: dict[str, Any] = cache.get("packages", key, ask)
    return facts


def _answer(path: str, environ: Mapping[str, str]) -> dict[str, Any]:
    if path == os.path.abspath(sys.executable):  # noqa: PTH100 - see above
        from ._probe import probe  # what it needs takes 40 ms, and most often nothing is asked

        own: dict[str, Any] = probe()  # type: ignore[no-untyped-call]
        return own
    try:
        done = subprocess.run(
            [path, "-c", _PROBE.read_text(encoding="utf-8")],
            capture_output=True,
            check=True,
            env=dict(environ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
        )
        said = json.loads(done.stdout)
        return said if isinstance(said, dict) else {}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def read_editable(
    direct: Mapping[str, Any], code: Path | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return where packages came from that no index has.

    Args:
        direct: package → its ``direct_url.json``.
        code: the checkout that the run's algorithm is: packages in it are known by its version.

    Returns:
        Package → its commit, or that it is editable; and package → the folder that it lies in.
    """
    known: dict[str, Any] = {}
    folders: dict[str, str] = {}
    for name, said in direct.items():
        if not isinstance(said, dict):
            continue
        vcs = said.get("vcs_info")
        if isinstance(vcs, dict) and vcs.get("commit_id"):
            known[name] = {"commit": vcs["commit_id"]}
            continue
        url = urlsplit(str(said.get("url", "")))
        if url.scheme != "file" or not (said.get("dir_info") or {}).get("editable"):
            continue
        folder = Path(unquote(url.path))
        folders[name] = str(folder)
        inside = code is not None and folder.resolve().is_relative_to(code.resolve())
        commit = None if inside else _commit(folder)
        known[name] = {"editable": True, **({"commit": commit} if commit else {})}
    return known, folders


def _commit(folder: Path) -> str | None:
    """Return the commit that a folder's git checkout is at."""
    if not any((one / ".git").exists() for one in (folder, *folder.parents)):
        return None
    import pygit2  # loaded where there is something to read

    try:
        found = pygit2.discover_repository(str(folder))
        return None if found is None else str(pygit2.Repository(found).head.target)
    except (pygit2.GitError, KeyError, ValueError):
        return None
