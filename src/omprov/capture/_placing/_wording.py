"""What is said to people of files."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return a text that can be printed and stored, whatever bytes file names are made of."""
    return text.encode(errors="backslashreplace").decode()


def some(paths: list[str]) -> str:
    """Name one file, and say how many there are, as the beginning of a sentence."""
    first = plain(paths[0])
    return f"{first} is" if len(paths) == 1 else f"{len(paths)} files, for example {first}, are"
