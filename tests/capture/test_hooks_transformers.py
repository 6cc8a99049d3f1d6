"""The callback of transformers, with a real `Trainer` and a tiny model of random weights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from framework_runs import active, careful, curve, files, need, script

from omprov.records import RunStatus

pytestmark = [careful, need("torch", "transformers", "accelerate")]

TINY = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

def tiny():
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=8, num_labels=2))

class Words(torch.utils.data.Dataset):
    def __len__(self):
        return 16
    def __getitem__(self, at):
        ids = torch.arange(at, at + 4) % 20
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids),
                "labels": torch.tensor(at % 2)}

def arguments(folder, **more):
    return TrainingArguments(output_dir=str(folder), **{
        "num_train_epochs": 2, "per_device_train_batch_size": 4, "logging_steps": 1,
        "report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", **more})
"""


@pytest.fixture
def tiny():
    parts = {}
    exec(TINY, parts)  # the text is the program of the ranks, too
    return parts


@pytest.fixture
def train(tiny, tmp_path):
    from omprov.capture.hooks.transformers import OmprovCallback

    def train(*, callback=None, data=None, **more):
        data = tiny["Words"]() if data is None else data
        callback = callback or OmprovCallback("tune")
        trainer = tiny["Trainer"](
            model=tiny["tiny"](),
            args=tiny["arguments"](tmp_path / "out", **more),
            train_dataset=data,
            eval_dataset=data,
            callbacks=[callback],
        )
        trainer.train()
        return trainer

    return train


def test_a_training_is_a_run_with_arguments_configuration_logs_and_model(project, train):
    train(learning_rate=0.01)
    (run,) = project.list_runs()
    assert (run.name, run.status) == ("tune", RunStatus.SUCCEEDED)
    assert run.params["learning_rate"] == 0.01
    assert run.params["model"]["hidden_size"] == 8
    assert not {"output_dir", "run_name", "hub_token", "push_to_hub_token"} & run.params.keys()
    assert [step for step, _ in curve(project, run, "loss")] == list(range(1, 9))
    assert "train_runtime" in run.metrics
    assert str(run.outputs["model"]) == "model/tune:v1"
    assert files(project, run.outputs["model"]) == ["config.json", "model.safetensors"]


def test_the_recorded_model_is_what_was_trained(project, train, tiny):
    import torch

    trainer = train()
    copy = project.local_copy(project.get_version("model/tune"))
    loaded = tiny["BertForSequenceClassification"].from_pretrained(copy)
    trained = trainer.model.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in loaded.state_dict().items())


def test_the_best_checkpoint_is_the_model_without_its_optimizer(project, train, tmp_path):
    trainer = train(
        save_strategy="epoch",
        eval_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        save_total_limit=1,
    )
    (run,) = project.list_runs()
    held = files(project, run.outputs["model"])
    assert "model.safetensors" in held
    assert not [name for name in held if name.startswith(("optimizer", "rng", "training_args"))]
    best = Path(trainer.state.best_model_checkpoint)
    copy = project.local_copy(run.outputs["model"])
    assert (copy / "model.safetensors").read_bytes() == (best / "model.safetensors").read_bytes()
    assert run.tags["best_metric"] == str(trainer.state.best_metric)
    assert len(curve(project, run, "eval_loss")) == 2


def test_an_evaluation_after_the_training_comes_to_the_same_run(project, train):
    trainer = train()
    trainer.evaluate()
    (run,) = project.list_runs()
    assert [step for step, _ in curve(project, run, "eval_loss")] == [8]


def test_a_second_training_with_one_callback_is_a_second_run(project, train):
    trainer = train()
    trainer.train()
    assert [run.name for run in project.list_runs()] == ["tune", "tune"]
    assert project.get_version("model/tune").number == 2


def test_an_active_run_is_written_to(project, train, monkeypatch):
    with active(monkeypatch, "mine"):
        train()
    (run,) = project.list_runs()
    assert run.name == "mine"
    assert str(run.outputs["model"]) == "model/mine:v1"


def test_two_trainings_in_one_run_keep_their_models_apart(project, train, monkeypatch):
    with active(monkeypatch, "mine"):
        first = train(max_steps=1).model.state_dict()
        train(max_steps=5)
    (run,) = project.list_runs()
    assert sorted(run.outputs) == ["model", "model.other"]
    difference = project.diff("model/mine:v1", "model/mine-other:v1", measure="tensors")
    assert difference.counts["changed"] > 0
    from safetensors.torch import load_file

    held = load_file(project.local_copy(run.outputs["model"]) / "model.safetensors")
    assert all((held[name] == value).all() for name, value in first.items())


@need("datasets")
def test_data_sets_are_known_by_their_fingerprints(project, train):
    import datasets

    rows = {"input_ids": [[1, 2, 3]] * 8, "labels": [0, 1] * 4}
    data = datasets.Dataset.from_dict(rows).map(lambda row: row)
    train(data=data)
    (run,) = project.list_runs()
    assert len(run.tags["train.fingerprint"]) >= 16


RANKS = (
    TINY
    + """
import os
from omprov.capture.hooks.transformers import OmprovCallback

trainer = Trainer(model=tiny(), args=arguments("out", ddp_backend="gloo"), train_dataset=Words(),
                  eval_dataset=Words(), callbacks=[OmprovCallback("ranks")])
trainer.train()
trainer.evaluate()
print("rank", os.environ["RANK"], trainer.args.world_size)
"""
)


@pytest.mark.slow
def test_of_two_ranks_under_torchrun_one_records(project):
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
    ]
    done = script(project.path.parent, RANKS, *launch)
    assert "rank 0 2" in done.stdout
    assert "rank 1 2" in done.stdout
    (run,) = project.list_runs()
    assert [step for step, _ in curve(project, run, "loss")] == [1, 2, 3, 4]
    assert len(curve(project, run, "eval_loss")) == 1
    assert files(project, run.outputs["model"]) == ["config.json", "model.safetensors"]


def test_a_training_that_raises_is_a_failed_run_when_the_program_ends(project):
    program = (
        TINY
        + """
from omprov.capture.hooks.transformers import OmprovCallback
class Broken(Words):
    def __getitem__(self, at):
        if at == 9:
            raise OSError("the disk is gone")
        return super().__getitem__(at)
Trainer(model=tiny(), args=arguments("out"), train_dataset=Broken(),
        callbacks=[OmprovCallback("broken")]).train()
"""
    )
    done = script(project.path.parent, program, code=1)
    assert "the disk is gone" in done.stderr
    (run,) = project.list_runs()
    assert run.status is RunStatus.FAILED
    assert run.params["model"]["hidden_size"] == 8
