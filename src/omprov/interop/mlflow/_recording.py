"""When what MLflow's clients log becomes versions: at the end of a run, or when somebody asks.

A run's models are recorded when it ends, and before that when one is needed: it is registered, or
another run uses it. What it used by then is what they were made from. See docs/design/mlflow.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.errors import Conflict, OmprovError, Unavailable
from omprov.records import AssetName, Kind, RunStatus, name_like
from omprov.repository import Output, RunUpdate

from ._call import said_json
from ._errors import missing
from ._inferring import free_role, living_name, used_versions
from ._shapes import hex_of
from ._trees import tree_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog.mlflow import LoggedModel, MlflowReads, TrackedRun
    from omprov.records import Run, RunId, Version
    from omprov.repository import Repository, RunEnd

JOURNAL = "mlflow"
"""What the recordings of a run are counted under, so that of two at once one comes second."""

HISTORY = "mlflow.log-model.history"
"""The tag in which older clients tell of models."""
_FILES = "files"
_ATTEMPTS = 20


def end_run(repository: Repository, id: RunId, end: RunEnd) -> None:
    """End a run, and record what it used and made.

    Where that cannot be recorded, the run ends all the same, and its problems say why.

    Raises:
        Refused: there is no such run.
        Unavailable: the repository cannot be written now.
    """
    try:
        record_run(repository, id, end=end)
    except Unavailable:
        raise
    except OmprovError as error:
        with repository.reading_mlflow() as reader:
            run = reader.find_run(id)
        known = [] if run is None else run.source.get("problems", [])
        problem = f"what it used and made was not recorded: {error}"
        with repository.writing_mlflow() as writer:
            writer.set_run(
                id, status=end.status, ended=end.ended, source={"problems": [*known, problem]}
            )


def record_run(
    repository: Repository,
    id: RunId,
    *,
    end: RunEnd | None = None,
    more: Mapping[str, Output] | None = None,
) -> Run:
    """Record what a run used and made so far; each of its models once, however often and from
    however many processes this is called.

    Args:
        repository: in the run's project.
        id: of the run.
        end: how it ended, if it did.
        more: more outputs, by role: each is a version of its own.

    Returns:
        The run as it stands then.

    Raises:
        Refused: there is no such run.
        Conflict: others kept being quicker.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _record(repository, id, end, more or {})
        except Conflict:
            if attempt + 1 == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _record(
    repository: Repository, id: RunId, end: RunEnd | None, more: Mapping[str, Output]
) -> Run:
    position = repository.journal_positions(id).get(JOURNAL, 0)
    with repository.reading_mlflow() as reader:
        run = reader.find_tracked_run(repository.project, id)
        known = reader.find_run(id)
        if run is None or known is None:
            raise missing(f"Run with id={hex_of(id)} not found")
        models = _unrecorded(reader, run, known, repository.project)
        experiment = _experiment_name(reader, run, repository.project)
    outputs: dict[str, Output] = {}
    for name, message, root in models:
        role = free_role(
            "model" if name == "model" else f"model.{name_like(name, 'model')}", outputs
        )
        outputs[role] = _output(repository, f"{experiment}-{name}", message, root)
    used: dict[str, Version] = {}
    ends = end is not None and known.status is RunStatus.RUNNING
    if ends or not known.outputs:  # what came too late is noted among its problems, at the end
        used = used_versions(repository, run, lambda model: model_version(repository, model))
    made = _written(repository, known, used, outputs, more=more, end=end, position=position)
    _remember(repository, made)
    if made.ended is not None:
        keep_files(repository, run)
    return made


def _written(
    repository: Repository,
    known: Run,
    used: Mapping[str, Version],
    models: Mapping[str, Output],
    *,
    more: Mapping[str, Output],
    end: RunEnd | None,
    position: int,
) -> Run:
    """Write outputs, those of one asset in a transaction each; `more` and the end with the last.

    So whoever finds that another one was quicker has not written those, and may begin again.
    """
    rounds: list[dict[str, Output]] = [{}]
    for role, output in models.items():
        here = next((one for one in rounds if _is_free(one, output)), None)
        if here is None:
            rounds.append(here := {})
        here[role] = output
    if not all(_is_free(rounds[-1], output) for output in more.values()):
        rounds.append({})
    rounds[-1] |= {free_role(role, rounds[-1]): output for role, output in more.items()}
    made = known
    for number, part in enumerate(rounds):
        made = repository.update_run(
            known.id,
            RunUpdate(
                inputs=used if number == 0 else {},
                outputs=part,
                end=end if number + 1 == len(rounds) else None,
                journals={JOURNAL: (position + number, position + number + 1)},
            ),
        )
    return made


def _is_free(outputs: Mapping[str, Output], output: Output) -> bool:
    return all(one.asset != output.asset for one in outputs.values())


def _unrecorded(
    reader: MlflowReads, run: TrackedRun, known: Run, project: str
) -> list[tuple[str, str, str]]:
    """Return name, message and folder of each model of a run that is no version yet."""
    told = {version.message for version in known.outputs.values()}
    found = [
        (model.name, logged_message(model.id), model_folder(model))
        for model in reader.logged_models_of(project, run.id)
        if model.status == "READY" and model.version is None
    ]
    found += [
        (path, f"logged at {path}", f"{run_folder(run)}/{path}")
        for path in _history(run.tags.get(HISTORY, ""))
    ]
    return [one for one in found if one[1] not in told]


def _history(text: str) -> list[str]:
    """Return where older clients put models among a run's artifacts."""
    said = said_json(text or "[]", None)
    entries = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    paths = [one.get("artifact_path") for one in entries if not one.get("model_id")]
    return list(dict.fromkeys(path for path in paths if isinstance(path, str) and path))


def _experiment_name(reader: MlflowReads, run: TrackedRun, project: str) -> str:
    found = reader.find_experiment(project, run.experiment)
    return found.name if found is not None else str(run.experiment)


def _output(repository: Repository, name: str, message: str, root: str) -> Output:
    asset = living_name(
        repository, AssetName(repository.project, Kind.MODEL, name_like(name, "model"))
    )
    return Output(asset, tree_below(repository, root), message)


def tree_below(repository: Repository, folder: str) -> Any:
    """Store the artifacts below a folder as one tree; ``None`` where there are none."""
    with repository.reading_mlflow() as reader:
        files = reader.artifacts_below(repository.project, folder)
    return tree_of(repository.content, files, folder)


def _remember(repository: Repository, made: Run) -> None:
    """Say of each logged model which version it is."""
    with repository.reading_mlflow() as reader:
        models = reader.logged_models_of(repository.project, made.id)
    versions = _by_message(made)
    fresh = [
        (model, versions[logged_message(model.id)])
        for model in models
        if model.version is None and logged_message(model.id) in versions
    ]
    if fresh:
        with repository.writing_mlflow() as writer:
            for model, version in fresh:
                writer.set_logged_model(model, version=version.key)


def keep_files(repository: Repository, run: TrackedRun) -> None:
    """Make the artifacts of a run that ended the tree of its files."""
    tree = tree_below(repository, run_folder(run))
    if tree is not None:
        with repository.writing_mlflow([tree.digest]) as writer:
            writer.add_run_files(run.id, _FILES, tree.digest)


def model_version(repository: Repository, id: str) -> Version | None:
    """Return the version of a logged model, recorded now if it was not; ``None`` where it has none
    yet, or there is no such model.
    """
    with repository.reading_mlflow() as reader:
        model = reader.find_logged_model(repository.project, id)
        if model is None or model.status != "READY":
            return None
        if model.version is not None:
            return reader.get_versions([model.version])[model.version]
    if model.run is not None:
        return _by_message(record_run(repository, model.run)).get(logged_message(id))
    return _without_run(repository, model)


def _by_message(run: Run) -> dict[str, Version]:
    return {version.message: version for version in run.outputs.values()}


def _without_run(repository: Repository, model: LoggedModel) -> Version:
    """Record a model that no run logged."""
    asset = living_name(
        repository, AssetName(repository.project, Kind.MODEL, name_like(model.name, "model"))
    )
    version = repository.add_version(
        asset,
        tree_below(repository, model_folder(model)),
        message=logged_message(model.id),
        inherits=(),
    ).version
    with repository.writing_mlflow() as writer:
        writer.set_logged_model(model, version=version.key)
    return version


def logged_message(id: str) -> str:
    """Return what a logged model's version says of itself."""
    return f"logged model {id}"


def run_folder(run: TrackedRun) -> str:
    """Return the folder of a run's artifacts."""
    return f"{run.experiment}/{hex_of(run.id)}/artifacts"


def model_folder(model: LoggedModel) -> str:
    """Return the folder of a logged model's files."""
    return f"{model.experiment}/models/{model.id}/artifacts"
