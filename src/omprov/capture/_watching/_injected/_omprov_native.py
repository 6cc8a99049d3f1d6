"""Notes files that libraries open in native code, where Python sees nothing.

The functions in `_omprov_table.py` are wrapped as soon as their module was imported. For Python 3.8
and later, with the standard library alone.
"""

import os
import sys
from time import monotonic_ns

from _omprov_recorder import pass_over
from _omprov_table import NOT_COVERED, READERS_AND_WRITERS

_MODES = {"r": "R", "rb": "R", "rm": "R", "w": "W", "wb": "W", "w-": "W", "x": "W"}
_MARK = "_omprov_wrapped"


def begin(recorder):
    """Watch what is imported from now on, and what was imported already."""
    sys.meta_path.insert(0, Finder(recorder))
    for name in list(sys.modules):
        if name in READERS_AND_WRITERS:
            _quietly(recorder, wrap_module, sys.modules[name])


class Finder:
    """Finds nothing by itself: lets others find, and looks after what they load."""

    def __init__(self, recorder):
        self._recorder = recorder

    def find_spec(self, name, path=None, target=None):
        if name not in READERS_AND_WRITERS and name not in NOT_COVERED:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                _quietly(self._recorder, _look_after, spec)
                return spec
        return None


def _look_after(recorder, spec):
    """Let the loader of one module call us once the module is there."""
    loader = spec.loader
    run = getattr(loader, "exec_module", None)
    if run is None or not hasattr(loader, "__dict__") or isinstance(loader, type):
        return

    def exec_module(module):
        vars(loader).pop("exec_module", None)
        run(module)
        if spec.name in NOT_COVERED:
            _quietly(recorder, _not_covered, spec.name)
        if spec.name in READERS_AND_WRITERS:
            _quietly(recorder, wrap_module, module)

    loader.exec_module = exec_module


def _not_covered(recorder, name):
    recorder.put("u", monotonic_ns(), name)


def _quietly(recorder, function, argument):
    try:
        function(recorder, argument)
    except Exception as error:
        pass_over(error)


def wrap_module(recorder, module):
    """Wrap what the table tells of one module; what is not there is passed over."""
    for path, kind, position, name in READERS_AND_WRITERS.get(module.__name__, ()):
        owner = module
        *above, last = path.split(".")
        for part in above:
            owner = getattr(owner, part, None)
        if isinstance(owner, _Wrapped):
            continue
        found = vars(owner).get(last) if isinstance(owner, type) else getattr(owner, last, None)
        if found is None or getattr(found, _MARK, False):
            continue
        offset = 1 if isinstance(owner, type) else 0
        note = _noting(recorder, kind, position + offset, name)
        try:
            _replace(owner, last, found, note)
        except Exception as error:
            pass_over(error)


def _replace(owner, last, found, note):
    if isinstance(found, type):
        if "__init__" in vars(found) and found.__flags__ & (1 << 9):  # made by a class statement
            first = found.__init__
            if getattr(first, _MARK, False):
                return
            try:
                found.__init__ = _function(first, lambda args, named: note(args[1:], named))
                return
            except TypeError:  # it cannot be changed
                pass
        setattr(owner, last, _Wrapped(found, note))
    elif hasattr(found, "__code__"):
        setattr(owner, last, _function(found, note))
    elif not isinstance(owner, type):
        setattr(owner, last, _Wrapped(found, note))


def _function(function, note):
    def call(*args, **named):
        note(args, named)
        return function(*args, **named)

    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        if hasattr(function, name):
            setattr(call, name, getattr(function, name))
    vars(call).update(vars(function) if hasattr(function, "__dict__") else {})
    call.__wrapped__ = function
    setattr(call, _MARK, True)
    return call


class _Wrapped:
    """A native function or class with a note before each call; else it is what it wraps."""

    def __init__(self, wrapped, note):
        vars(self).update(
            _omprov_wrapped=wrapped,
            _omprov_note=note,
            __doc__=wrapped.__doc__,
            __name__=getattr(wrapped, "__name__", ""),
            __qualname__=getattr(wrapped, "__qualname__", ""),
            __module__=getattr(wrapped, "__module__", None),
            __wrapped__=wrapped,
        )

    def __call__(self, *args, **named):
        self._omprov_note(args, named)
        return self._omprov_wrapped(*args, **named)

    def __getattr__(self, name):
        return getattr(self._omprov_wrapped, name)

    def __setattr__(self, name, value):
        setattr(self._omprov_wrapped, name, value)

    def __repr__(self):
        return repr(self._omprov_wrapped)

    def __reduce__(self):
        return self.__qualname__

    def __mro_entries__(self, bases):
        return (self._omprov_wrapped,)

    def __instancecheck__(self, instance):
        return isinstance(instance, self._omprov_wrapped)

    def __subclasscheck__(self, subclass):
        return issubclass(subclass, self._omprov_wrapped)

    def __eq__(self, other):
        return self._omprov_wrapped == getattr(other, "__wrapped__", other)

    def __hash__(self):
        return hash(self._omprov_wrapped)

    def __or__(self, other):
        return self._omprov_wrapped | other

    def __ror__(self, other):
        return other | self._omprov_wrapped


def _noting(recorder, kind, position, name):
    """Return a function that notes the paths among the arguments of one call."""

    def note(args, named):
        try:
            if kind == "drain":
                recorder.drain()
                return
            given = args[position] if len(args) > position else named.get(name)
            if given is None:
                return
            how = kind
            if kind == "mode":
                following = position + 1
                mode = args[following] if len(args) > following else named.get("mode")
                how = _MODES.get(mode or "r", "B")
            elif kind == "lmdb":
                how = "R" if named.get("readonly") else "B"
            for path in given if isinstance(given, (list, tuple)) else (given,):
                _note(recorder, how, path)
        except Exception as error:
            pass_over(error)

    return note


def _note(recorder, how, path):
    if not isinstance(path, (str, bytes)):
        if not hasattr(path, "__fspath__"):  # an open file, a buffer, a number
            return
        path = os.fspath(path)
    path = os.fsdecode(path)
    path = path.removeprefix("file://")
    if not path or "://" in path or len(path) > 4096 or "\n" in path[:1]:
        return
    if how == "B" and not os.path.exists(path):
        how = "W"
    recorder.put(how, monotonic_ns(), path)
