"""References: how people name assets and versions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from omprov.errors import InvalidInput, InvalidReference

from ._kinds import Kind

DEFAULT_PROJECT = "default"
LATEST = "latest"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")
_NUMBER = re.compile(r"v([1-9][0-9]{0,17})")
_PREFIX = re.compile(r"@(?:b3:)?([0-9a-f]{4,64})")
_KINDS = frozenset(kind.value for kind in Kind)


def check_name(name: str, what: str = "name") -> str:
    """Return `name` if it may name a project, an asset or an alias.

    Args:
        name: 1 to 128 of ``a-z 0-9 . _ -``, the first a letter or digit.
        what: what it names, for the message.

    Raises:
        InvalidInput: it may not.
    """
    if _NAME.fullmatch(name):
        return name
    if len(name) > 128:
        shown = f"{name[:24]}… ({len(name)} characters)"
        raise InvalidInput(f"{what} {shown!r} is too long: 128 characters at most")
    raise InvalidInput(
        f"{what} {name!r} cannot be used: take a-z, 0-9, '.', '_' and '-', starting with a letter "
        "or digit (1 to 128 characters)"
    )


def is_name(text: str) -> bool:
    """Tell whether `check_name` would take it."""
    return _NAME.fullmatch(text) is not None


def name_like(text: str, otherwise: str) -> str:
    """Return the name that an asset can have and that is most like a text.

    Args:
        text: what anything may be called.
        otherwise: a name, where nothing of the text can stay.
    """
    return _NOT_IN_A_NAME.sub("-", text.lower()).strip("-._")[:128] or otherwise


@dataclass(frozen=True, slots=True)
class Reference:
    """``[project/]kind/name[:selector]``, taken apart.

    Attributes:
        project: ``None`` where it was left out.
        kind: ``None`` where it was left out.
        selector: ``v3``, ``latest``, an alias, ``@<digest prefix>``, or ``None`` where left out
            (which means ``latest`` wherever a version is wanted).
    """

    name: str
    kind: Kind | None = None
    project: str | None = None
    selector: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference or an ``omprov://host/project/kind/name:selector`` address.

        Raises:
            InvalidReference: the text is neither.
        """
        path = text
        if text.startswith("omprov://"):
            from urllib.parse import unquote, urlsplit  # start-up: few references are addresses

            try:
                path = unquote(urlsplit(text).path).lstrip("/")
            except ValueError as error:
                raise InvalidReference(text, str(error)) from None
        path, colon, selector = path.partition(":")
        parts = path.split("/")
        if len(parts) > 3:
            raise InvalidReference(text, "it has more than three parts")
        name = parts[-1]
        project: str | None = None
        kind: str | None = None
        match parts[:-1]:
            case []:
                pass
            case [first] if first in _KINDS:
                kind = first
            case [first]:
                project = first
            case [first, second]:
                project, kind = first, second
        if kind is not None and kind not in _KINDS:
            raise InvalidReference(text, f"{kind!r} is no kind (one of {', '.join(Kind)})")
        try:
            check_name(name)
            if project is not None:
                check_name(project, "project")
            if colon:
                cls._check_selector(selector)
        except InvalidInput as error:
            raise InvalidReference(text, str(error)) from None
        return cls(
            name=name,
            kind=None if kind is None else Kind(kind),
            project=project,
            selector=selector if colon else None,
        )

    @staticmethod
    def _check_selector(selector: str) -> None:
        if selector.startswith("@"):
            if not _PREFIX.fullmatch(selector):
                raise InvalidInput("after '@' come 4 to 64 hex digits of the content's digest")
        else:
            check_name(selector, "selector")

    @property
    def number(self) -> int | None:
        """The version number where the selector is one (``v3`` → 3)."""
        match = _NUMBER.fullmatch(self.selector or "")
        return int(match[1]) if match else None

    @property
    def digest_prefix(self) -> str | None:
        """The hex digits where the selector is a digest prefix."""
        match = _PREFIX.fullmatch(self.selector or "")
        return match[1] if match else None

    @property
    def alias(self) -> str | None:
        """The alias where the selector is one."""
        if self.selector in (None, LATEST) or self.number or self.digest_prefix:
            return None
        return self.selector

    def __str__(self) -> str:
        head = "/".join(part for part in (self.project, self.kind, self.name) if part)
        return head if self.selector is None else f"{head}:{self.selector}"
