"""Reading small JSON and TOML files, without trusting them."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._trees import Leaf, Tree

_LARGEST = 16 << 20  # bytes; nobody writes parameters that long
_DEEPEST = 64  # levels of mappings and lists


def is_structured(leaf: Leaf) -> bool:
    """Tell whether a file claims to be JSON or TOML."""
    return leaf.mode != "symlink" and leaf.path.endswith((".json", ".toml"))


def find_value(tree: Tree, leaf: Leaf) -> tuple[Any, str]:
    """Read a JSON or TOML file.

    Returns:
        Its value and an empty text; or ``None`` and why it could not be read.
    """
    if leaf.size > _LARGEST:
        return None, f"{leaf.path} has more than {_LARGEST >> 20} MiB"
    with tree.open(leaf.path) as file:
        content = file.read()
    try:
        is_toml = leaf.path.endswith(".toml")
        value = tomllib.loads(content.decode()) if is_toml else json.loads(content)
    except (ValueError, RecursionError) as error:
        return None, f"{leaf.path} cannot be read ({error})"
    if _is_deep(value):
        return None, f"{leaf.path} is nested more than {_DEEPEST} deep"
    return value, ""


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
