"""What keeps a hook from breaking a training: its errors become warnings, each said once."""

from __future__ import annotations

import threading
import warnings
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_said: set[tuple[str, str]] = set()
_lock = threading.Lock()


def harmless(hook: str) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Decorate what a framework calls: it gives ``None`` where it would raise.

    What ends a program (`KeyboardInterrupt`, `SystemExit`) is let through.

    Args:
        hook: which hook it is, for the warning.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R | None]:
        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  that is the promise
                say_once(hook, function.__name__, error)
                return None

        return guarded

    return decorate


def say_once(hook: str, place: str, error: Exception) -> None:
    """Warn that a hook failed at some place, unless that was said before.

    With warnings turned into errors, it raises: that was asked for.
    """
    with _lock:
        if (hook, place) in _said:
            return
        _said.add((hook, place))
    warnings.warn(
        f"omprov could not record something of {hook} ({place}): {type(error).__name__}: {error}. "
        "Training goes on; this is said once.",
        RuntimeWarning,
        stacklevel=4,
    )
