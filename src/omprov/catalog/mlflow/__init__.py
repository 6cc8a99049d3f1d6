"""What MLflow's protocol keeps in a catalog beside runs and versions, and its searches.

Experiments are groups of a project's runs; logged and registered models are versions and assets
with MLflow's own facts; artifacts are files that runs leave as they go on. `MlflowReads` and
`MlflowWrites` are sides of the catalog's transactions (`CatalogReader.mlflow`). Nothing here knows
the protocol itself: `omprov.interop.mlflow` does.
"""

from ._criteria import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    PRESENT,
    REGISTERED_MODELS,
    RUNS,
    Comparison,
    Criteria,
    Ordering,
    Subject,
)
from ._facts import (
    ArtifactFile,
    Experiment,
    Link,
    LoggedModel,
    ModelMetric,
    RegisteredModel,
    RegisteredVersion,
    Trace,
    TrackedMetric,
    TrackedRun,
)
from ._sides import MlflowReads, MlflowWrites

__all__ = [
    "EXPERIMENTS",
    "LOGGED_MODELS",
    "MODEL_VERSIONS",
    "PRESENT",
    "REGISTERED_MODELS",
    "RUNS",
    "ArtifactFile",
    "Comparison",
    "Criteria",
    "Experiment",
    "Link",
    "LoggedModel",
    "MlflowReads",
    "MlflowWrites",
    "ModelMetric",
    "Ordering",
    "RegisteredModel",
    "RegisteredVersion",
    "Subject",
    "Trace",
    "TrackedMetric",
    "TrackedRun",
]
