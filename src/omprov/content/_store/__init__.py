"""The content store: all bytes of a repository, named by digest; each module holds some calls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.content._care._rebuild import Rebuilt, rebuild_anew

from ._caring import Caring
from ._getting import Getting
from ._opened import check_layout
from ._parcels import Parcels
from ._putting import Putting
from ._sharing import Sharing

if TYPE_CHECKING:
    from omprov.content._progress import Progress

    AnyPath = str | os.PathLike[str] | bytes

__all__ = ["ContentStore", "rebuild_index"]


class ContentStore(Putting, Getting, Sharing, Parcels, Caring):
    """A folder that holds all bytes of a repository. Its layout is `docs/format.md`.

    **Atomic and durable.** What a ``put_…`` method returned is on the disk; what was being put when
    the process died is not there, and does no harm. The store always opens without repair.

    **Threads and processes.** Every method may be called from several threads, and several
    processes may use, and write to, one store at once.

    **Idempotent.** Content is stored once, however often it is put.
    """


def rebuild_index(path: AnyPath, progress: Progress | None = None) -> Rebuilt:
    """Make the chunk index of a store again, also where the store does not open for its sake.

    Raises:
        NotFound: there is no store.
        SchemaMismatch: a newer release made it, or one of its packs.
        Unavailable: nothing can be written there.
    """
    folder = Path(os.fsdecode(path))
    check_layout(folder)
    return rebuild_anew(folder, progress)
