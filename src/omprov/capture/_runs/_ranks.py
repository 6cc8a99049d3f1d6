"""Which distributed job a process belongs to, and which of its ranks it is.

The launchers say so in the environment: torchrun and what speaks like it, Slurm's ``srun``, Open
MPI's ``mpirun``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Mapping

_RENDEZVOUS = (
    "MASTER_ADDR",
    "MASTER_PORT",
    "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_RESTART_COUNT",
)


@dataclass(frozen=True, slots=True)
class Rank:
    """A process of a distributed job.

    Attributes:
        job: the same for all processes of the job, and for no other job on this storage.
        rank: its number; 0 leads.
        size: how many there are.
    """

    job: str
    rank: int
    size: int


def find_rank(environment: Mapping[str, str]) -> Rank | None:
    """Return which rank this process is; ``None`` where it is the only one."""
    for rank, size, names in (
        ("RANK", "WORLD_SIZE", _RENDEZVOUS),
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", ("SLURM_JOB_ID", "SLURM_STEP_ID")),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", ("OMPI_MCA_ess_base_jobid",)),
    ):
        with suppress(KeyError, ValueError):
            own, count = int(environment[rank]), int(environment[size])
            known = [environment[name] for name in names if name in environment]
            if count > 1 and known:
                return Rank(_key([*known, *_launcher(environment, count)]), own, count)
    return None


def _launcher(environment: Mapping[str, str], count: int) -> list[str]:
    """Tell jobs that follow one another on one machine apart: by the process that launched them."""
    if environment.get("LOCAL_WORLD_SIZE") != str(count):
        return []
    parent = os.getppid()
    started = ""
    with suppress(OSError, IndexError):
        started = (
            Path(f"/proc/{parent}/stat").read_text("ascii", "replace").rsplit(")")[-1].split()[19]
        )
    return [str(parent), started]


def _key(parts: list[str]) -> str:
    return blake3("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:24]
