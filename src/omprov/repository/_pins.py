"""Contents that wait to be recorded: runs that go on, and those not delivered yet, name them.

They stand in the folder of a run's journals, one digest a line, so that they go with it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput
from omprov.records import parse_digest

from ._layout import JOURNAL

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.records import Digest

_FILE = "contents"


def pin_content(folder: Path, digest: Digest) -> None:
    """Keep a content, though no version has it yet, until the folder of the run is gone.

    Args:
        folder: of the run, in the folder of journals.
        digest: of the content.
    """
    with (folder / _FILE).open("a", encoding="ascii") as file:
        file.write(f"{digest}\n")


def pinned_contents(repository: Path) -> set[Digest]:
    """Return the contents that runs wait to record.

    Args:
        repository: its ``.omprov`` folder.
    """
    found = set()
    for file in (repository / JOURNAL).glob(f"*/{_FILE}"):
        with suppress(FileNotFoundError):  # delivered meanwhile
            for line in file.read_text("ascii", errors="replace").splitlines():
                with suppress(InvalidInput):  # torn by a crash
                    found.add(parse_digest(line))
    return found
