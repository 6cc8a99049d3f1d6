"""Finds where a script begins in a command line, behind launchers and interpreters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from ._launchers import INTERPRETERS, LAUNCHERS, MODULES, PYTHON_VALUED, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

_PYTHON = re.compile(r"(?:python|pypy|graalpy|ipython)[\d.]*(?:t|-dbg)?(?:\.exe)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_SCRIPT_SUFFIXES = {".py", ".sh", ".r", ".jl", ".pl", ".rb", ".js", ".m", ".ipynb", ".lua", ".bash"}


@dataclass(frozen=True, slots=True)
class Launcher:
    """A program that starts another one.

    Attributes:
        name: of the program, or of the module that Python runs.
        words: its own words, without its name and what it starts.
    """

    name: str
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Invocation:
    """A command line, taken apart.

    Attributes:
        launchers: what starts what, outermost first.
        program: what runs the script, as it was written: ``python3``, ``bash``; or the program
            itself where there is no script.
        is_python: whether Python runs it.
        options: the words of the interpreter.
        script: the file that is run, as it was written; ``None`` where there is none.
        module: the module that Python runs (``-m``).
        code: program text given on the command line (``-c``).
        arguments: what the script is given.
        environment: variables that the command line sets (``env A=b``).
    """

    launchers: list[Launcher] = field(default_factory=list)
    program: str | None = None
    is_python: bool = False
    options: tuple[str, ...] = ()
    script: str | None = None
    module: str | None = None
    code: str | None = None
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def find_invocation(command: Sequence[str]) -> Invocation:
    """Take a command line apart: launchers, interpreter, script, and its arguments.

    What is not known is a program of its own, and all its words are its arguments.
    """
    found = Invocation()
    words = list(command)
    while words:
        name = PurePath(words[0]).name
        rule = LAUNCHERS.get(name)
        if rule is not None and (rest := _launch(found, name, words[1:], rule)) is not None:
            words = rest
            continue
        words = _program(found, words)
    return found


def _launch(found: Invocation, name: str, words: list[str], rule: Rule) -> list[str] | None:
    """Take a launcher's own words off; return what it starts, or ``None`` where it starts nothing.

    Where that is a script, `found` is complete and nothing is left.
    """
    own, rest = _own_words(words, rule)
    if rule.subcommands:
        if not rest or rest[0] not in rule.subcommands:
            return None
        more, after = _own_words(rest[1:], rule)
        own, rest = [*own, rest[0], *more], after
    while rule.assignments and rest and _ASSIGNMENT.fullmatch(rest[0]):
        variable, _, value = rest[0].partition("=")
        found.environment[variable] = value
        own.append(rest[0])
        more, rest = _own_words(rest[1:], rule)
        own += more
    own, rest = [*own, *rest[: rule.words]], rest[rule.words :]
    if not rest:
        return None
    found.launchers.append(Launcher(name, tuple(own)))
    if name == "uv" and rule.module.intersection(own):
        return _python_target(found, rest, is_module=True)
    if rule.then == "script" and not rule.bare.intersection(own):
        return _python_target(found, rest, is_module=bool(rule.module.intersection(own)))
    return rest


def _own_words(words: Sequence[str], rule: Rule) -> tuple[list[str], list[str]]:
    """Split into options with their values, and what follows them; ``--`` is dropped."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        option = words[at]
        if option == "--":
            return list(words[:at]), list(words[at + 1 :])
        if option in rule.module and rule.then == "script":
            at += 1
        else:
            at += 2 if "=" not in option and rule.takes_value(option) else 1
    return list(words[:at]), list(words[at:])


def _program(found: Invocation, words: list[str]) -> list[str]:
    """Read what is started in the end; return words to go on with, where Python starts more."""
    name, rest = PurePath(words[0]).name, words[1:]
    found.program = words[0]
    if _PYTHON.fullmatch(name):
        return _python(found, rest)
    if name in INTERPRETERS:
        _interpreter(found, rest, INTERPRETERS[name], "c" if name.endswith("sh") else "e")
        return []
    if PurePath(name).suffix.lower() in _SCRIPT_SUFFIXES or (
        "/" in words[0] and not words[0].startswith("/")
    ):
        found.is_python = name.endswith(".py")
        found.script = words[0]
    found.arguments = tuple(rest)
    return []


def _python(found: Invocation, words: list[str]) -> list[str]:
    found.is_python = True
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        option = words[at]
        letters = re.fullmatch(r"-([A-Za-z]*?)([cm])(.*)", option, re.DOTALL)
        if letters is not None and not set(letters[1]) & set("WX") and not option.startswith("--"):
            found.options = tuple(words[:at]) + ((f"-{letters[1]}",) if letters[1] else ())
            value = [letters[3]] if letters[3] else words[at + 1 : at + 2]
            rest = words[at + 1 + (not letters[3]) :]
            if letters[2] == "m" and value:
                return _python_target(found, [*value, *rest], is_module=True)
            found.code = value[0] if value else None
            found.arguments = tuple(rest)
            return []
        at += 2 if option in PYTHON_VALUED else 1
    found.options = tuple(words[:at])
    return _python_target(found, words[at:], is_module=False)


def _python_target(found: Invocation, words: list[str], *, is_module: bool) -> list[str]:
    """Read the script or module that Python runs, with its arguments."""
    found.is_python = True
    if not words:
        return []
    target, rest = words[0], words[1:]
    if is_module and target in MODULES:
        before = len(found.launchers)
        after = _launch(found, target, rest, MODULES[target])
        if after is not None or len(found.launchers) > before:
            return after or []
    if is_module:
        found.module = target
    elif target != "-":
        found.script = target
    found.arguments = tuple(rest)
    return []


def _interpreter(found: Invocation, words: list[str], valued: frozenset[str], inline: str) -> None:
    """Read a script, or program text after the option `inline`, and what it is given."""
    at = 0
    while at < len(words) and words[at].startswith(("-", "+")):
        if re.fullmatch(rf"-[a-z]*{inline}", words[at]) and at + 1 < len(words):
            found.options, found.code = tuple(words[:at]), words[at + 1]
            found.arguments = tuple(words[at + 2 :])
            return
        at += 2 if words[at] in valued else 1
    found.options = tuple(words[:at])
    if at < len(words):
        found.script, found.arguments = words[at], tuple(words[at + 1 :])
