"""Programs that start another program: which of their words are their own. Data only.

Of each is said what a reader of the command line has to know: which options are followed by a value
(or, where most are, which are not), how many plain words come first, and what comes after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """How a launcher is written.

    Attributes:
        valued: options that are followed by a value; ignored where `flags` is given.
        flags: options that are not; then every other one is.
        words: plain words before the program: a duration, a mask.
        then: what follows: a program, or a script that Python runs.
        subcommands: words of which one must follow the name, else it starts nothing: ``uv run``.
        assignments: ``NAME=VALUE`` words may come before the program.
        module: options that say that a module of Python follows rather than a script.
        bare: options that say that a program follows rather than a script.
    """

    valued: frozenset[str] = frozenset()
    flags: frozenset[str] | None = None
    words: int = 0
    then: Literal["program", "script"] = "program"
    subcommands: frozenset[str] = frozenset()
    assignments: bool = False
    module: frozenset[str] = frozenset({"-m", "--module"})
    bare: frozenset[str] = frozenset({"--no-python", "--no_python"})

    def takes_value(self, option: str) -> bool:
        """Say whether an option without ``=`` is followed by its value."""
        return option in self.valued if self.flags is None else option not in self.flags


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TORCHRUN = Rule(
    flags=_of("--standalone -m --module --no-python --no_python --run-path --run_path -h --help"),
    then="script",
)
_ACCELERATE = Rule(
    flags=_of(
        "-m --module --no_python --no-python -q --quiet --debug --cpu --mps --tpu --multi_gpu"
        " --multi-gpu --use_xpu --use-xpu --ipex --use_deepspeed --use-deepspeed --use_fsdp"
        " --use-fsdp --use_megatron_lm --use-megatron-lm --use_parallelism_config"
        " --use-parallelism-config --use_mps_device --use-mps-device --same_network --same-network"
        " --enable_cpu_affinity --enable-cpu-affinity --tpu_cluster --no_tpu_cluster"
        " --tpu_use_sudo --use_zero2 --dynamo_use_fullgraph --dynamo_use_dynamic"
        " --dynamo_use_regional_compilation"
    ),
    then="script",
    subcommands=_of("launch"),
)
_DEEPSPEED = Rule(
    flags=_of(
        "--module --no_python --no_local_rank --save_pid --enable_each_rank_log --force_multi"
        " --elastic_training --bind_cores_to_rank --no_ssh --no_ssh_check"
    ),
    then="script",
)
_MPI = Rule(
    valued=_of(
        "-n -np --np -c -N -H --host --hostfile -hostfile -machinefile --machinefile -f -hosts"
        " -ppn --map-by --bind-to -bind-to -map-by -x -wdir --wdir -p --timeout -timeout"
    )
)
_SRUN = Rule(
    valued=_of(
        "-n -N -c -p -A -J -t -w -o -e -i -q -G -C -D -x -m -d"
        " --ntasks --nodes --cpus-per-task --partition --account --job-name --time --gres --gpus"
        " --mem --output --error --nodelist --qos --constraint --chdir --exclude"
    )
)
_PROJECT_TOOL = Rule(subcommands=_of("run"), valued=_of("-C -P -p --project --directory"))
_CONDA = Rule(subcommands=_of("run"), valued=_of("-n --name -p --prefix --cwd"))

LAUNCHERS: dict[str, Rule] = {
    "accelerate": _ACCELERATE,
    "catchsegv": Rule(),
    "chrt": Rule(words=1),
    "conda": _CONDA,
    "coverage": Rule(
        subcommands=_of("run"),
        valued=_of("--source --include --omit --rcfile --data-file --context --concurrency"),
        then="script",
    ),
    "deepspeed": _DEEPSPEED,
    "direnv": Rule(subcommands=_of("exec"), words=1),
    "env": Rule(valued=_of("-u --unset -C --chdir"), assignments=True),
    "gdb": Rule(valued=_of("-x -ex --command --eval-command")),
    "hatch": Rule(subcommands=_of("run"), valued=_of("-e --env")),
    "horovodrun": Rule(valued=_of("-np --num-proc -H --hosts -hostfile --hostfile -p --ssh-port")),
    "ionice": Rule(valued=_of("-c --class -n --classdata")),
    "kernprof": Rule(
        valued=_of("-o --outfile -s --setup -i -p --prof-mod -u --unit"), then="script"
    ),
    "mamba": _CONDA,
    "memray": Rule(subcommands=_of("run"), valued=_of("-o --output -p"), then="script"),
    "micromamba": _CONDA,
    "mpiexec": _MPI,
    "mpirun": _MPI,
    "ncu": Rule(valued=_of("-o --export -k --kernel-name -c --launch-count --section --set")),
    "nice": Rule(valued=_of("-n --adjustment")),
    "nohup": Rule(),
    "nsys": Rule(
        subcommands=_of("profile"), valued=_of("-o --output -t --trace -s --sample -y -d")
    ),
    "numactl": Rule(
        valued=_of("-i -N -m -C -p --interleave --cpunodebind --membind --physcpubind --preferred")
    ),
    "pdm": _PROJECT_TOOL,
    "perf": Rule(subcommands=_of("stat record"), valued=_of("-e --event -o --output -F -r")),
    "pipenv": _PROJECT_TOOL,
    "pixi": Rule(subcommands=_of("run"), valued=_of("-e --environment --manifest-path")),
    "poetry": _PROJECT_TOOL,
    "py-spy": Rule(
        subcommands=_of("record top"), valued=_of("-o --output -f --format -r --rate -d")
    ),
    "rye": _PROJECT_TOOL,
    "scalene": Rule(valued=_of("--outfile --cpu-sampling-rate"), then="script"),
    "setarch": Rule(words=1),
    "setsid": Rule(),
    "srun": _SRUN,
    "stdbuf": Rule(valued=_of("-i -o -e --input --output --error")),
    "strace": Rule(valued=_of("-o -e -s -p -u")),
    "sudo": Rule(valued=_of("-u -g -h -p -C -D --user --group --host --chdir"), assignments=True),
    "taskset": Rule(words=1),
    "time": Rule(valued=_of("-f --format -o --output")),
    "timeout": Rule(valued=_of("-s --signal -k --kill-after"), words=1),
    "torchrun": _TORCHRUN,
    "unbuffer": Rule(),
    "uv": Rule(
        subcommands=_of("run"),
        valued=_of(
            "--with --with-editable --with-requirements --extra --group --no-group --only-group"
            " --env-file --index --index-url -i --default-index --find-links -f --python -p"
            " --package --project --directory --cache-dir --color --refresh-package --config-file"
            " --resolution --prerelease --link-mode"
        ),
    ),
    "viztracer": Rule(valued=_of("-o --output_file --tracer_entries --log_func_exec")),
    "xvfb-run": Rule(valued=_of("-n --server-num -s --server-args -e --error-file")),
}
"""Name of the program → how it is written."""

MODULES: dict[str, Rule] = {
    "torch.distributed.run": _TORCHRUN,
    "torch.distributed.launch": Rule(
        flags=(_TORCHRUN.flags or frozenset()) | _of("--use_env --use-env"), then="script"
    ),
    "accelerate.commands.launch": Rule(flags=_ACCELERATE.flags, then="script"),
    "accelerate": _ACCELERATE,
    "deepspeed.launcher.runner": _DEEPSPEED,
    "coverage": LAUNCHERS["coverage"],
    "cProfile": Rule(valued=_of("-o -s --outfile --sort"), then="script"),
    "pdb": Rule(valued=_of("-c --command"), then="script"),
    "memray": LAUNCHERS["memray"],
    "scalene": LAUNCHERS["scalene"],
    "viztracer": LAUNCHERS["viztracer"],
}
"""Modules that Python starts and that start a script in turn."""

PYTHON_VALUED = _of("-W -X --check-hash-based-pycs")
"""Options of Python that are followed by a value."""

INTERPRETERS: dict[str, frozenset[str]] = {
    "bash": _of("-o -O --rcfile --init-file"),
    "dash": _of("-o"),
    "julia": _of("-t --threads -p --procs -J --sysimage -L --load -C --cpu-target"),
    "lua": _of("-l"),
    "matlab": frozenset(),
    "node": _of("-r --require --loader --import"),
    "octave": frozenset(),
    "perl": _of("-I -M"),
    "Rscript": frozenset(),
    "ruby": _of("-I -r"),
    "sh": _of("-o"),
    "zsh": _of("-o"),
}
"""Programs that run a script → their options that are followed by a value."""
