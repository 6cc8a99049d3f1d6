"""Finds the configuration file that Hydra reads: by its options, else by the script's decorator."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_OPTIONS = {
    "config_dir": "dir",
    "cd": "dir",
    "config_path": "path",
    "cp": "path",
    "config_name": "name",
    "cn": "name",
}
_LARGEST = 1 << 20


def find_hydra_file(
    texts: Mapping[str, Sequence[str]], script: Path | None, folder: Path
) -> Path | None:
    """Return the primary configuration file of a Hydra application, if there is one.

    Args:
        texts: options of the command line → their values.
        script: the file that is run.
        folder: where it runs.
    """
    given = {_OPTIONS[name]: values[-1] for name, values in texts.items() if name in _OPTIONS}
    said = _decorated(script) if script is not None else {}
    name = given.get("name", said.get("config_name"))
    if name is None or not (given or said):
        return None
    base = script.parent if script is not None else folder
    folders = []
    if "path" in given:
        folders.append(base / given["path"])
    elif said.get("config_path") is not None:
        folders.append(base / str(said["config_path"]))
    if "dir" in given:
        folders.append(folder / given["dir"])
    if not said and not folders:
        folders.append(base)
    for one in folders:
        for suffix in ("", ".yaml", ".yml"):
            path = one / f"{name}{suffix}"
            if path.suffix in {".yaml", ".yml"} and path.is_file():
                return path
    return None


def _decorated(script: Path) -> dict[str, str | None]:
    """Return the literal arguments of ``@hydra.main(…)`` in a script; the script is not run."""
    try:
        if script.suffix != ".py" or script.stat().st_size > _LARGEST:
            return {}
        text = script.read_text(encoding="utf-8", errors="replace")
        if "hydra" not in text:
            return {}
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "hydra.main":
                    return {
                        word.arg: word.value.value
                        for word in decorator.keywords
                        if word.arg in {"config_path", "config_name"}
                        and isinstance(word.value, ast.Constant)
                        and (word.value.value is None or isinstance(word.value.value, str))
                    }
    return {}
