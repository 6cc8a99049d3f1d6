"""Where the runs of a process go: a repository, opened when it is needed."""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.capture._journal._folders import SUFFIX, list_folders, list_journals
from omprov.capture._journal._format import MAGIC, encode
from omprov.capture._journal._tail import peek
from omprov.errors import InvalidInput, NotFound, OmprovError, Unavailable
from omprov.records import Reference, RunId, RunStatus, check_name
from omprov.repository import CONTENT, JOURNAL, pin_content

from ._shipping import Shipper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from omprov.content import TreeSummary
    from omprov.records import Version
    from omprov.repository import Repository

    from ._active import ActiveRun, Opening

    Facts = Callable[[Repository, Mapping[str, Any]], Iterable[tuple[str, Any]]]

_PATIENCE = 30.0
"""Seconds that a rank waits for the one that begins the run, when it is asked for the run's id."""


class Home:
    """The repository that runs of this process go to. Safe to use from several threads.

    Args:
        folder: of the repository (``.omprov``).
        open_repository: opens it.
        repository: the one that is open already, if the caller has one: then runs are delivered
            when they finish, by whoever finishes them.
        facts: gives what is captured beside a script, as records of its run's journal.
        deliver_command: see `Shipper`.
        delivered: called with the repository after each delivery; it must not raise.
    """

    def __init__(
        self,
        folder: Path,
        open_repository: Callable[[], Repository],
        *,
        repository: Repository | None = None,
        facts: Facts | None = None,
        deliver_command: Sequence[str] = (),
        delivered: Callable[[Repository], object] | None = None,
    ) -> None:
        self.folder = folder
        self._open = open_repository
        self._given = repository
        self._facts = facts
        self._deliver_command = deliver_command
        self._delivered = delivered
        self.shipper = Shipper(open_repository, deliver_command, delivered)

    @property
    def journals(self) -> Path:
        """The folder of the folders of runs."""
        return self.folder / JOURNAL

    @cached_property
    def repository(self) -> Repository:
        """The repository, for the threads of the training."""
        return self._given or self._open()

    def find_run(self, id: str) -> RunId:
        """Return the id of a run: one that is recorded, or whose journal is here.

        Raises:
            NotFound: there is none.
        """
        for folder in list_folders(self.journals):
            for tail in map(peek, list_journals(folder)):
                if tail.opened.get("run") == id:
                    return RunId(id)
        return self.repository.get_run(id).id

    def forget_parent(self) -> None:
        """Let go, in the child of a fork, of what belongs to its parent."""
        self.shipper = Shipper(self._open, self._deliver_command, self._delivered)
        self.__dict__.pop("repository", None)

    def started(self, run: ActiveRun) -> None:
        """Take care of a run that has started."""
        if self._given is None:
            self.shipper.add(run)

    def finished(self, run: ActiveRun) -> None:
        """Deliver a run that has finished; of one that was joined, whoever began it does so."""
        run.sync_journal()
        if self._given is None:
            self.shipper.hurry()
            return
        if not run.is_owner:
            run.close_journal()
            return
        try:
            run.capture_facts(self._given)
        except (OmprovError, OSError) as error:
            run.tell_trouble(f"code and environment could not be captured ({error})")
        run.close_journal()
        try:
            run.delivery.deliver(self._given)
        except (OmprovError, OSError) as error:
            run.tell_trouble(f"the run is kept in its journal ({error}): omprov sync delivers it")
        else:
            if self._delivered is not None:
                self._delivered(self._given)

    def settle(self, run: ActiveRun | None = None) -> None:
        """Wait until what has finished was delivered, or refused."""
        if self._given is None:
            self.shipper.settle(run)

    @property
    def captures(self) -> bool:
        """Whether anything is captured beside a script."""
        return self._facts is not None

    def facts(
        self, repository: Repository, script: Mapping[str, Any] | None
    ) -> Iterable[tuple[str, Any]]:
        """Return what is captured beside a script."""
        if self._facts is None or script is None:
            return ()
        return self._facts(repository, script)

    def use(self, wanted: str | Path, role: str | None) -> tuple[Version, Path]:
        """Return a version and a folder with its files; see `ActiveRun.use`."""
        self.settle()  # what this process has made can be used
        repository = self.repository
        if isinstance(wanted, Path) or wanted.startswith((".", "/", "~")):
            return self._use_path(Path(wanted).expanduser(), role)
        try:
            version = repository.get_version(wanted)
        except NotFound:
            if Path(wanted).exists():
                return self._use_path(Path(wanted), role)
            raise
        return version, repository.local_copy(version)

    def _use_path(self, path: Path, role: str | None) -> tuple[Version, Path]:
        from omprov.capture._folders import version_on_disk  # start-up

        if not path.exists():
            raise NotFound("file or folder", path)
        return version_on_disk(self.repository, path, role or "dataset").version, path

    def output_place(self, asset: str, role: str | None) -> tuple[str, str]:
        """Return the role of an output, and the name of its asset."""
        wanted = Reference.parse(asset)
        if wanted.kind is None and role is None:
            raise InvalidInput(f"{asset!r} does not say its kind; write for example model/{asset}")
        if wanted.selector is not None:
            raise InvalidInput(f"{asset!r}: an output is the next version; leave the selector out")
        return check_name(role or str(wanted.kind), "role"), asset

    def store(
        self, content: str | Path | Mapping[str, bytes], run_folder: Path
    ) -> tuple[str, int, int]:
        """Store the content of an output, and keep it until it is recorded."""
        if self._given is not None or not isinstance(content, str | Path):
            store = self.repository.content
            if isinstance(content, str | Path):
                found = store.put_tree(Path(content))
            else:
                found = store.put_files(content)
        else:
            from omprov.content import ContentStore  # start-up

            with ContentStore.open(self.folder / CONTENT) as store:
                found = store.put_tree(Path(content))
        self.pin(found, run_folder)
        return found.digest, found.size, found.files

    def pin(self, content: TreeSummary, run_folder: Path) -> None:
        """Keep a content that was stored until the run has recorded it."""
        pin_content(run_folder, content.digest)

    def wait_for_id(self, opening: Opening) -> RunId:
        """Return the id of a run; a rank that does not know it waits for who began it.

        Raises:
            Unavailable: nobody did.
        """
        if opening.run is not None:
            return opening.run
        deadline = time.monotonic() + _PATIENCE
        while True:
            for tail in map(peek, list_journals(opening.folder)):
                if tail.is_owner:
                    found: RunId = tail.opened["run"]
                    return found
            if time.monotonic() > deadline:
                raise Unavailable(
                    "rank 0 of this job has not started the run: call `omprov.start_run` there, too"
                )
            time.sleep(0.05)

    def rescue(self, opening: Opening, records: list[bytes]) -> None:
        """Keep what the repository's disk does not take in the user's own folder."""
        folder = state_folder() / JOURNAL / opening.folder.name
        first = {
            "run": opening.run,
            "owner": False,
            "name": opening.name,
            "time": time.time(),
            "host": "",
            "repository": str(self.folder),
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"rescued-{os.getpid()}-{time.time_ns()}{SUFFIX}"
        path.write_bytes(MAGIC + encode("open", first) + b"".join(records))

    def status_of_process(self) -> RunStatus:
        """Say how a process that ends without finishing its run went."""
        has_failed = getattr(sys, "last_value", None) is not None
        return RunStatus.FAILED if has_failed else RunStatus.SUCCEEDED


def state_folder() -> Path:
    """Return the user's own folder for what programs keep (``XDG_STATE_HOME``)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base, "omprov")
