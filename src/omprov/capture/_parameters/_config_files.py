"""Reads configuration files: YAML, JSON, TOML, as JSON data of bounded size."""

from __future__ import annotations

import json
import math
import re
import tomllib
from datetime import date, datetime, time
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = frozenset({".yaml", ".yml", ".json", ".toml"})
LARGEST = 1 << 20
"""Bytes of a file that is read."""
_MOST = 20_000
"""Values in a file, with those that its anchors repeat."""
_DEEPEST = 40


def is_config_name(text: str) -> bool:
    """Say whether something is called as a configuration file is."""
    return PurePath(text).suffix.lower() in SUFFIXES


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    Dates become text, sets lists, infinities and NaN text, keys text.

    Raises:
        InvalidInput: it cannot be read, is too large, or holds no mapping; the message says which.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidInput(f"{path} is larger than {LARGEST >> 20} MiB")
        value = _parse(path.suffix.lower(), path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path} cannot be read: {_first_line(error)}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{path} holds no mapping")
    budget = [_MOST]
    data: dict[str, Any] = _to_json(value, budget, 0, path)
    return data


def _parse(suffix: str, text: str) -> Any:
    match suffix:
        case ".toml":
            return tomllib.loads(text)
        case ".json":
            return json.loads(text)
        case _:
            return _parse_yaml(text)


def parse_inline(text: str) -> Any:
    """Return the list or mapping that Hydra reads in a text; the text where it is none.

    That is YAML's flow style, but no blank is needed after the colon of a key.
    """
    try:
        value = _parse_yaml(re.sub(r"(?<=[\w'\"]):(?=[^\s/])", ": ", text))
        return _to_json(value, [_MOST], 0, "it") if isinstance(value, list | dict) else text
    except (ValueError, RecursionError):
        return text


def _parse_yaml(text: str) -> Any:
    import yaml  # loaded on use: most runs name no such file

    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(_first_line(error)) from error


@cache
def _loader() -> type[Any]:
    """Return PyYAML's safe loader, with numbers as Hydra and OmegaConf read them (``1e-3``)."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc] # it ships no types
        yaml_implicit_resolvers = {  # noqa: RUF012 - as of its base
            first: list(resolvers)
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(?:\d[\d_]*)(?:\.[\d_]*)?[eE][-+]?\d+$|[-+]?\.\d[\d_]*[eE][-+]?\d+$"),
        list("-+0123456789."),
    )
    return Loader


def _to_json(value: Any, budget: list[int], depth: int, path: object) -> Any:
    budget[0] -= 1
    if budget[0] < 0 or depth > _DEEPEST:
        raise InvalidInput(f"{path} holds too much: over {_MOST} values, or {_DEEPEST} levels")
    match value:
        case dict():
            return {
                str(key): _to_json(below, budget, depth + 1, path) for key, below in value.items()
            }
        case list() | tuple():
            return [_to_json(below, budget, depth + 1, path) for below in value]
        case set() | frozenset():
            return [_to_json(below, budget, depth + 1, path) for below in sorted(value, key=str)]
        case float():
            return value if math.isfinite(value) else str(value)
        case date() | datetime() | time():
            return value.isoformat()
        case None | bool() | int():
            return value
        case bytes():
            return value.decode(errors="replace")
        case _:
            return str(value).encode(errors="replace").decode()


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
