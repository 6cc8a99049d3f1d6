"""Paths of artifacts: relative, without steps out, and such as a tree can hold."""

from __future__ import annotations

from urllib.parse import unquote

from omprov.content import may_hold

from ._errors import invalid

_LONGEST_FOLDER = 900
_LONGEST_NAME = 255
_ROUNDS = 5


def artifact_path(text: str) -> str:
    """Return a path in its plain form; the empty text is the top.

    Raises:
        Refused: it leads out, is absolute, or has parts that no folder can hold.
    """
    plain = text
    for _ in range(_ROUNDS):  # what hides behind %252e%252e
        decoded = unquote(plain)
        if decoded == plain:
            break
        plain = decoded
    for form in {text, plain}:
        if form.startswith("/") or "\\" in form or any(ord(sign) < 32 for sign in form):
            raise _refusal(text)
        if ".." in form.split("/") or (len(form) > 1 and form[1] == ":"):
            raise _refusal(text)
    parts = [part for part in text.split("/") if part not in {"", "."}]
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        if len(raw) > _LONGEST_NAME or not may_hold(raw):
            raise _refusal(text)
    path = "/".join(parts)
    if len(path.encode("utf-8", "surrogatepass")) > _LONGEST_FOLDER:
        raise invalid(f"Invalid path: it has more than {_LONGEST_FOLDER} bytes.")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise _refusal(text) from error
    return path


def _refusal(text: str) -> Exception:
    return invalid(f"Invalid path: {text[:200]!r}")
