"""What no tool can be faster than, as processes: `walk` (and stat), `read` (with BLAKE3).

python limits.py read data
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MAPPED = 1 << 20


def walk(folder: str) -> None:
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)


def read(folder: str) -> None:
    from blake3 import blake3

    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.stat().st_size < MAPPED:
                blake3(path.read_bytes()).digest()
            else:
                blake3().update_mmap(path).digest()


if __name__ == "__main__":
    {"walk": walk, "read": read}[sys.argv[1]](sys.argv[2])
