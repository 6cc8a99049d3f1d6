"""The words that two long texts do not share: ours beside the tools that people use.

Two texts of 200,000 words (Zipf's law over 20,000 distinct ones), of which a share was replaced,
are compared by every tool in the same run; the best of some repetitions counts. `wdiff`, `git` and
`diff` include the start of their process, as their users pay for it; ours is the call on bytes in
memory. `pygit2` (extra ``bench``) is libgit2's line patch over one word a line. `difflib` would
take minutes and compares the first 5,000 words only.

    python benchmarks/diff/words.py --words 200000
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omprov.diff import compare_words

try:
    import pygit2
except ImportError:
    pygit2 = None

if TYPE_CHECKING:
    from collections.abc import Callable

DIFFLIB_WORDS = 5_000


def make_pair(words: int, share: float, seed: int = 1) -> tuple[list[bytes], list[bytes]]:
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(1, 20_001)
    chances /= chances.sum()
    old = rng.choice(20_000, words, p=chances)
    new = old.copy()
    replaced = rng.random(words) < share
    new[replaced] = rng.choice(20_000, replaced.sum(), p=chances)
    return [b"word%d" % number for number in old], [b"word%d" % number for number in new]


def as_text(words: list[bytes]) -> bytes:
    return b"".join(b" ".join(words[i : i + 12]) + b"\n" for i in range(0, len(words), 12))


def run(*command: str | Path) -> bytes:
    return subprocess.run(command, capture_output=True, check=False).stdout


def wdiff_common(old: Path, new: Path) -> int:
    found = re.search(rb": \d+ words  (\d+) \d+% common", run("wdiff", "-s", "-123", old, new))
    assert found
    return int(found[1])


def git_common(old: Path, new: Path) -> int:
    command = ["git", "diff", "--no-index", "--word-diff=porcelain", "-U1000000", old, new]
    lines = run(*command).splitlines()
    return sum(len(line.split()) for line in lines if line.startswith(b" "))


def pygit2_common(old: list[bytes], new: list[bytes]) -> int:
    patch = pygit2.Patch.create_from(b"\n".join(old) + b"\n", b"\n".join(new) + b"\n")
    return len(old) - patch.line_stats[2]


def difflib_common(old: list[bytes], new: list[bytes]) -> int:
    matcher = difflib.SequenceMatcher(
        None, old[:DIFFLIB_WORDS], new[:DIFFLIB_WORDS], autojunk=False
    )
    return sum(block.size for block in matcher.get_matching_blocks())


def timed(call: Callable[[], int], repeat: int) -> tuple[int, float]:
    seconds, common = float("inf"), 0
    for _ in range(repeat):
        start = time.perf_counter()
        common = call()
        seconds = min(seconds, time.perf_counter() - start)
    return common, seconds


def compare_tools(words: int, share: float, repeat: int, folder: Path) -> None:
    old, new = make_pair(words, share)
    old_text, new_text = as_text(old), as_text(new)
    old_file, new_file = folder / "old", folder / "new"
    old_file.write_bytes(old_text)
    new_file.write_bytes(new_text)
    tools: dict[str, Callable[[], int]] = {
        "wdiff -s": lambda: wdiff_common(old_file, new_file),
        "omprov": lambda: compare_words(old_text, new_text).common,
        "git diff --word-diff": lambda: git_common(old_file, new_file),
    }
    if pygit2 is not None:
        tools["pygit2, a word a line"] = lambda: pygit2_common(old, new)
    if words >= DIFFLIB_WORDS:
        tools[f"difflib, {DIFFLIB_WORDS:,} words"] = lambda: difflib_common(old, new)
    measured = {name: timed(call, repeat) for name, call in tools.items()}
    base = measured["wdiff -s"][1]
    for name, (common, seconds) in measured.items():
        print(f"| {share:.0%} | {name} | {seconds:.3f} | {seconds / base:.2f} | {common:,} |")
    exact = compare_words(old_text, new_text).exact
    print(f"| | omprov: proven longest | {'yes' if exact else 'no'} | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.05, 0.4, 1.0])
    arguments = parser.parse_args()
    print(f"\n### Words: two texts of {arguments.words:,} words\n")
    print("| changed | tool | s | × wdiff | common words |")
    print("|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        for share in arguments.shares:
            compare_tools(arguments.words, share, arguments.repeat, Path(place))


if __name__ == "__main__":
    main()
