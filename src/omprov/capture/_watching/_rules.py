"""Which of the files that a run read and wrote count, and by which rule.

The order of the rules is told in docs/design/file-access.md.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput

from ._places import Places, find_places
from ._tracked import Tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.capture._accesses import Accesses

    from ._watched import Watched

_SECRETS = re.compile(
    r"\.env(\..+)?|\.netrc|\.pgpass|\.pypirc|\.git-credentials|id_(rsa|dsa|ecdsa|ed25519)(\.pub)?"
    r"|kaggle\.json|.+\.(pem|p12|pfx|key)"
)
_COMPILED = re.compile(r".+\.(py[co]|nbi|nbc)")
_SHARED_LIBRARY = re.compile(r".+\.(so(\.[0-9.]+)?|dylib|dll|pyd)")
_LEFT_BY_PROGRAMS = re.compile(
    r".+\.(lock|lck|pid|sock|swp|swo)|lock\.mdb|.+~|\.#.*|#.*#|\.~lock\..*#|\.DS_Store|Thumbs\.db|\.nfs.*"
    r"|nohup\.out|core\.[0-9]+"
)
_SOURCE = re.compile(
    r".+\.(py|pyi|pyx|pxd|ipynb|sh|bash|c|cc|cpp|cu|cuh|h|hpp|jl|R|rs|go|java|lua)"
)
_TOOLS = re.compile(
    r"pyproject\.toml|setup\.(py|cfg)|tox\.ini|uv\.toml|pip\.conf|poetry\.toml|Pipfile"
    r"|requirements.*\.txt|environment\.ya?ml|package\.json|\.python-version|pyvenv\.cfg|\.git.+"
)
_HUB_FILES = re.compile(
    r"(.*/)?(\.locks|\.no_exist|refs|\.git)/.*|token|stored_tokens|version\.txt"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a file counts, and the name of the rule that says so."""

    taken: bool
    rule: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What counts of the files of a run.

    Attributes:
        accesses: the files that count.
        reads: every file that was read → the verdict.
        writes: every file that was written → the verdict.
        overwritten: files that count as read, and that the run then wrote: what it read is gone.
    """

    accesses: Accesses
    reads: dict[str, Verdict]
    writes: dict[str, Verdict]
    overwritten: frozenset[str]


@dataclass(frozen=True)
class Rules:
    """The rules of one repository.

    Attributes:
        root: the folder that runs belong to: the top of the git checkout, or of the repository.
        ignore: patterns of files that never count, as in a `.gitignore`.
        keep: patterns of files that always count; stronger than all other rules.
        variables: the environment of the run: its home and temporary folders.
    """

    root: Path
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @cached_property
    def keeps(self) -> Any:
        """The patterns of `keep`, compiled."""
        return _compile("capture.keep", self.keep)

    @cached_property
    def ignores(self) -> Any:
        """The patterns of `ignore`, compiled."""
        return _compile("capture.ignore", self.ignore)


def make_rules(
    root: Path,
    *,
    ignore: str | None = None,
    keep: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Rules:
    """Make the rules of a repository from its settings.

    Args:
        root: the folder that runs belong to.
        ignore: the setting ``capture.ignore``.
        keep: the setting ``capture.keep``.
        variables: the environment of the run; else that of this process.

    Raises:
        InvalidInput: a pattern cannot be read.
    """
    given = os.environ if variables is None else variables
    rules = Rules(
        Path(os.path.realpath(root)),
        split_patterns(ignore or ""),
        split_patterns(keep or ""),
        tuple(given.items()),
    )
    _ = rules.keeps, rules.ignores  # refused now, not after hours of training
    return rules


def split_patterns(text: str) -> tuple[str, ...]:
    """Return the patterns of a setting: apart by commas or newlines."""
    return tuple(part for part in (one.strip() for one in re.split(r"[,\n]", text)) if part)


def apply_rules(watched: Watched, rules: Rules) -> Judged:
    """Say of each file whether it counts, and take those that do.

    Files of model hubs count as read whether or not the run fetched them itself, and never as
    written.
    """
    judge = _Judge(rules, watched.prefixes)
    accesses = watched.accesses
    read_back = {path: Verdict(False, "written by the run") for path in watched.read_back}
    fetched = {
        path: how
        for path, how in watched.read_back.items()
        if judge.verdict(path, written=False).rule == "model hub"
    }
    reads = {path: judge.verdict(path, written=False) for path in (*accesses.reads, *fetched)}
    writes = {path: judge.verdict(path, written=True) for path in accesses.writes}
    taken_reads = {
        path: how for path, how in {**accesses.reads, **fetched}.items() if reads[path].taken
    }
    taken_writes = {path: how for path, how in accesses.writes.items() if writes[path].taken}
    return Judged(
        replace(accesses, reads=taken_reads, writes=taken_writes),
        {**dict.fromkeys(watched.gone, Verdict(False, "not there any more")), **read_back, **reads},
        writes,
        watched.overwritten & taken_reads.keys(),
    )


class _Judge:
    """The rules with what is known of one run; folders and checkouts are looked at once."""

    def __init__(self, rules: Rules, prefixes: Iterable[str]) -> None:
        self._rules = rules
        self._root = str(rules.root)
        self._below = self._root.rstrip("/") + "/"
        self._places: Places = find_places(self._root, dict(rules.variables), frozenset(prefixes))
        self._tracked = Tracked()

    def verdict(self, path: str, *, written: bool) -> Verdict:
        told = self._told(path)
        if told is not None:
            return told
        folder, _, name = path.rpartition("/")
        rule = self._places.rule_of(folder or "/")
        if rule == "model hub":
            return self._of_hub(path, written=written)
        rule = rule or _rule_of_name(name)
        if rule is None and not written:
            rule = self._rule_of_read(path, name)
        if rule is not None:
            return Verdict(False, rule)
        return Verdict(True, "written by the run" if written else "read by the run")

    def _told(self, path: str) -> Verdict | None:
        """Judge by the settings: by the path below the root, or by the whole one outside it."""
        rules = self._rules
        if not (rules.keep or rules.ignore):
            return None
        name = path.removeprefix(self._below).lstrip("/")
        if rules.keep and rules.keeps.match_file(name):
            return Verdict(True, "capture.keep")
        if rules.ignore and rules.ignores.match_file(name):
            return Verdict(False, "capture.ignore")
        return None

    def _of_hub(self, path: str, *, written: bool) -> Verdict:
        hub = next(hub for hub in self._places.hubs if path.startswith(hub + "/"))
        name = path.rpartition("/")[2]
        if _HUB_FILES.fullmatch(path[len(hub) + 1 :]) or _rule_of_name(name) or written:
            return Verdict(False, "cache")
        return Verdict(True, "model hub")

    def _rule_of_read(self, path: str, name: str) -> str | None:
        if _SHARED_LIBRARY.fullmatch(name):
            return "shared library"
        if self._tracked.is_tracked(path):
            return "tracked by git"
        if not path.startswith(self._below):
            return None
        if _TOOLS.fullmatch(name):
            return "settings of tools"
        if _SOURCE.fullmatch(name) and not self._tracked.is_ignored(path):
            return "source"
        return None


def _rule_of_name(name: str) -> str | None:
    if _SECRETS.fullmatch(name):
        return "secret"
    if _COMPILED.fullmatch(name):
        return "cache"
    if _LEFT_BY_PROGRAMS.fullmatch(name):
        return "lock or editor file"
    return None


def _compile(setting: str, patterns: tuple[str, ...]) -> Any:
    """Compile patterns; `~/` is the home, and one of a whole path outside the root is that path."""
    lines = [
        str(Path(one).expanduser()) + "/" * one.endswith("/") if one.startswith("~") else one
        for one in patterns
    ]
    try:
        return import_module("pathspec").GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidInput(f"{setting} holds a pattern that cannot be read: {error}") from error
