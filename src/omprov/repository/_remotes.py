"""The remotes of a repository, as its settings name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omprov.content import RemoteSettings, RemoteSetup, open_bucket
from omprov.errors import AlreadyExists, InvalidInput, NotFound

from ._config import parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._config import Config

_KIND = "remote"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SECRET = re.compile(r"secret|password|token|credential|sas_|access_key|account_key|_key$|^key$")


def list_remotes(config: Config) -> list[RemoteSettings]:
    """Return the remotes; the first is the default."""
    return [_settings(name, values) for name, values in config.groups(_KIND).items()]


def get_remote(config: Config, name: str | None) -> RemoteSettings:
    """Return a remote by name or by URL; the default one where none is named.

    Raises:
        NotFound: there is none.
    """
    known = {remote.name: remote for remote in list_remotes(config)}
    if name is None:
        if not known:
            raise NotFound("remote", "default", hint="`omprov remote add NAME URL` adds one.")
        return next(iter(known.values()))
    if name in known:
        return known[name]
    if "/" in name:
        by_url = {remote.url: remote for remote in known.values()}
        return by_url.get(name, RemoteSettings(name, name))
    raise NotFound("remote", name, known)


def check_remote(config: Config, remote: RemoteSettings) -> None:
    """Refuse a remote that the settings cannot take.

    Raises:
        AlreadyExists: one has this name.
        InvalidInput: its name, URL or options cannot be right, or an option is a secret, which
            does not belong into a file that others may read.
    """
    if not _NAME.fullmatch(remote.name):
        raise InvalidInput(f"{remote.name!r} cannot name a remote: use letters, digits, . _ -")
    for option in remote.options:
        if _SECRET.search(option.lower()):
            raise InvalidInput(
                f"the option {option} looks like a secret, which is never written into the "
                "settings: set it in the environment (AWS_…, GOOGLE_…, AZURE_…)"
            )
    if remote.name in config.groups(_KIND):
        raise AlreadyExists("remote", remote.name, f"`omprov remote rm {remote.name}` removes it.")
    open_bucket(remote.url, options=remote.options)


def add_remote(config: Config, remote: RemoteSettings) -> None:
    """Write a remote, which was checked, into the settings."""
    options = {f"option.{name}": value for name, value in remote.options.items()}
    config.set_group(_KIND, remote.name, {"url": remote.url, **options})


def remove_remote(config: Config, name: str) -> None:
    """Take a remote out of the settings.

    Raises:
        NotFound: there is none of this name.
    """
    if name not in config.groups(_KIND):
        raise NotFound("remote", name, config.groups(_KIND))
    config.set_group(_KIND, name, None)


def bucket_settings(url: str, options: Mapping[str, str] | None = None) -> RemoteSettings:
    """Return how the bucket of a shared repository is reached.

    Raises:
        InvalidInput: it is no URL of a bucket.
        MissingExtra: it is a cloud's, and obstore is not installed.
    """
    settings = RemoteSettings("content", url, dict(options or {}), fresh=0.0)
    open_bucket(url, options=settings.options)
    return settings


def remote_setup(config: Config, bucket: RemoteSettings | None = None) -> RemoteSetup:
    """Return what the content store reads from when it does not have something itself.

    Args:
        config: names remotes.
        bucket: of a shared repository; asked first.
    """
    limit = config.get("cache.limit")
    remotes = [*([] if bucket is None else [bucket]), *list_remotes(config)]
    setup = RemoteSetup(remotes, cache_folder=config.get("cache.folder"))
    if limit is None:
        return setup
    return RemoteSetup(setup.remotes, parse_size(limit), setup.cache_folder)


def _settings(name: str, values: Mapping[str, str]) -> RemoteSettings:
    options = {
        key.removeprefix("option."): value
        for key, value in values.items()
        if key.startswith("option.")
    }
    return RemoteSettings(name, values.get("url", ""), options)
