"""`autolog`: one line, before or after the framework is imported, and training is as before."""

from __future__ import annotations

import sys

import pytest
from framework_runs import careful, need, script

from omprov.capture.hooks import autolog
from omprov.capture.hooks._harmless import _said, harmless
from omprov.capture.hooks._imports import when_imported
from omprov.errors import InvalidInput

pytestmark = careful  # a warning of ours is an error

TURN_ON = "from omprov.capture.hooks import autolog\nautolog()\nautolog()\n"


def recorded(project):
    return sorted(run.name for run in project.list_runs())


def test_turning_it_on_imports_no_framework(project):
    program = (
        TURN_ON
        + "import sys\nprint(sorted({'sklearn', 'torch', 'lightning', 'transformers', 'keras', "
        "'optuna', 'numpy', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert script(project.path.parent, program).stdout.strip() == "[]"


def test_a_framework_that_is_unknown_is_refused():
    with pytest.raises(InvalidInput, match="sklearn"):
        autolog(disable=("scikit",))


@need("torch", "lightning")
def test_lightning_trainers_get_a_logger_unless_they_want_none(project):
    program = (
        TURN_ON
        + """
import torch, lightning.pytorch as L, warnings
warnings.filterwarnings("error", "omprov could not")
class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(4, 1)
    def training_step(self, batch, at):
        loss = self.net(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 4)), batch_size=4)
for logger in (True, False):
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", logger=logger, log_every_n_steps=1,
                        enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(Net(), data)
    print(len(trainer.loggers), trainer.logger is not None and type(trainer.logger).__name__)
"""
    )
    done = script(project.path.parent, program)
    assert done.stdout.split() == ["2", "TensorBoardLogger", "0", "False"]
    (run,) = project.list_runs()
    assert run.metrics.keys() >= {"loss"}
    assert str(run.outputs["model"]) == "model/lightning:v1"


@need("torch", "transformers", "accelerate")
@pytest.mark.parametrize("order", ["before", "after"])
def test_transformers_trainers_get_a_callback_once(project, order):
    from test_hooks_transformers import TINY

    begin = TURN_ON + TINY if order == "before" else TINY + TURN_ON
    program = (
        begin
        + """
trainer = Trainer(model=tiny(), args=arguments("out"), train_dataset=Words())
trainer.train()
from omprov.capture.hooks.transformers import OmprovCallback
own = Trainer(model=tiny(), args=arguments("own"), train_dataset=Words(),
              callbacks=[OmprovCallback("own")])
own.train()
"""
    )
    script(project.path.parent, program)
    assert recorded(project) == ["own", "transformers"]


@need("keras", "torch")
def test_fits_of_keras_get_a_callback_once(project):
    program = (
        TURN_ON
        + """
import warnings
warnings.filterwarnings("error", "omprov could not")
import keras, numpy as np
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
x, y = np.ones((8, 3)), np.ones(8)
model.fit(x, y, epochs=1, verbose=0)
model.fit(x, y, 4, 1, 0, [keras.callbacks.TerminateOnNaN()])
from omprov.capture.hooks.keras import OmprovCallback
history = model.fit(x, y, epochs=1, verbose=0, callbacks=[OmprovCallback("own")])
print(list(history.history))
"""
    )
    assert script(project.path.parent, program).stdout.strip().endswith("['loss']")
    assert recorded(project) == ["keras", "keras", "own"]


@need("optuna", "sklearn")
def test_studies_get_a_callback_and_the_fits_within_are_runs_too(project):
    program = (
        TURN_ON
        + """
import optuna, warnings
warnings.filterwarnings("error", "omprov could not")
from sklearn.naive_bayes import GaussianNB
def objective(trial):
    smoothing = trial.suggest_float("s", 1e-9, 1.0)
    model = GaussianNB(var_smoothing=smoothing).fit([[0.0], [1.0]], [0, 1])
    return model.score([[0.0], [1.0]], [0, 1])
study = optuna.create_study(study_name="s")
study.optimize(objective, n_trials=2)
study.optimize(objective, 1)
"""
    )
    script(project.path.parent, program)
    assert recorded(project) == ["gaussiannb"] * 3 + ["s-0", "s-1", "s-2"]


def test_an_error_in_a_hook_is_said_once_and_goes_no_further():
    @harmless("a hook")
    def broken(value):
        raise OSError(value)

    with pytest.warns(RuntimeWarning, match="could not record something of a hook"):
        assert broken(1) is None
    assert broken(2) is None  # a second warning would be an error here
    _said.discard(("a hook", "broken"))


def test_what_ends_a_program_goes_through_a_hook():
    @harmless("a hook")
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "lately_imported.py").write_text("value = 1\nimport inspect\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "lately_imported"
    sys.modules.pop("lately_imported", None)


def test_an_action_waits_for_its_module_and_runs_once_all_of_it_is_there(module):
    seen = []
    when_imported(module, lambda: seen.append(sys.modules[module].value))
    when_imported(module, lambda: seen.append("second"))
    assert seen == []
    imported = __import__(module)
    assert seen == [1, "second"]
    assert type(imported.__spec__.loader).__name__ == "SourceFileLoader"
    assert "exec_module" not in vars(imported.__spec__.loader)
    when_imported(module, lambda: seen.append("at once"))
    assert seen[-1] == "at once"


def test_a_module_that_fails_to_import_fails_as_it_would_and_may_be_tried_again(module, tmp_path):
    import importlib

    seen = []
    path = tmp_path / "lately_imported.py"
    path.write_text("raise ValueError('not yet')")
    when_imported(module, lambda: seen.append(1))
    with pytest.raises(ValueError, match="not yet"):
        __import__(module)
    path.write_text("value = 'it is there at last'")
    importlib.invalidate_caches()
    __import__(module)
    assert seen == [1]


def test_a_module_that_does_not_exist_is_waited_for_in_vain():
    when_imported("no_such_module_at_all", lambda: pytest.fail("it was called"))
    with pytest.raises(ModuleNotFoundError):
        __import__("no_such_module_at_all")
