"""`RemoteRepository`, noun by noun: each module holds the calls about one noun."""

from __future__ import annotations

from omprov.client._door._care import Care
from omprov.client._door._commits import Commits
from omprov.client._door._edges import Edges
from omprov.client._door._labels import Labels
from omprov.client._door._people import People
from omprov.client._door._runs import Runs

__all__ = ["RemoteRepository"]


class RemoteRepository(Runs, Commits, Edges, Labels, People, Care):
    """A repository on a server: the calls of `Repository`, over REST.

    What a call promises there it promises here. Requests that change something are sent with a key
    of their own, so that one whose answer was lost on the way is answered again and not done again.
    Where the server cannot be reached, calls raise `Unavailable`.

    The content of versions passes through a store on this machine, which keeps it as a cache. Safe
    to use from several threads, and several processes may share one folder.

    Attributes:
        path: the folder of this machine for the server.
        project: the project of references that name none.
        workspace: which versions the folders of the working directory hold.
        config: the settings on this machine.
        content: the content store of this machine.
        connection: to the server.
    """
