"""Unmodified scripts that log through MLflow: autologging, PyTorch, Lightning, Transformers.

Each runs in a process of its own, with nothing but ``MLFLOW_TRACKING_URI`` set.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from mlflow_served import open_new, serving

from omprov.records import RunStatus

pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow

AUTOLOG = """
    import mlflow
    import numpy
    from sklearn.linear_model import LogisticRegression
    mlflow.set_experiment("iris")
    mlflow.autolog()
    x, y = numpy.array([[0.0], [1.0], [2.0], [3.0]]), numpy.array([0, 0, 1, 1])
    for C in (1.0, 0.5):
        LogisticRegression(C=C).fit(x, y)
"""
TORCH = """
    import mlflow, torch
    mlflow.set_experiment("torch")
    with mlflow.start_run():
        net = torch.nn.Linear(2, 1)
        info = mlflow.pytorch.log_model(
            net, name="net", pip_requirements=["torch"], serialization_format="pickle"
        )
    loaded = mlflow.pytorch.load_model(info.model_uri)
    assert torch.equal(loaded.weight, net.weight)
"""
LIGHTNING = """
    import os
    import torch, lightning
    from lightning.pytorch.loggers import MLFlowLogger

    class Net(lightning.LightningModule):
        def __init__(self, width=2):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(width, 1)
        def training_step(self, batch, _):
            loss = self.layer(batch[0]).square().mean()
            self.log("loss", loss, on_step=True)
            return loss
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    url = os.environ["MLFLOW_TRACKING_URI"]
    logger = MLFlowLogger("lightning", tracking_uri=url, log_model=True)
    rows = torch.utils.data.TensorDataset(torch.ones(8, 2))
    data = torch.utils.data.DataLoader(rows, batch_size=2)
    trainer = lightning.Trainer(max_epochs=2, logger=logger, accelerator="cpu", log_every_n_steps=1,
                                enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(Net(), data)
"""
TRANSFORMERS = """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=8, max_position_embeddings=8)
    rows = [{"input_ids": [1, 2, 3], "labels": i % 2} for i in range(8)]
    arguments = TrainingArguments("out", report_to="mlflow", num_train_epochs=1, logging_steps=1,
                                  per_device_train_batch_size=4, use_cpu=True, disable_tqdm=True,
                                  save_strategy="no")
    Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows).train()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with open_new(tmp_path_factory.mktemp("frameworks")) as repository, serving(repository) as url:
        yield repository, url


def train(served, folder, script, **environment):
    """Run a script as `train.py`; return the runs that it left, newest first."""
    repository, url = served
    before = {run.id for run in repository.list_runs()}
    path = folder / "train.py"
    path.write_text(textwrap.dedent(script))
    done = subprocess.run(
        [sys.executable, path],
        cwd=folder,
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": url,
            "GIT_PYTHON_REFRESH": "quiet",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [run for run in repository.list_runs() if run.id not in before]


def test_autolog_of_scikit_learn(served, tmp_path):
    pytest.importorskip("sklearn")
    repository, _ = served
    newer, older = train(served, tmp_path, AUTOLOG)
    assert (newer.params["C"], older.params["C"]) == ("0.5", "1.0")
    assert newer.metrics["training_accuracy_score"] == 1.0
    assert set(newer.inputs) == {"algorithm", "dataset.train", "params"}
    assert str(newer.inputs["algorithm"]) == "algorithm/train:v1"
    (made,) = newer.outputs.values()
    assert str(made) == "model/iris-model:v2"
    (edge,) = repository.inherits(made)
    assert (edge.older, edge.origin) == (older.outputs["model"], "inferred")
    assert repository.tree(made).has(b"MLmodel")


def test_a_model_of_pytorch_comes_back(served, tmp_path):
    pytest.importorskip("torch")
    (run,) = train(served, tmp_path, TORCH)
    assert run.status is RunStatus.SUCCEEDED
    assert str(run.outputs["model.net"].asset) == "model/torch-net"


def test_the_logger_of_lightning(served, tmp_path):
    pytest.importorskip("lightning")
    repository, _ = served
    (run,) = train(served, tmp_path, LIGHTNING)
    assert (run.status, run.params["width"]) == (RunStatus.SUCCEEDED, "2")
    assert len(repository.metric_points(run.id, "loss")) == 8
    tree = repository.content.tree(run.files["files"])
    assert any(leaf.path.endswith(".ckpt") for leaf in tree.walk())


def test_the_trainer_of_transformers(served, tmp_path):
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    repository, _ = served
    (run,) = train(served, tmp_path, TRANSFORMERS, MLFLOW_EXPERIMENT_NAME="hf")
    assert (run.status, run.params["hidden_size"]) == (RunStatus.SUCCEEDED, "8")
    assert repository.metric_points(run.id, "loss")
