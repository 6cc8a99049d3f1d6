"""A real PyTorch training under torchrun with two ranks: one run, whoever speaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
from framework_runs import need

from omprov.repository import Repository

pytestmark = [need("torch"), pytest.mark.slow]

MAIN = "from omprov.cli import main; main()"
TRAIN = """
    import os, pathlib, sys
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, Dataset
    from torch.utils.data.distributed import DistributedSampler

    class Numbers(Dataset):
        def __init__(self, folder):
            self.paths = sorted(pathlib.Path(folder).iterdir())
        def __len__(self):
            return len(self.paths)
        def __getitem__(self, index):
            x = float(self.paths[index].read_text())
            return torch.tensor([x]), torch.tensor([2 * x])

    def train(log):
        dist.init_process_group("gloo")
        torch.manual_seed(0)
        model = DistributedDataParallel(torch.nn.Linear(1, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        data = Numbers("data")
        loader = DataLoader(data, sampler=DistributedSampler(data), batch_size=2, num_workers=1)
        for epoch in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
            log(epoch, loss.item())
        if dist.get_rank() == 0:
            pathlib.Path("out").mkdir(exist_ok=True)
            torch.save(model.module.state_dict(), "out/model.pt")
        dist.barrier()
        dist.destroy_process_group()
"""
ALONE = "    train(lambda epoch, loss: None)\n"
TOLD = """
    import omprov
    with omprov.start_run("ddp", params={"lr": 0.01}) as run:
        train(lambda epoch, loss: run.log_metric("loss", loss, step=epoch))
        if run.is_owner:
            run.log_output("model/ddp", "out/model.pt")
"""
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def project(folder, text):
    (folder / "train.py").write_text(textwrap.dedent(text))
    (folder / "data").mkdir()
    for number in range(8):
        (folder / "data" / f"{number}.txt").write_text(str(number / 8))
    subprocess.run([sys.executable, "-c", MAIN, "init"], cwd=folder, check=True)


def start(folder, *words):
    given = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in ("OMPROV_URL", "OMPROV_RUN", "OMPROV_PARENT_RUN"):
        given.pop(name, None)
    done = subprocess.run(
        words, cwd=folder, env=given, check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        [sys.executable, "-c", MAIN, "runs", "--json"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(listed.stdout)["runs"]


def test_the_ranks_of_torchrun_are_one_run(tmp_path):
    project(tmp_path, TRAIN + TOLD)
    (run,) = start(tmp_path, *TORCHRUN, "train.py")
    assert (run["name"], run["status"], run["params"]["lr"]) == ("ddp", "succeeded", 0.01)
    assert run["metrics"].keys() == {"loss", "rank1/loss"}
    assert run["outputs"] == {"model": "model/ddp:v1"}
    with Repository.open(tmp_path, who="ada", clock=lambda: None) as repository:
        assert len(repository.metric_points(run["id"], "loss")) == 2
    assert list((tmp_path / ".omprov" / "journal").iterdir()) == []


def test_torchrun_is_captured_with_nothing_declared(tmp_path):
    project(tmp_path, TRAIN + ALONE)
    (run,) = start(tmp_path, sys.executable, "-c", MAIN, "run", "--", *TORCHRUN, "train.py")
    assert run["status"] == "succeeded"
    assert run["inputs"]["dataset"] == "dataset/data:v1"
    assert [v.partition("/")[0] for v in run["outputs"].values()] == ["model"]
    assert run["source"]["launchers"]


def test_ranks_that_speak_join_the_captured_run(tmp_path):
    project(tmp_path, TRAIN + TOLD.replace("run.is_owner", 'os.environ["RANK"] == "0"'))
    (run,) = start(tmp_path, sys.executable, "-c", MAIN, "run", "--", *TORCHRUN, "train.py")
    assert run["name"] == "train"
    assert run["metrics"].keys() >= {"loss", "rank1/loss"}
    assert run["inputs"]["dataset"] == "dataset/data:v1"
    assert run["outputs"] == {"model": "model/ddp:v1"}
