"""From what people write to the file of a version that they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, InvalidReference, NotFound

from ._resolving import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from omprov.records import Reference, Version

_LONG_PREFIX = "@b3:"


def resolve_file(
    text: str,
    get_version: Callable[[str | Reference], Version],
    is_there: Callable[[Version, str], bool],
) -> tuple[Version, str]:
    """Find the version and the path that ``ASSET[:SELECTOR]:PATH`` means.

    What stands after the first colon is a selector where it names a version; else it begins a path
    in the latest version. An empty one means the latest.

    Args:
        text: what the user wrote.
        get_version: gives the version that a reference names.
        is_there: says whether a version has such a file.

    Raises:
        NotFound: no such asset or version.
        InvalidInput: no file is named.
    """
    asset, colon, rest = text.partition(":")
    latest = get_version(replace(parse(asset), selector=None))
    if not colon:
        raise InvalidInput(f"{text!r} names no file: write REF:PATH, for example {asset}::a.txt")
    selector, path = _split(rest)
    if not selector:
        return latest, _given(text, path)
    try:
        version = get_version(f"{asset}:{selector}")
    except InvalidReference:
        return latest, rest
    except NotFound:
        wanted = parse(f"{asset}:{selector}")
        names_version = path is not None or wanted.alias is None
        if names_version and not is_there(latest, rest):
            raise
        return latest, rest
    return version, _given(text, path)


def _split(rest: str) -> tuple[str, str | None]:
    start = len(_LONG_PREFIX) if rest.startswith(_LONG_PREFIX) else 0
    selector, colon, path = rest[start:].partition(":")
    return rest[:start] + selector, path if colon else None


def _given(text: str, path: str | None) -> str:
    if not path:
        raise InvalidInput(f"{text!r} names a version, but no file in it: add :PATH")
    return path
