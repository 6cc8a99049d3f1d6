"""Programs that a run starts: which are Python and note their own files, which nobody sees."""

# ruff: noqa: PTH119, PTH123
# Paths are text here, as they were opened; there may be millions.

from __future__ import annotations

import os
import re
import shlex
import shutil
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PYTHON = re.compile(r"(python|pypy)[0-9.]*(-dbg|[tdmu]+)?$")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox"})
_LAUNCHERS = frozenset(
    {
        "accelerate",
        "caffeinate",
        "chrt",
        "conda",
        "coverage",
        "deepspeed",
        "env",
        "hatch",
        "horovodrun",
        "ionice",
        "mamba",
        "micromamba",
        "mpiexec",
        "mpirun",
        "nice",
        "nohup",
        "numactl",
        "orterun",
        "pdm",
        "pipenv",
        "pixi",
        "poetry",
        "rye",
        "setsid",
        "srun",
        "stdbuf",
        "taskset",
        "time",
        "timeout",
        "torchrun",
        "unbuffer",
        "uv",
        "uvx",
        "xvfb-run",
    }
)
"""Programs that start another one and read nothing for themselves."""
_HARMLESS = frozenset(
    {
        ":",
        "[",
        "arch",
        "as",
        "basename",
        "c++",
        "cc",
        "cc1",
        "cc1plus",
        "cd",
        "chmod",
        "clang",
        "clang++",
        "collect2",
        "cygpath",
        "date",
        "dirname",
        "dpkg",
        "echo",
        "exit",
        "export",
        "expr",
        "false",
        "file",
        "free",
        "g++",
        "gcc",
        "getconf",
        "git",
        "gpustat",
        "hostname",
        "id",
        "infocmp",
        "ip",
        "kill",
        "ld",
        "ldconfig",
        "ldd",
        "ls",
        "lsb_release",
        "lscpu",
        "lspci",
        "mkdir",
        "nm",
        "ninja",
        "nproc",
        "nvcc",
        "nvidia-smi",
        "objdump",
        "printf",
        "ps",
        "ptxas",
        "pwd",
        "rm",
        "rocm-smi",
        "rocminfo",
        "set",
        "sleep",
        "stty",
        "sw_vers",
        "sysctl",
        "test",
        "tput",
        "true",
        "ulimit",
        "uname",
        "uptime",
        "wait",
        "whereis",
        "which",
        "who",
        "whoami",
        "xdg-open",
    }
)
"""Programs that ask about the machine, or build what a run needs: no data of a run."""
_SPLITS = re.compile(r"&&|\|\||[;|&\n]")


class Sort(Enum):
    """What a program is, to those who want to know its files."""

    PYTHON = "python"
    LAUNCHER = "launcher"
    SHELL = "shell"
    OTHER = "other"


def sort_of(program: str) -> Sort:
    """Tell what a program is, by its name or by the first line of its script."""
    name = os.path.basename(program)
    if _PYTHON.match(name):
        return Sort.PYTHON
    if name in _SHELLS:
        return Sort.SHELL
    interpreter = _interpreter(program)
    if interpreter is not None and _PYTHON.match(interpreter):
        return Sort.PYTHON
    if name in _LAUNCHERS:
        return Sort.LAUNCHER
    if interpreter in _SHELLS:
        return Sort.SHELL
    return Sort.OTHER


def _interpreter(program: str) -> str | None:
    """Return the name of the program that runs a script; ``None`` where it is no script."""
    path = program if "/" in program else shutil.which(program)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except OSError:
        return None
    if not start.startswith(b"#!"):
        return None
    first, _, rest = start[2:].decode(errors="replace").partition("\n")
    words = [word for word in first.split() if not word.startswith("-") and "=" not in word]
    names = [os.path.basename(word) for word in words]
    if names[:1] == ["env"]:
        names = names[1:]
    if names[:1] == ["sh"] and rest.startswith("'''exec'"):  # as pip writes long paths
        names = [os.path.basename(rest.split()[1].strip("\"'"))]
    return names[0] if names else None


def unseen_programs(programs: Iterable[Sequence[str]]) -> Iterator[str]:
    """Give the names of programs whose files nobody noted.

    Args:
        programs: of each, whether it got the variables that let Python note files ("1", "0"), the
            program, and its arguments from the zeroth on.
    """
    for watched, program, *words in programs:
        sort = sort_of(program)
        name = os.path.basename(program)
        if sort is Sort.PYTHON:
            flag = _blinding(words[1:])
            if name.startswith("pypy"):
                yield name
            elif flag:
                yield f"{name} {flag}"
            elif watched == "0":
                yield f"{name} without our PYTHONPATH"
        elif sort is Sort.SHELL and "-c" in words[:-1]:
            yield from _in_shell(words[words.index("-c") + 1])
        elif sort is not Sort.LAUNCHER and name not in _HARMLESS:
            yield name


def _blinding(words: Sequence[str]) -> str | None:
    """Return the option by which a Python leaves PYTHONPATH or `sitecustomize` alone."""
    for word in words:
        if not word.startswith("-") or word.startswith("--") or word == "-":
            return None
        for letter in word[1:]:
            if letter in "EIS":
                return f"-{letter}"
            if letter in "cmWX":  # what follows is not an option
                return None
    return None


def _in_shell(text: str) -> Iterator[str]:
    """Give the programs of a line for a shell, as far as they are plain to see."""
    for part in _SPLITS.split(text):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            yield "sh"
            return
        while words and re.match(r"[A-Za-z_]\w*=", words[0]):
            words = words[1:]
        if not words:
            continue
        sort, name = sort_of(words[0]), os.path.basename(words[0])
        flag = _blinding(words[1:]) if sort is Sort.PYTHON else None
        if flag:
            yield f"{name} {flag}"
        elif sort in (Sort.SHELL, Sort.OTHER) and name not in _HARMLESS:
            yield name
