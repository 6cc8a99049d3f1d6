"""The callback of Keras, with real trainings on PyTorch as back end."""

from __future__ import annotations

import os

import numpy as np
import pytest
from framework_runs import active, careful, curve, files, need

from omprov.records import RunStatus

pytestmark = [careful, need("keras", "torch")]


@pytest.fixture
def fit(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "torch"))
    import keras

    from omprov.capture.hooks.keras import OmprovCallback

    def fit(*, callback=None, epochs=2, **more):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)]
        )
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
        inputs = np.arange(48.0).reshape(16, 3) / 48
        outputs = inputs.sum(1)
        callbacks = [callback or OmprovCallback("fit")]
        model.fit(inputs, outputs, epochs=epochs, verbose=0, callbacks=callbacks, **more)
        return model

    return fit


def test_a_training_is_a_run_with_settings_metrics_and_model(project, fit):
    model = fit(validation_split=0.25)
    (run,) = project.list_runs()
    assert (run.name, run.status) == ("fit", RunStatus.SUCCEEDED)
    assert run.params["epochs"] == 2
    assert run.params["loss"] == "mse"
    assert run.params["optimizer"]["learning_rate"] == pytest.approx(0.05)
    assert run.params["parameters"] == model.count_params()
    assert run.metrics.keys() >= {"loss", "mae", "val_loss", "val_mae"}
    assert [step for step, _ in curve(project, run, "loss")] == [0, 1]
    assert files(project, run.outputs["model"]) == ["model.json", "weights.npz"]


def test_the_recorded_model_predicts_as_the_trained_one(project, fit):
    from omprov.capture.hooks.keras import load_model

    model = fit()
    loaded = load_model(project.local_copy(project.get_version("model/fit")))
    inputs = np.ones((2, 3))
    assert np.array_equal(loaded.predict(inputs, verbose=0), model.predict(inputs, verbose=0))


def test_the_same_training_makes_the_same_weights_and_another_differs_by_some(project, fit):
    fit()
    fit()
    fit(epochs=5)
    same = project.diff("model/fit:v1", "model/fit:v2", measure="tensors")
    other = project.diff("model/fit:v1", "model/fit:v3", measure="tensors")
    assert same.counts["changed"] == 0
    assert other.counts["changed"] == other.counts["tensors"] == 4


def test_an_active_run_is_written_to(project, fit, monkeypatch):
    with active(monkeypatch, "mine"):
        fit()
    (run,) = project.list_runs()
    assert run.name == "mine"
    assert str(run.outputs["model"]) == "model/mine:v1"
