"""The tools of the comparison as data: for each step the shell script that a user would type.

A script runs in a folder of the tool's own, which holds the data in `data`, with its own home; it
finds the programs on its PATH and `$version` in its environment. Only `script` is timed; `before`
and `after` do what is no part of the step.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One step of a tool; a plain string is enough where nothing stands around it."""

    script: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Tool:
    """How a tool is called."""

    name: str
    program: str
    """Must be on PATH; peers.py puts `omprov`, `oxen-python` and `limits` there."""
    store: str
    """Where it keeps the bytes; what the store has grown by is counted there."""
    set_up: str
    add: Step
    check_out: Step
    """Write v1 into a folder that does not exist."""
    out: str
    """Where `check_out` puts the data."""
    diff: Step | None = None
    switch: Step | None = None
    """From v1 to v2 in the folder that `check_out` made."""
    environment: dict[str, str] = field(default_factory=dict)


OMPROV = Tool(
    name="**omprov**",
    program="omprov",
    store=".omprov",
    set_up="omprov init",
    add=Step("omprov add data --as dataset/data"),
    diff=Step("omprov diff dataset/data:v1 dataset/data:v2"),
    check_out=Step("omprov checkout dataset/data:v1 out"),
    switch=Step("omprov checkout dataset/data:v2 out"),
    out="out",
)


def dvc(name: str, link: str) -> Tool:
    """DVC in a git repository, as its `diff` wants it; git's own commits are not timed."""
    return Tool(
        name=name,
        program="dvc",
        store=".dvc",
        set_up="git init -q && dvc init -q && dvc config core.analytics false"
        f" && dvc config core.check_update false && dvc config cache.type {link}",
        add=Step(
            "dvc add -q data",
            after="git add .dvc/config .gitignore data.dvc"
            " && git commit -q --allow-empty -m $version && git tag $version",
        ),
        diff=Step("dvc diff v1 v2"),
        check_out=Step(
            "dvc --cd out checkout -q",
            before="git clone -q . out && git -C out checkout -q v1"
            ' && dvc --cd out cache dir -q --local "$PWD/.dvc/cache"',
        ),
        switch=Step("dvc --cd out checkout -q", before="git -C out checkout -q v2"),
        out="out/data",
        environment={"DVC_NO_ANALYTICS": "1"},
    )


def git(name: str, program: str, track: str) -> Tool:
    """Git without its packing in the background, which would run into the next step."""
    return Tool(
        name=name,
        program=program,
        store=".git",
        set_up=f"git init -q && git config gc.auto 0{track}",
        add=Step(
            "git add data && { git commit -q -m $version || true; }", after="git tag $version"
        ),
        diff=Step("git diff --name-status v1 v2"),
        check_out=Step("git worktree add -q out v1"),
        switch=Step("git -C out checkout -q v2"),
        out="out/data",
    )


OXEN = Tool(
    name="oxen add + commit",
    program="oxen-python",
    store=".oxen",
    set_up="oxen-python set-up",
    add=Step("oxen-python add data $version", after="oxen-python branch $version"),
    check_out=Step("oxen-python restore data", before="oxen-python checkout v1 && mv data old"),
    switch=Step("oxen-python checkout v2"),
    out="data",
)

RESTIC = Tool(
    name="restic",
    program="restic",
    store="store",
    set_up="restic init",
    add=Step(
        "restic backup --tag $version data",
        after="restic snapshots --json --tag $version"
        """ | sed 's/.*"short_id":"\\([0-9a-f]*\\)".*/\\1/' > $version.id""",
    ),
    diff=Step("restic diff $(cat v1.id) $(cat v2.id)"),
    check_out=Step("restic restore $(cat v1.id) --target out"),
    out="out/data",
    environment={"RESTIC_PASSWORD": "benchmark", "RESTIC_REPOSITORY": "store"},
)

BORG = Tool(
    name="borg",
    program="borg",
    store="store",
    set_up="borg init --encryption=none store",
    add=Step("borg create store::$version data"),
    diff=Step("borg diff store::v1 v2"),
    check_out=Step("cd out && borg extract ../store::v1", before="mkdir out"),
    out="out/data",
    environment={
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    },
)

PEERS = (
    dvc("dvc add, copy", "copy"),
    dvc("dvc add, hard links", "hardlink,symlink"),
    OXEN,
    git("git add + commit", "git", ""),
    git(
        "git-lfs",
        "git-lfs",
        " && git lfs install --local && git lfs track 'data/**'"
        " && git add .gitattributes && git commit -q -m attributes",
    ),
    RESTIC,
    BORG,
)

LIMITS = {
    "walk and stat": "limits walk data",
    "read and BLAKE3, one process": "limits read data",
    "`cp -r`": "cp -r data copy",
}
