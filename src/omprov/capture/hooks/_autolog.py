"""`omprov.autolog`: hooks turned on for whatever framework is imported, before or after."""

from __future__ import annotations

from functools import partial, wraps
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput

from ._harmless import harmless
from ._imports import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_on: set[str] = set()
_watched: set[str] = set()


def autolog(*, disable: Iterable[str] = ()) -> None:
    """Record every training with scikit-learn, Lightning, transformers, Keras and Optuna.

    Frameworks are not imported; each is hooked into when the program imports it, or now if it has.
    What is trained within ``with omprov.start_run(…)`` is recorded there; else each training is a
    run of its own. Plain PyTorch has nothing to hook into: use `omprov.capture.hooks.torch`, or
    `omprov run`.

    A second call only changes which frameworks are recorded. An error inside a hook is said once,
    as a warning, and training goes on.

    Args:
        disable: frameworks to leave alone: ``sklearn``, ``lightning``, ``transformers``, ``keras``,
            ``optuna``.

    Raises:
        InvalidInput: there is no such framework.
    """
    off = {disable} if isinstance(disable, str) else set(disable)
    if unknown := off - {name for name, _ in _HOOKS.values()}:
        raise InvalidInput(
            f"no framework {min(unknown)!r} is hooked into; those are "
            f"{', '.join(sorted({name for name, _ in _HOOKS.values()}))}"
        )
    _on.clear()
    _on.update(name for name, _ in _HOOKS.values() if name not in off)
    for module, (name, turn_on) in _HOOKS.items():
        if name in _on and module not in _watched:
            _watched.add(module)
            when_imported(module, partial(harmless(name)(turn_on), module))


def is_on(name: str) -> bool:
    """Tell whether a framework is recorded."""
    return name in _on


def _hook(name: str) -> Any:
    return import_module(f"{__package__}.{name}")


def _sklearn(_: str) -> None:
    _hook("sklearn").wrap_estimators(partial(is_on, "sklearn"))


def _lightning(module: str) -> None:
    trainer = import_module(module).Trainer
    logger = _hook(module.split(".", maxsplit=1)[0]).OmprovLogger

    @harmless("lightning")
    def add(self: Any) -> None:
        """Add a logger; a trainer that is told to have none keeps to that."""
        if self.loggers and not any(isinstance(one, logger) for one in self.loggers):
            self.loggers = [*self.loggers, logger()]

    _after(trainer, "__init__", "lightning", add)


def _transformers(module: str) -> None:
    trainer = import_module(module).Trainer
    callback = _hook("transformers").OmprovCallback

    @harmless("transformers")
    def add(self: Any) -> None:
        if not any(isinstance(one, callback) for one in self.callback_handler.callbacks):
            self.add_callback(callback())

    _after(trainer, "__init__", "transformers", add)


def _keras(module: str) -> None:
    model = import_module(module).Model
    callback = _hook("keras").OmprovCallback
    _with_callback(model, "fit", "keras", callback)


def _optuna(module: str) -> None:
    study = import_module(module).Study
    callback = _hook("optuna").OmprovCallback
    _with_callback(study, "optimize", "optuna", callback)


def _after(owner: type, method: str, name: str, action: Callable[[Any], object]) -> None:
    """Do something after each call of a method while the framework is recorded."""
    before = getattr(owner, method)

    @wraps(before)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = before(self, *args, **kwargs)
        if is_on(name):
            action(self)
        return result

    setattr(owner, method, wrapped)


def _with_callback(owner: type, method: str, name: str, callback: type) -> None:
    """Add a callback to each call of a method while the framework is recorded."""
    before = getattr(owner, method)
    shape = signature(before)

    @harmless(name)
    def with_one(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        bound = shape.bind(*args, **kwargs)
        given = bound.arguments.get("callbacks")
        if given is not None and not isinstance(given, list | tuple):
            return None  # a container of the framework's own, which the caller has filled
        held = list(given or ())
        if not any(isinstance(one, callback) for one in held):
            held.append(callback())
        bound.arguments["callbacks"] = held
        return bound.args, bound.kwargs

    @wraps(before)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        found = with_one(args, kwargs) if is_on(name) else None
        if found is not None:
            args, kwargs = found
        return before(*args, **kwargs)

    setattr(owner, method, wrapped)


_HOOKS: dict[str, tuple[str, Callable[[str], None]]] = {
    "sklearn": ("sklearn", _sklearn),
    "lightning.pytorch": ("lightning", _lightning),
    "pytorch_lightning": ("lightning", _lightning),
    "transformers.trainer": ("transformers", _transformers),
    "keras": ("keras", _keras),
    "optuna": ("optuna", _optuna),
}
"""Module that is waited for → framework, and what turns its hook on."""
