"""What an installed package has: its entry points."""

from __future__ import annotations

import fsspec

if "omprov" not in fsspec.available_protocols():  # run from a source tree
    fsspec.register_implementation("omprov", "omprov._fsspec.OmprovFileSystem")
