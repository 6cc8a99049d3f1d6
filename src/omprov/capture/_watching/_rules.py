"""Which of the files that a run opened count: rules, tried in order; the first that fits decides.

They stand in ``docs/design/file-access.md``, with how to change them.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pathspec import GitIgnoreSpec

from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.capture._accesses import Accesses
    from omprov.repository import Repository

    from ._watched import Watched

_SYSTEM = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/snap",
    "/sys",
    "/usr",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
]
_PACKAGES = ("/site-packages/", "/dist-packages/", "/lib-dynload/")
_COMPILED = (".pyc", ".pyo", ".so", ".pyd", ".dylib", ".dll", ".a", ".o")
_CACHES = [
    "/__pycache__/",
    "/.git/",
    "/.hg/",
    "/.svn/",
    "/.dvc/cache/",
    "/.ipynb_checkpoints/",
    "/.mypy_cache/",
    "/.pytest_cache/",
    "/.ruff_cache/",
    "/node_modules/",
    "/.tox/",
    "/.nox/",
]
_HUBS = ("huggingface/hub/", "huggingface/datasets/", "torch/hub/")
"""Below the user's cache: models and datasets that people have fetched."""
_OWN_FOLDERS = (".config", ".nv", ".triton", ".local/share", ".ipython", ".jupyter", ".matplotlib")
_SOURCE = (".py", ".pyi", ".pyx", ".ipynb", ".sh", ".bash", ".r", ".jl", ".cu", ".cpp", ".c", ".h")
_PASSING = (".lock", ".swp", ".tmp", "~", ".pid")
_SECRET = (".env", ".netrc", ".npmrc", ".pypirc", "id_rsa", "id_ed25519", "credentials")

What = Literal["read", "written"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of a file.

    Attributes:
        taken: whether it counts.
        rule: the rule that decided, in words.
        what: whether it was read or written.
    """

    taken: bool
    rule: str
    what: What


@dataclass(frozen=True)
class Rules:
    """The rules for one run.

    Attributes:
        root: the folder of the project.
        own: the repository's folder (``.omprov``).
        home: the user's.
        cache: of the user's programs.
        temporary: folders for what passes.
        prefixes: where Pythons are installed.
        tracked: paths of files that git tracks.
        keep: patterns, as of a ``.gitignore``, of what counts whatever else is said.
        ignore: patterns of what does not count.
    """

    root: str
    own: str
    home: str
    cache: str
    temporary: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tracked: frozenset[str] = frozenset()
    keep: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    _folders: dict[str, str | None] = field(default_factory=dict, repr=False)

    @cached_property
    def _kept(self) -> GitIgnoreSpec:
        return GitIgnoreSpec.from_lines(self.keep)

    @cached_property
    def _ignored(self) -> GitIgnoreSpec:
        return GitIgnoreSpec.from_lines(self.ignore)

    def decide(self, path: str, what: What, opened_as: str | None = None) -> Verdict:
        """Say whether a file counts.

        Args:
            path: its real path.
            what: whether it was read or written.
            opened_as: the path by which it was opened, where that is another one.
        """
        names = [self._relative(one) for one in (path, opened_as) if one is not None]
        if self.keep and any(map(self._kept.match_file, names)):
            return Verdict(taken=True, rule="capture.keep names it", what=what)
        if self.ignore and any(map(self._ignored.match_file, names)):
            return Verdict(taken=False, rule="capture.ignore names it", what=what)
        rule = self._by_place(path) or self._by_name(path)
        if rule is None:
            return Verdict(taken=True, rule=f"{what} by the run", what=what)
        return Verdict(taken=rule.startswith("+"), rule=rule.lstrip("+"), what=what)

    def _relative(self, path: str) -> str:
        below = self.root.rstrip("/") + "/"
        return path[len(below) :] if path.startswith(below) else path.lstrip("/")

    def _by_place(self, path: str) -> str | None:
        folder = os.path.dirname(path) + "/"
        if folder not in self._folders:
            self._folders[folder] = self._of_folder(folder)
        return self._folders[folder]

    def _of_folder(self, folder: str) -> str | None:
        """Return the rule for whatever lies in a folder; ``+`` before one that takes it."""
        if folder.startswith(self.own + "/copies/"):
            return "+a copy that run.use gave"
        if folder.startswith(self.own + "/"):
            return "the repository's own"
        if any(folder.startswith(f"{prefix}/") for prefix in self.prefixes):
            return "Python and its packages"
        if any(part in folder for part in _PACKAGES) or self._in_environment(folder):
            return "Python and its packages"
        if any(part in folder for part in _CACHES):
            return "a program's own books or cache"
        if folder.startswith(self.cache + "/"):
            is_hub = any(folder.startswith(f"{self.cache}/{hub}") for hub in _HUBS)
            return "+fetched from a hub" if is_hub else "a program's own books or cache"
        if any(folder.startswith(f"{self.home}/{own}/") for own in _OWN_FOLDERS):
            return "the user's settings"
        if folder.startswith(self.root + "/"):
            return None
        if any(folder.startswith(f"{place}/") for place in _SYSTEM):
            return "the system's"
        if any(folder.startswith(f"{place}/") for place in self.temporary):
            return "a temporary folder"
        return None

    def _in_environment(self, folder: str) -> bool:
        """Say whether a folder belongs to a virtual environment, or to conda's."""
        above = folder.rstrip("/")
        while len(above) > 1:
            if os.path.exists(f"{above}/pyvenv.cfg") or os.path.isdir(f"{above}/conda-meta"):
                return True
            above = os.path.dirname(above)
            if above + "/" in self._folders and self._folders[above + "/"] is None:
                return False
        return False

    def _by_name(self, path: str) -> str | None:
        name = os.path.basename(path)
        lower = name.lower()
        if path in self.tracked:
            return "tracked by git: part of the code"
        if lower.endswith(_COMPILED) or ".so." in lower:
            return "compiled code"
        if lower.endswith(_SOURCE) and path.startswith(self.root + "/"):
            return "source: part of the code"
        if lower.endswith(_PASSING):
            return "it comes and goes"
        if name in _SECRET or lower.startswith(".env."):
            return "it may hold secrets"
        return None


def rules_of(
    repository: Repository, root: Path, watched: Watched, environ: Mapping[str, str]
) -> Rules:
    """Return the rules for a run, with the settings ``capture.keep`` and ``capture.ignore``.

    Args:
        repository: whose settings.
        root: the folder of the project.
        watched: what was seen of the run.
        environ: its variables.

    Raises:
        InvalidInput: a pattern of the settings is none.
    """
    home = os.path.realpath(environ.get("HOME") or Path.home())
    real = os.path.realpath(root)
    temporary = {"/tmp", "/var/tmp", tempfile.gettempdir(), environ.get("TMPDIR") or "/tmp"}  # noqa: S108 names, not uses
    return Rules(
        root=real,
        own=os.path.realpath(repository.path),
        home=home,
        cache=os.path.realpath(environ.get("XDG_CACHE_HOME") or f"{home}/.cache"),
        temporary=tuple(sorted(map(os.path.realpath, temporary))),
        prefixes=tuple(
            sorted(one for one in map(os.path.realpath, watched.prefixes) if one not in {"/", real})
        ),
        tracked=_tracked(real),
        keep=patterns(repository.config.get("capture.keep")),
        ignore=patterns(repository.config.get("capture.ignore")),
    )


def patterns(setting: str | None) -> tuple[str, ...]:
    """Read patterns as of a ``.gitignore``, divided by commas or line ends.

    Raises:
        InvalidInput: one is no pattern.
    """
    words = (setting or "").replace(",", "\n").splitlines()
    found = tuple(word.strip() for word in words if word.strip())
    try:
        GitIgnoreSpec.from_lines(found)
    except ValueError as error:
        raise InvalidInput(f"{setting!r} is no list of patterns: {error}") from error
    return found


def apply_rules(watched: Watched, rules: Rules) -> tuple[Accesses, dict[str, Verdict]]:
    """Return what counts, and why each file does or does not.

    A file that was read and then written has the verdict of its writing.
    """
    accesses = watched.accesses
    verdicts: dict[str, Verdict] = {}

    def taken(paths: Iterable[tuple[str, str]], what: What) -> dict[str, str]:
        kept = {}
        for path, how in paths:
            verdict = rules.decide(path, what, watched.opened_as.get(path))
            verdicts[path] = verdict
            if verdict.taken:
                kept[path] = how
        return kept

    reads = taken(accesses.reads.items(), "read")
    writes = taken(accesses.writes.items(), "written")
    return replace(accesses, reads=reads, writes=writes), verdicts


def _tracked(root: str) -> frozenset[str]:
    """Return the files that git tracks in a checkout; none where git cannot say."""
    if not os.path.exists(f"{root}/.git"):
        return frozenset()
    import pygit2  # start-up: only where there is a checkout

    try:
        index = pygit2.Repository(root).index
        return frozenset(f"{root}/{entry.path}" for entry in index)
    except (pygit2.GitError, OSError, UnicodeDecodeError):
        return frozenset()
