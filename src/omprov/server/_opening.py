"""The one place that opens what a server serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, NotAllowed
from omprov.repository import Repository

if TYPE_CHECKING:
    from ._settings import Settings


def open_repository(settings: Settings) -> Repository:
    """Open the repository that the settings name.

    Raises:
        NotFound: there is none.
        InvalidInput: a content store without a catalog.
        Unavailable: the database, or the bucket, cannot be reached.
    """
    if settings.catalog is None and settings.content is not None:
        raise InvalidInput("--content is the content store of a shared --catalog: give both")
    if settings.catalog is not None:
        repository = Repository.open_shared(
            settings.folder,
            catalog=settings.catalog,
            content=settings.content,
            who=settings.who,
            clock=settings.clock,
        )
    else:
        repository = Repository.open(settings.folder, who=settings.who, clock=settings.clock)
    if settings.project is not None:
        repository.project = settings.project
    return repository


def needs_sign_in(settings: Settings, repository: Repository) -> bool:
    """Say whether people have to sign in: where others reach the server, or there are users.

    Raises:
        NotAllowed: they would have to, and nobody could.
    """
    has_users = repository.has_users()
    if settings.is_shared and not has_users:
        raise NotAllowed(
            "others could reach this server, and nobody could sign in: make the first user with "
            "`omprov user add --owner NAME`"
            + (" and the same --catalog" if settings.catalog else "")
            + ", then start it again"
        )
    return has_users
