"""Generated version histories for benchmarks: git-like ones, and adversarial ones.

A history is a list: for each version, in arrival order, the list of the versions that it inherits.

*git-like*, after what large repositories look like: a main line; up to 200 topic branches open at
once, forked from main (nine of ten) or from another topic, worked on, now and then synced with
main, then merged back or left to die; an integration line that merges topics before main does and
is begun anew from main every few thousand versions, as `next` is in git's own history; release
lines that live on beside main and are merged upwards, the older into the next younger, the youngest
into main; rarely, two topics merge each other (criss-cross). About 1.25 parents a version.

*criss-cross*: two lines that merge each other at most steps. *dense*: uniformly random parents
within a window, the worst case of interval labels.
"""

from __future__ import annotations

from random import Random

History = list[list[int]]


def git_like(count: int, seed: int = 0) -> History:
    """Make a git-like history (see the module) of `count` versions."""
    return _GitLike(seed).make(count)


class _GitLike:
    MOST_TOPICS = 200
    RELEASE_EVERY = 4000
    MOST_RELEASES = 6

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.parents: History = [[]]
        self.main = 0
        self.topics: list[int] = []
        self.releases: list[int] = []
        self.integration = 0

    def make(self, count: int) -> History:
        steps = (
            (0.12, self.merge_topic),
            (0.26, self.fork_topic),
            (0.275, self.abandon_topic),
            (0.305, self.sync_topic),
            (0.307, self.cross_topics),
            (0.33, self.work_on_release),
            (0.34, self.merge_releases),
            (0.38, self.integrate_topic),
            (0.80, self.work_on_topic),
            (1.00, self.work_on_main),
        )
        while len(self.parents) < count:
            draw = self.random.random()
            next(step for bound, step in steps if draw < bound)()
            if len(self.parents) % self.RELEASE_EVERY == 0:
                self.releases.append(self.add(self.main))
                if len(self.releases) > self.MOST_RELEASES:
                    self.releases.pop(0)
                self.integration = self.main
        return self.parents[:count]

    def add(self, *parents: int) -> int:
        self.parents.append(list(dict.fromkeys(parents)))
        return len(self.parents) - 1

    def place(self) -> int | None:
        return self.random.randrange(len(self.topics)) if self.topics else None

    def merge_topic(self) -> None:
        if (place := self.place()) is not None:
            self.topics[place], self.topics[-1] = self.topics[-1], self.topics[place]
            self.main = self.add(self.main, self.topics.pop())

    def fork_topic(self) -> None:
        if len(self.topics) < self.MOST_TOPICS:
            forked_from_main = not self.topics or self.random.random() < 0.9
            source = self.main if forked_from_main else self.random.choice(self.topics)
            self.topics.append(self.add(source))

    def abandon_topic(self) -> None:
        if (place := self.place()) is not None:
            self.topics[place] = self.topics[-1]
            self.topics.pop()

    def sync_topic(self) -> None:
        if (place := self.place()) is not None:
            self.topics[place] = self.add(self.topics[place], self.main)

    def cross_topics(self) -> None:
        if len(self.topics) > 1:
            a, b = self.random.sample(range(len(self.topics)), 2)
            one, two = self.topics[a], self.topics[b]
            self.topics[a], self.topics[b] = self.add(one, two), self.add(two, one)

    def work_on_release(self) -> None:
        if self.releases:
            place = self.random.randrange(len(self.releases))
            self.releases[place] = self.add(self.releases[place])

    def merge_releases(self) -> None:
        if self.releases:
            first = self.random.randrange(len(self.releases))
            for place in range(first + 1, len(self.releases)):
                self.releases[place] = self.add(self.releases[place], self.releases[place - 1])
            self.main = self.add(self.main, self.releases[-1])

    def integrate_topic(self) -> None:
        if self.topics:
            self.integration = self.add(self.integration, self.random.choice(self.topics))

    def work_on_topic(self) -> None:
        if (place := self.place()) is not None:
            self.topics[place] = self.add(self.topics[place])

    def work_on_main(self) -> None:
        self.main = self.add(self.main)


def criss_cross(count: int, seed: int = 0) -> History:
    """Make two lines that merge each other at four of five steps."""
    random = Random(seed)
    parents: History = [[], [0], [0]]
    left, right = 1, 2
    while len(parents) < count:
        version = len(parents)
        parents.append([left, right] if random.random() < 0.8 else [left])
        left, right = right, version
    return parents[:count]


def dense(count: int, seed: int = 0, *, window: int = 1000, degree: int = 2) -> History:
    """Make a history in which every version inherits random ones among the `window` before it."""
    random = Random(seed)
    parents: History = [[]]
    for version in range(1, count):
        low = max(0, version - window)
        parents.append(
            sorted({random.randrange(low, version) for _ in range(degree)}, reverse=True)
        )
    return parents


def weights_of(history: History, seed: int = 0) -> list[list[float]]:
    """Draw a weight in (0, 1] for every edge: mostly small changes, some large ones."""
    random = Random(seed)
    return [[min(1.0, random.lognormvariate(-3.5, 1.2)) for _ in row] for row in history]


HISTORIES = {"git-like": git_like, "criss-cross": criss_cross, "dense": dense}
