"""Old TensorBoard logs become runs: each folder with event files one, and each only once."""

from __future__ import annotations

import fcntl
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omprov.content import Done, Expected, TreeSummary
from omprov.errors import InvalidInput, NotFound
from omprov.records import Digest, RunStatus, name_like
from omprov.repository import MetricPoint, Output

from ._events import is_event_file, read_file
from ._folders import find_run_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omprov.content import Progress
    from omprov.records import Run, RunId
    from omprov.repository import Repository

    from ._events import FileEvents
    from ._folders import RunFolder

TAG = "tensorboard"
"""The tag by which a run is known to be of some event files."""

_ROLE = "summary"
_LOCK = "tensorboard.lock"


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """What became of a folder with event files.

    Attributes:
        folder: its path below the log directory.
        state: the run is ``new``, has ``grown``, or was ``known`` with all that is there; a folder
            is ``empty`` where nothing was logged yet.
        run: which run it is; ``None`` of an empty one.
        points: how many points were added.
    """

    folder: str
    state: Literal["new", "grown", "known", "empty"]
    run: RunId | None
    points: int


def import_tensorboard(
    repository: Repository,
    top: str | Path,
    *,
    asset: str | None = None,
    progress: Progress | None = None,
) -> list[ImportedRun]:
    """Make a run of each folder with event files at and below a log directory.

    The run is named like the folder; it began and ended when its first and last events were
    written. Scalars are the points of its metrics, hyperparameters its parameters, and the event
    files the version that it made. Nothing is imported twice: a run is known by its oldest event
    file, wherever that lies. Of files that have grown the new points are added to the run, and
    their present state is a further version that inherits the one before.

    One transaction for each run: an interrupted import goes on with the next one. Imports into the
    same repository wait for each other.

    Args:
        repository: where the runs go.
        top: the log directory.
        asset: whose versions the event files become; else ``summary/FOLDER`` for each.
        progress: called with runs done.

    Raises:
        NotFound: there is no such folder, or no event file in it.
        InvalidInput: the asset is no summary.
    """
    folders = find_run_folders(_checked(Path(top), asset))
    if not folders:
        raise NotFound("event file", top, hint="Their names have `tfevents` in them.")
    tell = progress or (lambda _: None)
    tell(Expected(len(folders), 0))
    imported: list[ImportedRun] = []
    with _alone(repository.path / _LOCK):
        known = repository.find_tagged_runs(TAG, {folder.identity for folder in folders})
        for folder in folders:
            imported.append(_import(repository, folder, known, asset))
            tell(Done(1, 0))
    return imported


def _checked(top: Path, asset: str | None) -> Path:
    if not top.is_dir():
        raise NotFound("folder", top)
    if asset is not None and asset.rpartition("/")[0].rpartition("/")[2] != _ROLE:
        raise InvalidInput(
            f"event files are versions of a summary; write summary/NAME, not {asset}"
        )
    return top


def metrics_of_event_files(paths: Iterable[str | Path]) -> list[MetricPoint]:
    """Return the points of all curves in some event files; others among the paths have none."""
    return [point for path in paths if is_event_file(path) for point in _points(read_file(path))]


def _import(
    repository: Repository, folder: RunFolder, known: dict[str, Run], asset: str | None
) -> ImportedRun:
    identity = folder.identity
    run = known.get(identity)
    before: Mapping[str, int] = {} if run is None else run.source[TAG]["read"]
    events = {
        name: read_file(path, before.get(name, 0))
        for name, path in folder.files.items()
        if path.stat().st_size >= before.get(name, 0)
    }
    if not sum(found.records for found in events.values()):
        state: Literal["known", "empty"] = "empty" if run is None else "known"
        return ImportedRun(folder.name, state, None if run is None else run.id, 0)
    points = [point for found in events.values() for point in _points(found)]
    read = {**before, **{name: found.size for name, found in events.items()}}
    stored = _store(repository, folder)
    if run is None:
        made = _record(repository, folder, events, points, asset=asset, stored=stored, read=read)
        known[identity] = made
        return ImportedRun(folder.name, "new", made.id, len(points))
    _grow(repository, run, folder, events, points, stored=stored, read=read)
    return ImportedRun(folder.name, "grown", run.id, len(points))


def _record(
    repository: Repository,
    folder: RunFolder,
    events: Mapping[str, FileEvents],
    points: list[MetricPoint],
    *,
    asset: str | None,
    stored: TreeSummary,
    read: Mapping[str, int],
) -> Run:
    began, ended = _times(folder, events)
    made_by = asset or f"{_ROLE}/{name_like(folder.name, 'tensorboard')}"
    return repository.record_run(
        inputs={},
        outputs={_ROLE: Output(made_by, stored, "Imported from TensorBoard")},
        name=folder.name,
        status=_status(events),
        started=began,
        ended=ended,
        params=_params(events),
        points=points,
        source={TAG: {"folder": str(folder.path.resolve()), "read": dict(read)}},
        tags={TAG: folder.identity},
    )


def _grow(
    repository: Repository,
    run: Run,
    folder: RunFolder,
    events: Mapping[str, FileEvents],
    points: list[MetricPoint],
    *,
    stored: TreeSummary,
    read: Mapping[str, int],
) -> None:
    """Add what is new to a run; the present state of its files becomes a version first."""
    facts = run.source[TAG]
    newest = facts.get("newest") or _reference(run)
    if newest is not None:
        newest = _add_state(repository, newest, stored, run)
    repository.add_to_run(
        run.id,
        points=points,
        params=_params(events),
        ended=max(_times(folder, events)[1], run.ended or run.started),
        status=_status(events) if any(found.hparams for found in events.values()) else None,
        source={TAG: {**facts, "read": dict(read), "newest": newest}},
    )


def _reference(run: Run) -> str | None:
    version = run.outputs.get(_ROLE)
    return None if version is None or version.removed is not None else str(version)


def _add_state(repository: Repository, newest: str, stored: TreeSummary, run: Run) -> str:
    """Return the version that holds the present state, made unless an interrupted import did."""
    asset = newest.rpartition(":")[0]
    try:
        return str(repository.get_version(f"{asset}:@{stored.digest}"))
    except NotFound:
        added = repository.add_version(
            asset,
            stored,
            inherits=(newest,),
            message="More was logged",
            source={TAG: {"run": run.id}},
        )
        return str(added.version)


def _store(repository: Repository, folder: RunFolder) -> TreeSummary:
    """Store the event files of a run, and nothing else of its folder."""
    if len(folder.files) == 1:
        return repository.content.put_tree(next(iter(folder.files.values())))
    with repository.content.tree_writer() as writer:
        inner: dict[str, list[Any]] = {"": []}
        for name, path in sorted(folder.files.items()):
            above, _, own = name.rpartition("/")
            entry = writer.put_file(os.fsencode(own), path.read_bytes())
            inner.setdefault(above, []).append(entry)
        below = [
            writer.put_folder(os.fsencode(name), inner[name]) for name in sorted(inner) if name
        ]
        top = sorted([*inner[""], *below], key=lambda entry: entry.name)
        tree = writer.put_folder(b"", top)
        writer.commit()
    return TreeSummary(Digest(tree.digest.hex()), tree.size, tree.files)


def _points(found: FileEvents) -> Iterator[MetricPoint]:
    for tag, step, wall_time, value in found.points:
        yield MetricPoint(tag, step, value, _time(wall_time) or datetime.fromtimestamp(0, UTC))


def _params(events: Mapping[str, FileEvents]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for found in events.values():
        params |= found.hparams.params if found.hparams is not None else {}
    return params


def _status(events: Mapping[str, FileEvents]) -> RunStatus:
    said = [found.hparams for found in events.values() if found.hparams is not None]
    return RunStatus.FAILED if any(one.has_failed for one in said) else RunStatus.SUCCEEDED


def _times(folder: RunFolder, events: Mapping[str, FileEvents]) -> tuple[datetime, datetime]:
    """Return when the first and the last event were written; else when the files were."""
    said = [_time(at) for found in events.values() for at in (found.begun, found.ended) if at]
    times = [time for time in said if time is not None]
    if not times:
        times = [
            datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in folder.files.values()
        ]
    return min(times), max(times)


def _time(seconds: float) -> datetime | None:
    """Return a time; ``None`` for a number that is none."""
    if not math.isfinite(seconds):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process imports."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
