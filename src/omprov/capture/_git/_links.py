"""Links to code on the sites that host git repositories."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_SCP = re.compile(r"^(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)$")
_FORMS = {
    "github": "{base}/tree/{commit}{path}",
    "gitlab": "{base}/-/tree/{commit}{path}",
    "bitbucket": "{base}/src/{commit}{path}",
    "codeberg": "{base}/src/commit/{commit}{path}",
    "gitea": "{base}/src/commit/{commit}{path}",
    "forgejo": "{base}/src/commit/{commit}{path}",
    "sr.ht": "{base}/tree/{commit}/item{path}",
}
"""A word of the host's name → how it shows a tree at a commit."""


def public_address(remote: str) -> str:
    """Return a remote's address without the credentials that it may hold."""
    parts = urlsplit(remote)
    if not parts.scheme or "@" not in parts.netloc or parts.scheme == "ssh":
        return remote
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def code_link(remote: str, commit: str, path: str = "") -> str | None:
    """Return the address at which people see the code of a commit.

    Args:
        remote: the address that git fetches from: ``https://…``, ``ssh://…`` or ``git@host:…``.
        commit: its id.
        path: a folder in it.

    Returns:
        ``None`` where the host is none that is known.
    """
    match = _SCP.match(remote)
    if match is not None and "://" not in remote:
        host, place = match["host"], match["path"]
    else:
        parts = urlsplit(remote)
        if parts.scheme not in {"http", "https", "ssh", "git"} or parts.hostname is None:
            return None
        host, place = parts.hostname, parts.path
    form = next((form for word, form in _FORMS.items() if word in host.lower()), None)
    if form is None:
        return None
    place = place.strip("/").removesuffix(".git")
    below = f"/{quote(path.strip('/'))}" if path.strip("/") else ""
    return form.format(base=f"https://{host}/{quote(place, safe='/~')}", commit=commit, path=below)
