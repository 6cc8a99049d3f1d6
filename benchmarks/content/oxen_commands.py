"""What Oxen's command line does, by its Python package: the wheel brings no program.

Run by the interpreter that has `oxenai`: python oxen_commands.py add data v1
"""

from __future__ import annotations

import sys

import oxen


def set_up() -> None:
    oxen.user.config_user("benchmark", "benchmark@example.org")
    oxen.Repo(".").init()


def add(path: str, message: str) -> None:
    repository = oxen.Repo(".")
    repository.add(path)
    try:
        repository.commit(message)
    except ValueError as error:
        if "No changes" not in str(error):
            raise


def branch(name: str) -> None:
    """Name the present commit, so that it can be checked out again."""
    repository = oxen.Repo(".")
    repository.checkout(name, create=True)
    repository.checkout("main")


def checkout(name: str) -> None:
    oxen.Repo(".").checkout(name)


def restore(path: str) -> None:
    oxen.Repo(".").restore(path)


COMMANDS = {
    "set-up": set_up,
    "add": add,
    "branch": branch,
    "checkout": checkout,
    "restore": restore,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
