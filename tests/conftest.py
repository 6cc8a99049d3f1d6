"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    deadline=None,  # no test asserts a time
    suppress_health_check=[HealthCheck.too_slow],  # machines are shared
)
settings.load_profile("suite")
