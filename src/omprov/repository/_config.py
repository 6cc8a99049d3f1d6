"""The repository's settings: a small INI file, like git's."""

from __future__ import annotations

import configparser
import os
import re
from typing import TYPE_CHECKING

from omprov.errors import Damaged, InvalidInput, NotFound

from ._durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS = {
    "user.name": "the name written with everything you record (default: the login name)",
    "project": "the project of references that name none (default: default)",
    "gc.grace": "how long content stays without a version that names it (default: 24h)",
    "parents.candidates": "how many of the newest versions `auto` looks at for a parent (10)",
    "capture.copy_limit": "folders that runs read are stored up to this size, above by reference "
    "(10G)",
    "cache.limit": "how much of what is read from remotes is kept on the disk (10G)",
    "cache.folder": "where that is kept (default: beside the packs)",
    "capture.ignore": "files that no run reads or writes as data: patterns as in .gitignore (none)",
    "capture.keep": "files that always count as read or written, whatever other rules say (none)",
}


class Config:
    """Settings in one file; every change replaces the file atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> str | None:
        """Return the value, or ``None`` where it was not set.

        Raises:
            NotFound: there is no such setting.
        """
        section, key = _split(name)
        return self._read().get(section, key, fallback=None)

    def set(self, name: str, value: str | None) -> None:
        """Set the value; ``None`` removes it.

        Raises:
            NotFound: there is no such setting.
            InvalidInput: the value does not fit it.
        """
        section, key = _split(name)
        if name == "parents.candidates" and value is not None and not value.isdecimal():
            raise InvalidInput(f"{name} takes a whole number, not {value!r}")
        if name == "gc.grace" and value is not None:
            parse_duration(value)
        if name in {"cache.limit", "capture.copy_limit"} and value is not None:
            parse_size(value)
        parser = self._read()
        if value is None:
            parser.remove_option(section, key)
        else:
            if not parser.has_section(section):
                parser.add_section(section)
            parser.set(section, key, value)
        self._write(parser)

    def items(self) -> dict[str, str]:
        """Return what is set."""
        values = {name: self.get(name) for name in SETTINGS}
        return {name: value for name, value in values.items() if value is not None}

    def groups(self, kind: str) -> dict[str, dict[str, str]]:
        """Return the settings of all things of a kind (of each remote), by name, oldest first."""
        parser = self._read()
        return {
            section.removeprefix(f"{kind} "): dict(parser.items(section))
            for section in parser.sections()
            if section.startswith(f"{kind} ")
        }

    def set_group(self, kind: str, name: str, values: Mapping[str, str] | None) -> None:
        """Set all settings of one thing of a kind; ``None`` removes it."""
        parser = self._read()
        section = f"{kind} {name}"
        parser.remove_section(section)
        if values is not None:
            parser[section] = values
        self._write(parser)

    def _write(self, parser: configparser.ConfigParser) -> None:
        partial = self._path.with_name(self._path.name + ".new")
        with partial.open("w", encoding="utf-8") as file:
            parser.write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)

    def _read(self) -> configparser.ConfigParser:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(self._path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            what = " ".join(str(error).split())  # one line
            raise Damaged(f"{self._path} cannot be read: {what}; mend or delete it") from error
        return parser


def parse_size(text: str) -> int:
    """Read a number of bytes: ``500M``, ``10G``, ``1T``, ``0``; powers of 1024.

    Raises:
        InvalidInput: it is no such number.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if found is None:
        raise InvalidInput(f"{text!r} is no size: write for example 500M, 10G or 0")
    return int(float(found[1]) * 1024 ** ("kmgt".find(found[2]) + 1 if found[2] else 0))


def _split(name: str) -> tuple[str, str]:
    if name not in SETTINGS:
        raise NotFound("setting", name, SETTINGS)
    section, dot, key = name.rpartition(".")
    return (section, key) if dot else ("omprov", key)
