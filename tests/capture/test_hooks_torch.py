"""PyTorch: state dicts are versions whose tensors can be compared."""

from __future__ import annotations

import pytest
from framework_runs import careful, files, need

import omprov

pytestmark = [careful, need("torch", "safetensors")]


@pytest.fixture
def net():
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))


def log(model, **more):
    from omprov.capture.hooks.torch import log_model

    with omprov.start_run("train") as run:
        log_model(run, model, "model/net", **more)
    return run.recorded.outputs["model"]


def test_a_module_becomes_safetensors_and_its_change_is_seen_tensor_by_tensor(project, net):
    import torch
    from safetensors.torch import load_file

    first = log(net)
    with torch.no_grad():
        net[2].bias += 1.0
    second = log(net.state_dict(), message="bias moved")
    assert files(project, second) == ["model.safetensors"]
    loaded = load_file(project.local_copy(second) / "model.safetensors")
    assert all(torch.equal(loaded[name], value) for name, value in net.state_dict().items())
    difference = project.diff(str(first), str(second), measure="tensors")
    assert difference.counts["tensors"] == 4
    assert difference.counts["changed"] == 1
    assert [change.name for change in difference.changes] == ["2.bias"]
    assert "tensors" in {finer.measure for finer in project.finer_diff(str(first), str(second))}


def test_a_checkpoint_with_more_than_tensors_is_compared_without_being_unpickled(project, net):
    import torch

    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was executed",))

    optimizer = torch.optim.Adam(net.parameters())
    whole = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "step": 3}
    first = log({**whole, "bomb": Bomb()})
    with torch.no_grad():
        net[0].weight *= 2
    second = log({**whole, "model": net.state_dict(), "bomb": Bomb()})
    assert files(project, second) == ["model.pt"]
    difference = project.diff(str(first), str(second), measure="tensors")
    assert difference.counts["changed"] == 1
    assert difference.counts["tensors"] >= 4


def test_tied_and_turned_tensors_are_kept_whole(project):
    import torch
    from safetensors.torch import load_file

    weight = torch.arange(6.0).reshape(2, 3)
    version = log({"a": weight, "b": weight, "c": weight.t(), "d": weight[:1]})
    loaded = load_file(project.local_copy(version) / "model.safetensors")
    assert torch.equal(loaded["a"], loaded["b"])
    assert torch.equal(loaded["c"], weight.t())
    assert torch.equal(loaded["d"], weight[:1])


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt"])
def test_a_large_model_may_go_through_a_file(project, net, tmp_path, name):
    version = log(net, path=tmp_path / "out" / name)
    assert files(project, version) == [name]
    same = log(net, path=tmp_path / "out" / name)
    assert project.diff(str(version), str(same), measure="tensors").weight == 0


def test_what_is_no_model_is_the_callers_mistake(project, net):
    with pytest.raises(TypeError):
        log(object())
