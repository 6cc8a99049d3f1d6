"""Who ran something, where: what a run's source says beside its environment version."""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.capture._redaction import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.capture._redaction import Redaction

_TOLD = re.compile(
    r"(?:CUDA|NVIDIA|HIP|ROCR|HSA|OMP|MKL|OPENBLAS|NUMEXPR|KMP|NCCL|GLOO|CUBLAS|CUDNN|XLA|JAX"
    r"|TORCH|PYTORCH|TORCHINDUCTOR|TRITON|TRANSFORMERS|HF|ACCELERATE|DEEPSPEED|FSDP|HYDRA|RAY"
    r"|TF_(?:CPP|FORCE|GPU|XLA|NUM|CUDNN|DETERMINISTIC|ENABLE)|SLURM|PBS|LSB|SGE|OMPI_COMM_WORLD|PMI|KUBERNETES)_\w+"
    r"|RANK|LOCAL_RANK|NODE_RANK|GROUP_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|MASTER_ADDR|MASTER_PORT"
    r"|PYTHONHASHSEED|PYTHONPATH|PYTHONOPTIMIZE|LD_PRELOAD|LD_LIBRARY_PATH|TOKENIZERS_PARALLELISM"
    r"|VIRTUAL_ENV|CONDA_DEFAULT_ENV|TZ|LANG|LC_ALL|SEED|JOB_ID|JOB_NAME|TASK_ID|CI"
    r"|GITHUB_(?:REPOSITORY|SHA|RUN_ID|WORKFLOW|REF)|CI_(?:JOB_ID|PIPELINE_ID|COMMIT_SHA)"
)
"""Variables that tell how a run was meant; others stay unsaid."""
_LONGEST = 1_000
_MOST = 200


def describe_host(
    folder: Path,
    *,
    python: str | None = None,
    environ: Mapping[str, str] | None = None,
    redaction: Redaction = DEFAULT,
) -> dict[str, Any]:
    """Return who runs something where, as JSON data for the run's source.

    Args:
        folder: where the command runs.
        python: its interpreter.
        environ: its variables; this process's where left out. Chosen ones are said, redacted.
        redaction: what counts as secret.
    """
    variables = os.environ if environ is None else environ
    said: dict[str, Any] = {
        "host": socket.gethostname(),
        "user": _user(),
        "folder": str(folder.absolute()),
        "system": f"{platform.system()} {platform.release()}",
        "cpus": _usable_cpus(),
    }
    limit = _memory_limit()
    if limit is not None:
        said["memory_limit"] = limit
    if python is not None:
        said["python"] = python
    chosen = {
        name: value[:_LONGEST]
        for name, value in sorted(variables.items())
        if _TOLD.fullmatch(name) and value
    }
    kept = redaction.mapping(dict(list(chosen.items())[:_MOST]))
    if kept:
        said["variables"] = kept
    told: dict[str, Any] = _as_unicode(said)
    return told


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name, as in containers
        return str(os.getuid())


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_limit() -> int | None:
    """Return the bytes that the control group allows, if it sets a limit."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeError):
            continue
        if text.isdecimal() and int(text) < 1 << 60:
            return int(text)
    return None


def _as_unicode(value: Any) -> Any:
    """Replace bytes of paths and variables that are no Unicode."""
    match value:
        case dict():
            return {_as_unicode(key): _as_unicode(below) for key, below in value.items()}
        case str():
            return value.encode(errors="backslashreplace").decode()
        case _:
            return value
