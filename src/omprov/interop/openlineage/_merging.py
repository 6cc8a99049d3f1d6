"""Takes events into runs: each once, whatever the order, however many come at the same time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omprov.errors import Conflict, InvalidInput, NotFound, OmprovError, Unavailable
from omprov.records import AssetName, RunStatus
from omprov.repository import MetricPoint, RunBegin, RunEnd, RunUpdate

from ._datasets import Place, output_of, place_of, version_alone, version_used
from ._events import EventType, run_id
from ._evidence import keep_event
from ._jobs import job_version
from ._known import SOURCE, Known
from ._names import Named, asset_name
from ._own_facets import RUN_FACET, OwnRun, read_run
from ._roles import roles_of

if TYPE_CHECKING:
    from omprov.records import Run, RunId, Version
    from omprov.repository import Output, Repository

    from ._events import Dataset, Event
    from ._evidence import Kept

JOURNAL = "openlineage"
"""The journal of a run whose length is how many events were recorded: of two who record an event
at the same time, one finds it longer than it thought, and looks again."""
_TRIES = 200
_STATUS = {
    EventType.COMPLETE: RunStatus.SUCCEEDED,
    EventType.FAIL: RunStatus.FAILED,
    EventType.ABORT: RunStatus.KILLED,
}


def take_event(repository: Repository, event: Event) -> bool:
    """Record what an event says; return whether it was new.

    The run gets its inputs and outputs with its first terminal event, in one transaction with the
    event itself, so an event that was answered is recorded whole, and one that was not is not
    recorded at all. Versions that stand for datasets may be there without it.

    Raises:
        Conflict: the run is one of another project.
        InvalidInput: something in it cannot be recorded.
        Unavailable: the repository takes nothing now.
    """
    if event.run is None:
        return _take_alone(repository, event)
    for _ in range(_TRIES):
        position = repository.journal_positions(event.run).get(JOURNAL, 0)
        run = _find_run(repository, event.run)
        kept = keep_event(repository.content, run, event)
        if kept is None:
            return False
        update = _update(repository, run, event, kept, position)
        if _write(repository, event.run, update, position):
            return True
    raise Unavailable(f"run {event.run} gets too many events at once: send this one again")


def _write(repository: Repository, run: RunId, update: RunUpdate, position: int) -> bool:
    """Write an update; ``False`` where another event was quicker."""

    def is_beaten() -> bool:
        return repository.journal_positions(run).get(JOURNAL, 0) != position

    try:
        repository.update_run(run, update)
    except Unavailable:
        raise
    except OmprovError as error:
        if is_beaten():
            return False
        if not update.outputs:
            raise
        without = replace(update, outputs={}, source=_with_problem(update.source, error))
        try:
            repository.update_run(run, without)
        except Conflict:
            if is_beaten():
                return False
            raise
    return True


def _with_problem(source: Any, error: OmprovError) -> dict[str, Any]:
    problem = f"the outputs could not be recorded: {error}"
    return {**source, "problems": [*source.get("problems", []), problem]}


def _find_run(repository: Repository, id: RunId) -> Run | None:
    run = repository.find_run(id)
    if run is not None and run.project != repository.project:
        raise Conflict(f"run {id} cannot be recorded here: its id is taken")
    return run


def _update(
    repository: Repository, run: Run | None, event: Event, kept: Kept, position: int
) -> RunUpdate:
    evidence = RunUpdate(
        trees={kept.name: kept.digest}, journals={JOURNAL: (position, position + 1)}
    )
    known = None if run is None else Known.of_run(run)
    if run is not None and known is None:
        return evidence  # OMProv recorded this run itself, and knows better
    before = known.end if known else None
    known = known or Known.of_event(event)
    known.take(event)
    made = _Made(repository, run, known, event)
    if known.end is not None:
        made.gather(is_first=before is None)
    source = {SOURCE: known.to_json(), **({"problems": made.problems} if made.problems else {})}
    own = read_run(known.facets_of("run").get(RUN_FACET))
    update = replace(
        evidence,
        begin=_begin(run, known),
        end=_end(run, known),
        inputs=made.inputs,
        outputs=made.outputs,
        source=source,
    )
    return update if own is None else _with_own(update, own, known, is_first=before is None)


def _begin(run: Run | None, known: Known) -> RunBegin | None:
    parent = _parent(known)
    name = known.job.name
    if run is None:
        return RunBegin(name, known.started, parent)
    if known.started < run.started or (parent is not None and run.parent is None):
        return RunBegin(name, known.started, parent)
    return None


def _parent(known: Known) -> RunId | None:
    said = known.facets_of("run").get("parent")
    run = said.get("run") if isinstance(said, dict) else None
    text = run.get("runId") if isinstance(run, dict) else None
    return run_id(text) if isinstance(text, str) and text else None


def _end(run: Run | None, known: Known) -> RunEnd | None:
    if known.end is None:
        return None
    type_, time = known.end
    end = RunEnd(_STATUS[type_], time, message=_message(known, type_))
    is_there = (
        run is not None
        and (run.status, run.ended) == (end.status, end.ended)
        and (not end.message or run.message == end.message)
    )
    return None if is_there and _begin(run, known) is None else end


def _message(known: Known, type_: EventType) -> str:
    said = known.facets_of("run").get("errorMessage")
    text = said.get("message") if isinstance(said, dict) else None
    if type_ is EventType.COMPLETE or not isinstance(text, str):
        return ""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _with_own(update: RunUpdate, own: OwnRun, known: Known, *, is_first: bool) -> RunUpdate:
    """Add what another OMProv repository says of its run; its metrics once, when it has ended."""
    points: tuple[MetricPoint, ...] = ()
    if is_first and known.end is not None:
        time = known.end[1]
        points = tuple(MetricPoint(name, 0, value, time) for name, value in own.metrics.items())
    return replace(
        update, params=own.params, tags=own.tags, points=points, command=own.command or None
    )


@dataclass
class _Made:
    """The versions that a run used and made, found once it has ended."""

    repository: Repository
    run: Run | None
    known: Known
    event: Event
    inputs: dict[str, Version] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def gather(self, *, is_first: bool) -> None:
        """Find inputs and outputs: all with the first terminal event, then what is new."""
        inputs = self.known.datasets(self.known.inputs)
        if is_first:
            self._add_code()
            self._add_inputs(inputs, inputs)
        else:
            named = {one.named for one in self.event.inputs}
            self._add_inputs(inputs, [one for one in inputs if one.named in named])
        if EventType.COMPLETE in {self.event.type, self.known.end and self.known.end[0]}:
            self._add_outputs()

    def _add_code(self) -> None:
        own = read_run(self.known.facets_of("run").get(RUN_FACET))
        for role, place in () if own is None else own_places(self.repository, self.known, own):
            self._use(role, place)
        if "algorithm" not in self.inputs:
            try:
                self.inputs["algorithm"] = job_version(
                    self.repository, self.known.job, self.known.facets_of("job")
                )
            except (Conflict, NotFound, InvalidInput) as error:
                self.problems.append(f"the code of {self.known.job.name}: {error}")

    def _add_inputs(self, every: list[Dataset], wanted: list[Dataset]) -> None:
        places = [place_of(self.repository.project, one) for one in every]
        roles = roles_of(places)
        names = {one.named for one in wanted}
        used = {} if self.run is None else self.run.inputs
        there = {version.asset: (role, version) for role, version in used.items()}
        for place, role in zip(places, roles, strict=True):
            if place.named not in names:
                continue
            known = there.get(place.asset)
            if known is None:
                self._use(role, place)
            elif place.label is not None:
                self._use(known[0], place)  # of another version the run notes a problem

    def _use(self, role: str, place: Place) -> None:
        try:
            self.inputs[role] = version_used(self.repository, place, self.known.started)
        except (Conflict, NotFound, InvalidInput) as error:
            self.problems.append(f"input {place.named.name}: {error}")

    def _add_outputs(self) -> None:
        datasets = self.known.datasets(self.known.outputs)
        places = [place_of(self.repository.project, one) for one in datasets]
        made = {} if self.run is None else {v.asset: v for v in self.run.outputs.values()}
        end, run = self.known.end, self.event.run
        assert end is not None, "a run that has ended"
        assert run is not None, "an event of a run"
        for place, role in zip(places, roles_of(places), strict=True):
            if place.asset in made:
                self._check_made(made[place.asset], place)
                continue
            try:
                self.outputs[role] = output_of(self.repository, place, run, end[1])
            except (Conflict, NotFound, InvalidInput) as error:
                self.problems.append(f"output {place.named.name}: {error}")

    def _check_made(self, made: Version, place: Place) -> None:
        recorded = made.source.get(SOURCE, {}).get("version")
        is_said_now = any(one.named == place.named for one in self.event.outputs)
        if is_said_now and place.label is not None and recorded != place.label:
            self.problems.append(
                f"{made} was recorded as version {recorded!r}; a later event calls it "
                f"{place.label!r}"
            )


def own_places(repository: Repository, known: Known, own: OwnRun) -> list[tuple[str, Place]]:
    """Return role and place of what an OMProv run used that is no dataset of OpenLineage."""
    found = []
    for role, version in own.settings.items():
        if role != "params":  # they are recorded as a version when the run is
            named = Named(known.job.namespace, f"{version.kind}/{version.name}")
            asset = AssetName(repository.project, version.kind, asset_name(named))
            found.append((role, Place(asset, named, {}, version)))
    return found


def _take_alone(repository: Repository, event: Event) -> bool:
    """Record what an event says of a job or a dataset by itself: a version, where there is none."""
    known = False
    if event.dataset is not None:
        place = place_of(repository.project, event.dataset)
        known = version_alone(repository, place, event.time) is not None
    for one in (*event.inputs, *event.outputs):
        version_alone(repository, place_of(repository.project, one), event.time)
    if event.job is not None:
        known = job_version(repository, event.job, event.job_facets) is not None
    return known
