"""What the processes of the tests do: they are started anew, and get only what can be pickled."""

from __future__ import annotations


class Samples:
    """A data set as loaders want it: a length, and one item by its number."""

    def __init__(self, files) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number) -> bytes:
        with self.files[number] as file:
            return file.read()


def load(samples, number):
    return samples[number]


def read_on(file):
    return file.read()
