"""scikit-learn: fitted estimators with their parameters, searches and scores.

`log_estimator` records one; `omprov.autolog` wraps ``fit`` and ``score`` of all that can predict.
"""

from __future__ import annotations

import io
import threading
import weakref
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import joblib
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from omprov.records import RunStatus, name_like

from ._harmless import harmless
from ._plain import number, plain
from ._recordings import Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from omprov.repository import ActiveRun

    F = TypeVar("F", bound=Callable[..., Any])

_HOOK = "scikit-learn"
_MARK = "__omprov_wrapped__"


def log_estimator(run: ActiveRun, estimator: BaseEstimator, asset: str | None = None) -> None:
    """Record a fitted estimator: its parameters, what a search found, and itself as a model.

    The model is a pickle that joblib writes: reading one back executes what is in it, so load only
    those that you trust (``joblib.load(run.use("model/…").path / "model.joblib")``), and with the
    version of scikit-learn that wrote it.

    Args:
        run: which run made it.
        estimator: fitted.
        asset: whose version it becomes; else ``model/RUN``.
    """
    _record(Recording(run, is_own=False), estimator, prefix="", asset=asset)


def _record(
    recording: Recording, estimator: BaseEstimator, *, prefix: str, asset: str | None = None
) -> None:
    kind = type(estimator).__name__
    recording.log_params({f"{prefix}{name}": value for name, value in params_of(estimator).items()})
    recording.set_tags({f"{prefix}estimator": f"{type(estimator).__module__}.{kind}"})
    if hasattr(estimator, "best_params_"):
        best = {f"{prefix}best.{name}": one for name, one in estimator.best_params_.items()}
        recording.log_params(best)
        recording.log_metrics({f"{prefix}best_score": estimator.best_score_})
    if hasattr(estimator, "cv_results_"):
        recording.log_table(f"{prefix}cv_results", _rows(estimator.cv_results_))
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    recording.log_model(
        {"model.joblib": buffer.getvalue()}, asset=asset, label=name_like(kind, "x")
    )


def params_of(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the parameters of an estimator and of those within it, as JSON values.

    Of an estimator within it the parameter itself is the name of its class.
    """
    return {
        name: type(value).__name__ if isinstance(value, BaseEstimator) else plain(value)
        for name, value in estimator.get_params(deep=True).items()
        if not (isinstance(value, list) and name == "steps")
    }


def _rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    columns = {name: list(values) for name, values in results.items() if name != "params"}
    count = min(map(len, columns.values()), default=0)
    return [{name: plain(values[at]) for name, values in columns.items()} for at in range(count)]


class _Fits:
    """Which fit is the outermost one, and what the fitted estimators are recorded in.

    What other estimators fit meanwhile, in whichever thread, is part of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_fitting = False
        self.recordings: weakref.WeakKeyDictionary[Any, tuple[Recording, str]] = (
            weakref.WeakKeyDictionary()
        )
        self.in_run: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def enter(self) -> bool:
        """Begin something that is recorded, unless it is a part of something else."""
        with self._lock:
            if self._is_fitting:
                return False
            self._is_fitting = True
            return True

    def leave(self) -> None:
        """End it."""
        with self._lock:
            self._is_fitting = False


_fits = _Fits()


def wrap_estimators(is_on: Callable[[], bool]) -> None:
    """Wrap ``fit`` and ``score`` of every class of estimators, those still to be defined too.

    A second call changes nothing.

    Args:
        is_on: asked at each fit whether it is to be recorded.
    """
    if getattr(BaseEstimator, _MARK, False):
        return
    setattr(BaseEstimator, _MARK, True)
    before = BaseEstimator.__init_subclass__.__func__

    def init_subclass(cls: type, /, **kwargs: Any) -> None:
        before(cls, **kwargs)
        _wrap_class(cls, is_on)

    BaseEstimator.__init_subclass__ = classmethod(init_subclass)
    for cls in (ClassifierMixin, RegressorMixin, *_all_below(BaseEstimator)):
        _wrap_class(cls, is_on)


def _all_below(cls: type) -> list[type]:
    found: list[type] = cls.__subclasses__()
    return [*found, *(one for each in found for one in _all_below(each))]


@harmless(_HOOK)
def _wrap_class(cls: type, is_on: Callable[[], bool]) -> None:
    for name, wrap in (("fit", _recorded_fit), ("score", _recorded_score)):
        method = cls.__dict__.get(name)
        holder, place = (method, "fn") if hasattr(method, "fn") else (cls, name)
        method = getattr(method, "fn", method)  # of what is there under a condition only
        if callable(method) and not hasattr(method, _MARK):
            wrapped = wrap(method, is_on)
            setattr(wrapped, _MARK, True)
            setattr(holder, place, wrapped)


def _recorded_fit(fit: F, is_on: Callable[[], bool]) -> F:
    """Make a ``fit`` that records what it fitted, if it is the outermost one."""

    @wraps(fit)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_on() or not hasattr(self, "predict") or not _fits.enter():
            return fit(self, *args, **kwargs)
        recording = _begin(self)
        try:
            fitted = fit(self, *args, **kwargs)
            if recording is not None:
                _note(recording, self)
        except BaseException:
            if recording is not None:
                _end(recording, RunStatus.FAILED)
            raise
        finally:
            _fits.leave()
        if recording is not None:
            _end(recording, RunStatus.SUCCEEDED)
        return fitted

    return recorded  # type: ignore[return-value]


@harmless(_HOOK)
def _begin(estimator: BaseEstimator) -> Recording:
    return Recording.begin(name_like(type(estimator).__name__, "fit"))


@harmless(_HOOK)
def _end(recording: Recording, status: RunStatus) -> None:
    recording.end(status)


@harmless(_HOOK)
def _note(recording: Recording, estimator: BaseEstimator) -> None:
    """Record a fit; in a run that has several, under the name of the class."""
    prefix = ""
    if not recording.is_own:
        before = _fits.in_run.get(recording.run, 0)
        _fits.in_run[recording.run] = before + 1
        label = type(estimator).__name__
        prefix = f"{label}." if not before else f"{label}-{before + 1}."
    _fits.recordings[estimator] = (recording, prefix)
    _record(recording, estimator, prefix=prefix)


def _recorded_score(score: F, is_on: Callable[[], bool]) -> F:
    """Make a ``score`` that records its result, for an estimator whose fit was recorded."""

    @wraps(score)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_on() or not _fits.enter():
            return score(self, *args, **kwargs)
        try:
            found = score(self, *args, **kwargs)
        finally:
            _fits.leave()
        _note_score(self, found)
        return found

    return recorded  # type: ignore[return-value]


@harmless(_HOOK)
def _note_score(estimator: Any, found: Any) -> None:
    recording, prefix = _fits.recordings.get(estimator, (None, ""))
    if recording is not None and number(found) is not None:
        recording.log_metrics({f"{prefix}score": found})


__all__ = ["log_estimator", "params_of", "wrap_estimators"]
