"""scikit-learn: fits are recorded, each only once however many it has within."""

from __future__ import annotations

import joblib
import pytest
from framework_runs import careful, need, script

import omprov
from omprov.records import RunStatus

pytestmark = [careful, need("sklearn")]

BEGIN = """
import json, warnings
warnings.filterwarnings("error", "omprov could not")
import omprov
"""
DATA = """
from sklearn.datasets import make_classification
X, y = make_classification(n_samples=60, random_state=0)
"""


def test_a_fitted_estimator_is_recorded_on_request(project):
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression

    from omprov.capture.hooks.sklearn import log_estimator

    inputs, targets = make_classification(n_samples=60, random_state=0)
    fitted = LogisticRegression(C=0.5).fit(inputs, targets)
    with omprov.start_run("train") as run:
        log_estimator(run, fitted, "model/logistic")
    recorded = run.recorded
    assert recorded.params["C"] == 0.5
    assert recorded.tags["estimator"].endswith("LogisticRegression")
    copy = project.local_copy(recorded.outputs["model"])
    loaded = joblib.load(copy / "model.joblib")
    assert (loaded.predict(inputs) == fitted.predict(inputs)).all()


@pytest.mark.parametrize("order", ["before", "after"])
def test_autolog_records_outermost_fits_whenever_it_is_called(project, order):
    imports = "from sklearn.pipeline import make_pipeline\nfrom sklearn.svm import SVC\n"
    imports += "from sklearn.preprocessing import StandardScaler\n"
    turned_on = "omprov.autolog()\n" if hasattr(omprov, "autolog") else AUTOLOG
    begin = turned_on + imports if order == "before" else imports + turned_on
    program = (
        BEGIN
        + begin
        + DATA
        + """
scaled = StandardScaler().fit_transform(X)
model = make_pipeline(StandardScaler(), SVC(C=2.0)).fit(X, y)
print(model.score(X, y))
"""
    )
    done = script(project.path.parent, program)
    (run,) = project.list_runs()
    assert run.name == "pipeline"
    assert run.params["svc__C"] == 2.0
    assert run.params["svc"] == "SVC"
    assert run.metrics["score"] == float(done.stdout)
    assert str(run.outputs["model"]) == "model/pipeline:v1"


AUTOLOG = "from omprov.capture.hooks import autolog\nautolog()\n"


def test_a_search_is_one_run_with_what_it_found(project):
    program = (
        BEGIN
        + AUTOLOG
        + DATA
        + """
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier
search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, n_jobs=2, cv=3)
search.fit(X, y)
print(json.dumps([search.best_params_["max_depth"], search.best_score_]))
"""
    )
    done = script(project.path.parent, program)
    depth, score = __import__("json").loads(done.stdout)
    (run,) = project.list_runs()
    assert run.name == "gridsearchcv"
    assert run.params["best.max_depth"] == depth
    assert run.params["estimator"] == "DecisionTreeClassifier"
    assert run.metrics["best_score"] == pytest.approx(score)


def test_the_results_of_a_search_are_a_table(project, monkeypatch):
    from sklearn.datasets import make_classification
    from sklearn.model_selection import GridSearchCV
    from sklearn.naive_bayes import GaussianNB

    from omprov.capture.hooks.sklearn import log_estimator

    inputs, targets = make_classification(n_samples=60, random_state=0)
    grid = {"var_smoothing": [1e-9, 1e-3, 1.0]}
    search = GridSearchCV(GaussianNB(), grid, cv=3).fit(inputs, targets)
    tables = {}
    with omprov.start_run("search") as run:
        monkeypatch.setattr(
            type(run), "log_table", lambda _, name, rows: tables.update({name: rows}), raising=False
        )
        log_estimator(run, search)
    (rows,) = tables.values()
    assert [row["param_var_smoothing"] for row in rows] == [1e-9, 1e-3, 1.0]
    assert [row["mean_test_score"] for row in rows] == list(search.cv_results_["mean_test_score"])


def test_ensembles_that_fit_in_threads_are_one_run(project):
    program = (
        BEGIN
        + AUTOLOG
        + DATA
        + """
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
import joblib
with joblib.parallel_config(backend="threading", n_jobs=4):
    VotingClassifier([("a", LogisticRegression()), ("b", BaggingClassifier())]).fit(X, y)
"""
    )
    script(project.path.parent, program)
    (run,) = project.list_runs()
    assert run.name == "votingclassifier"


def test_a_fit_that_raises_is_a_failed_run_and_raises_on(project):
    program = (
        BEGIN
        + AUTOLOG
        + DATA
        + """
from sklearn.linear_model import LogisticRegression
try:
    LogisticRegression(C=-1).fit(X, y)
except ValueError as error:
    print(type(error).__name__)
LogisticRegression().fit(X, y)
"""
    )
    assert script(project.path.parent, program).stdout.strip() == "InvalidParameterError"
    second, first = project.list_runs()
    assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)


def test_several_fits_in_one_active_run_stay_apart(project):
    program = (
        BEGIN
        + AUTOLOG
        + DATA
        + """
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
with omprov.start_run("mine") as run:
    omprov.active_run = lambda: run
    one = LogisticRegression(C=2.0).fit(X, y)
    two = LogisticRegression(C=3.0).fit(X, y)
    three = GaussianNB().fit(X, y)
    two.score(X, y)
"""
    )
    script(project.path.parent, program)
    (run,) = project.list_runs()
    assert run.name == "mine"
    assert run.params["LogisticRegression.C"] == 2.0
    assert run.params["LogisticRegression-2.C"] == 3.0
    assert list(run.metrics) == ["LogisticRegression-2.score"]
    assert {str(version) for version in run.outputs.values()} == {
        "model/mine:v1",
        "model/mine-logisticregression:v1",
        "model/mine-gaussiannb:v1",
    }


def test_estimators_of_ones_own_are_recorded_and_stay_what_they_are(project):
    program = (
        BEGIN
        + AUTOLOG
        + DATA
        + """
import inspect, pickle
from sklearn.base import BaseEstimator, ClassifierMixin, clone
class Mean(ClassifierMixin, BaseEstimator):
    "Own."
    def __init__(self, shift=0.5):
        self.shift = shift
    def fit(self, X, y=None, *, extra=None):
        "Fit it."
        self.classes_ = [0, 1]
        return self
    def predict(self, X):
        return [1] * len(X)
fitted = clone(Mean(shift=2)).fit(X, y, extra=3)
assert str(inspect.signature(Mean.fit)) == "(self, X, y=None, *, extra=None)"
assert Mean.fit.__doc__ == "Fit it."
pickle.loads(pickle.dumps(fitted))
"""
    )
    script(project.path.parent, program)
    (run,) = project.list_runs()
    assert run.params == {"shift": 2}


def test_what_is_disabled_is_left_alone(project):
    program = (
        BEGIN
        + AUTOLOG
        + 'autolog(disable=("sklearn",))\n'
        + DATA
        + """
from sklearn.naive_bayes import GaussianNB
GaussianNB().fit(X, y)
autolog()
autolog()
GaussianNB().fit(X, y)
"""
    )
    script(project.path.parent, program)
    assert len(project.list_runs()) == 1


def test_a_repository_that_cannot_be_written_costs_one_warning_and_no_fit(project):
    program = (
        AUTOLOG
        + DATA
        + """
import omprov, warnings
from sklearn.naive_bayes import GaussianNB
def broken(*args, **kwargs):
    raise OSError("no room left")
omprov.start_run = broken
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    models = [GaussianNB().fit(X, y) for _ in range(3)]
print(len([w for w in said if "omprov could not" in str(w.message)]), models[2].score(X, y) > 0.5)
"""
    )
    assert script(project.path.parent, program).stdout.strip() == "1 True"
