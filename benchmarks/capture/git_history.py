"""Importing a git history: ours as whole processes, beside what git itself takes to compare it.

The history is made here: files of a few hundred words in folders, edits of one to three of them a
commit, branches that are merged back, a revert now and then. Or name a repository of your own.

    python benchmarks/capture/git_history.py --commits 10000
    python benchmarks/capture/git_history.py --repository path/to/repository
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = 200
WORDS = 300
BRANCHES = 8
ENTRY = "from omprov.cli import main; main()"


def make_history(folder: Path, commits: int, rng: random.Random) -> None:
    """Make a bare repository by one `git fast-import`."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
    with subprocess.Popen(
        ["git", "-C", folder, "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE
    ) as importer:
        assert importer.stdin is not None
        for block in history_blocks(commits, rng):
            importer.stdin.write(block)
        importer.stdin.close()
    assert importer.returncode == 0


def history_blocks(commits: int, rng: random.Random):
    vocabulary = [f"w{number}" for number in range(2_000)]
    texts = {
        f"src/part{number % 20}/module{number}.py": rng.choices(vocabulary, k=WORDS)
        for number in range(FILES)
    }
    lines: dict[str, tuple[int, dict[str, list[str]]]] = {"main": (0, texts)}
    for mark in range(1, commits + 1):
        names = list(lines)
        branch = rng.choice(names) if rng.random() < 0.3 else "main"
        tip, files = lines[branch]
        merged = ""
        if len(lines) > 1 and rng.random() < 0.1:
            other = rng.choice([name for name in names if name != "main"])
            branch, (tip, files) = "main", lines["main"]
            theirs = lines.pop(other)
            merged, files = f"merge :{theirs[0]}\n", {**files, **sample(theirs[1], 5, rng)}
        elif len(lines) < BRANCHES and rng.random() < 0.1:
            branch = f"side{mark}"
        changed = dict(files) if mark == 1 else edited(files, rng, vocabulary)
        files = {**files, **changed}
        if merged or mark == 1:
            changed = files
        head = f"commit refs/heads/{branch}\nmark :{mark}\n"
        head += f"committer A <a@example.org> {1_600_000_000 + 60 * mark} +0000\ndata 1\nm\n"
        head += (f"from :{tip}\n" if tip else "") + merged
        yield head.encode()
        for path, words in changed.items():
            text = "".join(" ".join(words[at : at + 8]) + "\n" for at in range(0, len(words), 8))
            yield f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode()
        lines[branch] = mark, files


def sample(files, count, rng):
    return {name: files[name] for name in rng.sample(sorted(files), count)}


def edited(files, rng, vocabulary):
    """Return one to three files with a few words exchanged."""
    changed = {}
    for name in rng.sample(sorted(files), rng.randint(1, 3)):
        words = list(files[name])
        for _ in range(rng.randint(1, 12)):
            words[rng.randrange(len(words))] = rng.choice(vocabulary)
        changed[name] = words
    return changed


def timed(words: list[str | Path], folder: Path, **environment: str) -> tuple[float, float]:
    """Run a process; return its seconds and its processor seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        words, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--commits", type=int, default=2_000)
    parser.add_argument("--repository", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        source = arguments.repository and arguments.repository.resolve()
        if source is None:
            source = base / "code"
            make_history(source, arguments.commits, random.Random(7))
        git = ["git", "-C", source]
        listed = subprocess.run([*git, "rev-list", "HEAD"], capture_output=True, check=True)
        count = len(listed.stdout.split())
        ours = [sys.executable, "-c", ENTRY]
        subprocess.run([*ours, "init", base], check=True, stdout=subprocess.DEVNULL)
        sync = [*ours, "git", "sync", source.resolve(), "--repo", base]
        rows = {
            "omprov git sync": timed(sync, base),
            "omprov git sync, nothing new": timed(sync, base),
            "git log --numstat": timed([*git, "log", "-m", "--numstat", "HEAD"], base),
            "git log --word-diff": timed([*git, "log", "-m", "-p", "--word-diff", "HEAD"], base),
        }
        print(f"\n{count:,} commits\n")
        print("| | s | CPU s | commits/s |\n|---|---:|---:|---:|")
        for what, (seconds, busy) in rows.items():
            print(f"| {what} | {seconds:.2f} | {busy:.2f} | {count / seconds:,.0f} |")


if __name__ == "__main__":
    main()
