"""Describes what a run happens in: what makes its environment version, and facts beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._cache import FactCache
from ._containers import describe_container
from ._machine import describe_machine
from ._packages import read_editable, read_packages

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Environment:
    """What a run happens in.

    Attributes:
        content: what its environment version holds, as JSON data: the same on every machine of the
            same kind with the same software. The measure ``packages`` compares it.
        facts: what differs between such machines, for the run's source.
        notes: what could not be found out, for people.
    """

    content: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def describe_environment(
    python: str | None,
    *,
    cache: Path | None = None,
    code: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Environment:
    """Describe packages, interpreter, system, hardware and container.

    The same machine gives the same content until something of it changes: neither times nor loads
    are in it. Meant for a thread of its own: it may have to run an interpreter, or to wait for a
    driver; what was found out before is read from `cache` in a few milliseconds.

    Args:
        python: the interpreter of the command; ``None`` where it has none: then no packages.
        cache: a folder for what takes time; made if it is not there.
        code: the checkout of the run's algorithm; packages that lie in it are part of that version.
        environ: the variables of the command; this process's where left out.
    """
    variables = os.environ if environ is None else environ
    kept = FactCache(cache)
    content: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    notes: list[str] = []
    if python is not None:
        said = read_packages(python, variables, kept)
        if said:
            _add_python(content, facts, said, variables, code)
        else:
            notes.append(f"{python} did not say which packages it has")
    content |= describe_machine(kept)
    container, own = describe_container(variables)
    if container:
        content["container"] = container
    if own:
        facts["container"] = own
    return Environment(content, facts, tuple(notes))


def _add_python(
    content: dict[str, Any],
    facts: dict[str, Any],
    said: Mapping[str, Any],
    variables: Mapping[str, str],
    code: Path | None,
) -> None:
    for name in ("python", "implementation", "packages"):
        content[name] = said[name]
    direct, folders = read_editable(said.get("direct", {}), code)
    if direct:
        content["sources"] = direct
    if folders:
        facts["editable"] = folders
    prefix = Path(said["prefix"])
    facts["prefix"] = str(prefix)
    if (prefix / "conda-meta").is_dir():
        content["manager"] = "conda"
        facts["conda"] = variables.get("CONDA_DEFAULT_ENV") or prefix.name
    elif said["prefix"] != said["base"]:
        content["manager"] = "venv"
