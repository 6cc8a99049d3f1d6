"""Delivering what earlier processes have left in their journals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.capture._journal._folders import list_folders, list_journals
from omprov.capture._journal._tail import peek
from omprov.errors import OmprovError
from omprov.repository import JOURNAL

from ._delivery import Delivery
from ._homes import state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.records import Run
    from omprov.repository import Repository

    from ._homes import Facts


@dataclass(frozen=True, slots=True)
class SyncedRuns:
    """What became of journals.

    Attributes:
        delivered: the runs that were recorded to their end.
        running: how many runs go on, or have processes that do.
        problems: of each that could not be delivered, why; it is kept.
    """

    delivered: tuple[Run, ...] = ()
    running: int = 0
    problems: tuple[str, ...] = ()


def sync_runs(repository: Repository, facts: Facts | None = None) -> SyncedRuns:
    """Deliver what journals say that is not recorded yet.

    Runs whose process is gone without a word are marked as killed. Everything is recorded once,
    however often and by however many processes this is called.

    Args:
        repository: where.
        facts: captures what belongs to the script whose process started this one to deliver.
    """
    delivered: list[Run] = []
    running = 0
    problems: list[str] = []
    for folder in _folders(repository):
        delivery = Delivery(folder)
        try:
            if not delivery.deliver(repository, facts, is_own=False):
                running += 1
            elif delivery.recorded is not None:
                delivered.append(delivery.recorded)
        except (OmprovError, OSError) as error:
            problems.append(f"{folder.name}: {error}")
    return SyncedRuns(tuple(delivered), running, tuple(problems))


def _folders(repository: Repository) -> list[Path]:
    own = list_folders(repository.path / JOURNAL)
    kept = [
        folder
        for folder in list_folders(state_folder() / JOURNAL)
        if any(
            peek(path).opened.get("repository") == str(repository.path)
            for path in list_journals(folder)
        )
    ]
    return own + kept
