"""What the server counts of itself, for Prometheus.

With several workers each writes its counts to files in a folder of this run (the environment names
it, as prometheus-client wants), and any of them answers for all.
"""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = CONTENT_TYPE_LATEST

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

requests = Counter(
    "omprov_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
seconds = Histogram(
    "omprov_request_seconds", "Seconds to the end of an answer.", ["route"], buckets=_BOUNDS
)
in_flight = Gauge("omprov_requests_in_flight", "Requests at work.", multiprocess_mode="livesum")
streams = Gauge(
    "omprov_event_streams", "Clients that follow the change feed.", multiprocess_mode="livesum"
)


def exposition() -> bytes:
    """Return what Prometheus reads."""
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
