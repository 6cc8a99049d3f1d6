"""Names of assets for what OpenLineage calls by a namespace and a name, and back."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple


class Named(NamedTuple):
    """What OpenLineage calls a job or a dataset by."""

    namespace: str
    name: str


_LONGEST = 128
_PLAIN = re.compile(r"[a-z0-9.-]")
_WORDS = {"://": "_p", "/": "_s", ":": "_c", "_": "_u", " ": "_b"}
_BACK = {code[1]: text for text, code in _WORDS.items()}
_BETWEEN = "_-_"
_START = "0_0"
"""Before what would not begin with a letter or digit."""
_HASHED = "_-h"
_IS_HASHED = re.compile(r"_-h[0-9a-f]{32}$")
_PART = re.compile(r"://|.", re.DOTALL)
_CODE = re.compile(r"_(x[0-9a-f]{2}|l[a-z]|[a-z])|([a-z0-9.-])")


def asset_name(named: Named) -> str:
    """Return the name of the asset; two never have the same.

    It says both in the letters that names of assets have (``_s`` is a slash, ``_-_`` stands between
    the two), so that `named_by` reads it back. Where that is too long, its end is a hash instead.
    """
    text = f"{_encoded(named.namespace)}{_BETWEEN}{_encoded(named.name)}"
    if not text[0].isalnum():
        text = _START + text
    if len(text) <= _LONGEST:
        return text
    pair = f"{named.namespace}\0{named.name}".encode("utf-8", "surrogatepass")
    digits = hashlib.sha256(pair).hexdigest()[:32]
    return f"{text[: _LONGEST - len(digits) - len(_HASHED)]}{_HASHED}{digits}"


def named_by(name: str) -> Named | None:
    """Read the name of an asset back; ``None`` where it is none of ours, or only a hash of it."""
    halves = name.removeprefix(_START).split(_BETWEEN)
    if len(halves) != 2:
        return None
    parts = [_decoded(half) for half in halves]
    if parts[0] is None or parts[1] is None:
        return None
    named = Named(parts[0], parts[1])
    return named if asset_name(named) == name else None


def _decoded(text: str) -> str | None:
    found = bytearray()
    at = 0
    while at < len(text):
        match = _CODE.match(text, at)
        if match is None:
            return None
        at = match.end()
        code, plain = match.groups()
        if plain is not None:
            found += plain.encode()
        elif code[0] == "x":
            found += bytes.fromhex(code[1:])
        elif code[0] == "l":
            found += code[1:].upper().encode()
        elif code in _BACK:
            found += _BACK[code].encode()
        else:
            return None
    try:
        return found.decode()
    except UnicodeDecodeError:
        return None


def is_ours(name: str) -> bool:
    """Tell whether a name of an asset is one that `asset_name` gives."""
    return _IS_HASHED.search(name) is not None or named_by(name) is not None


def _encoded(text: str) -> str:
    return "".join(_code(part) for part in _PART.findall(text))


def _code(part: str) -> str:
    if _PLAIN.fullmatch(part):
        return part
    if part in _WORDS:
        return _WORDS[part]
    if part.isascii() and part.isupper():
        return f"_l{part.lower()}"
    return "".join(f"_x{byte:02x}" for byte in part.encode("utf-8", "surrogatepass"))
