"""Prometheus metrics of the workers, added up over all processes of one gateway.

Workers share a folder (`PROMETHEUS_MULTIPROC_DIR`, set before prometheus_client is imported), so any of them can
answer for all. Counting into it costs several microseconds a figure, so the request path only notes what happened, and
`flush` counts it, once a second and before an exposition.
"""

import os
from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_OVERHEAD_BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
"""Seconds: a decision takes tenths of a millisecond, a slow policy may take a second."""

_MOST_NOTES = 50_000
"""Notes kept when nobody flushes; at a worker's highest rate this is some ten seconds."""

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

Answer = tuple[str, str, str, str, int]
"""listener, client_api, model, way, status"""

Decision = tuple[str, str, float]
"""listener, way, seconds"""


class Metrics:
    """Notes what happened on the request path, and counts it off the path."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []
        self._decisions: list[Decision] = []

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Note an answer whose status is known."""
        self._answers.append((listener, client_api, model, way, status))

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Note how long the gateway took before the provider was called."""
        self._decisions.append((listener, way, seconds))
        if len(self._decisions) > _MOST_NOTES:
            self.flush()

    def flush(self, most: int | None = None) -> bool:
        """Count what was noted, at most `most` decisions of it; return whether some are left."""
        answers, self._answers = self._answers, []
        for (listener, client_api, model, way, status), number in Tally(answers).items():
            _ANSWERS.labels(listener, client_api, model, way, str(status)).inc(number)
        decisions, self._decisions = self._decisions[:most], [] if most is None else self._decisions[most:]
        for listener, way, seconds in decisions:
            _OVERHEAD.labels(listener, way).observe(seconds)
        return bool(self._decisions)

    def exposition(self) -> bytes:
        """Return the metrics of all workers in Prometheus' text format; those of others are up to a second old."""
        self.flush()
        return generate_latest(registry_of_all() if "PROMETHEUS_MULTIPROC_DIR" in os.environ else _registry)


def registry_of_all() -> CollectorRegistry:
    """Return a registry that adds up the figures of every process that shares the folder."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    return registry
