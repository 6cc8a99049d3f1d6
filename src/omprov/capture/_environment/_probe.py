"""Says which packages the interpreter has that runs this file. Standard library, Python 3.8 on.

The text of this file is also given to other interpreters to run (``python -c``).
"""

import json
import os
import platform
import re
import sys
from importlib import metadata

_NAME = re.compile(r"^Name:\s*(.+?)\s*$", re.MULTILINE)
_VERSION = re.compile(r"^Version:\s*(.+?)\s*$", re.MULTILINE)


def probe():  # type: ignore[no-untyped-def] # noqa: ANN202 - for interpreters that know no types
    """Return the facts as JSON data; of two packages of a name the one that is imported counts."""
    folders = [os.path.abspath(path) for path in sys.path if path]  # noqa: PTH100 - as they are imported from
    packages, direct = {}, {}
    for found in metadata.distributions(path=folders):
        text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
        name, version = _NAME.search(text), _VERSION.search(text)
        if name is None or version is None:
            continue
        plain = re.sub(r"[-_.]+", "-", name.group(1)).lower()
        if plain in packages:
            continue
        packages[plain] = version.group(1)
        place = found.read_text("direct_url.json")
        if place:
            try:
                direct[plain] = json.loads(place)
            except ValueError:
                continue
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "packages": dict(sorted(packages.items())),
        "direct": dict(sorted(direct.items())),
        "folders": folders,
        "prefix": sys.prefix,
        "base": sys.base_prefix,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe()))  # type: ignore[no-untyped-call]
