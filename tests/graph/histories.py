"""Small version histories for tests, and the naive closure that they are checked against."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import strategies as st

Parents = list[list[int]]


def git_like(count: int, seed: int) -> Parents:
    """A main line with topic branches, merges, syncs from main and branches left to die."""
    random = Random(seed)
    parents: Parents = [[]]
    main = 0
    topics: list[int] = []
    while len(parents) < count:
        version = len(parents)
        draw = random.random()
        if topics and draw < 0.2:
            parents.append([main, topics.pop(random.randrange(len(topics)))])
            main = version
        elif draw < 0.4:
            parents.append([main if random.random() < 0.9 else random.choice([main, *topics])])
            topics.append(version)
        elif topics and draw < 0.5:
            place = random.randrange(len(topics))
            parents.append([topics[place], main])
            topics[place] = version
        elif topics and draw < 0.8:
            place = random.randrange(len(topics))
            parents.append([topics[place]])
            topics[place] = version
        else:
            parents.append([main])
            main = version
    return [list(dict.fromkeys(row)) for row in parents]


def criss_cross(count: int, seed: int) -> Parents:
    """Two lines that merge each other at nearly every step."""
    random = Random(seed)
    parents: Parents = [[], [0], [0]][:count]
    left, right = 1, 2
    while len(parents) < count:
        version = len(parents)
        parents += [[left, right] if random.random() < 0.8 else [left]]
        left, right = right, version
    return parents


def dense(count: int, seed: int) -> Parents:
    """Uniformly random parents: the worst case of interval labels."""
    random = Random(seed)
    most = random.choice([1, 2, 2, 3, 5])
    window = random.choice([5, 20, count])
    return [
        []
        if random.random() < 0.04
        else random.sample(range(max(0, v - window), v), min(v, window, random.randint(1, most)))
        for v in range(count)
    ]


def histories(longest: int = 90) -> st.SearchStrategy[Parents]:
    """Histories of all three kinds."""
    return st.builds(
        lambda make, count, seed: make(count, seed),
        st.sampled_from([git_like, criss_cross, dense]),
        st.integers(1, longest),
        st.integers(0, 2**32),
    )


def closure(parents: Parents) -> np.ndarray:
    """``closure(p)[u, w]``: u reaches w. Any acyclic parents will do."""
    count = len(parents)
    reached: list[int | None] = [None] * count

    def bits(version: int) -> int:
        if reached[version] is None:
            result = 1 << version
            for parent in parents[version]:
                result |= bits(parent)
            reached[version] = result
        return reached[version]

    return np.array(
        [[bits(u) >> w & 1 for w in range(count)] for u in range(count)], np.bool_
    ).reshape(count, count)
