"""Which names a server answers to, and from which web pages: against rebinding and forgery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import NotAllowed

from ._settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._settings import Settings


def check_host(headers: Mapping[str, str], settings: Settings, *, sign_in: bool) -> None:
    """Refuse a request that calls this server by a name that is not its own.

    A web page may let its own name point to this machine: without sign-in, that would open the
    repository to it.

    Raises:
        NotAllowed: the name is not one of its own.
    """
    name = _host_name(headers.get("host", ""))
    known = {host.lower() for host in (settings.host, *settings.hosts)}
    if name in known or (not sign_in and is_loopback(name)):
        return
    if sign_in and not settings.hosts:
        return  # it may have any name in front of its people
    raise NotAllowed(
        f"this server does not answer to the name {name[:80]!r}: `--allow-host NAME` lets it"
    )


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse what a page of another web site sends.

    Raises:
        NotAllowed: the browser says that it comes from elsewhere.
    """
    origin = headers.get("origin")
    if origin is None:
        foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    else:
        foreign = origin.partition("://")[2].lower() != headers.get("host", "").lower()
    if foreign:
        raise NotAllowed("a page of another web site may not do this")


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
