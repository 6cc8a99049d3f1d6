"""What a command has at hand: the options of every command, consoles, and the repository."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ._glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TextIO

    from rich.console import Console

    from omprov.content import Progress
    from omprov.repository import Repository

PIPE_WIDTH = 160
"""Columns of output that goes to no terminal, where ``COLUMNS`` does not say otherwise."""


@dataclass
class Session:
    """One call of the command line.

    Attributes:
        url: where the repository is; ``None`` finds it.
        as_json: print JSON only.
        debug: show the traceback of unexpected errors.
    """

    url: str | None = None
    as_json: bool = False
    debug: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @contextlib.contextmanager
    def repository(self, *, deliver: bool = True) -> Iterator[Repository]:
        """Open the repository that the options name, or the nearest one.

        Args:
            deliver: record first what earlier runs have left in their journals.

        Raises:
            NotFound: there is none.
        """
        from omprov._front import connect, tell_of_runs  # start-up: --help needs no database
        from omprov.repository import JOURNAL

        with connect(self.url, create=False) as repository:
            if deliver and (repository.path / JOURNAL).exists():
                from omprov.capture import sync_runs

                for problem in sync_runs(repository).problems:
                    self.warn(f"a run could not be delivered: {problem}")
            yield repository
            if deliver:
                tell_of_runs(repository)

    @cached_property
    def out(self) -> Console:
        """The console of answers."""
        return make_console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        """The console of progress, questions and warnings."""
        return make_console(sys.stderr)

    @cached_property
    def glyphs(self) -> Glyphs:
        """The characters that the terminal can show."""
        return UNICODE.fit(self.out.encoding)

    @property
    def cuts_lines(self) -> bool:
        """Whether lines that do not fit are cut: only where there is a width to fit."""
        return has_width(sys.stdout)

    @property
    def is_interactive(self) -> bool:
        """Whether somebody can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.as_json

    def answer(self, data: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """Print the answer, either way.

        Args:
            data: for ``--json``.
            show: prints it for people.
        """
        if self.as_json:
            print_json(data)
        else:
            show(self.out)

    def warn(self, text: str) -> None:
        """Say something beside the answer, on standard error."""
        self.err.print(f"omprov: {text}", style="yellow", soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, what: str, *, by_items: bool = False) -> Iterator[Progress | None]:
        """Show progress on a terminal; elsewhere give ``None``.

        Args:
            what: what is being done, for instance ``storing``.
            by_items: items are counted and no bytes.
        """
        if self.as_json or not sys.stderr.isatty():
            yield None
            return
        from ._bar import progress_bar

        with progress_bar(what, self.err, by_items=by_items) as progress:
            yield progress


def print_json(data: Mapping[str, Any], file: TextIO | None = None) -> None:
    """Print one JSON object; strict JSON (NaN and infinities become null).

    A value that is an iterator is printed as a list, item by item.
    """
    stream = file or sys.stdout
    encoding = stream.encoding or "utf-8"
    between = "{\n"
    for key, value in data.items():
        stream.write(f"{between}  {_json_text(key, encoding)}: ")
        if isinstance(value, Iterator):
            _print_items(value, stream, encoding)
        else:
            stream.write(_json_text(value, encoding, "  "))
        between = ",\n"
    stream.write("\n}\n" if data else "{}\n")


def _print_items(items: Iterator[Any], stream: TextIO, encoding: str) -> None:
    between = "["
    for item in items:
        stream.write(f"{between}\n    {_json_text(item, encoding, '    ')}")
        between = ","
    stream.write("[]" if between == "[" else "\n  ]")


def _json_text(value: Any, encoding: str, indent: str = "") -> str:
    strict = _strict(value)
    text = json.dumps(strict, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:  # a file name that is no UTF-8, or a terminal that lacks letters
        text = json.dumps(strict, indent=2, default=str)
    return text.replace("\n", "\n" + indent)


def _strict(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {str(key): _strict(item) for key, item in value.items()}
        case list() | tuple():
            return [_strict(item) for item in value]
        case _:
            return value


def make_console(stream: TextIO) -> Console:
    """Make a console that takes text as it is: no markup, no emoji codes, no guessed colours.

    Args:
        stream: where it writes.
    """
    from rich.console import Console  # start-up: `omprov --help` needs no tables

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:  # a file name need not be UTF-8, a terminal neither
        reconfigure(errors="backslashreplace")
    width = None if has_width(stream) else PIPE_WIDTH
    return PlainConsole(file=stream, width=width, markup=False, emoji=False, highlight=False)


def has_width(stream: TextIO) -> bool:
    """Tell whether what is written to `stream` has to fit somewhere."""
    return stream.isatty() or bool(os.environ.get("COLUMNS"))


def display_path(path: Path) -> str:
    """Write a path as seen from the current folder where it lies below it."""
    with contextlib.suppress(ValueError, OSError):
        return str(path.absolute().relative_to(path.cwd()))
    return str(path)
