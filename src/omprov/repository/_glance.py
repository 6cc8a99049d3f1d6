"""What can be known of a repository without opening it, by its ``.omprov`` folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.catalog import tags_at_a_glance

from ._layout import CATALOG, CONFIG, CONTENT

if TYPE_CHECKING:
    from pathlib import Path


def glance_at_tags(repository: Path, project: str, kind: str, name: str) -> dict[str, str] | None:
    """Return the tags of an asset; ``None`` where only an open repository can tell."""
    return tags_at_a_glance(repository / CATALOG, project, kind, name)


def setup_of(repository: Path) -> list[str]:
    """Return what decides how a repository is opened, and what names in it mean."""
    files = (repository / CONTENT / "layout", repository / CONFIG)
    return [
        file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        for file in files
    ]
