"""MLflow's tracking, artifacts and registry protocol, served from a repository.

`make_routes` gives the routes, for any application of Starlette; unmodified clients of MLflow log
runs, models and datasets through them, and what they log becomes runs and versions. Needs the extra
``server``. See docs/design/mlflow.md for what becomes what.
"""

from ._routes import make_routes

__all__ = ["make_routes"]
