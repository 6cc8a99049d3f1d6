"""What is known of a command before it starts: code, parameters, where it runs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.capture._code import record_code
from omprov.capture._environment import describe_environment, describe_host, find_interpreter
from omprov.capture._parameters import find_invocation, read_parameters
from omprov.capture._redaction import DEFAULT
from omprov.errors import OmprovError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.capture._code import Code
    from omprov.capture._environment import Environment
    from omprov.capture._parameters import Invocation, Parameters
    from omprov.content import Progress
    from omprov.repository import Repository

ENVIRONMENT_CACHE = "cache/environment"
"""In the folder of a repository: what of the environment takes time to find out."""
WORDS = "args"
"""The parameter that holds words which are no options."""
_NAMED = 20


class Facts:
    """A command's facts, found out before it starts; its environment beside it, in a thread.

    Args:
        repository: where code is recorded.
        command: its words.
        folder: where it runs.
        environ: its variables.
        outside: files and folders that are inputs or outputs, and so no code.
        takes_code: record its code.
        progress: told of an import of git's history.
    """

    def __init__(
        self,
        repository: Repository,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        *,
        outside: Iterable[Path] = (),
        takes_code: bool = True,
        progress: Progress | None = None,
    ) -> None:
        self.invocation: Invocation = find_invocation(command)
        self.notes: list[str] = []
        self._folder, self._environ = folder, environ
        self._python = find_interpreter(self.invocation, folder, environ)
        self._environment: Environment | None = None
        self._cache = repository.path / ENVIRONMENT_CACHE
        self._thread = threading.Thread(
            target=self._describe, name="omprov-environment", daemon=True
        )
        self._thread.start()
        self.parameters: Parameters = read_parameters(command, folder, invocation=self.invocation)
        self.notes += self.parameters.notes
        self.code: Code | None = None
        if takes_code:
            self._record_code(repository, command, outside, progress)

    def _describe(self) -> None:
        try:
            self._environment = describe_environment(
                self._python, cache=self._cache, code=self._folder, environ=self._environ
            )
        except (OmprovError, OSError) as error:
            self.notes.append(f"the environment could not be described: {error}")

    def _record_code(
        self,
        repository: Repository,
        command: Sequence[str],
        outside: Iterable[Path],
        progress: Progress | None,
    ) -> None:
        try:
            self.code = record_code(
                repository,
                self._folder,
                command=command,
                outside=outside,
                invocation=self.invocation,
                progress=progress,
            )
        except (OmprovError, OSError) as error:
            self.notes.append(f"the code could not be recorded: {error}")
            return
        self.notes += self.code.notes
        left = self.code.left_out
        self.notes += [f"{one.path} is no part of the code: {one.reason}" for one in left[:_NAMED]]
        if len(left) > _NAMED:
            self.notes.append(f"{len(left) - _NAMED} more files are no part of the code")

    def options(self) -> dict[str, Any]:
        """Return the parameters but for the words that are no options."""
        return {name: v for name, v in self.parameters.values.items() if name != WORDS}

    def words(self) -> dict[str, Any]:
        """Return the words that are no options, but for those that name files and folders.

        What they name is an input or an output. Ask when the command has ended: then outputs are
        there the first time, too.
        """
        words = self.parameters.values.get(WORDS, [])
        kept = [word for word in words if not (isinstance(word, str) and self._is_path(word))]
        return {WORDS: kept} if kept else {}

    def _is_path(self, word: str) -> bool:
        try:
            return bool(word) and (self._folder / word).exists()
        except (OSError, ValueError):
            return False

    def environment(self) -> Environment | None:
        """Wait for what was found out of the environment."""
        self._thread.join()
        return self._environment

    def source(self) -> dict[str, Any]:
        """Return what the run's source says of all this."""
        said = describe_host(self._folder, python=self._python, environ=self._environ)
        if self.code is not None and self.code.commit is not None:
            said["commit"] = self.code.commit
            said["dirty"] = self.code.dirty
        if self.parameters.launchers:
            said["launchers"] = dict(self.parameters.launchers)
        if self.parameters.redacted:
            said["redacted"] = list(self.parameters.redacted)
        return said


def name_of_command(command: Sequence[str]) -> str:
    """Return what to call a run of a command: the name of its script, module or program."""
    found = find_invocation(command)
    if found.script is not None:
        return Path(found.script).stem
    return found.module or Path(command[0]).name


def script_facts(
    repository: Repository, script: Mapping[str, Any], environ: Mapping[str, str]
) -> list[tuple[str, Any]]:
    """Capture code and environment of a script that started a run, as records of its journal.

    Args:
        repository: where code is recorded.
        script: ``argv``, ``folder``.
        environ: its variables.
    """
    command = [*script["argv"]]
    facts = Facts(repository, command, Path(script["folder"]), environ)
    records: list[tuple[str, Any]] = [
        ("command", DEFAULT.words(command)),
        ("source", {**facts.source(), **({"notes": facts.notes} if facts.notes else {})}),
    ]
    if facts.code is not None and facts.code.version is not None:
        records.append(("captured", {"role": "algorithm", "version": facts.code.version.id}))
    if facts.parameters.values and facts.invocation.script is not None:
        records.append(("captured params", {**facts.options(), **facts.words()}))
    environment = facts.environment()
    if environment is not None:
        records.append(("environment", dict(environment.content)))
        records.append(("source", dict(environment.facts)))
    return records
