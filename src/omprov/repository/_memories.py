"""Files that remember an answer, in the folder of a repository that may be deleted at any time."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from blake3 import blake3

if TYPE_CHECKING:
    from pathlib import Path


def memory_name(question: Any) -> str:
    """Return the name of the file that has the answer to a question, JSON data."""
    return blake3(json.dumps(question).encode()).hexdigest()[:32] + ".json"


def write_memory(file: Path, answer: Any) -> None:
    """Write an answer, JSON data, in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(json.dumps(answer), encoding="ascii")
    fresh.replace(file)
