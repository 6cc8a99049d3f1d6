"""The one door to a repository on this machine: catalog, content and graphs opened together."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

from omprov.catalog import create_catalog, open_catalog
from omprov.content import ContentStore
from omprov.diff import get_measure
from omprov.errors import AlreadyExists, InvalidInput, NotFound
from omprov.records import (
    DEFAULT_PROJECT,
    LATEST,
    AssetName,
    Edge,
    Origin,
    Reference,
    RunStatus,
    Version,
    check_name,
)

from . import _checking, _reading, _versions
from ._config import Config
from ._contents import ENVIRONMENT_FILE, PARAMS_FILE, Differences, json_file, store_content
from ._edges import check_declared, declare_edge, remove_edge
from ._graphs import Graphs
from ._recording import MetricPoint, Output, RunFacts, Stored, write_change, write_run
from ._resolving import new_asset_name, parse, resolve_asset, resolve_version
from ._versions import AUTO, CANDIDATES, Added
from ._workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from omprov.catalog import Catalog, CatalogReader, CatalogWriter
    from omprov.content import StoredTree
    from omprov.diff import Delta
    from omprov.records import (
        Asset,
        Difference,
        Inherits,
        Kind,
        Policy,
        Project,
        Run,
        RunId,
        VersionKey,
    )

    from ._checking import Finding
    from ._contents import Content
    from ._reading import History, Lineage, Route

    AnyVersion = str | Reference | Version
    AnyAsset = str | Reference | AssetName
    Progress = Callable[[Any], None]

FOLDER = ".omprov"


class Repository:
    """A repository in a folder.

    Every method that changes something is one transaction: all or nothing, durable when it
    returns. Safe to use from several threads, and from several processes at once; a write that has
    to wait for another for too long raises `Busy`.

    Use `create` or `open`; close it, or use it in a ``with`` statement.

    Attributes:
        path: the ``.omprov`` folder.
        project: the project of references that name none.
        who: the name recorded with every change.
        workspace: which versions the folders of the working directory hold.
        config: the settings.
        content: the content store.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        content: ContentStore,
        *,
        who: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.path = path
        self.content = content
        self.config = Config(path / "config")
        self.who = self.config.get("user.name") or who
        self.project = self.config.get("project") or DEFAULT_PROJECT
        self.workspace = Workspace(path.parent, path / "workspace.json")
        self._catalog = catalog
        self._clock = clock
        self._differences = Differences(content)
        self._graphs = Graphs(catalog, self._differences.free_distance)

    @classmethod
    def create(cls, folder: Path, *, who: str, clock: Callable[[], datetime]) -> Self:
        """Make an empty repository in ``folder/.omprov`` and open it.

        Raises:
            AlreadyExists: there is one.
        """
        path = folder / FOLDER
        if (path / "catalog.db").exists():
            raise AlreadyExists("repository", path)
        path.mkdir(parents=True, exist_ok=True)
        (path / ".gitignore").write_text("*\n", encoding="utf-8")
        content = ContentStore.create(path / "content")
        catalog = create_catalog(path / "catalog.db")
        with catalog.write(who, clock()) as writer:
            writer.add_project(DEFAULT_PROJECT)
        return cls(path, catalog, content, who=who, clock=clock)

    @classmethod
    def open(cls, folder: Path, *, who: str, clock: Callable[[], datetime]) -> Self:
        """Open the repository in ``folder/.omprov``, or `folder` itself if it is one.

        Raises:
            NotFound: there is none.
            SchemaMismatch: it was written by another release.
            Damaged: its database is not what it was.
        """
        path = folder if folder.name == FOLDER else folder / FOLDER
        if not (path / "catalog.db").exists():
            raise NotFound("repository", path, hint="`omprov init` makes one.")
        content = ContentStore.open(path / "content")
        catalog = open_catalog(path / "catalog.db")
        return cls(path, catalog, content, who=who, clock=clock)

    def close(self) -> None:
        """Release files; the repository is of no use afterwards."""
        self._graphs.keep_snapshots()
        self._catalog.close()
        self.content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ views

    def _reading(self) -> AbstractContextManager[CatalogReader]:
        return self._catalog.read()

    def _writing(self) -> AbstractContextManager[CatalogWriter]:
        return self._catalog.write(self.who, self._clock())

    def _reading_graphs(self) -> AbstractContextManager[CatalogReader]:
        return self._graphs.at(self._catalog.read())

    def _writing_graphs(self) -> AbstractContextManager[CatalogWriter]:
        return self._graphs.at(self._catalog.write(self.who, self._clock()))

    # ------------------------------------------------------------------ projects and assets

    def add_project(self, name: str) -> Project:
        """Make a project.

        Raises:
            AlreadyExists: the name is taken.
            InvalidInput: it cannot be a name.
        """
        with self._writing() as writer:
            return writer.add_project(check_name(name, "project"))

    def list_projects(self) -> list[Project]:
        """Return the projects by name."""
        with self._reading() as reader:
            return reader.list_projects()

    def add_asset(
        self,
        name: AnyAsset,
        *,
        description: str = "",
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Make an asset with no version yet.

        Raises:
            AlreadyExists: the name is taken.
            NotFound: its project does not exist, or there is no such measure.
        """
        _check_measure(measure)
        with self._writing() as writer:
            return writer.add_asset(
                new_asset_name(name, self.project),
                description=description,
                policy=policy,
                measure=measure,
            )

    def get_asset(self, reference: AnyAsset) -> Asset:
        """Return the asset that a reference names.

        Raises:
            NotFound: there is none; with near matches.
            AmbiguousReference: the kind was left out and several kinds have the name.
        """
        with self._reading() as reader:
            return resolve_asset(reader, reference, self.project)

    def list_assets(
        self, *, project: str | None = None, kind: Kind | None = None, removed: bool = False
    ) -> list[Asset]:
        """Return assets ordered by project, kind and name."""
        with self._reading() as reader:
            return reader.list_assets(project=project, kind=kind, removed=removed)

    def set_asset(
        self,
        reference: AnyAsset,
        *,
        description: str | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Change what is given. A new measure holds for the versions added from now on."""
        _check_measure(measure)
        with self._writing() as writer:
            asset = resolve_asset(writer, reference, self.project)
            return writer.set_asset(asset.id, description=description, measure=measure)

    def set_policy(self, reference: AnyAsset, policy: Policy) -> Asset:
        """Set how roles count for an output asset, and infer its graph anew.

        The graphs that build on it follow in the same transaction.
        """
        with self._writing_graphs() as writer:
            asset = resolve_asset(writer, reference, self.project)
            changes = self._graphs.rebuild([asset.name], {asset.name: policy})
            for change in changes.values():
                write_change(writer, change)
            check_declared(writer, changes)
            return writer.set_asset(asset.id, policy=policy)

    def remove_asset(self, reference: AnyAsset) -> Asset:
        """Remove an asset; its versions stay as tombstones in every lineage."""
        with self._writing() as writer:
            asset = resolve_asset(writer, reference, self.project)
            writer.remove_asset(asset.id)
            return asset

    # ------------------------------------------------------------------ versions

    def add_version(
        self,
        asset: AnyAsset,
        content: Content = None,
        *,
        message: str = "",
        inherits: Sequence[AnyVersion] | Literal["auto"] = AUTO,
        source: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Added:
        """Record the state of an asset; make the asset if it is not there.

        Nothing is written twice: where the content is that of the version it would inherit, that
        version is returned. The workspace remembers that a path given as content holds the version.

        Args:
            asset: which asset, for instance ``dataset/digits``.
            content: a folder or file, files in memory (name → bytes), or nothing.
            message: what to say of it.
            inherits: its parents (``v3`` alone is a version of the asset itself), none with
                ``()``, or `AUTO`.
            source: where the content came from, as JSON data.
            progress: called as content is stored.

        Raises:
            NotFound: no such path, parent or project.
            InvalidInput: a parent of another kind, or a name that cannot be one.
        """
        name = parse(asset)
        if name.kind is None or name.selector is not None:
            with self._reading() as reader:
                found = None if name.selector else _versions.find_asset(reader, name, self.project)
            name = parse(found.name if found else new_asset_name(name, self.project))
        full = new_asset_name(name, self.project)
        with self._reading() as reader:
            _versions.find_asset(reader, full, self.project)  # before storing anything: may it be?
        summary = store_content(self.content, content, progress)
        with self._reading() as reader:
            known = _versions.find_asset(reader, full, self.project)
            plan = _versions.plan_version(
                reader,
                self._differences,
                known,
                summary.digest if summary else None,
                inherits=_versions.resolve_parents(reader, inherits, full, self.project),
                held=self._held(reader, content, full.kind),
                candidates=int(self.config.get("parents.candidates") or CANDIDATES),
            )
        with self._writing_graphs() as writer:
            added = _versions.write_version(
                writer,
                self._graphs,
                _versions.ensure_asset(writer, full, self.project),
                plan,
                summary,
                message=message,
                source=source,
            )
        if isinstance(content, str | Path):
            self.workspace.remember(Path(content), added.version)
        return added

    def _held(self, reader: CatalogReader, content: Content, kind: Kind) -> Version | None:
        """Return the version that the workspace knows this folder to hold, if it can inherit it."""
        held = self.workspace.find(Path(content)) if isinstance(content, str | Path) else None
        if held is None:
            return None
        version = reader.find_version_by_id(held.version)
        return version if version is not None and version.asset.kind == kind else None

    def get_version(self, reference: AnyVersion) -> Version:
        """Return the version that a reference names; without a selector, the latest.

        Raises:
            NotFound: there is none; with near matches.
            AmbiguousReference: several could be meant.
        """
        with self._reading() as reader:
            return resolve_version(reader, reference, self.project)

    def list_versions(
        self, asset: AnyAsset, *, limit: int | None = None, below: int | None = None
    ) -> list[Version]:
        """Return versions, newest first; page on with `below`, the last number seen."""
        with self._reading() as reader:
            name = resolve_asset(reader, asset, self.project).name
            return reader.list_versions(name, limit=limit, below=below)

    def remove_version(self, reference: AnyVersion) -> Version:
        """Remove a version; its tombstone stays in every graph and lineage."""
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            writer.remove_version(version.key)
            return version

    # ------------------------------------------------------------------ edges

    def add_edge(
        self, newer: AnyVersion, older: AnyVersion, *, weight: float | None = None
    ) -> Inherits:
        """Declare that one existing version inherits another.

        Everything that follows from it in output graphs is exact when this returns.

        Args:
            newer: the inheriting version.
            older: the inherited one.
            weight: the amount of difference, ≥ 0; measured from the contents where left out.

        Raises:
            CycleError: the edge would close a cycle with declared or inferred edges.
            InvalidInput: the two are of different kinds, or the weight is no weight.
        """
        with self._writing_graphs() as writer:
            return declare_edge(
                writer,
                self._graphs,
                self._differences,
                resolve_version(writer, newer, self.project),
                resolve_version(writer, older, self.project),
                weight=weight,
            )

    def remove_edge(self, newer: AnyVersion, older: AnyVersion) -> None:
        """Take a declared edge away, and infer anew whatever rested on it.

        Meant for administrators: relations that people have seen may go.
        """
        with self._writing_graphs() as writer:
            remove_edge(
                writer,
                self._graphs,
                resolve_version(writer, newer, self.project),
                resolve_version(writer, older, self.project),
            )

    def inherits(self, reference: AnyVersion) -> list[Inherits]:
        """Return what a version inherits directly, lightest first, with reasons."""
        with self._reading_graphs() as reader:
            version = resolve_version(reader, reference, self.project)
            return _reading.inherits(reader, self._graphs, version)

    def inherited_by(self, reference: AnyVersion) -> list[Inherits]:
        """Return what inherits a version directly, lightest first, with reasons."""
        with self._reading_graphs() as reader:
            version = resolve_version(reader, reference, self.project)
            return _reading.inherited_by(reader, self._graphs, version)

    def history(self, asset: AnyAsset) -> History:
        """Return the version graph of an asset."""
        with self._reading_graphs() as reader:
            name = resolve_asset(reader, asset, self.project).name
            return _reading.history(reader, self._graphs, name)

    def lightest_route(self, newer: AnyVersion, older: AnyVersion) -> Route | None:
        """Return the lightest route from one version to another; None where there is none."""
        with self._reading_graphs() as reader:
            return _reading.lightest_route(
                reader,
                self._graphs,
                resolve_version(reader, newer, self.project),
                resolve_version(reader, older, self.project),
            )

    def lineage(
        self,
        reference: AnyVersion,
        direction: Literal["up", "down"] = "up",
        *,
        depth: int | None = None,
        inherits: bool = False,
    ) -> Lineage:
        """Return what a version came from (``up``), or what came of it (``down``).

        Args:
            reference: which version.
            direction: which way.
            depth: at most so many runs or edges away; an answer that is cut says so.
            inherits: follow every declared edge, not only those of produced versions.
        """
        with self._reading() as reader:
            version = resolve_version(reader, reference, self.project)
            return _reading.lineage(reader, version, direction, depth=depth, inherits=inherits)

    # ------------------------------------------------------------------ runs

    def record_run(
        self,
        *,
        inputs: Mapping[str, AnyVersion],
        outputs: Mapping[str, Output],
        name: str = "run",
        status: RunStatus = RunStatus.SUCCEEDED,
        started: datetime | None = None,
        ended: datetime | None = None,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        points: Sequence[MetricPoint] = (),
        environment: Mapping[str, Any] | None = None,
        command: Sequence[str] = (),
        exit_status: int | None = None,
        message: str = "",
        source: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Record an execution that is over: its inputs, its outputs, and what they inherit.

        One transaction: the run, a new version for each output, the inferred edges. `params` and
        `environment` become versions of ``params/NAME`` and ``environment/NAME``, NAME being that
        of the first output's asset; the same content is the same version.

        Args:
            inputs: role → version used.
            outputs: role → what was made.
            name: what to call the run.
            status: how it went.
            started: when it began; now where left out.
            ended: when it ended; now where left out.
            params: parameters; JSON values.
            metrics: name → last value; of a metric with points, its last point's where left out.
            points: the curves of the metrics.
            environment: packages and what else matters, as JSON values.
            command: the command line.
            exit_status: of the command.
            message: what to say of it.
            source: more facts, as JSON data.
            tags: tags of the run.

        Raises:
            NotFound: an input does not exist.
            InvalidInput: two outputs of one asset, a role that is no name.
        """
        now = self._clock()
        facts = RunFacts(
            name=name,
            status=status,
            started=started or now,
            ended=ended or now,
            params=params or {},
            metrics={point.name: point.value for point in points} | dict(metrics or {}),
            points=points,
            command=command,
            exit_status=exit_status,
            message=message,
            source=source or {},
            tags=tags or {},
        )
        with self._reading() as reader:
            used = {
                role: resolve_version(reader, reference, self.project)
                for role, reference in inputs.items()
            }
        stored = self._store_outputs(outputs, params, environment)
        with self._writing_graphs() as writer:
            run, pending = write_run(
                writer,
                self._graphs,
                self._differences,
                facts,
                inputs=used,
                stored=stored,
                project=self.project,
            )
        if pending:
            self._fill_weights(pending)
        with self._reading() as reader:
            recorded = reader.find_run(run)
        assert recorded is not None, f"run {run} was just written"
        return recorded

    def _store_outputs(
        self,
        outputs: Mapping[str, Output],
        params: Mapping[str, Any] | None,
        environment: Mapping[str, Any] | None,
    ) -> Stored:
        return Stored(
            outputs={
                role: (output, store_content(self.content, output.content))
                for role, output in outputs.items()
            },
            params=self.content.put_files(json_file(PARAMS_FILE, params)) if params else None,
            environment=(
                self.content.put_files(json_file(ENVIRONMENT_FILE, environment))
                if environment
                else None
            ),
        )

    def _fill_weights(self, pending: Iterable[tuple[AssetName, Edge[Any]]]) -> None:
        """Compute the far weights that the transaction left open."""
        with self._reading_graphs():
            found = [
                Edge(edge.newer, edge.older, self._graphs.output(asset).distance(*edge[:2]))
                for asset, edge in pending
            ]
        with self._writing() as writer:
            writer.set_weights(found, Origin.INFERRED)

    def get_run(self, id: str) -> Run:
        """Return a run by its id, the beginning of its id, or of its last part.

        Raises:
            NotFound: there is none.
            InvalidInput: several begin so.
        """
        with self._reading() as reader:
            found = reader.find_runs_by_prefix(id)
        if not found:
            raise NotFound("run", id, hint="`omprov runs` lists them.")
        if len(found) > 1:
            names = ", ".join(run.id for run in found[:3])
            raise InvalidInput(f"{len(found)} runs begin with {id!r}: {names}; write more of it")
        return found[0]

    def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        name: str | None = None,
        using: AnyVersion | None = None,
        making: AnyVersion | None = None,
        limit: int | None = 100,
        before: RunId | None = None,
    ) -> list[Run]:
        """Return runs of the project, newest first; page on with `before`, the last id seen."""
        with self._reading() as reader:

            def key(reference: AnyVersion | None) -> VersionKey | None:
                if reference is None:
                    return None
                return resolve_version(reader, reference, self.project).key

            return reader.list_runs(
                project=self.project,
                status=status,
                name=name,
                input=key(using),
                output=key(making),
                limit=limit,
                before=before,
            )

    # ------------------------------------------------------------------ content

    def tree(self, reference: AnyVersion) -> StoredTree:
        """Return the files of a version.

        Raises:
            NotFound: the version holds no content.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        return self.content.tree(version.digest)

    def open_file(self, reference: AnyVersion, path: str) -> BinaryIO:
        """Open one file of a version for reading; seekable."""
        return self.tree(reference).open(path)

    def diff(
        self, older: AnyVersion, newer: AnyVersion, *, measure: str | None = None
    ) -> Difference:
        """Measure by how much `newer` differs from `older`, with evidence.

        Args:
            older: a version.
            newer: a version of the same kind.
            measure: its name; the asset's own, or the kind's, where left out.
        """
        _check_measure(measure)
        with self._reading() as reader:
            old = resolve_version(reader, older, self.project)
            new = resolve_version(reader, newer, self.project)
            asset = resolve_asset(reader, new.asset, self.project)
        if old.asset.kind != new.asset.kind:
            raise InvalidInput(
                f"{old} and {new} are of different kinds: compare versions of one kind"
            )
        return self._differences.between(
            old.digest, new.digest, new.asset.kind, measure or asset.measure
        )

    def changes_on_disk(self, path: Path) -> list[Delta]:
        """Return how a folder differs from the version that the workspace knows it to hold.

        Raises:
            NotFound: the workspace does not know this folder.
        """
        held = self.workspace.find(path)
        if held is None:
            raise NotFound("recorded folder", path, hint="`omprov add` records it.")
        return list(self.content.changes_on_disk(held.digest, path))

    def checkout(
        self,
        reference: AnyVersion,
        path: Path,
        *,
        mode: Literal["copy", "reflink", "link"] = "copy",
        force: bool = False,
        progress: Progress | None = None,
    ) -> Version:
        """Write a version's files into a folder, and remember that it holds it.

        Files that the folder's last version had and this one lacks are removed; files that no
        version knew are left alone.

        Raises:
            LocalChanges: it would overwrite changes that no version holds, and `force` is not set.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        held = self.workspace.find(path)
        self.content.materialize(
            version.digest,
            path,
            mode=mode,
            current=held.digest if held else None,
            force=force,
            progress=progress,
        )
        self.workspace.remember(path, version)
        return version

    def local_copy(self, reference: AnyVersion) -> Path:
        """Return a read-only folder with the files of a version, shared by all who ask for it.

        Raises:
            NotFound: the version holds no content.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        path = self.path / "copies" / version.digest
        if not path.exists():
            partial = path.with_name(f"{version.digest}.{version.id}")
            self.content.materialize(version.digest, partial, mode="link")
            try:
                partial.rename(path)
            except OSError:  # another process was quicker; its copy is as good
                shutil.rmtree(partial)
        return path

    # ------------------------------------------------------------------ names

    def set_alias(self, reference: AnyVersion, alias: str) -> Version | None:
        """Point an alias at a version; return where it pointed before.

        Raises:
            InvalidInput: it reads as a version number or is ``latest``.
        """
        check_name(alias, "alias")
        if alias == LATEST or Reference("x", selector=alias).number is not None:
            raise InvalidInput(f"alias {alias!r} would hide a version; take another word")
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            asset = resolve_asset(writer, version.asset, self.project)
            before = writer.set_alias(asset.id, alias, version.key)
            return writer.get_versions([before])[before] if before is not None else None

    def remove_alias(self, asset: AnyAsset, alias: str) -> None:
        """Take an alias away.

        Raises:
            NotFound: the asset has no such alias.
        """
        with self._writing() as writer:
            found = resolve_asset(writer, asset, self.project)
            if writer.set_alias(found.id, alias, None) is None:
                raise NotFound("alias", alias, writer.aliases(found.name))

    def set_tags(self, reference: AnyVersion, tags: Mapping[str, str | None]) -> Version:
        """Set tags of a version; ``None`` takes one away."""
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            writer.set_tags(version.id, tags)
            return writer.get_versions([version.key])[version.key]

    def set_run_tags(self, id: str, tags: Mapping[str, str | None]) -> Run:
        """Set tags of a run; ``None`` takes one away."""
        run = self.get_run(id)
        with self._writing() as writer:
            writer.set_tags(run.id, tags)
        return self.get_run(run.id)

    # ------------------------------------------------------------------ care

    def check(
        self, *, content: bool = True, graphs: bool = True, progress: Progress | None = None
    ) -> list[Finding]:
        """Verify the repository: database, every stored byte, every inferred edge.

        Args:
            content: read and verify every byte of the content store.
            graphs: infer every output graph anew and compare.
            progress: called as content is read.

        Returns:
            What is wrong, each with the versions that it hits; empty when all is well.
        """
        findings = _checking.check_catalog(self._catalog)
        with self._reading() as reader:
            findings += _checking.check_content(
                self.content, reader, every_byte=content, progress=progress
            )
        if graphs:
            with self._reading_graphs() as reader:
                findings += _checking.check_graphs(reader, self._graphs)
        return findings


def _check_measure(name: str | None) -> None:
    if name is not None:
        get_measure(name)
