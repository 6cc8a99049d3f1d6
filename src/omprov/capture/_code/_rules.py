"""Which files that git does not track are source: the rules of ``docs/design/run-facts.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Limits:
    """How much code is recorded beyond what is committed.

    Attributes:
        file: bytes of one file that git does not track.
        total: bytes of all changed and new files together.
        files: how many new files.
        diff: bytes of the diff that the version's source shows.
    """

    file: int = 1 << 20
    total: int = 100 << 20
    files: int = 5_000
    diff: int = 64 << 10


DEFAULT_LIMITS = Limits()


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


CODE = _of(
    """
    .py .pyi .pyx .pxd .ipynb .r .rmd .jl .m .lua .sh .bash .zsh .fish .ps1 .bat .awk .pl .pm .rb
    .js .mjs .cjs .ts .jsx .tsx .c .h .cc .cpp .cxx .hpp .hh .cu .cuh .hip .cl .metal .f .f90 .rs
    .go .java .scala .kt .cs .swift .zig .hs .ml .sql .proto .thrift .cmake .mk .nix .smk .nf .wdl
    .cwl .qmd .yaml .yml .toml .ini .cfg .conf .gin .jsonnet .libsonnet .hcl .tf .j2 .jinja .patch
    .diff .slurm .sbatch .pbs .lsf
    """
)
"""Suffixes of program text and settings, which are source wherever they lie."""

CODE_NAMES = _of(
    """
    makefile dockerfile containerfile justfile snakefile rakefile jenkinsfile procfile
    requirements.txt constraints.txt pipfile cmakelists.txt gemfile build workspace
    """
)

DATA = _of(
    """
    .csv .tsv .parquet .arrow .feather .orc .avro .jsonl .ndjson .tfrecord .tfrecords .recordio
    .npy .npz .mat .h5 .hdf5 .nc .zarr .lmdb .mdb .db .sqlite .sqlite3 .duckdb .pkl .pickle .joblib
    .pt .pth .ckpt .bin .safetensors .onnx .pb .tflite .gguf .ggml .keras .mlmodel .engine .trt
    .model .vocab .spm .caffemodel .params .pdparams .weights .orbax .msgpack
    .zip .tar .gz .tgz .bz2 .xz .zst .7z .rar .lz4 .whl .egg .deb .rpm .iso .dmg
    .png .jpg .jpeg .gif .bmp .tif .tiff .webp .svgz .ico .heic .psd .exr .dcm .nii .mp4 .mkv .avi
    .mov .webm .mp3 .wav .flac .ogg .m4a .pdf .ps .eps .ply .las .obj .stl .glb
    .log .out .err .pid .swp .swo .bak .tmp .orig .rej .prof .trace .nsys-rep .qdrep
    .so .o .a .dll .dylib .exe .class .jar .pyc .pyo .cubin .ptx .fatbin .gcda .gcno
    """
)
"""Suffixes of data, models, logs and build products."""

CACHES = _of(
    """
    __pycache__ .venv venv .virtualenv .tox .nox .eggs .conda node_modules site-packages
    .ipynb_checkpoints .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache .idea .vscode
    .history .dvc .hydra wandb mlruns mlartifacts lightning_logs tb_logs .aim .neptune .guild
    .snakemake .nextflow .terraform .gradle .cargo .triton torch_compile_debug .DS_Store htmlcov
    """
)
"""Names of folders that tools fill."""

SECRETS = (
    ".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pypirc", ".npmrc", ".htpasswd",
    ".git-credentials", ".pgpass", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore",
    "*.kdbx", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials",
    "credentials.*", "client_secret*", "*service_account*.json", "*service-account*.json",
    "secrets.*", "kaggle.json", "token.json", "token.txt", "*.token",
)  # fmt: skip
"""Names of files that hold secrets."""
_HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist")

_BINARY_PROBE = 8000


def is_code(name: str) -> bool:
    """Say whether a file is program text or settings by its name."""
    lower = name.lower()
    return _suffix(lower) in CODE or lower in CODE_NAMES or lower.startswith("dockerfile.")


def refusal(path: str, size: int, limits: Limits, *, beside_code: bool, named: bool) -> str | None:
    """Return why a file that git does not track is no source; ``None`` if it is.

    Args:
        path: from the top, ``/``-separated.
        size: in bytes.
        limits: what is too large.
        beside_code: whether its folder holds code, or a tracked file.
        named: whether the command names it: then its name and place do not matter.
    """
    name = path.rpartition("/")[2]
    lower = name.lower()
    if lower not in _HARMLESS and any(fnmatchcase(lower, one) for one in SECRETS):
        return "its name is that of a file with secrets"
    if not named and _suffix(lower) in DATA:
        return f"{_suffix(lower)} files are data"
    if size > limits.file:
        return f"it is larger than {_size(limits.file)}"
    if not (named or is_code(name) or beside_code):
        return "it is no program text, and lies in a folder without any"
    return None


def is_binary(content: bytes) -> bool:
    """Say whether git would take a file for binary."""
    return b"\0" in content[:_BINARY_PROBE]


def find_cache(path: str) -> str | None:
    """Return the folder on a path that tools fill, with a slash at its end."""
    parts = path.split("/")
    for place, part in enumerate(parts[:-1]):
        if part in CACHES or part.endswith((".egg-info", ".dist-info")):
            return "/".join(parts[: place + 1]) + "/"
    return None


def _suffix(lower: str) -> str:
    match = re.search(r"(?<=.)\.[^.]+$", lower)
    return match[0] if match else ""


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count} bytes"
