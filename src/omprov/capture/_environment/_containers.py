"""Whether we are inside a container, of which image, and which one it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_IMAGES = (
    "OMPROV_IMAGE",
    "CONTAINER_IMAGE",
    "DOCKER_IMAGE",
    "JUPYTER_IMAGE_SPEC",
    "JUPYTER_IMAGE",
    "CI_JOB_IMAGE",
    "APPTAINER_CONTAINER",
    "SINGULARITY_CONTAINER",
    "KAGGLE_DOCKER_IMAGE",
    "COLAB_RELEASE_TAG",
    "DATABRICKS_RUNTIME_VERSION",
    "NVIDIA_BUILD_ID",
)
"""Variables in which platforms name the image."""
_ID = re.compile(r"\b[0-9a-f]{64}\b")


def describe_container(
    environ: Mapping[str, str], root: Path = Path("/")
) -> tuple[dict[str, str], dict[str, str]]:
    """Return which container this is.

    Args:
        environ: the variables of the run.
        root: of the file system.

    Returns:
        What another container of the image has the same, and what it has not; both are empty
        outside of containers.
    """
    kind = _kind(environ, root)
    if kind is None:
        return {}, {}
    same, own = {"kind": kind}, {}
    said = _read(root / "run/.containerenv")
    image = re.search(r'^image="(.+)"$', said, re.MULTILINE)
    found = image[1] if image else next((environ[one] for one in _IMAGES if environ.get(one)), None)
    if found is not None:
        same["image"] = found
    number = re.search(r'^id="(.+)"$', said, re.MULTILINE)
    mounted = _ID.search(_read(root / "proc/self/cgroup")) or _ID.search(
        "\n".join(
            line
            for line in _read(root / "proc/self/mountinfo").splitlines()
            if "/containers/" in line or "/docker/" in line
        )
    )
    identity = number[1] if number else mounted[0] if mounted else None
    if identity is not None:
        own["id"] = identity
    return same, own


def _kind(environ: Mapping[str, str], root: Path) -> str | None:
    if environ.get("APPTAINER_CONTAINER") or environ.get("SINGULARITY_CONTAINER"):
        return "apptainer"
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    words = re.search(
        r"docker|kubepods|containerd|libpod|lxc|garden", _read(root / "proc/1/cgroup")
    )
    return words[0] if words else environ.get("container") or None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
