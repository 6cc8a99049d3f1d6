"""A run while it runs: what a script says about itself goes into a journal."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from omprov.capture._journal._folders import FILES, SUFFIX, remove_folder
from omprov.capture._journal._format import encode
from omprov.capture._journal._writer import JournalWriter
from omprov.errors import AlreadyExists, Conflict, InvalidInput, OmprovError
from omprov.records import RunStatus, check_name

from ._files import figure_bytes, file_name, image_bytes, json_data, table_bytes
from ._warnings import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from omprov.content import TreeSummary
    from omprov.records import Run, RunId, Version
    from omprov.repository import Output, Repository

    from ._delivery import Delivery
    from ._homes import Home

_OUTPUT = "output "
"""Before the role of an output, where roles of inputs stand, too."""


@dataclass(frozen=True, slots=True)
class Used:
    """An input of a run.

    Attributes:
        version: what is used.
        path: a local folder with its files, read-only; shared by all who use this content.
    """

    version: Version
    path: Path


@dataclass(frozen=True, slots=True)
class Opening:
    """How a process comes to a run.

    Attributes:
        folder: of the run's journals.
        run: its id; ``None`` for a rank that has not heard of it yet.
        name: what to call it.
        is_owner: whether this process begins the run, and ends it.
        parent: the run that began it.
        rank: of the process in a distributed job.
        script: what runs, where code and environment are to be captured: ``argv``, ``folder``,
            ``python``.
    """

    folder: Path
    run: RunId | None
    name: str
    is_owner: bool
    parent: RunId | None = None
    rank: int | None = None
    script: Mapping[str, Any] | None = None


class ActiveRun:
    """A run in the making; use it in a ``with`` statement, or call `finish`.

    What is said of it is appended to a journal and delivered beside the training: a call never
    waits for the repository, except for the bytes of an output, which are stored before
    `log_output` returns. Neither a locked repository nor a full disk raises; a warning says so
    once, and `omprov sync` delivers what was left. When the block ends, the run ends; where the
    block raised, with status ``failed`` (``killed`` for Ctrl-C), and the error goes on.

    Safe to use from several threads. A child of a fork goes on with a journal of its own.

    Attributes:
        name: what it is called.
    """

    def __init__(self, home: Home, opening: Opening) -> None:
        self.name = opening.name
        self._home = home
        self._opening = opening
        self._began = time.time()
        self._ticks = time.monotonic()
        self._lock = threading.Lock()
        self._steps: dict[str, int] = {}
        self._roles: dict[str, int | str] = {}
        self._troubles: set[str] = set()
        self._is_open = True
        self._facts_due = opening.script is not None
        self._delivery: Delivery | None = None
        self._on_finish: list[Callable[[], None]] = []
        self._prefix = f"rank{opening.rank}/" if opening.rank else ""
        self._journal = self._new_journal()
        if opening.is_owner:
            self._journal.append("begun", {})

    # -- what it is

    @property
    def id(self) -> RunId:
        """The id of the run."""
        return self._home.wait_for_id(self._opening)

    @property
    def home(self) -> Home:
        """Where it goes."""
        return self._home

    @property
    def folder(self) -> Path:
        """Where its journals lie until they are delivered."""
        return self._opening.folder

    @property
    def is_owner(self) -> bool:
        """Whether this process began the run, and ends it."""
        return self._opening.is_owner

    @property
    def is_finished(self) -> bool:
        """Whether it has said all that it says."""
        return not self._is_open

    @property
    def output_roles(self) -> frozenset[str]:
        """The roles of the outputs that this process has named so far."""
        with self._lock:
            return frozenset(
                role.removeprefix(_OUTPUT) for role in self._roles if role.startswith(_OUTPUT)
            )

    @property
    def recorded(self) -> Run | None:
        """The run as it was recorded; ``None`` until it has finished and was delivered."""
        if self._is_open:
            return None
        self._home.settle(self)
        return self.delivery.recorded if self.delivery.is_ended else None

    def __enter__(self) -> Self:
        self._check_running()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        status = RunStatus.SUCCEEDED
        if kind is not None and not (isinstance(error, SystemExit) and not error.code):
            status = RunStatus.KILLED if kind is KeyboardInterrupt else RunStatus.FAILED
        message = "" if error is None else f"{type(error).__name__}: {error}"
        self.finish(status, message="" if status is RunStatus.SUCCEEDED else message)

    def finish(
        self,
        status: RunStatus | str = RunStatus.SUCCEEDED,
        *,
        message: str = "",
        exit_status: int | None = None,
    ) -> None:
        """End the run; once it has ended, nothing happens.

        What it said is on the disk when this returns, and delivered in the background; `recorded`
        waits for that. A process that only joined the run leaves it.

        Args:
            status: how it went.
            message: what to say of it.
            exit_status: of the command that ran, where one did.

        Raises:
            InvalidInput: there is no such status, or it says that the run goes on.
        """
        try:
            how = RunStatus(status)
        except ValueError as error:
            raise InvalidInput(f"{status!r} is no status of a run") from error
        if how is RunStatus.RUNNING:
            raise InvalidInput("a run that ends is not running: it succeeded, failed or was killed")
        with self._lock:
            if not self._is_open:
                return
            if self._opening.is_owner:
                ended = self._began + max(0.0, time.monotonic() - self._ticks)
                facts = {"status": how, "time": ended, "message": message}
                self._journal.append("end", {**facts, "exit_status": exit_status})
            self._is_open = False
        for call in self._on_finish:
            call()
        self._home.finished(self)

    # -- what it says

    def use(self, version: str | Path, *, role: str | None = None) -> Used:
        """Name an input, and get its files.

        Args:
            version: which version; or a folder or file: then what it holds now, recorded where no
                version does.
            role: its place in the run; the kind of the asset where left out.

        Raises:
            NotFound: there is no such version or path, or it holds no content.
            AlreadyExists: the role is taken by another version.
        """
        self._check_running()
        found, path = self._home.use(version, role)
        place = check_name(role or str(found.asset.kind), "role")
        with self._lock:
            taken = self._roles.setdefault(place, found.id)
        if taken != found.id:
            raise AlreadyExists(
                "input", place, f"Pass role= to use {found} beside what has it already."
            )
        self._journal.append("use", {"role": place, "version": found.id})
        return Used(found, path)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add parameters; JSON values, or what can be written as such."""
        self._check_running()
        self._journal.append("params", json_data(params))

    def log_metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Add a point of a metric.

        Args:
            name: of the metric; that of a rank other than 0 gets ``rankN/`` before it.
            value: a number; NaN and infinities are kept.
            step: where on its curve; one after the last where left out.
        """
        if not self._is_open:
            self._check_running()
        number = float(value)
        if step is None:
            with self._lock:
                step = self._steps.get(name, -1) + 1
                self._steps[name] = step
        elif step > self._steps.get(name, -1):
            self._steps[name] = step
        self._journal.append_point(self._prefix + name, step, time.time(), number)

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        """Add a point to each of several metrics."""
        for name, value in metrics.items():
            self.log_metric(name, value, step=step)

    def log_output(
        self,
        asset: str,
        content: str | Path | Mapping[str, bytes] | None = None,
        *,
        role: str | None = None,
        message: str = "",
    ) -> None:
        """Name an output: what it holds now becomes a version when the run ends.

        Said again of the same asset, the last time counts: one run makes one version of an asset.

        Args:
            asset: which asset gets the new version; made if it is not there.
            content: a folder or file, files in memory, or nothing.
            role: its place in the run; the kind of the asset where left out.
            message: what to say of the version.

        Raises:
            AlreadyExists: the role is taken by another asset, or the asset has another role.
            InvalidInput: there is no such path, or the kind was left out.
        """
        self._check_running()
        place, name = self._home.output_place(asset, role)
        if isinstance(content, str | Path) and not Path(content).exists():
            raise InvalidInput(f"output {asset}: there is no {content}")
        self._take_role(place, name)
        facts: dict[str, Any] = {"role": place, "asset": name, "message": message}
        if isinstance(content, str | Path):
            facts["from"] = str(Path(content).absolute())
        if content is not None:
            try:
                facts["stored"] = self._home.store(content, self.folder)
            except (OmprovError, OSError) as error:
                if not isinstance(content, str | Path):
                    self.tell_trouble(f"output {asset} cannot be stored ({error}) and is lost")
                    return
                facts["path"] = facts["from"]
                self.tell_trouble(f"output {asset} cannot be stored now ({error})")
        self._journal.append("output", facts)

    def _take_role(self, role: str, asset: str) -> None:
        """Keep one role for one asset, for one run makes one version of an asset."""
        with self._lock:
            taken = self._roles.setdefault(_OUTPUT + role, asset)
            others = [
                other.removeprefix(_OUTPUT)
                for other, one in self._roles.items()
                if other.startswith(_OUTPUT) and one == asset and other != _OUTPUT + role
            ]
            if others:
                del self._roles[_OUTPUT + role]
        if taken != asset:
            raise AlreadyExists("output", role, "Pass role= to record another one.")
        if others:
            raise AlreadyExists(
                "output", asset, f"It has the role {others[0]}; give this one another asset."
            )

    def log_text(self, name: str, text: str, *, step: int | None = None) -> None:
        """Add a text to the files of the run.

        Args:
            name: of the file; ``.txt`` where it has no suffix.
            text: what to write.
            step: to keep one of each step, in a folder of this name.
        """
        self._add_file(name, ".txt", text.encode("utf-8", "surrogatepass"), step)

    def log_figure(self, name: str, figure: Any, *, step: int | None = None) -> None:
        """Add a figure of Matplotlib or Plotly to the files of the run, as PNG."""
        self._add_file(name, ".png", figure_bytes(figure), step)

    def log_image(self, name: str, image: Any, *, step: int | None = None) -> None:
        """Add an image to the files of the run, as PNG.

        Args:
            name: of the file.
            image: of Pillow; PNG bytes; or an array of height × width (× 1, 3 or 4), bytes or
                floats in [0, 1].
            step: to keep one of each step.
        """
        self._add_file(name, ".png", image_bytes(image), step)

    def log_table(self, name: str, rows: Any, *, step: int | None = None) -> None:
        """Add a table to the files of the run, as CSV.

        Args:
            name: of the file.
            rows: a data frame, mappings of column → value, or sequences, the first one the header.
            step: to keep one of each step.
        """
        self._add_file(name, ".csv", table_bytes(rows), step)

    def set_tag(self, name: str, value: str) -> None:
        """Set a tag of the run."""
        self._check_running()
        self._journal.append("tags", {str(name): str(value)})

    def note(self, facts: Mapping[str, Any]) -> None:
        """Add facts (host, resources, …) to the source of the run; JSON data."""
        self._check_running()
        self._journal.append("source", json_data(facts))

    # -- for what captures

    @property
    def began(self) -> datetime:
        """When this process began it, or came to it."""
        return datetime.fromtimestamp(self._began, UTC)

    def log_stored(self, output: Output, *, role: str) -> None:
        """Name an output whose content is stored already."""
        self._check_running()
        stored = cast("TreeSummary", output.content)
        self._home.pin(stored, self.folder)
        facts = {"role": role, "asset": str(output.asset), "message": output.message}
        summary = [stored.digest, stored.size, stored.files]
        self._journal.append("output", {**facts, "stored": summary})

    def log_point(self, name: str, step: int, value: float, time: datetime) -> None:
        """Add a point of a metric that was measured earlier."""
        self._check_running()
        self._journal.append_point(name, step, time.timestamp(), value)

    def discard(self) -> None:
        """Forget the run, of which nothing was delivered: what was to run could not be started."""
        self._is_open = False
        self._journal.abandon()
        remove_folder(self.folder)

    def capture(self, kind: str, data: Any) -> None:
        """Add what was captured beside the run, as a record of its journal.

        Of inputs (``captured``, a role and the id of a version) only those count in whose role
        nothing was used by the end, and of parameters (``captured params``) those not logged.
        """
        self._check_running()
        self._journal.append(kind, data)

    # -- for what ships it

    @property
    def delivery(self) -> Delivery:
        """What delivers its journals."""
        if self._delivery is None:
            from ._delivery import Delivery  # start-up: it brings the database

            self._delivery = Delivery(self.folder)
        return self._delivery

    def sync_journal(self) -> None:
        """Bring the journal to the disk."""
        self._journal.sync()

    def close_journal(self) -> None:
        """Let go of the journal; what the disk did not take goes where it does."""
        left = self._journal.close()
        if left:
            self._home.rescue(self._opening, left)

    def capture_facts(self, repository: Repository) -> None:
        """Add what is captured beside the training to the journal; once."""
        if self._facts_due:
            self._facts_due = False
            for kind, data in self._home.facts(repository, self._opening.script):
                self._journal.append(kind, data)

    def end_with_process(self) -> None:
        """Finish, for the process ends: a run that nobody finished ends with it."""
        self.finish(self._home.status_of_process())

    def on_finish(self, call: Callable[[], None]) -> None:
        """Have something called when the run finishes."""
        self._on_finish.append(call)

    def join_after_fork(self) -> None:
        """Go on in the child of a fork: as a process that joined the run."""
        self._journal.abandon()
        self._lock = threading.Lock()
        self._on_finish = []
        self._facts_due = False
        opening = self._opening
        self._opening = Opening(
            opening.folder, opening.run, opening.name, is_owner=False, rank=opening.rank
        )
        self._journal = self._new_journal()

    def _new_journal(self) -> JournalWriter:
        opening = self._opening
        name = f"{os.uname().nodename[:40]}-{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
        return JournalWriter(opening.folder / name, self._first_record, self.tell_trouble)

    def _first_record(self) -> bytes:
        opening = self._opening
        return encode(
            "open",
            {
                "run": opening.run,
                "owner": opening.is_owner,
                "name": opening.name,
                "time": self._began,
                "parent": opening.parent,
                "rank": opening.rank,
                "script": opening.script,
                "pid": os.getpid(),
                "host": os.uname().nodename,
                "repository": str(self._home.folder),
            },
        )

    def _add_file(self, name: str, suffix: str, data: bytes, step: int | None) -> None:
        self._check_running()
        target = self.folder / FILES / (self._prefix + file_name(name, suffix, step))
        partial = target.with_name(f".{os.urandom(8).hex()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            self.tell_trouble(f"{name} cannot be kept ({error.strerror}) and is lost")

    def tell_trouble(self, text: str) -> None:
        """Say what went wrong beside the training, as a warning; each thing once."""
        if text not in self._troubles:
            self._troubles.add(text)
            warn(text)

    def _check_running(self) -> None:
        if not self._is_open:
            raise Conflict(
                f"run {self.name!r} is not running; use it inside `with omprov.start_run(…)`"
            )
