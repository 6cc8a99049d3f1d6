"""What people write after the options of `omprov run`, taken apart and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omprov.errors import InvalidInput
from omprov.records import Reference, check_name, name_like


@dataclass(frozen=True, slots=True)
class InputWords:
    """``[ROLE=]REF`` or ``[ROLE=]PATH``.

    Attributes:
        role: ``None`` where it was left out: then it is the kind of what is used.
        reference: set where a version is named.
        path: set where a folder or file is given.
    """

    role: str | None
    reference: str | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class OutputWords:
    """``[ROLE=]ASSET=PATH``."""

    role: str
    asset: str
    path: Path


def parse_input(text: str) -> InputWords:
    """Read an input.

    What begins with ``/``, ``./``, ``../`` or ``~`` is a path; what has a ``:`` is a reference; of
    the rest, a path if there is one, else a reference.

    Raises:
        InvalidInput: the role is no name, or the rest neither a path nor a reference.
    """
    role, equals, value = text.partition("=")
    if not equals or "/" in role or ":" in role:
        role, value = "", text
    if not value:
        raise InvalidInput(f"--input {text!r} names nothing: write ROLE=REF or ROLE=PATH")
    checked = check_name(role, "role") if role else None
    path = Path(value).expanduser()
    if value.startswith(("/", "./", "../", "~")) or value in (".", ".."):
        return InputWords(checked, path=path)
    if ":" not in value and path.exists():
        return InputWords(checked, path=path)
    Reference.parse(value)
    return InputWords(checked, reference=value)


def parse_output(text: str) -> OutputWords:
    """Read an output.

    Raises:
        InvalidInput: a part is missing, or the asset does not say its kind.
    """
    first, _, rest = text.partition("=")
    role, asset, path = ("", first, rest) if "/" in first else (first, *_halves(rest))
    if not asset or not path:
        raise InvalidInput(
            f"--output {text!r} lacks a part: write [ROLE=]ASSET=PATH, for example model/digits=out"
        )
    wanted = Reference.parse(asset)
    if wanted.kind is None or wanted.selector is not None:
        raise InvalidInput(
            f"--output {text!r}: write the asset with its kind and without a version, "
            f"for example model/{wanted.name}"
        )
    return OutputWords(check_name(role or str(wanted.kind), "role"), asset, Path(path).expanduser())


def _halves(text: str) -> tuple[str, str]:
    first, _, rest = text.partition("=")
    return first, rest


def parse_outputs(texts: tuple[str, ...]) -> dict[str, OutputWords]:
    """Read all outputs; by role.

    Raises:
        InvalidInput: as `parse_output`, or two have one role.
    """
    found: dict[str, OutputWords] = {}
    for words in map(parse_output, texts):
        if found.setdefault(words.role, words) is not words:
            raise InvalidInput(
                f"two outputs have the role {words.role!r}: name one, for example "
                f"--output {words.role}.second={words.asset}={words.path}"
            )
    return found


def parse_params(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` parameters; a value is JSON where it reads as JSON, else text.

    Raises:
        InvalidInput: the name is missing, or given twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--param {text!r} is no parameter: write NAME=VALUE")
        if name in found:
            raise InvalidInput(f"parameter {name!r} is given twice")
        found[name] = _json_or_text(value)
    return found


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse)
    except ValueError:
        return value


def _refuse(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are no JSON: they stay text


def read_metrics(path: Path) -> dict[str, float]:
    """Read a file of metrics: one flat JSON object, name → number.

    Raises:
        InvalidInput: it cannot be read, or is anything else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"metrics file {path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise InvalidInput(f"metrics file {path} holds no JSON object")
    for name, value in data.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(f"metrics file {path}: {name!r} is {value!r}, not a number")
    try:
        return {name: float(value) for name, value in data.items()}
    except OverflowError as error:
        raise InvalidInput(f"metrics file {path} holds a number that is too big") from error


def name_of(path: Path) -> str:
    """Make a name that an asset can have from the name of a path."""
    return name_like(path.absolute().name, "unnamed")
