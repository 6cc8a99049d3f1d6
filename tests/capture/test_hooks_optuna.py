"""Optuna's callback, with real studies."""

from __future__ import annotations

import pytest
from framework_runs import active, careful, curve, need

from omprov.records import RunStatus

pytestmark = [careful, need("optuna")]


@pytest.fixture
def optimize():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def optimize(objective, callback, trials=4, *, directions=("minimize",), **more):
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(study_name="Tune It", sampler=sampler, directions=directions)
        study.optimize(objective, n_trials=trials, callbacks=[callback], **more)
        return study

    return optimize


def quadratic(trial):
    x = trial.suggest_float("x", -1, 1)
    sort = trial.suggest_categorical("sort", ["a", "b"])
    return x * x + (sort == "b")


@pytest.fixture
def callback():
    from omprov.capture.hooks.optuna import OmprovCallback

    return OmprovCallback


def test_each_trial_is_a_run_with_its_parameters_and_value(project, optimize, callback):
    study = optimize(quadratic, callback(tags={"by": "me"}))
    runs = project.list_runs()[::-1]
    assert [run.name for run in runs] == [f"tune-it-{at}" for at in range(4)]
    for run, trial in zip(runs, study.trials, strict=True):
        assert run.params == trial.params
        assert run.metrics == {"value": trial.value}
        assert run.tags["optuna.study"] == "tune-it"
        assert run.tags["optuna.state"] == "complete"
        assert run.tags["by"] == "me"


def test_failed_and_pruned_trials_say_so(project, optimize, callback):
    import optuna

    def objective(trial):
        for step in range(3):
            trial.report(step / 2, step)
        if trial.number == 0:
            raise ValueError("no")
        if trial.number == 1:
            raise optuna.TrialPruned
        return 1.0

    optimize(objective, callback(), trials=3, catch=(ValueError,))
    failed, pruned, complete = project.list_runs()[::-1]
    assert (failed.status, failed.tags["optuna.state"]) == (RunStatus.FAILED, "fail")
    assert (pruned.status, pruned.tags["optuna.state"]) == (RunStatus.SUCCEEDED, "pruned")
    assert "value" not in pruned.metrics
    assert curve(project, pruned, "intermediate") == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert complete.metrics["value"] == 1.0


def test_a_study_within_a_run_is_summed_up_there(project, optimize, callback, monkeypatch):
    with active(monkeypatch, "study") as run:
        study = optimize(quadratic, callback("points"))
    assert len(project.list_runs()) == 1
    recorded = run.recorded
    assert recorded.tags["optuna.best_value"] == str(study.best_value)
    assert recorded.tags["optuna.trials"] == "4"
    values = [(trial.number, trial.value) for trial in study.trials]
    assert curve(project, recorded, "value") == values
    assert [x for _, x in curve(project, recorded, "param.x")] == [
        trial.params["x"] for trial in study.trials
    ]


def test_several_objectives_have_several_values(project, optimize, callback, monkeypatch):
    with active(monkeypatch, "study") as run:
        study = optimize(
            lambda trial: (trial.suggest_int("n", 0, 3), trial.number),
            callback("points"),
            directions=("minimize", "maximize"),
        )
    assert run.recorded.metrics == {
        "param.n": study.trials[-1].params["n"],
        "value.0": study.trials[-1].values[0],
        "value.1": 3.0,
    }
    best = ",".join(str(trial.number) for trial in study.best_trials)
    assert run.recorded.tags["optuna.best_trials"] == best


def test_trials_in_several_threads_are_all_recorded(project, optimize, callback):
    optimize(quadratic, callback(), trials=12, n_jobs=4)
    numbers = sorted(int(run.tags["optuna.trial"]) for run in project.list_runs())
    assert numbers == list(range(12))
