"""Lightning's logger, under both names of the package, with real trainings."""

from __future__ import annotations

import importlib

import pytest
from framework_runs import active, careful, curve, files, need, script

from omprov.records import RunStatus

pytestmark = [careful, need("torch", "lightning", "pytorch_lightning")]


@pytest.fixture(params=["lightning", "pytorch_lightning"])
def package(request):
    return request.param


class Parts:
    """A module, data and a trainer of one of the two packages."""

    def __init__(self, package):
        import torch

        self.home = importlib.import_module(
            "lightning.pytorch" if package == "lightning" else package
        )
        self.hooks = importlib.import_module(f"omprov.capture.hooks.{package}")
        torch.manual_seed(0)
        inputs = torch.randn(32, 4)
        data = torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
        self.data = torch.utils.data.DataLoader(data, batch_size=8)

        class Net(self.home.LightningModule):
            def __init__(self, lr=0.1, width=3, fails=False):
                super().__init__()
                self.save_hyperparameters()
                self.net = torch.nn.Sequential(
                    torch.nn.Linear(4, width), torch.nn.ReLU(), torch.nn.Linear(width, 1)
                )

            def training_step(self, batch, at):
                if self.hparams.fails and self.global_step == 3:
                    raise RuntimeError("out of luck")
                inputs, targets = batch
                loss = torch.nn.functional.mse_loss(self.net(inputs), targets)
                self.log("loss", loss)
                return loss

            def validation_step(self, batch, at):
                inputs, targets = batch
                self.log("val", torch.nn.functional.mse_loss(self.net(inputs), targets))

            def test_step(self, batch, at):
                self.log("test", 0.25)

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

        self.net = Net

    def trainer(self, folder, logger, **more):
        best = self.home.callbacks.ModelCheckpoint(monitor="val", save_last=True)
        return self.home.Trainer(
            **{
                "max_epochs": 3,
                "logger": logger,
                "callbacks": [best],
                "default_root_dir": str(folder),
                "accelerator": "cpu",
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "log_every_n_steps": 1,
                **more,
            }
        )


@pytest.fixture
def parts(package):
    return Parts(package)


def test_a_training_is_a_run_with_everything(project, parts, tmp_path):
    logger = parts.hooks.OmprovLogger("fit", tags={"who": "me"})
    trainer = parts.trainer(tmp_path, logger)
    trainer.fit(parts.net(), parts.data, parts.data)
    (run,) = project.list_runs()
    assert (run.name, run.status, run.tags) == ("fit", RunStatus.SUCCEEDED, {"who": "me"})
    assert run.params == {"lr": 0.1, "width": 3, "fails": False}
    assert [step for step, _ in curve(project, run, "loss")] == list(range(12))
    assert [step for step, _ in curve(project, run, "val")] == [3, 7, 11]
    model = run.outputs["model"]
    assert str(model) == "model/fit:v1"
    assert files(project, model) == ["epoch=2-step=12.ckpt"]


def test_what_is_tested_after_the_training_comes_to_the_same_run(project, parts, tmp_path):
    logger = parts.hooks.OmprovLogger("fit")
    trainer = parts.trainer(tmp_path, logger)
    module = parts.net()
    trainer.fit(module, parts.data, parts.data)
    trainer.test(module, parts.data, verbose=False)
    (run,) = project.list_runs()
    assert [value for _, value in curve(project, run, "test")] == [0.25]


def test_a_second_training_inherits_nothing_unknown_and_can_be_compared(project, parts, tmp_path):
    for lr in (0.1, 0.05):
        logger = parts.hooks.OmprovLogger("fit")
        parts.trainer(tmp_path / str(lr), logger).fit(parts.net(lr=lr), parts.data, parts.data)
    difference = project.diff("model/fit:v1", "model/fit:v2", measure="tensors")
    assert difference.counts["tensors"] >= 4
    assert 0 < difference.weight < 1


def test_every_checkpoint_that_is_kept_on_request(project, parts, tmp_path):
    best = parts.home.callbacks.ModelCheckpoint(monitor="val", save_top_k=2)
    logger = parts.hooks.OmprovLogger("fit", checkpoints="all")
    trainer = parts.trainer(tmp_path, logger, callbacks=[best])
    trainer.fit(parts.net(), parts.data, parts.data)
    (run,) = project.list_runs()
    assert sorted(run.outputs) == ["model", "model.epoch-1-step-8"]
    assert {str(version) for version in run.outputs.values()} == {
        "model/fit:v1",
        "model/fit-epoch-1-step-8:v1",
    }


def test_a_training_that_raises_is_a_failed_run(project, parts, tmp_path):
    logger = parts.hooks.OmprovLogger("fit")
    with pytest.raises(RuntimeError, match="luck"):
        parts.trainer(tmp_path, logger).fit(parts.net(fails=True), parts.data, parts.data)
    (run,) = project.list_runs()
    assert run.status is RunStatus.FAILED
    assert len(curve(project, run, "loss")) == 3


def test_an_active_run_is_written_to_and_left_open(project, parts, tmp_path, monkeypatch):
    with active(monkeypatch, "mine") as run:
        logger = parts.hooks.OmprovLogger("unused", model="model/chosen")
        assert logger.experiment is run
        parts.trainer(tmp_path, logger).fit(parts.net(), parts.data, parts.data)
        assert logger.name == "mine"
        run.log_params({"own": 1})
    (run,) = project.list_runs()
    assert run.name == "mine"
    assert run.params["own"] == 1
    assert str(run.outputs["model"]) == "model/chosen:v1"


RANKS = """
import os, sys
import torch, torch.distributed as dist
import lightning.pytorch as L
from omprov.capture.hooks.lightning import OmprovLogger

class Net(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Linear(4, 1)
    def training_step(self, batch, at):
        loss = self.net(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

logger = OmprovLogger("ranks")
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 4)), batch_size=4)
trainer = L.Trainer(max_epochs=1, accelerator="cpu", devices=2, strategy="ddp", logger=logger,
                    log_every_n_steps=1, enable_progress_bar=False, enable_model_summary=False)
trainer.fit(Net(), data)
logger.log_metrics({"from_every_rank": trainer.global_rank}, step=0)  # each rank calls it
print(trainer.global_rank, trainer.world_size)
"""


@pytest.mark.slow
def test_of_two_ranks_under_torchrun_one_records(project, tmp_path):
    import sys

    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
    ]
    done = script(project.path.parent, RANKS, *launch)
    assert sorted(line for line in done.stdout.splitlines() if line in ("0 2", "1 2")) == [
        "0 2",
        "1 2",
    ]
    (run,) = project.list_runs()
    assert [step for step, _ in curve(project, run, "loss")] == [0, 1]
    assert curve(project, run, "from_every_rank") == [(0, 0.0)]
    assert run.outputs["model"].files == 1
