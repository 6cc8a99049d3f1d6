"""Jupyter notebooks as cells: their type and their source; outputs and all else are left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ._texts import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._trees import Leaf, Tree

_LARGEST = 64 << 20  # bytes of a notebook that is read, outputs included


class Cell(NamedTuple):
    """A cell of a notebook.

    Attributes:
        sort: ``code``, ``markdown`` or ``raw``, or what else the file says.
        source: its text.
    """

    sort: str
    source: str

    def words(self) -> list[bytes]:
        """Split the source into words; the cell's type comes first, as one that no text holds."""
        marker = f"cell {self.sort}".encode("utf-8", "surrogatepass")
        return [marker, *split_words(self.source.encode("utf-8", "surrogatepass"))]


def is_notebook(path: str) -> bool:
    """Tell whether a file's name says that it is a notebook."""
    return path.lower().endswith(".ipynb")


def read_cells(tree: Tree, leaf: Leaf) -> tuple[list[Cell], str]:
    """Read the cells of a notebook, of format 3 or later.

    Returns:
        The cells and an empty text; or one cell that stands for the whole file, and why the file
        could not be read.
    """
    if leaf.size > _LARGEST:
        return [_whole(leaf)], f"{leaf.path} has more than {_LARGEST >> 20} MiB"
    with tree.open(leaf.path) as file:
        content = file.read()
    try:
        return list(_iter_cells(json.loads(content))), ""
    except (ValueError, RecursionError, _NoNotebook) as error:
        return [_whole(leaf)], f"{leaf.path} cannot be read as a notebook ({error})"


class _NoNotebook(Exception):
    """What was read is JSON, but no notebook."""


def _whole(leaf: Leaf) -> Cell:
    return Cell("unreadable", leaf.digest)


def _iter_cells(notebook: Any) -> Iterator[Cell]:
    for holder in _holders(notebook):
        cells = holder.get("cells") if isinstance(holder, dict) else None
        if not isinstance(cells, list):
            raise _NoNotebook("it has no list of cells")
        for cell in cells:
            if not isinstance(cell, dict):
                raise _NoNotebook("a cell is no object")
            source = cell.get("source", cell.get("input", ""))
            yield Cell(str(cell.get("cell_type", "")), _text(source))


def _holders(notebook: Any) -> list[Any]:
    sheets = notebook.get("worksheets") if isinstance(notebook, dict) else None
    return sheets if isinstance(sheets, list) and "cells" not in notebook else [notebook]


def _text(source: Any) -> str:
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    if not isinstance(source, str):
        raise _NoNotebook("the source of a cell is no text")
    return source
