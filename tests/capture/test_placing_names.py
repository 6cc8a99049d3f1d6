"""Names from paths: what varies from run to run goes, what says something stays."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.capture._placing._file_sorts import (
    is_model,
    is_scratch,
    is_secret,
    stem_of,
    suffix_of,
)
from omprov.capture._placing._names import data_name, long_name, output_name, owner_name
from omprov.records import check_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("resnet18", "resnet18"),
        ("models/resnet18/epoch_3", "resnet18"),
        ("bert-base-uncased/model", "bert-base-uncased"),
        ("out/my_net", "my"),
        ("exp/vit_b16/last", "vit_b16"),
        ("exp12/unet/model_epoch_10", "unet"),
        ("unet/epoch=3-val_loss=0.25", "unet"),
        ("best_classifier", "classifier"),
        ("gan/generator", "gan-generator"),
        ("out/2024-05-06_10-20-30/model", "-"),
        ("20240506T102030/ckpt", "-"),
        ("run-12/trial_3/fold2/seed=42/step20k", "-"),
        ("deadbeef01/best", "-"),
        ("wandb/run-20240506_102030-a1b2c3d4/files/model", "files"),
        ("Größe/Netz", "gr-e-netz"),
    ],
)
def test_outputs(path, name):
    assert output_name(path.split("/"), "-") == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data", "data"),
        ("data/cifar10", "cifar10"),
        ("data/raw", "data-raw"),
        ("faces/v2", "faces-v2"),
        ("faces/2024-01-01", "faces-2024-01-01"),
        ("mnt/disk/imagenet", "imagenet"),
        ("mnt/disk/data/train", "disk-data-train"),
        ("storage/faces/raw", "faces-raw"),
        ("_", "-"),
    ],
)
def test_datasets(path, name):
    assert data_name(path.split("/"), "-") == name


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("train", "digits"),
        ("train.py", "digits"),
        ("python", "digits"),
        ("train_gan", "gan"),
        ("finetune.py", "finetune"),
        ("", "digits"),
    ],
)
def test_owners(run, name):
    assert owner_name(run, "digits") == name


@given(st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=12), st.text())
def test_whatever_a_path_holds_a_name_comes_of_it(parts, run):
    for name in (
        output_name(parts, "x"),
        data_name(parts, "x"),
        long_name(parts, "x"),
        owner_name(run, "\udcff"),
    ):
        assert check_name(name) == name


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("model.pt", True),
        ("data/model.pt", True),
        ("data/train.pt", False),
        ("data/x1.pt", False),
        ("data/processed/graph.pt", False),
        ("data/models/graph.pt", True),
        ("data/w.safetensors", True),
        ("clf.pkl", True),
        ("rows.pkl", False),
        ("pytorch_model-00001-of-00002.bin", True),
        ("blob.bin", False),
        ("table.csv", False),
        ("train.h5", False),
        ("net.weights.h5", True),
    ],
)
def test_models(path, model):
    assert is_model(path) is model


def test_small_things():
    assert suffix_of("a/b.CSV.gz") == ".csv"
    assert suffix_of("a.tar.gz") == ".tar"
    assert suffix_of("a.gz") == ".gz"
    assert suffix_of("plain") == ""
    assert suffix_of(".hidden") == ""
    assert stem_of("Train.csv.gz") == "train"
    assert stem_of(".env") == ".env"
    assert is_scratch("a/__pycache__/b")
    assert is_scratch("a/b.tmp")
    assert not is_scratch("a/b.csv")
    assert is_secret("ID_rsa")
    assert is_secret(".env.local")
    assert not is_secret("tokens.json")
    assert not is_secret("idx_1")


def test_nothing_heavy_loads_before_it_is_used():
    code = (
        "import sys, omprov.capture._placing as placing\n"
        "heavy = {'sqlalchemy', 'numpy', 'pygit2', 'blake3', 'omprov.repository'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert set(placing.__all__) <= set(dir(placing))\n"
        "for name in placing.__all__: getattr(placing, name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
