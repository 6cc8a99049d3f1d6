"""Parameters: where a script begins in a command, its options, and the files that they name."""

from __future__ import annotations

import argparse
import json
import shlex
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.capture._parameters import find_invocation, read_parameters
from omprov.capture._parameters._flags import is_option, read_flags


def values(words, folder="."):
    return dict(read_parameters(["python", "x.py", *words], Path(folder)).values)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("--lr 0.1", {"lr": 0.1}),
        ("--lr=1e-3 --n=-5", {"lr": 0.001, "n": -5}),
        ("--shift -0.5 --next", {"shift": -0.5, "next": True}),
        ("--learning-rate 3", {"learning_rate": 3}),
        ("--flag --no-cuda --no_bias", {"flag": True, "cuda": False, "bias": False}),
        ("--no-repeat-ngram-size 3", {"no_repeat_ngram_size": 3}),
        ("-b 32 -x -lr 0.1", {"b": 32, "x": True, "lr": 0.1}),
        ("-b32 -n-1 -e1e-3", {"b": 32, "n": -1, "e": 0.001}),
        ("-vvv", {"v": 3}),
        ("--tag a --tag b", {"tag": ["a", "b"]}),
        ("--betas 0.9 0.999 --x", {"betas": [0.9, 0.999], "x": True}),
        ("--name a b", {"name": "a", "args": ["b"]}),
        ("train --x 1 -- --y 2", {"x": 1, "args": ["train", "--y", 2]}),
        ("--a true --b False --c null --d None --e none", {"a": True, "b": False, "c": None,
                                                           "d": None, "e": "none"}),
        ("--id 007 --big 12345678901234567890", {"id": "007", "big": "12345678901234567890"}),
        ("--x inf --y nan", {"x": "inf", "y": "nan"}),
        ("--model.lr 0.1 --model.depth=3", {"model": {"lr": 0.1, "depth": 3}}),
        ("--model vit --model.lr 0.1", {"model": "vit", "model.lr": 0.1}),
        ("model.lr=0.1 +x=1 ++y=a ~z model/opt=adam", {"model": {"lr": 0.1}, "x": 1, "y": "a",
                                                       "~z": None, "model/opt": "adam"}),
        ("x=[1,2.5,a] y={a:1} z='1' w=", {"x": [1, 2.5, "a"], "y": {"a": 1}, "z": 1, "w": ""}),
        ("--eq a=b", {"eq": True, "a": "b"}),
        ("- -5 ''", {"args": ["-", -5, ""]}),
        ("--=x -= -1a", {"args": ["--=x", "-=", "-1a"]}),
    ],
)  # fmt: skip
def test_options_and_overrides(words, wanted):
    assert values(shlex.split(words)) == wanted


def test_quoted_overrides_are_text():
    assert values(["z='1'", 'y="a b"']) == {"z": "1", "y": "a b"}


option_names = st.from_regex(r"[a-z][a-z0-9]{1,6}(_[a-z]{1,3})?", fullmatch=True).filter(
    lambda name: not name.startswith("no_")
)
scalars = (
    st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"[a-zA-Z/][a-zA-Z0-9_./ é-]{0,8}", fullmatch=True).filter(
        lambda text: (
            text not in {"true", "True", "TRUE", "false", "False", "FALSE", "null", "None"}
            and "=" not in text
        )
    )
)


@given(
    st.dictionaries(
        option_names,
        scalars | st.booleans() | st.lists(scalars, min_size=2, max_size=4),
        max_size=6,
    ),
    st.booleans(),
)
def test_what_is_written_as_options_is_read_back(wanted, joined):
    words = []
    for name, value in wanted.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value is False:
            words.append("--no-" + name.replace("_", "-"))
        else:
            for one in value if isinstance(value, list) else [value]:
                words += [f"{option}={one}"] if joined else [option, str(one)]
    assert values(words) == wanted


@given(
    st.dictionaries(
        option_names,
        st.integers(-99, 99) | st.floats(-9, 9).map(lambda x: round(x, 3)) | st.just("word"),
        max_size=5,
    ),
    st.booleans(),
)
def test_it_agrees_with_argparse(wanted, joined):
    """Where the types are known, ``argparse`` reads the same values from the same words."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    words = []
    for name, value in wanted.items():
        if name in {"h", "help"}:
            return
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value))
        option = "--" + name.replace("_", "-")
        words += [f"{option}={value}"] if joined else [option, str(value)]
    assert values(words) == vars(parser.parse_args(words))


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_words_are_read_and_none_is_lost(words):
    flags = read_flags(words)
    told = sum(len(texts) for texts in flags.texts.values()) + len(flags.positional)
    assert told <= len(words)
    places = Counter(flags.positional) + Counter(chain(*flags.texts.values()))
    for word in words:
        if not (word == "--" or is_option(word) or "=" in word or word.startswith("~")):
            assert places[word] >= 1
    assert json.loads(json.dumps(flags.values())) == flags.values()


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_command_is_taken_apart(command):
    found = find_invocation(command)
    assert set(found.arguments) <= set(command)


@pytest.mark.parametrize(
    ("command", "script", "module", "arguments", "launchers"),
    [
        ("python train.py --a 1", "train.py", None, "--a 1", []),
        ("python3.11 -u -X dev -Wignore train.py", "train.py", None, "", []),
        ("python -m pkg.train --a", None, "pkg.train", "--a", []),
        ("python -um pkg", None, "pkg", "", []),
        ("python -mtimeit x", None, "timeit", "x", []),
        ("python -W module train.py", "train.py", None, "", []),
        ("torchrun --nproc-per-node 2 --standalone train.py --a 1", "train.py", None, "--a 1",
         ["torchrun"]),
        ("torchrun --nproc_per_node=2 -m pkg.train x", None, "pkg.train", "x", ["torchrun"]),
        ("torchrun --no-python ./run.sh x", "./run.sh", None, "x", ["torchrun"]),
        ("python -m torch.distributed.run --nnodes 1 t.py --b", "t.py", None, "--b",
         ["torch.distributed.run"]),
        ("accelerate launch --multi_gpu --num_processes 2 t.py --c", "t.py", None, "--c",
         ["accelerate"]),
        ("deepspeed --num_gpus 2 t.py --deepspeed ds.json", "t.py", None, "--deepspeed ds.json",
         ["deepspeed"]),
        ("uv run --with torch --no-sync t.py --d", "t.py", None, "--d", ["uv"]),
        ("uv run -m pkg --d", None, "pkg", "--d", ["uv"]),
        ("uv run -- python t.py", "t.py", None, "", ["uv"]),
        ("poetry run python t.py", "t.py", None, "", ["poetry"]),
        ("conda run -n env --no-capture-output python t.py", "t.py", None, "", ["conda"]),
        ("env -u X A=b C=d nice -n 10 nohup python t.py", "t.py", None, "",
         ["env", "nice", "nohup"]),
        ("timeout -k 5 10m taskset -c 0,1 ./run.sh --x", "./run.sh", None, "--x",
         ["timeout", "taskset"]),
        ("mpirun -np 4 -x A python t.py", "t.py", None, "", ["mpirun"]),
        ("srun --ntasks=2 -N 1 python -u t.py", "t.py", None, "", ["srun"]),
        ("coverage run --source a t.py x", "t.py", None, "x", ["coverage"]),
        ("bash -e run.sh --x", "run.sh", None, "--x", []),
        ("Rscript a.R 1", "a.R", None, "1", []),
        ("./train --x", "./train", None, "--x", []),
        ("/usr/bin/ls -l", None, None, "-l", []),
        ("uv pip list", None, None, "pip list", []),
        ("python", None, None, "", []),
        ("nohup", None, None, "", []),
    ],
)  # fmt: skip
def test_where_the_script_begins(command, script, module, arguments, launchers):
    found = find_invocation(shlex.split(command))
    assert (found.script, found.module) == (script, module)
    assert list(found.arguments) == arguments.split()
    assert [one.name for one in found.launchers] == launchers


def test_launchers_are_told_apart_from_the_script(tmp_path):
    command = shlex.split("env A=b TOKEN=x torchrun --nproc-per-node 2 t.py --lr 1")
    found = read_parameters(command, tmp_path)
    assert found.values == {"lr": 1}
    assert found.launchers == {
        "env": {"A": "b", "TOKEN": "[redacted]"},
        "torchrun": {"nproc_per_node": 2},
    }
    assert find_invocation(command).environment == {"A": "b", "TOKEN": "x"}


def test_files_of_all_sorts_are_read_and_options_win(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "lr: 1e-3\nmodel:\n  depth: 3\n  width: .inf\nday: 2026-01-01\n"
    )
    (tmp_path / "x.toml").write_text("[data]\nsize = 5\n")
    (tmp_path / "conf.json").write_text('{"seed": 1, "lr": 0.5e-3}')
    words = ["--config", "c.yaml", "--lr", "0.1", "--model.depth", "4", "--extra", "x.toml"]
    found = read_parameters(["python", "t.py", *words], tmp_path)
    assert found.values == {
        "lr": 0.1,
        "model": {"depth": 4, "width": "inf"},
        "day": "2026-01-01",
        "data": {"size": 5},
        "config": "c.yaml",
        "extra": "x.toml",
    }
    assert found.files == (tmp_path / "c.yaml", tmp_path / "x.toml")
    alone = read_parameters(["python", "t.py", "c.yaml", "conf.json"], tmp_path)
    assert alone.values["c"] == {"lr": 0.001}
    assert alone.values["conf"] == {"lr": 0.0005}
    assert alone.values["seed"] == 1
    assert alone.values["args"] == ["c.yaml", "conf.json"]


def test_json_that_is_data_is_not_read(tmp_path):
    (tmp_path / "annotations.json").write_text('{"images": []}')
    found = read_parameters(["python", "t.py", "--data", "annotations.json"], tmp_path)
    assert found.values == {"data": "annotations.json"}
    named = read_parameters(["python", "t.py", "--ds-config", "annotations.json"], tmp_path)
    assert named.values["images"] == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", b"x: [1", "cannot be read"),
        ("a.yaml", b"x: !!python/object/apply:os.system [ls]", "cannot be read"),
        ("a.yaml", b"- 1\n- 2\n", "no mapping"),
        ("a.yaml", b"x: \xff", "cannot be read"),
        ("a.yaml", b"x: " + b"[" * 3000, "cannot be read"),
        ("a.yaml", b"x: &a [1]\n" + b"".join(
            b"y%d: &b%d [%s]\n" % (n, n, b", ".join([b"*b%d" % (n - 1) if n else b"*a"] * 10))
            for n in range(9)), "holds too much"),
        ("a.yaml", b"x: &a [*a]\n", "holds too much"),
        ("a.toml", b"x =", "cannot be read"),
        ("a.toml", b"x = 1\n" * 200_000, "larger than 1 MiB"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_said(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    found = read_parameters(["python", "t.py", "--config", name, "--lr", "1"], tmp_path)
    assert found.values == {"config": name, "lr": 1}
    assert said in found.notes[0]


def test_secrets_in_options_and_files_are_kept_out(tmp_path):
    (tmp_path / "c.yaml").write_text("api_key: abc\ntokenizer: bert\nlogin:\n  password: 12345\n")
    words = ["--config", "c.yaml", "--token", "xyz", "--max-tokens", "5", "https://a:b@host/"]
    found = read_parameters(["python", "t.py", *words], tmp_path)
    assert found.redacted == ("api_key", "login.password", "token", "args.0")
    assert found.values["tokenizer"] == "bert"
    assert found.values["max_tokens"] == 5
    assert not {"abc", "xyz", "12345", "a:b"}.intersection(
        json.dumps(dict(found.values)).split('"')
    )


@pytest.mark.parametrize(
    ("words", "decorator"),
    [
        ("--config-dir conf --config-name big", ""),
        ("-cd conf -cn big", ""),
        ("-cp conf -cn big.yaml", ""),
        ("", '@hydra.main(config_path="conf", config_name="big", version_base=None)'),
        ("-cn big", '@hydra.main(config_path="conf", config_name="small")'),
    ],
)
def test_the_file_that_hydra_reads(tmp_path, words, decorator):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "big.yaml").write_text("lr: 1\nmodel: {depth: 3, width: 4}\n")
    (tmp_path / "t.py").write_text(f"import hydra\n{decorator}\ndef main(cfg): ...\n")
    command = ["python", "t.py", *words.split(), "model.depth=5", "~model.width"]
    found = read_parameters(command, tmp_path)
    assert found.values["lr"] == 1
    assert found.values["model"] == {"depth": 5}
    assert found.values["~model.width"] is None
    assert [path.name for path in found.files] == ["big.yaml"]
