"""Runs at the start of each Python process of a run: begins to note files, then steps aside.

For Python 3.8 and later, with the standard library alone. Whatever goes wrong in it is passed over.
The `sitecustomize` that would have run without this one runs as if this one were not there.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _begin():
    folder = os.environ.get("OMPROV_WATCH")
    if not folder or sys.implementation.name != "cpython" or sys.version_info < (3, 8):
        return  # PyPy tells of files, but not truly how they are opened
    import _omprov_native
    import _omprov_recorder

    recorder = _omprov_recorder.begin(folder, _HERE)
    if recorder is not None:
        _omprov_native.begin(recorder)


def _step_aside():
    """Take our folder from the path of modules, and run the next `sitecustomize` in our place."""
    sys.path[:] = [entry for entry in sys.path if not _is_ours(entry)]
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    spec = PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:  # what `site` expects where there is none
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _is_ours(entry):
    return isinstance(entry, str) and os.path.abspath(entry or ".") == _HERE


try:
    _begin()
except Exception:
    pass
_step_aside()
