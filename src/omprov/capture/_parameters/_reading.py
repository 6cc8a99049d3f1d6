"""Reads the parameters of a command: its options, its overrides, and the files that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omprov.capture._redaction import DEFAULT, find_redacted
from omprov.errors import InvalidInput

from ._config_files import is_config_name, parse_inline, read_config
from ._flags import Flags, read_flags
from ._hydra import find_hydra_file
from ._invocation import find_invocation
from ._values import merged, put_nested, to_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from omprov.capture._redaction import Redaction

    from ._invocation import Invocation

_CONFIG_WORDS = {
    "args", "arguments", "cfg", "conf", "config", "configs", "configuration", "deepspeed", "ds",
    "experiment", "hparams", "hp", "hyper", "hyperparameters", "options", "opts", "param", "params",
    "parameters", "recipe", "settings",
}  # fmt: skip
_ARGUMENTS = "args"


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a run.

    Attributes:
        values: JSON data, nested where names have dots; redacted.
        files: the configuration files that were read.
        redacted: the dotted names of what was kept out.
        launchers: what the launchers were told: name → their own options.
        notes: what could not be read, for people.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    redacted: tuple[str, ...] = ()
    launchers: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_parameters(
    command: Sequence[str],
    folder: Path,
    *,
    redaction: Redaction = DEFAULT,
    invocation: Invocation | None = None,
) -> Parameters:
    """Read the parameters of a command; never fails on what people wrote.

    Options win over the files that the command names. A key of a file stands under its own name,
    and under the name of the file where two files give it different values.

    Args:
        command: its words.
        folder: where it runs.
        redaction: what counts as secret.
        invocation: the same command taken apart, where that was done already.
    """
    found = invocation or find_invocation(command)
    flags = read_flags(found.arguments)
    notes: list[str] = []
    files = _read_files(flags, found, folder, notes)
    given = _typed(flags)
    if flags.positional:
        given.setdefault(_ARGUMENTS, [to_value(word) for word in flags.positional])
    values: dict[str, Any] = merged(_joined(files, folder), given)
    for name in flags.removed:
        _remove(values, name)
    values = redaction.mapping(values)
    launchers = {one.name: read_flags(one.words) for one in found.launchers}
    return Parameters(
        values,
        tuple(files),
        find_redacted(values),
        {name: redaction.mapping(_own_values(own)) for name, own in launchers.items()},
        tuple(notes),
    )


def _typed(flags: Flags) -> dict[str, Any]:
    """Return the values of options and overrides; lists and mappings as Hydra writes them."""
    values = flags.values()
    for name in flags.overrides:
        texts = flags.texts[name]
        if len(texts) == 1 and texts[0][:1] in {"[", "{", '"', "'"}:
            quoted = re.fullmatch(r"\"(.*)\"|'(.*)'", texts[0], re.DOTALL)
            plain = quoted[1] if quoted and quoted[1] is not None else quoted and quoted[2]
            put_nested(values, name, plain if quoted else parse_inline(texts[0]))
    return values


def _own_values(flags: Flags) -> dict[str, Any]:
    values = flags.values()
    return {**values, _ARGUMENTS: flags.positional} if flags.positional else values


def _read_files(
    flags: Flags, found: Invocation, folder: Path, notes: list[str]
) -> dict[Path, dict[str, Any]]:
    files: dict[Path, dict[str, Any]] = {}
    script = folder / found.script if found.script and found.is_python else None
    hydra = find_hydra_file(flags.texts, script, folder)
    for path in [*([hydra] if hydra is not None else []), *_named(flags, folder)]:
        if path not in files:
            try:
                files[path] = read_config(path)
            except InvalidInput as error:
                notes.append(str(error))
    return files


def _named(flags: Flags, folder: Path) -> Iterator[Path]:
    """Give the configuration files that options and arguments name, in order."""
    for name, texts in flags.texts.items():
        for text in texts:
            if _may_be_config(text, name) and (folder / text).is_file():
                yield folder / text
    for word in flags.positional:
        if is_config_name(word) and (folder / word).is_file():
            yield folder / word


def _may_be_config(text: str, name: str) -> bool:
    """Say whether an option names a configuration: JSON is data as often, so its name must say."""
    if not is_config_name(text):
        return False
    words = re.split(r"[\W_]+", name.lower())
    return not text.lower().endswith(".json") or bool(_CONFIG_WORDS.intersection(words))


def _joined(files: Mapping[Path, Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """Return the keys of all files in one mapping; under their file's name where they clash."""
    result: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    clashing = set()
    for data in files.values():
        for key, value in data.items():
            if key in seen and seen[key] != value:
                clashing.add(key)
            seen[key] = value
    for path, data in files.items():
        own = {key: value for key, value in data.items() if key in clashing}
        result |= {key: value for key, value in data.items() if key not in clashing}
        if own:
            result[_label(path, files, folder)] = own
    return result


def _label(path: Path, files: Mapping[Path, Mapping[str, Any]], folder: Path) -> str:
    """Return the stem of a file; its path where another file or a key is called the same."""
    same = [one for one in files if one.stem == path.stem]
    if len(same) == 1 and not any(path.stem in data for data in files.values()):
        return path.stem
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _remove(values: dict[str, Any], name: str) -> None:
    *levels, last = name.split(".")
    at: Any = values
    for level in levels:
        at = at.get(level) if isinstance(at, dict) else None
    if isinstance(at, dict):
        at.pop(last, None)
