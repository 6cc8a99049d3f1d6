"""Doing something as soon as a module is imported, be that before or after now."""

from __future__ import annotations

import sys
import threading
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Action = Callable[[], object]


def when_imported(module: str, action: Action) -> None:
    """Call `action` once the module has been imported: now if it is there already.

    Args:
        module: its full name.
        action: must not raise.
    """
    with _lock:
        loaded = sys.modules.get(module)
        if loaded is None or _is_loading(loaded):
            _waiting.setdefault(module, []).append(action)
            if _watcher not in sys.meta_path:
                sys.meta_path.insert(0, _watcher)
            return
    action()


def _is_loading(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Watcher(MetaPathFinder):
    """Finds nothing itself; lets the loader of a module that is waited for tell when it is done."""

    def __init__(self) -> None:
        self._asking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Ask the other finders, and put the waiting actions behind what their loader does."""
        del path, target
        if fullname not in _waiting or getattr(self._asking, "name", None) == fullname:
            return None
        before, self._asking.name = getattr(self._asking, "name", None), fullname
        try:
            spec = find_spec(fullname)
        finally:
            self._asking.name = before
        loader: Any = None if spec is None else spec.loader
        if loader is not None and hasattr(loader, "exec_module"):
            load = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                vars(loader).pop("exec_module", None)
                load(module)
                _act(fullname)

            loader.exec_module = exec_module
        return spec


def _act(module: str) -> None:
    with _lock:
        actions = _waiting.pop(module, [])
    for action in actions:
        action()


_lock = threading.RLock()
_waiting: dict[str, list[Action]] = {}
_watcher = _Watcher()
