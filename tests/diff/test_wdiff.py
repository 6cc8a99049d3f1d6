"""Our words beside those of the real ``wdiff -s``."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from diff_oracle import wdiff

from omprov.diff import compare_words

pytestmark = pytest.mark.skipif(
    not shutil.which("wdiff"), reason="GNU wdiff is not installed: apt install wdiff"
)

ROOT = Path(__file__).parents[2]


def random_pair(rng):
    """Two texts: the newer one an edit of the older, or written anew."""
    vocabulary = rng.choice([2, 3, 5, 20, 100, 1_000])
    most = rng.choice([1, 3, 8, 30, 100, 400])
    old = [rng.randrange(vocabulary) for _ in range(rng.randrange(most + 1))]
    if rng.random() < 0.3:
        new = [rng.randrange(vocabulary) for _ in range(rng.randrange(most + 1))]
    else:
        new = list(old)
        for _ in range(rng.randrange(2 + len(old) // 4)):
            place, length = rng.randrange(len(new) + 1), rng.randrange(5)
            written = [rng.randrange(vocabulary) for _ in range(rng.choice([0, length, length]))]
            new[place : place + rng.choice([0, length])] = written
    return as_text(old, rng), as_text(new, rng)


def as_text(words, rng):
    return b"".join(b"w%d%b" % (word, rng.choice([b" ", b"\n", b"\t\r\n"])) for word in words)


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=True).stdout


def successive_versions():
    """Pairs of successive contents of the files of this repository's own history."""
    for commit in git("log", "--format=%H", "--max-count=150").decode().split():
        listed = git("diff-tree", "-r", "--diff-filter=M", "--no-commit-id", "--raw", commit)
        for line in listed.decode(errors="surrogateescape").splitlines():
            _, _, old, new, _ = line.split("\t")[0].split()
            yield git("cat-file", "blob", old), git("cat-file", "blob", new)


@pytest.mark.parametrize("seed", range(4))
def test_random_pairs_count_exactly_as_wdiff_counts(seed, tmp_path):
    rng = random.Random(seed)
    for _ in range(150):
        old, new = random_pair(rng)
        assert compare_words(old, new) == wdiff(old, new, tmp_path), (old, new)


def test_bytes_that_are_no_ascii_split_words_as_in_wdiff(tmp_path):
    for space in (b"\xc2\xa0", b"\x85", b"\xe3\x80\x80", b"\x1c", b"\v", b"\f", b"\r"):
        old, new = b"a" + space + b"b c", b"b c" + space + b"a"
        assert compare_words(old, new) == wdiff(old, new, tmp_path), space


def test_empty_files_count_as_in_wdiff(tmp_path):
    for old, new in ((b"", b""), (b"", b"a b"), (b"a", b""), (b" \n", b"a"), (b"a", b"a")):
        assert compare_words(old, new) == wdiff(old, new, tmp_path)


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_long_texts_have_no_fewer_common_words_than_wdiff_finds(share, tmp_path):
    rng = random.Random(share)
    words = [int(rng.paretovariate(0.7)) % 5_000 for _ in range(60_000)]
    edited = [
        int(rng.paretovariate(0.7)) % 5_000 if rng.random() < share else word for word in words
    ]
    old, new = as_text(words, rng), as_text(edited, rng)
    ours, theirs = compare_words(old, new), wdiff(old, new, tmp_path)
    assert (ours.old, ours.new) == (theirs.old, theirs.new)
    assert ours.common >= theirs.common
    assert share > 0.1 or ours.common == theirs.common


def test_successive_versions_of_our_own_files_count_as_wdiff_counts(tmp_path):
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so there is no history to take pairs from")
    pairs = [(a, b) for a, b in successive_versions() if b"\0" not in a + b][:150]
    if not pairs:
        pytest.skip("the history of this checkout changes no file")
    equal = 0
    for old, new in pairs:
        ours, theirs = compare_words(old, new), wdiff(old, new, tmp_path)
        assert (ours.old, ours.new) == (theirs.old, theirs.new)
        assert ours.common >= theirs.common
        equal += ours == theirs
    # where it differs, diff has passed over frequent words amid words that are new: it finds fewer
    assert equal >= 0.8 * len(pairs)
