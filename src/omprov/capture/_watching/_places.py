"""Folders whose files no run reads as data: of the system, of Python, of caches, of other books.

A folder is judged once, from the root down: what holds for it holds for all below it.
"""

# ruff: noqa: PTH111, PTH118, PTH120
# Paths are text here, as they were opened; there may be millions.

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = frozenset(
    {
        "/Applications",
        "/Library",
        "/System",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/nix",
        "/opt/homebrew",
        "/opt/intel",
        "/opt/nvidia",
        "/opt/rocm",
        "/private/etc",
        "/proc",
        "/run",
        "/sbin",
        "/snap",
        "/sys",
        "/usr",
        "/var/cache",
        "/var/lib",
        "/var/lock",
        "/var/log",
        "/var/run",
        "/var/spool",
    }
)
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/private/tmp", "/private/var/folders")  # noqa: S108
_PACKAGES = frozenset({"site-packages", "dist-packages", "node_modules"})
_CACHES = frozenset(
    {
        "__pycache__",
        ".cache",
        ".ccache",
        ".eggs",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".numba_cache",
        ".nox",
        ".nv",
        ".pytest_cache",
        ".pytype",
        ".ruff_cache",
        ".tox",
        ".triton",
        "torchinductor_cache",
    }
)
_OTHER_BOOKS = frozenset(
    {
        ".aim",
        ".comet",
        ".dvc",
        ".guild",
        ".hg",
        ".neptune",
        ".svn",
        "mlartifacts",
        "mlruns",
        "wandb",
    }
)
_SECRETS = frozenset({".aws", ".azure", ".docker", ".gnupg", ".kube", ".ssh"})
_HUBS = (
    ("HF_HUB_CACHE", ".cache/huggingface/hub"),
    ("HF_DATASETS_CACHE", ".cache/huggingface/datasets"),
    (None, ".cache/torch/hub/checkpoints"),
    (None, ".cache/torch/sentence_transformers"),
    (None, ".cache/kagglehub"),
    (None, ".cache/modelscope/hub"),
    (None, ".cache/clip"),
    (None, ".cache/whisper"),
    (None, ".keras/datasets"),
    (None, ".keras/models"),
    (None, ".insightface/models"),
    (None, ".medmnist"),
)
"""Where models and data sets lie that libraries fetched: in hidden folders, and yet inputs."""
_WITHIN_OTHERS = ("model hub", "temporary")
"""Rules of folders that lie in a cache, or among the system's, and are another thing."""
_HOMES = (("HF_HOME", ("hub", "datasets")), ("TORCH_HOME", ("hub/checkpoints",)))


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that the rules know by their path.

    Attributes:
        root: the folder that the run belongs to; what is below it is never of the system.
        home: the user's.
        temporary: where programs put what they need for a while.
        hubs: where libraries keep models and data sets that they fetched.
        caches: other folders of caches and settings.
        prefixes: where Pythons are installed.
    """

    root: str
    home: str
    temporary: frozenset[str] = frozenset()
    hubs: frozenset[str] = frozenset()
    caches: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    known: dict[str, str | None] = field(default_factory=dict, compare=False)

    def rule_of(self, folder: str) -> str | None:
        """Return the name of the rule that a folder falls under; ``None``: of none."""
        if folder not in self.known:
            above = os.path.dirname(folder)
            own = self._own_rule(folder)
            held = None if folder in (above, self.root) else self.rule_of(above)
            if held is not None and own not in _WITHIN_OTHERS:
                own = held
            self.known[folder] = own
        return self.known[folder]

    def _own_rule(self, folder: str) -> str | None:
        above, name = os.path.split(folder)
        if folder in self.hubs:
            return "model hub"
        if name == ".omprov":
            return "omprov"
        if name == ".git":
            return "git"
        if name in _SECRETS:
            return "secret"
        if folder in SYSTEM and folder != self.root:
            return "system"
        if name in _PACKAGES or self._is_python(folder):
            return "python installation"
        if name in _OTHER_BOOKS:
            return "other trackers"
        if name in _CACHES or folder in self.caches:
            return "cache"
        if folder == self.root:
            return None
        if folder in self.temporary:
            return "temporary"
        if above == self.home and name.startswith("."):
            return "user settings and caches"
        return None

    def _is_python(self, folder: str) -> bool:
        above, name = os.path.split(folder)
        if name in ("lib", "lib64", "bin", "include", "share") and self._is_environment(above):
            return True
        return folder != self.root and self._is_environment(folder) and not self._holds_root(folder)

    def _is_environment(self, folder: str) -> bool:
        return folder in self.prefixes or any(
            os.path.lexists(os.path.join(folder, mark)) for mark in ("pyvenv.cfg", "conda-meta")
        )

    def _holds_root(self, folder: str) -> bool:
        return self.root.startswith(folder.rstrip("/") + "/")


def find_places(root: str, variables: Mapping[str, str], prefixes: frozenset[str]) -> Places:
    """Return the places for a run, from the environment that it had."""
    home = os.path.realpath(variables.get("HOME") or os.path.expanduser("~"))
    temporary = {*_TEMPORARY, *(variables.get(name, "") for name in ("TMPDIR", "TEMP", "TMP"))}
    hubs = {variables.get(name or "", "") or os.path.join(home, path) for name, path in _HUBS}
    for name, below in _HOMES:
        if variables.get(name):
            hubs |= {os.path.join(variables[name], path) for path in below}
    names = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
    caches = {variables.get(name, "") for name in (*names, "MPLCONFIGDIR", "PYTHONPYCACHEPREFIX")}
    return Places(
        root=os.path.realpath(root),
        home=home,
        temporary=_real(temporary),
        hubs=_real(hubs),
        caches=_real(caches),
        prefixes=_real(set(prefixes)),
    )


def _real(folders: set[str]) -> frozenset[str]:
    return frozenset(os.path.realpath(folder) for folder in folders if folder) - {"/"}
