"""IPython and Jupyter: ``%load_ext omprov``, then ``%%omprov`` records a cell as a run.

::

    %%omprov train --param lr=0.1
    model.fit(...)
"""

from __future__ import annotations

import json
import os
import shlex
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class

import omprov
from omprov.errors import AlreadyExists
from omprov.records import RunStatus, name_like

from ._harmless import harmless
from ._recordings import Recording

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_HOOK = "IPython"
_PATHS = ("__session__", "__vsc_ipynb_file__")
"""Names under which Jupyter's and VS Code's kernels keep the path of the notebook."""


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Make ``%%omprov`` known; IPython calls this."""
    ipython.register_magics(OmprovMagics)


@magics_class
class OmprovMagics(Magics):
    """The magics."""

    @cell_magic("omprov")
    def record(self, line: str, cell: str) -> None:
        """Record a cell as a run: ``%%omprov [NAME] [--param K=V]…``.

        The run uses the notebook's source cells as its algorithm, and in the cell it is
        `omprov.active_run()`, also by the name ``run``. A cell that raises is a run that failed.
        """
        given = _parse(line)
        notebook = Notebook.of(self.shell, cell)
        params = dict(_param(one) for one in given.param)
        recording = Recording.begin(given.name or notebook.name)
        recording.log_params(params)
        _use_source(recording, notebook)
        before = self.shell.user_ns.get("run", _MISSING)
        self.shell.user_ns["run"] = recording.run
        status = RunStatus.FAILED
        try:
            result = self.shell.run_cell(cell)
            error = result.error_before_exec or result.error_in_exec
            killed = isinstance(error, KeyboardInterrupt)
            status = RunStatus.KILLED if killed else RunStatus.FAILED
            status = RunStatus.SUCCEEDED if error is None else status
        finally:
            if before is _MISSING:
                self.shell.user_ns.pop("run", None)
            else:
                self.shell.user_ns["run"] = before
            recording.end(status)


_MISSING = object()


class _Words(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%omprov: {message}")


def _parse(line: str) -> Any:
    words = _Words("%%omprov", add_help=False)
    words.add_argument("name", nargs="?")
    words.add_argument("--param", "-p", action="append", default=[], metavar="K=V")
    return words.parse_args(shlex.split(line))


def _param(text: str) -> tuple[str, Any]:
    name, is_given, value = text.partition("=")
    if not is_given or not name:
        raise UsageError(f"%%omprov: --param {text} is not written K=V")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


class Notebook:
    """The source cells of a notebook, or of a session without one.

    Attributes:
        name: like the notebook's file.
        cells: sort and source of each.
    """

    def __init__(self, name: str, cells: list[tuple[str, str]]) -> None:
        self.name = name
        self.cells = cells

    @classmethod
    def of(cls, shell: InteractiveShell, cell: str) -> Notebook:
        """Find the notebook that a shell runs.

        Its file counts if it holds the cell that runs now. Where it does not, as before it is
        saved, and where there is no file, the cells are those that the session has run so far.
        """
        path = _find_file(shell)
        name = "notebook" if path is None else name_like(path.stem, "notebook")
        if path is not None:
            cells = _read(path)
            if any(source.rstrip().endswith(cell.rstrip()) for _, source in cells):
                return cls(name, cells)
        sources = shell.history_manager.input_hist_raw[1:]
        return cls(name, [("code", source) for source in sources if source.strip()])

    def to_bytes(self) -> bytes:
        """Write the cells as a notebook: no outputs, no counts, the same for the same cells."""
        cells: list[dict[str, Any]] = [
            {
                "cell_type": sort,
                "metadata": {},
                "source": source.splitlines(keepends=True),
                **({"execution_count": None, "outputs": []} if sort == "code" else {}),
            }
            for sort, source in self.cells
        ]
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode(
            "utf-8", "surrogatepass"
        )


def _find_file(shell: InteractiveShell) -> Path | None:
    named = [shell.user_ns.get(name) for name in _PATHS] + [os.environ.get("JPY_SESSION_NAME")]
    for one in named:
        path = Path(one) if isinstance(one, str) and one.endswith(".ipynb") else None
        if path is not None and path.is_file():
            return path
    return None


def _read(path: Path) -> list[tuple[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [(str(cell["cell_type"]), _text(cell["source"])) for cell in found.get("cells", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # then the session's own history tells


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


@harmless(_HOOK)
def _use_source(recording: Recording, notebook: Notebook) -> None:
    """Make the cells a version of the notebook's algorithm, and an input of the run."""
    asset = f"algorithm/{notebook.name}"
    added = omprov.add_version(asset, {f"{notebook.name}.ipynb": notebook.to_bytes()})
    try:
        recording.run.use(str(added.version), role="algorithm")
    except AlreadyExists:  # the code of the folder, which holds modules that the notebook imports
        recording.run.use(str(added.version), role="algorithm.notebook")
