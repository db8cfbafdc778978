"""Prometheus metrics of the workers, added up over all processes of one gateway.

Workers share a folder (`PROMETHEUS_MULTIPROC_DIR`, set before prometheus_client is imported), so any of them can
answer for all.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_OVERHEAD_BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
"""Seconds: a decision takes tenths of a millisecond, a slow policy may take a second."""

_registry = CollectorRegistry()

_ANSWERS = Counter(
    "plano_answers",
    "Answers given, by what served them. `way` is bypass, direct, or local for answers of the sidecar itself.",
    ("listener", "client_api", "model", "way", "status"),
    registry=_registry,
)
_OVERHEAD = Histogram(
    "plano_overhead_seconds",
    "Time from the request's headers until the provider is called.",
    ("listener", "way"),
    buckets=_OVERHEAD_BUCKETS,
    registry=_registry,
)


class Metrics:
    """Counts answers. Label lookups are cached, since they cost more than the counting."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, ...], Counter] = {}
        self._overhead: dict[tuple[str, str], Histogram] = {}

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Count an answer whose status is known."""
        labels = (listener, client_api, model, way, str(status))
        child = self._answers.get(labels)
        if child is None:
            child = self._answers[labels] = _ANSWERS.labels(*labels)
        child.inc()

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Record how long the gateway took before the provider was called."""
        child = self._overhead.get((listener, way))
        if child is None:
            child = self._overhead[listener, way] = _OVERHEAD.labels(listener, way)
        child.observe(seconds)


def exposition() -> bytes:
    """Return the metrics of all workers in Prometheus' text format."""
    return generate_latest(registry_of_all() if "PROMETHEUS_MULTIPROC_DIR" in os.environ else _registry)


def registry_of_all() -> CollectorRegistry:
    """Return a registry that adds up the figures of every process that shares the folder."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    return registry
