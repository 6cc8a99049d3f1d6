"""What files are by their names: models, data, settings, source, things that do not count.

The words and suffixes stand here as data; `docs/design/placing.md` lists what they mean.
"""

from __future__ import annotations

import re

from ._word_sets import words

MODEL_SUFFIXES = words(
    ".pt .pth .ckpt .safetensors .onnx .keras .gguf .ggml .joblib .tflite .pdparams .mlmodel .h5 "
    ".engine .pb .ubj .cbm .bst"
)
_MODEL_IF_NAMED = {
    ".bin": re.compile(r"model|weights|optimizer|training_args|scheduler"),
    ".pkl": re.compile(r"model|clf|classif|regress|estimator|pipeline|scaler|weights"),
    ".pickle": re.compile(r"model|clf|classif|regress|estimator|pipeline|scaler|weights"),
    ".msgpack": re.compile(r"model|weights|params"),
    ".npz": re.compile(r"model|weights"),
    ".npy": re.compile(r"model|weights"),
    ".json": re.compile(r"^(?:model|booster|xgb.*)$"),
    ".txt": re.compile(r"^(?:model|booster|lgbm?.*)$"),
}
_ALWAYS_MODELS = words(".safetensors .onnx .ckpt .keras .gguf .ggml .tflite .pdparams .mlmodel")
_MODEL_STEM = re.compile(
    r"(?:^|[-_.])(models?|weights?|checkpoint|ckpt|net|best|last|final)(?:$|[-_.=0-9])"
)
MODEL_FOLDER_MARKS = words(
    "config.json adapter_config.json model_index.json modules.json saved_model.pb "
    "model.safetensors.index.json pytorch_model.bin.index.json"
)
"""A folder that holds one of these, and weights in it or below it, is one model."""

DATA_SUFFIXES = words(
    ".parquet .arrow .feather .npy .npz .jsonl .ndjson .tfrecord .tfrecords .csv .tsv .hdf5 .mat "
    ".lmdb .mdb .zarr .bin .idx .avro .orc .db .sqlite .txt .json .xml .tar .zip .gz .zst"
)
TABLE_SUFFIXES = words(
    ".parquet .arrow .feather .npy .npz .jsonl .ndjson .tfrecord .tfrecords .csv .tsv .hdf5 .h5 "
    ".mat .lmdb .mdb .avro .orc .pt"
)
"""One such file that a run wrote may be data for the next one."""
MEDIA_SUFFIXES = words(
    ".png .jpg .jpeg .webp .bmp .tif .tiff .gif .wav .mp3 .flac .ogg .mp4 .avi .txt .json .xml"
)
"""Many such files that a run wrote are data for the next one; a few are pictures and notes."""
MANY = 10

CONFIG_SUFFIXES = words(".yaml .yml .toml .ini .cfg .conf")
_CONFIG_STEM = re.compile(r"(?:^|[-_.])(config|conf|cfg|settings|params|hparams|args)(?:$|[-_.])")
CONFIG_LIMIT = 1 << 20

SOURCE_SUFFIXES = words(
    ".py .pyx .ipynb .c .cc .cpp .cu .cuh .h .hpp .java .scala .r .jl .go .rs .js .ts .sh .m .lua "
    ".pl .rb .sql"
)

CONTAINERS = words("data dataset datasets input inputs corpus corpora")
"""Folders that hold datasets, or are one."""
OUTPUT_CONTAINERS = words(
    "out output outputs result results checkpoint checkpoints ckpt ckpts models model weights runs "
    "run artifacts experiments exp logs log work tmp temp build saved lightning_logs mlruns wandb "
    "multirun storage"
)
"""Folders that hold what runs make, of many sorts: never one dataset."""
PARTS = words(
    "train training trn val valid validation dev test testing eval evaluation holdout images image "
    "imgs img labels label annotations annots masks mask features targets x y x_train x_test "
    "x_val y_train y_test y_val x_valid y_valid metadata meta"
)
"""Names of parts of a dataset: it is the folder above that is the dataset."""
STAGES = words("raw interim processed preprocessed clean cleaned prepared external")
HELD_OUT = words("val valid validation dev test testing eval evaluation holdout")
"""Parts that a model is not fitted to."""
UNIT_SUFFIXES = words(".zarr .n5 .lmdb .lance .parquet .delta .tfds")
"""Folders that are one thing, as files are."""
_RESULTS = re.compile(
    r"(?:^|[-_.])(metrics?|results?|logs?|histor(?:y|ies)|reports?|scores?|plots?|figures?|figs?|"
    r"preds?|predictions?|eval|evaluation|stats|summary|events?|loss(?:es)?|timings?|args|config|"
    r"hparams|params)(?:$|[-_.])"
)
_SCRATCH_NAMES = words("__pycache__ .cache .ipynb_checkpoints .pytest_cache .mypy_cache")
_SCRATCH_SUFFIXES = words(".pyc .pyo .tmp .temp .part .lock .swp .pid .cache")
_SECRET = re.compile(
    r"^(\.env(\..*)?|\.netrc|\.pgpass|\.git-credentials|credentials(\.json)?|id_[a-z0-9]+|token|"
    r"kaggle\.json|.*\.(pem|key|p12|pfx|keystore))$"
)
_EVENTS = "events.out.tfevents."
_NOT_DATA = re.compile(r"^(readme|licen[cs]e|notice|copying|changelog|citation)", re.IGNORECASE)


def stem_of(name: str) -> str:
    """Return a file's name without its suffixes, in small letters; hidden files keep their dot."""
    head, dot, _ = name.lower().lstrip(".").partition(".")
    return head if dot and head else name.lower()


def suffix_of(name: str) -> str:
    """Return the last suffix in small letters; that below it of compressed tables and texts."""
    head, dot, suffix = name.lower().rpartition(".")
    if not dot or not head:
        return ""
    if suffix in {"gz", "zst", "bz2", "xz"} and f".{head.rpartition('.')[2]}" in DATA_SUFFIXES:
        return f".{head.rpartition('.')[2]}"
    return f".{suffix}"


def is_model(path: str) -> bool:
    """Say whether a file is a model, or what is kept beside one to go on training.

    Where the suffix alone does not tell, the name does, and then the nearest folder with a telling
    name: ``data/train.pt`` is data.

    Args:
        path: relative to the project, or absolute.
    """
    *folders, name = path.split("/")
    suffix = suffix_of(name)
    if suffix not in MODEL_SUFFIXES:
        named = _MODEL_IF_NAMED.get(suffix)
        if named is None or not named.search(stem_of(name)):
            return False
    stem = stem_of(name)
    if suffix in _ALWAYS_MODELS or _MODEL_STEM.search(stem):
        return True
    if stem in PARTS:
        return False
    for folder in reversed(folders):
        word = folder.lower()
        if word in OUTPUT_CONTAINERS:
            return True
        if word in CONTAINERS or word in STAGES:
            return False
    return True


def is_settings(path: str, size: int) -> bool:
    """Say whether a file holds settings rather than data."""
    name = path.rpartition("/")[2]
    if size > CONFIG_LIMIT:
        return False
    suffix = suffix_of(name)
    return suffix in CONFIG_SUFFIXES or (
        suffix == ".json" and _CONFIG_STEM.search(stem_of(name)) is not None
    )


def is_source(name: str) -> bool:
    """Say whether a file is source code."""
    return suffix_of(name) in SOURCE_SUFFIXES


def is_events(name: str) -> bool:
    """Say whether a file holds TensorBoard's events."""
    return _EVENTS in name


def is_scratch(path: str) -> bool:
    """Say whether a file is no more than a cache, a lock, or half written."""
    *folders, name = path.split("/")
    return (
        suffix_of(name) in _SCRATCH_SUFFIXES
        or name.endswith("~")
        or not _SCRATCH_NAMES.isdisjoint((*folders, name))
    )


def is_secret(name: str) -> bool:
    """Say whether a file's name is one under which people keep secrets."""
    return _SECRET.match(name.lower()) is not None


def is_result(path: str) -> bool:
    """Say whether a file tells how a run went, rather than being data for another one."""
    *folders, name = path.split("/")
    return any(_RESULTS.search(word.lower()) for word in (*folders[-2:], stem_of(name)))


def is_in_data_folder(path: str) -> bool:
    """Say whether a file lies in a folder for data, or is by its name a part of a dataset."""
    *folders, name = path.split("/")
    for folder in reversed(folders):
        word = folder.lower()
        if word in CONTAINERS or word in STAGES:
            return True
        if word in OUTPUT_CONTAINERS:
            break
    return stem_of(name) in PARTS


def is_beside_data(name: str) -> bool:
    """Say whether a file may lie in any folder without being data of it."""
    return name.startswith(".") or bool(_NOT_DATA.match(name)) or suffix_of(name) in {".md", ".dvc"}
