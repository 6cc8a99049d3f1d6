"""Runs: recording them, finding them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput, NotFound
from omprov.records import AssetName, Edge, Origin, RunStatus
from omprov.repository._contents import (
    ENVIRONMENT_FILE,
    PARAMS_FILE,
    json_file,
    store_content,
    store_contents,
)
from omprov.repository._door._opened import Opened
from omprov.repository._recording import MetricPoint, Output, RunFacts, write_run
from omprov.repository._resolving import resolve_version
from omprov.repository._run_updates import write_update
from omprov.repository._settings import Stored, plan_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from omprov.records import Run, RunId, VersionKey
    from omprov.repository._door._opened import AnyVersion
    from omprov.repository._run_updates import RunUpdate


class Runs(Opened):
    """Runs: recording them, finding them."""

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
        of the first output's asset, or like the run's without outputs; the same content is the same
        version.

        Args:
            inputs: role → version used.
            outputs: role → what was made.
            name: what to call the run.
            status: how it went.
            started: when it began; now where left out.
            ended: when it ended; now where left out.
            params: parameters; JSON values.
            metrics: name → value, of metrics that are no curves.
            points: the curves of the others.
            environment: packages and what else matters, as JSON values.
            command: the command line.
            exit_status: of the command.
            message: what to say of it.
            source: more facts, as JSON data.
            tags: tags of the run.

        Raises:
            NotFound: an input or the content of an output does not exist.
            InvalidInput: two outputs of one asset, a role that is no name.
        """
        now = self._clock()
        facts = RunFacts(
            name=name,
            status=status,
            started=started or now,
            ended=ended or now,
            params=params or {},
            metrics=metrics or {},
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
        stored = self._store_outputs(name, outputs, params, environment)
        with self._writing_graphs(stored.digests()) as writer:
            run, pending = write_run(
                writer,
                self._graphs,
                self._differences,
                facts,
                inputs=used,
                stored=stored.at(writer.position()),
                project=self.project,
            )
        return self._settled(run, pending)

    def update_run(self, id: RunId, update: RunUpdate) -> Run:
        """Record what became known of a run that is going on, in one transaction.

        `params` and the environment become versions when it ends, or makes something, as by
        `record_run`. What a run uses once its outputs are recorded, and what is used in a role
        that is taken, is noted among its problems and no input of it.

        Args:
            id: of the run.
            update: what became known.

        Raises:
            Conflict: what one of the journals says was recorded meanwhile.
            NotFound: the run is not recorded, and the update does not begin it; or the content of
                an output does not exist.
            InvalidInput: two outputs of one asset, a role that is no name.
        """
        stored = self._stored_of(id, update)
        files = None if update.files is None else store_content(self.content, update.files)[0]
        tree = None if files is None else files.digest
        with self._writing_graphs([*stored.digests(), tree, *update.trees.values()]) as writer:
            pending = write_update(
                writer,
                self._graphs,
                self._differences,
                id,
                update,
                stored=stored.at(writer.position()),
                files=tree,
                project=self.project,
            )
        return self._settled(id, pending)

    def journal_positions(self, id: RunId) -> dict[str, int]:
        """Return how much of each of the run's journals was recorded."""
        with self._reading() as reader:
            return reader.journal_positions(id)

    def metric_points(self, id: RunId, name: str) -> list[MetricPoint]:
        """Return the curve of a metric, by step; empty where the run has none."""
        with self._reading() as reader:
            return [MetricPoint(name, *point) for point in reader.metric_points(id, name)]

    def _stored_of(self, id: RunId, update: RunUpdate) -> Stored:
        """Store the contents of an update; parameters when it is time for them."""
        if update.end is None and not update.outputs:
            return Stored({}, None, None)
        with self._reading() as reader:
            run = reader.find_run(id)
        begun = run or update.begin
        params = {**(run.params if run is not None else {}), **update.params}
        name = "" if begun is None else begun.name
        return self._store_outputs(name, update.outputs, params, update.environment)

    def _store_outputs(
        self,
        name: str,
        outputs: Mapping[str, Output],
        params: Mapping[str, Any] | None,
        environment: Mapping[str, Any] | None,
    ) -> Stored:
        """Store what a run of this name made, and plan the versions of its settings."""
        *trees, param_tree, environment_tree = store_contents(
            self.content,
            [
                *(output.content for output in outputs.values()),
                json_file(PARAMS_FILE, params) if params else None,
                json_file(ENVIRONMENT_FILE, environment) if environment else None,
            ],
        )
        made = {
            role: (output, tree)
            for (role, output), tree in zip(outputs.items(), trees, strict=True)
        }
        stored = Stored(made, param_tree, environment_tree)
        if param_tree is None and environment_tree is None:
            return stored
        with self._reading() as reader:
            return plan_settings(reader, self._differences, stored, name=name, project=self.project)

    def _settled(self, id: RunId, pending: Iterable[tuple[AssetName, Edge[VersionKey]]]) -> Run:
        """Fill in the weights that are open, and return the run as it stands."""
        if pending:
            self._fill_weights(pending)
        with self._reading() as reader:
            recorded = reader.find_run(id)
        assert recorded is not None, f"run {id} was just written"
        return recorded

    def _fill_weights(self, pending: Iterable[tuple[AssetName, Edge[VersionKey]]]) -> None:
        """Compute the far weights that the transaction left open, outside of any transaction.

        The graphs keep them; the transaction that stores them brings the graphs up to whatever has
        been written in between, so that it stores no weight of yesterday.
        """
        with self._reading_graphs():
            self._weights_of(pending)
        with self._writing_graphs() as writer:
            writer.set_weights(self._weights_of(pending), Origin.INFERRED)

    def _weights_of(
        self, edges: Iterable[tuple[AssetName, Edge[VersionKey]]]
    ) -> list[Edge[VersionKey]]:
        found = [
            Edge(newer, older, self._graphs.output(asset).weight(newer, older))
            for asset, (newer, older, _) in edges
        ]
        return [edge for edge in found if edge.weight is not None]  # None: it is gone meanwhile

    def find_run(self, id: RunId) -> Run | None:
        """Return a run by its whole id."""
        with self._reading() as reader:
            return reader.find_run(id)

    def project_of_run(self, id: RunId) -> str | None:
        """Return the project of a run; ``None`` where there is no such run."""
        with self._reading() as reader:
            return reader.run_projects([id]).get(id)

    def find_runs(self, prefix: str) -> list[Run]:
        """Return at most ten runs of the project whose id, or its last part, begins so."""
        with self._reading() as reader:
            return reader.find_runs_by_prefix(prefix, project=self.project)

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
        parent: RunId | None = None,
        limit: int | None = 100,
        before: RunId | None = None,
    ) -> list[Run]:
        """Return runs of the project, newest first; page on with `before`, the last id seen."""
        with self._reading() as reader:

            def key(reference: AnyVersion | None) -> VersionKey | None:
                if reference is None:
                    return None
                return resolve_version(reader, reference, self.project, removed=True).key

            return reader.list_runs(
                project=self.project,
                status=status,
                name=name,
                input=key(using),
                output=key(making),
                parent=parent,
                limit=limit,
                before=before,
            )
