"""Optuna: a callback for `Study.optimize`.

::

    from omprov.capture.hooks.optuna import OmprovCallback

    study.optimize(objective, n_trials=50, callbacks=[OmprovCallback()])
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

from optuna.trial import TrialState

import omprov
from omprov.records import RunStatus, name_like

from ._harmless import harmless
from ._plain import plain
from ._recordings import Recording, active_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.study import Study
    from optuna.trial import FrozenTrial

_HOOK = "Optuna"


class OmprovCallback:
    """Records each trial, as a run of its own or as points of the run that is active.

    The run that is active when the callback is made, or else at its first trial, is the study's: it
    gets the values as metrics, by the number of the trial, and as tags how the study stands.
    """

    def __init__(
        self,
        trials: Literal["runs", "points"] = "runs",
        *,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make a callback.

        Args:
            trials: ``runs`` records each trial as a run with its parameters, values and state;
                ``points`` only as points of the study's run.
            name: of the study in names and tags; else its own.
            tags: of the runs of trials.
        """
        self._trials = trials
        self._name = name
        self._tags = dict(tags or {})
        self._study_run = active_run()
        self._lock = threading.Lock()

    @harmless(_HOOK)
    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Record a trial that has just ended; trials may end in several threads."""
        with self._lock:
            if self._study_run is None:
                self._study_run = active_run()
            name = name_like(self._name or study.study_name, "study")
            if self._trials == "runs":
                self._record_run(name, trial)
            if self._study_run is not None:
                recording = Recording(self._study_run, is_own=False)
                points = {f"{_SORT}{key}": one for key, one in trial.params.items()}
                recording.log_metrics({**_values(trial), **points}, trial.number)
                recording.set_tags(_summary(study))

    def _record_run(self, name: str, trial: FrozenTrial) -> None:
        begin = trial.datetime_start
        tags = {
            **self._tags,
            "optuna.study": name,
            "optuna.trial": str(trial.number),
            "optuna.state": trial.state.name.lower(),
        }
        if begin is not None:
            tags["optuna.started"] = begin.astimezone().isoformat()
        parent = getattr(self._study_run, "id", None)
        if parent is not None:
            tags["optuna.run"] = str(parent)
        run = omprov.start_run(f"{name}-{trial.number}", params=plain(trial.params), tags=tags)
        recording = Recording(run, is_own=True)
        for step, value in trial.intermediate_values.items():
            recording.log_metrics({"intermediate": value}, step)
        recording.log_metrics(_values(trial), 0)
        recording.log_params({"user": trial.user_attrs} if trial.user_attrs else {})
        is_bad = trial.state is TrialState.FAIL
        recording.end(RunStatus.FAILED if is_bad else RunStatus.SUCCEEDED)


_SORT = "param."


def _values(trial: FrozenTrial) -> dict[str, float]:
    """Return the values of a trial: ``value``, or ``value.0`` and so on where there are several."""
    values = trial.values if trial.state is TrialState.COMPLETE else None
    if values is None:
        return {}
    if len(values) == 1:
        return {"value": values[0]}
    return {f"value.{at}": value for at, value in enumerate(values)}


def _summary(study: Study) -> dict[str, Any]:
    """Say how a study stands."""
    trials = study.get_trials(deepcopy=False)
    done = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    found: dict[str, Any] = {
        "optuna.study": study.study_name,
        "optuna.trials": len(trials),
        "optuna.directions": ",".join(direction.name.lower() for direction in study.directions),
    }
    if done and len(study.directions) == 1:
        best = study.best_trial
        found |= {"optuna.best_value": best.value, "optuna.best_trial": best.number}
    elif done:
        found["optuna.best_trials"] = ",".join(str(one.number) for one in study.best_trials)
    return found
