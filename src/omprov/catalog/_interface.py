"""What a catalog promises, whatever the database behind it.

The read side and the write side are different types, joined by a transaction. Nothing here knows
inference: the repository plans, the catalog stores.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from ._people_interface import PeopleReader, PeopleWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from omprov.records import (
        Asset,
        AssetId,
        AssetName,
        AuditRow,
        Difference,
        Digest,
        Edge,
        Kind,
        Origin,
        Policy,
        Project,
        Run,
        RunId,
        RunStatus,
        Version,
        VersionId,
        VersionKey,
    )

    from ._copied_rows import CopiedRows, CopyState
    from ._copying import CopyMark
    from .mlflow import MlflowReads, MlflowWrites


class ChangeKind(StrEnum):
    """What a row of the change feed tells."""

    PROJECT = "project"
    ASSET = "asset"
    """An asset was made or changed; data: ``{"asset": id}``, and ``"measure"`` if it changed."""
    UPLOADED = "uploaded"
    """A version without a producing run; data: ``{"parents": [[key, weight], …]}``."""
    PRODUCED = "produced"
    """A version made by a run; data: ``{"tuple": {role: key}}``, as it counts in inference."""
    EDGE = "edge"
    """A late declared edge; data: ``{"newer": key, "older": key, "weight": weight}``."""
    EDGE_REMOVED = "edge_removed"
    """A declared edge was taken away; data: ``{"newer": key, "older": key}``."""
    POLICY = "policy"
    """An asset's policy was changed; data: the policy as JSON data."""
    RUN = "run"
    """A run was added or changed; data: ``{"run": id, …}``."""
    ALIAS = "alias"
    """Data: ``{"alias": name, "version": key or null, "previous": key or null}``."""
    TAG = "tag"
    """Data: ``{"target": id, "tags": {name: value or null}}``."""
    REMOVED = "removed"
    """A tombstone; data: ``{"version": id}`` or ``{"asset": id}`` (with all its versions)."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One row of the change feed.

    Attributes:
        position: rises by one with each row of the repository; rows become visible in this order
            and never later than a higher one.
    """

    position: int
    kind: ChangeKind
    time: datetime
    asset: AssetId | None
    version: VersionKey | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredEdge:
    """An edge as it is stored: keys, weight, and the evidence where it was kept."""

    newer: VersionKey
    older: VersionKey
    weight: float | None
    origin: Origin
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that another tool recorded first.

    Attributes:
        created: when that was.
        creator: who did.
        source: where it came from, as JSON data.
    """

    digest: Digest | None
    size: int
    files: int
    created: datetime
    creator: str
    message: str
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A request that counts once.

    Attributes:
        body: the digest of what it said.
        time: when it was carried out.
        status: of its answer; ``None`` until the answer is kept.
        answer: the same for its bytes.
    """

    body: Digest
    time: datetime
    status: int | None
    answer: bytes | None


class CatalogReader(PeopleReader, Protocol):
    """A consistent view of the catalog. Every method sees one state: that of the first read.

    A view belongs to one thread and ends with its block. Keys, ids and names that do not exist are
    left out of the answers; `find_…` gives ``None`` for them.
    """

    # -- feed
    def position(self) -> int:
        """Return the position of the newest feed row; 0 where there is none."""
        ...

    def iter_feed(self, after: int, limit: int | None = None) -> Iterator[FeedRow]:
        """Give the rows above position `after`, in order."""
        ...

    # -- projects and assets
    def find_project(self, name: str) -> Project | None: ...
    def list_projects(self) -> list[Project]: ...
    def find_asset(self, name: AssetName) -> Asset | None:
        """Return the asset, a removed one included."""
        ...

    def get_assets(self, ids: Iterable[AssetId]) -> dict[AssetId, Asset]: ...
    def list_assets(
        self,
        *,
        project: str | None = None,
        kind: Kind | None = None,
        name: str | None = None,
        removed: bool = False,
    ) -> list[Asset]:
        """Return assets by their name's parts, ordered by project, kind, name."""
        ...

    # -- versions
    def get_versions(self, keys: Iterable[VersionKey]) -> dict[VersionKey, Version]:
        """Return the versions of these keys, removed ones included, in a constant number of
        statements for each 500 keys; a key that does not exist is left out.
        """
        ...

    def find_version_by_id(self, id: VersionId) -> Version | None: ...
    def find_version(self, asset: AssetName, number: int) -> Version | None:
        """Return the version, a removed one included."""
        ...

    def find_version_by_alias(self, asset: AssetName, alias: str) -> Version | None: ...
    def find_versions_by_digest(self, asset: AssetName, prefix: str) -> list[Version]:
        """Return versions, newest first, whose digest starts so; removed ones excluded.

        Raises:
            InvalidInput: `prefix` is not 1 to 64 lower-case hex digits.
        """
        ...

    def list_versions(
        self,
        asset: AssetName,
        *,
        limit: int | None = None,
        below: int | None = None,
        removed: bool = False,
    ) -> list[Version]:
        """Return versions, newest first.

        Args:
            asset: whose.
            limit: at most so many.
            below: only numbers below this one (to page on).
            removed: with the removed ones.
        """
        ...

    def find_holders(self, project: str, digest: Digest) -> list[Version]:
        """Return the versions of a project, of any asset, that hold this content, newest first;
        removed ones excluded.
        """
        ...

    def newest_of_kind(self, project: str, kind: Kind, limit: int) -> list[Version]:
        """Return at most so many versions of all assets of a kind, newest first; removed ones
        excluded.
        """
        ...

    def find_twins(self, asset: AssetId, digests: Iterable[Digest]) -> dict[Digest, VersionKey]:
        """Return the latest uploaded version with each content; removed ones excluded."""
        ...

    def find_commits(self, asset: AssetId, commits: Iterable[str]) -> dict[str, VersionKey | None]:
        """Return the version that each git commit is; ``None`` where it is known and of none. What
        is not known is left out.

        Raises:
            InvalidInput: an id is not in hex digits.
        """
        ...

    def list_commits(self, asset: AssetId) -> dict[str, VersionKey | None]:
        """Return all that `find_commits` knows."""
        ...

    def count_versions(self, asset: AssetName) -> int:
        """Count the versions that are not removed."""
        ...

    def aliases(self, asset: AssetName) -> dict[str, VersionKey]:
        """Return where each alias points, ordered by alias."""
        ...

    # -- edges
    def edges_from(self, keys: Iterable[VersionKey]) -> list[StoredEdge]:
        """Return the edges whose newer end is one of these."""
        ...

    def edges_to(self, keys: Iterable[VersionKey]) -> list[StoredEdge]:
        """Return the edges whose older end is one of these."""
        ...

    def edges_of(self, asset: AssetName) -> list[StoredEdge]:
        """Return the edges whose newer end belongs to this asset, without their evidence."""
        ...

    # -- what graphs are built from (bulk, ordered by key)
    def uploaded_graph(self, kind: Kind) -> tuple[list[VersionKey], list[Edge[VersionKey]]]:
        """Return all versions of the kind without a producing run, and the declared edges among
        them; removed versions included.
        """
        ...

    def provenance_tuples(self, asset: AssetId) -> list[tuple[VersionKey, dict[str, VersionKey]]]:
        """Return every version that a run produced with the inputs of that run by role."""
        ...

    def inferred_edges(self, asset: AssetId) -> list[Edge[VersionKey]]:
        """Return the stored covers of an output asset."""
        ...

    def producing_tuple(self, key: VersionKey) -> dict[str, VersionKey] | None:
        """Return the inputs by role of the run that produced this version."""
        ...

    def input_sources(self, asset: AssetId) -> list[tuple[str, Kind, AssetId | None]]:
        """Return which versions the runs of an output asset used, as distinct (role, kind,
        producer): producer is the asset of the used versions where a run produced them, else None.
        """
        ...

    def output_assets(self) -> list[Asset]:
        """Return every asset of which a run produced a version, removed ones included."""
        ...

    def consumers(self, assets: Iterable[AssetId]) -> list[AssetId]:
        """Return the output assets whose runs used a version of one of these as an input."""
        ...

    # -- runs
    def find_run(self, id: RunId) -> Run | None: ...
    def get_runs(self, ids: Iterable[RunId]) -> dict[RunId, Run]:
        """Return the runs of these ids; an id that does not exist is left out."""
        ...

    def find_runs_by_prefix(self, prefix: str, *, project: str | None = None) -> list[Run]:
        """Return at most ten runs, of one project or of any, whose id, or its last 12 digits,
        starts so.
        """
        ...

    def find_tagged_runs(self, project: str, name: str, values: Iterable[str]) -> dict[str, RunId]:
        """Return, for each of these values that a tag of this name has, the latest such run."""
        ...

    def list_runs(
        self,
        *,
        project: str | None = None,
        status: RunStatus | None = None,
        name: str | None = None,
        input: VersionKey | None = None,
        output: VersionKey | None = None,
        parent: RunId | None = None,
        limit: int | None = 100,
        before: RunId | None = None,
    ) -> list[Run]:
        """Return runs, the last recorded first.

        Args:
            project: only of this project.
            status: only of this status.
            name: only of this name.
            input: only those that used this version.
            output: only those that made this version.
            parent: only those that this run began.
            limit: at most so many.
            before: only those recorded before this one (to page on); `NotFound` where there is
                no such run.
        """
        ...

    def run_file_digests(self) -> Iterator[Digest]:
        """Give the digest of every tree of files that a run left."""
        ...

    def journal_positions(self, run: RunId) -> dict[str, int]:
        """Return how much of each of the run's journals was recorded; nothing of an unknown run."""
        ...

    def runs_using(self, keys: Iterable[VersionKey]) -> list[tuple[RunId, str, VersionKey]]:
        """Return (run, role, version) for each use of these versions as an input."""
        ...

    def run_projects(self, runs: Iterable[RunId]) -> dict[RunId, str]:
        """Return the name of each run's project; an id that does not exist is left out."""
        ...

    def run_links(
        self, runs: Iterable[RunId]
    ) -> dict[RunId, tuple[dict[str, VersionKey], dict[str, VersionKey]]]:
        """Return inputs and outputs by role of each run."""
        ...

    def metric_points(self, run: RunId, name: str) -> list[tuple[int, float, datetime]]:
        """Return (step, value, time) in the order of step, then time, then arrival."""
        ...

    # -- what MLflow's clients keep beside it
    @property
    def mlflow(self) -> MlflowReads:
        """The same view, as MLflow's protocol reads it."""
        ...

    # -- the rest
    def list_audit(
        self, *, limit: int = 100, below: int | None = None, project: str | None = None
    ) -> list[AuditRow]:
        """Return audit rows, newest first.

        Args:
            limit: at most so many.
            below: only those whose key is below this one (to page on).
            project: only of this project.
        """
        ...

    def find_snapshot(self, name: str) -> tuple[int, bytes] | None:
        """Return the feed position and the bytes of a stored graph index; ``None`` where there is
        none or its checksum fails (it is a cache).
        """
        ...

    def find_request(self, scope: str, key: str) -> KeptRequest | None:
        """Return the request that was kept under this key."""
        ...

    def digests(self) -> Iterator[tuple[Digest, VersionKey]]:
        """Give the content digest of every version that is not removed."""
        ...

    def removed_digests(self) -> Iterator[Digest]:
        """Give the content digest of every version that is removed: what it names may be gone."""
        ...

    def contents(self) -> Iterator[tuple[AssetId, Digest | None, int]]:
        """Give asset, digest and size of every version that is not removed, by asset."""
        ...

    def removed_inputs(self) -> Iterator[tuple[Digest, str, AssetId]]:
        """Give the content of removed versions that runs used, as distinct (digest, role, asset of
        which the run made a version): weights may rest on it for ever.
        """
        ...

    # -- copies
    def copy_state(self, *, people: bool = False) -> CopyState:
        """Return what a copy of this view would be a copy of.

        Args:
            people: with users and what they sign in with.
        """
        ...

    def iter_rows(self, after: str = "", *, people: bool = False) -> Iterator[CopiedRows]:
        """Give the rows of all tables that are copied, each after those that it names, and those of
        a table by its key.

        Args:
            after: the place of the last ones that are known; empty for all.
            people: with users and what they sign in with.

        Raises:
            InvalidInput: `after` is no place.
        """
        ...

    def copy_mark(self) -> CopyMark | None:
        """Return what this catalog is a copy of, or is becoming one of."""
        ...


class CatalogWriter(CatalogReader, PeopleWriter, Protocol):
    """The one write transaction. Nothing is visible to others before it commits; all or nothing.

    Every method that changes something appends its feed row and its audit row in the same
    transaction. The exceptions: the feed rows of edges come with their version or from
    `append_feed`; inferred edges, which follow from the rest, leave no audit row; people are in no
    feed (`PeopleWriter`).

    Ids and keys that do not exist raise `NotFound` (or `InvalidInput`, where only the database
    notices). Let an error end the block: what the failed method had done by then is rolled back
    with everything else.
    """

    @property
    def mlflow(self) -> MlflowWrites:
        """The same transaction, as MLflow's protocol writes in it."""
        ...

    def add_project(self, name: str) -> Project:
        """Raise `AlreadyExists` where the name is taken."""
        ...

    def add_asset(
        self,
        name: AssetName,
        *,
        description: str = "",
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Raise `AlreadyExists`, or `NotFound` where the project does not exist."""
        ...

    def set_asset(
        self,
        id: AssetId,
        *,
        description: str | None = None,
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Change what is given; leave what is ``None``."""
        ...

    def add_version(
        self,
        asset: AssetId,
        *,
        digest: Digest | None,
        size: int = 0,
        files: int = 0,
        message: str = "",
        run: RunId | None = None,
        source: Mapping[str, Any] | None = None,
        feed: Mapping[str, Any],
    ) -> Version:
        """Add the next version of the asset; a removed asset takes none (`Conflict`).

        Args:
            asset: whose.
            digest: of the content, or ``None``.
            size: bytes of content.
            files: files in the content.
            message: what the user says of it.
            run: the producing run.
            source: where the content came from.
            feed: data of its feed row (`ChangeKind.PRODUCED` with a run, else
                `ChangeKind.UPLOADED`).
        """
        ...

    def add_edges(
        self,
        edges: Iterable[Edge[VersionKey]],
        origin: Origin,
        differences: Mapping[tuple[VersionKey, VersionKey], Difference] | None = None,
    ) -> None:
        """Store edges; of an edge that exists with this origin the weight and the evidence are
        replaced (by none, where `differences` has none).
        """
        ...

    def append_feed(
        self,
        kind: ChangeKind,
        *,
        asset: AssetId | None = None,
        version: VersionKey | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Append a feed row that no other method appends (`EDGE`, `EDGE_REMOVED`)."""
        ...

    def remove_edges(self, edges: Iterable[tuple[VersionKey, VersionKey]], origin: Origin) -> None:
        """Take edges, as (newer, older), and their evidence away; pass over those not there."""
        ...

    def set_weights(self, edges: Iterable[Edge[VersionKey]], origin: Origin) -> None:
        """Fill in or renew the weights of stored edges."""
        ...

    def add_run(
        self,
        *,
        project: str,
        name: str,
        status: RunStatus,
        started: datetime,
        ended: datetime | None = None,
        inputs: Mapping[str, VersionKey],
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        command: Sequence[str] = (),
        exit_status: int | None = None,
        message: str = "",
        source: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        id: RunId | None = None,
        parent: RunId | None = None,
    ) -> RunId:
        """Add a run; `metrics` become points at step 0.

        It gets `id` where somebody made one already (`AlreadyExists` where a run has it). `parent`
        need not be recorded yet.
        """
        ...

    def add_run_input(self, run: RunId, role: str, version: VersionKey) -> None:
        """Add an input; do nothing where it is there.

        Raises:
            AlreadyExists: the role is taken by another version.
        """
        ...

    def add_run_output(self, run: RunId, role: str, version: VersionKey) -> None:
        """Add an output, a version that was added with this run.

        Raises:
            AlreadyExists: the role is taken.
        """
        ...

    def set_run(
        self,
        run: RunId,
        *,
        status: RunStatus | None = None,
        started: datetime | None = None,
        ended: datetime | None = None,
        exit_status: int | None = None,
        message: str | None = None,
        command: Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        source: Mapping[str, Any] | None = None,
        parent: RunId | None = None,
    ) -> None:
        """Change what is given; params and source are merged in.

        A run that is running again has not ended. One that has a parent keeps it.
        """
        ...

    def add_run_files(self, run: RunId, name: str, digest: Digest) -> None:
        """Add a tree of files that are no version; of a name that is taken it is replaced."""
        ...

    def set_journal_positions(self, run: RunId, positions: Mapping[str, int]) -> None:
        """Say how much of the run's journals was recorded; no feed row."""
        ...

    def add_metric_points(
        self, run: RunId, points: Iterable[tuple[str, int, float, datetime]]
    ) -> None:
        """Append (name, step, value, time); 10,000 points are a handful of statements.

        The run's metric becomes the point of the highest step (then time, then arrival). Values
        may be NaN or infinite.
        """
        ...

    def set_alias(
        self, asset: AssetId, alias: str, version: VersionKey | None
    ) -> VersionKey | None:
        """Point the alias there, or remove it with ``None``; return where it pointed before.

        Raises:
            InvalidInput: the name means something already (``latest``, ``v3``), or the version is
                removed or another asset's.
        """
        ...

    def set_tags(self, target: AssetId | VersionId | RunId, tags: Mapping[str, str | None]) -> None:
        """Set tags; ``None`` removes one."""
        ...

    def add_versions(self, asset: AssetId, versions: Sequence[NewVersion]) -> list[VersionKey]:
        """Add the next versions of the asset, in order, in a constant number of statements for
        each thousand; return their keys. `announce_versions` has to follow, with their edges.
        """
        ...

    def announce_versions(
        self, asset: AssetId, parents: Mapping[VersionKey, Mapping[VersionKey, float]]
    ) -> None:
        """Append the feed rows of versions that `add_versions` added.

        Args:
            asset: whose.
            parents: each version, in order, with the uploaded versions that it inherits.
        """
        ...

    def set_commits(self, asset: AssetId, commits: Mapping[str, VersionKey | None]) -> None:
        """Say which version each git commit is; no feed row."""
        ...

    def remove_version(self, key: VersionKey) -> None:
        """Leave a tombstone, and drop its aliases, which is told as a move of each."""
        ...

    def remove_asset(self, id: AssetId) -> None:
        """Leave a tombstone of the asset and each of its versions, and drop its aliases, which is
        told as a move of each; its name stays taken.
        """
        ...

    def add_request(self, scope: str, key: str, body: Digest) -> None:
        """Keep that a request is carried out in this transaction; no feed row, no audit row.

        Raises:
            AlreadyExists: it was before.
        """
        ...

    def set_answer(self, scope: str, key: str, status: int, answer: bytes) -> None:
        """Keep what a request was answered."""
        ...

    def forget_requests(self, before: datetime) -> None:
        """Forget the requests that were carried out before a time."""
        ...

    # -- copies
    def begin_copy(self, state: CopyState, *, people: bool = False) -> str:
        """Begin to become a copy, or go on with one: what an earlier state left goes.

        Only of what is new, or was begun as a copy of the same catalog and not touched since. Its
        users stay, where none are copied, and the rows of its own audit, behind those to come.

        Args:
            state: of the source.
            people: with users and what they sign in with.

        Returns:
            Where to go on: the place of the last rows that are here; ``"finished"`` where all are.

        Raises:
            Conflict: it holds more than a new repository, is the source, or has another layout; it
                stays as it is.
        """
        ...

    def add_copied(self, rows: CopiedRows, after: str) -> None:
        """Add rows as they are; those that came before, a second time, change nothing.

        Args:
            rows: what `iter_rows` gave.
            after: the place that this copy has come to.

        Raises:
            Conflict: it is at another place, or somebody else has recorded something here.
        """
        ...

    def end_copy(self) -> None:
        """Count as the whole repository from now on.

        Raises:
            Conflict: rows are missing.
        """
        ...

    def add_audit(
        self,
        action: str,
        target: str,
        detail: Mapping[str, Any],
        *,
        version: VersionKey | None = None,
    ) -> None:
        """Append an audit row of the repository's own (the others are written by themselves).

        Args:
            action: what was done.
            target: to what.
            detail: more, as JSON data; no secret.
            version: one in whose project it was done, if in one.
        """
        ...


class Catalog(Protocol):
    """The metadata of one repository. Safe to use from several threads and processes."""

    def read(self) -> AbstractContextManager[CatalogReader]:
        """Open a consistent view; close it soon."""
        ...

    def write(self, who: str, now: datetime) -> AbstractContextManager[CatalogWriter]:
        """Open the one write transaction of the repository: commit at the end of the block, roll
        back when it raises. Threads and processes take turns; blocks do not nest.

        Args:
            who: the name for creator and audit.
            now: the time written with everything in the transaction.

        Raises:
            InvalidInput: `now` has no time zone.
            Busy: another process kept the write lock for too long.
            StorageFull: the disk is full.
            Damaged: the database file is not what it was.
        """
        ...

    def store_snapshot(self, name: str, position: int, data: bytes) -> None:
        """Keep a graph index, replacing the one of that name; its own transaction, no feed row."""
        ...

    def wait_for_change(self, after: int, timeout: float) -> int:
        """Wait until the change feed reaches beyond a position; the position it has then.

        Many threads may wait at once. Changes of this process are known at once, those of others
        as soon as the database tells, or within a second where it does not.

        Args:
            after: a position that is known.
            timeout: seconds after which to return in any case.

        Raises:
            Unavailable: the database cannot be reached.
        """
        ...

    def check(self) -> list[str]:
        """Return what is wrong with the database: its own integrity check, foreign keys, edges
        without ends, versions without numbers in order; empty when all is well.
        """
        ...

    def copy_to(self, path: Path) -> None:
        """Write all that was committed to an SQLite file, which must be empty or not there yet.

        Whatever the database of the catalog itself is. One state, however many write meanwhile:
        they do not wait. `open_catalog` opens the copy.

        Raises:
            StorageFull: the disk is full; there is no copy.
            Damaged: the database file is not what it was.
        """
        ...

    def close(self) -> None:
        """Let go of the database's files; nothing is lost without it."""
        ...
