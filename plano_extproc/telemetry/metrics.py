"""Counting into Prometheus metrics (`figures`), added up over all workers of one gateway.

Workers share a folder (`PROMETHEUS_MULTIPROC_DIR`, set before prometheus_client is imported), so any of them can
answer for all. Counting into it costs several microseconds a figure, so the request path only notes what happened, and
`flush` counts it, once a second and before an exposition.
"""

import os
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from plano_extproc import __version__
from plano_extproc.telemetry import figures

_MOST_NOTES: Final = 50_000
"""Notes kept when nobody flushes; at a worker's highest rate this is some ten seconds."""

_MOST_MODELS: Final = 500
"""Names under a wildcard are the client's choice, so that those beyond are counted as `other`."""

Labels = tuple[str, ...]


class Metrics:
    """Notes what happened on the request path, and counts it off the path. All but `spans_*` is for one thread."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Counter | Gauge, Labels], float] = {}
        self._values: dict[tuple[Histogram, Labels], list[float]] = {}
        self._noted = 0
        self._models: set[str] = set()
        self._is_new = True

    def count(self, figure: Counter, labels: Labels, amount: float = 1) -> None:
        """Note so many of something more; labels in the order of their declaration."""
        key = (figure, labels)
        self._sums[key] = self._sums.get(key, 0) + amount

    def change(self, figure: Gauge, labels: Labels, by: float) -> None:
        """Note that a level rose, or fell for less than 0."""
        key = (figure, labels)
        self._sums[key] = self._sums.get(key, 0) + by

    def observe(self, figure: Histogram, labels: Labels, value: float) -> None:
        """Note a value, in the figure's unit."""
        key = (figure, labels)
        noted = self._values.get(key)
        if noted is None:
            self._values[key] = [value]
        else:
            noted.append(value)
        self._noted += 1
        if self._noted > _MOST_NOTES:
            self.flush()

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Note an answer whose status is known."""
        self.count(figures.ANSWERS, (listener, client_api, model, way, str(status)))

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Note how long the gateway took before the provider was called."""
        self.observe(figures.OVERHEAD, (listener, way), seconds)

    def governed(
        self, agent: str, action: str, decision: str, *, prompt: int = 0, completion: int = 0, dollars: float = 0.0
    ) -> None:
        """Note a row of the ledger. Which tool was refused is the ledger's to tell: models make names up."""
        kind = "tool" if action.startswith("tool:") else action
        self.count(figures.GOVERNED, (agent, kind, decision))
        for name, tokens in {"prompt": prompt, "completion": completion}.items():
            if tokens:
                self.count(figures.GOVERNED_TOKENS, (agent, name), tokens)
        if dollars:
            self.count(figures.GOVERNED_COST, (agent,), dollars)

    def governance_failed(self, what: str, times: int) -> None:
        """Note failures of the store of governance, or of the ledger."""
        self.count(figures.GOVERNANCE_FAILURES, (what,), times)

    def spans_exported(self, sink: str, count: int) -> None:
        """Count spans that arrived, at once and from any thread."""
        figures.SPANS.labels(sink).inc(count)

    def spans_dropped(self, sink: str, count: int) -> None:
        """Count spans that were lost, likewise."""
        figures.SPANS_DROPPED.labels(sink).inc(count)

    def flush(self, most: int | None = None) -> bool:
        """Count what was noted, at most `most` series of it; return whether some are left."""
        self._noted = 0
        if self._is_new:
            self._is_new = False
            figures.BUILD.labels(__version__, os.environ.get("PLANO_GIT_SHA", "")).set(1)
        sums, self._sums = self._sums, {}
        for (figure, labels), amount in sums.items():
            figure.labels(*self._bounded(figure, labels)).inc(amount)
        values, self._values = self._values, {}
        for number, ((histogram, labels), noted) in enumerate(values.items(), 1):
            observe_all(histogram, self._bounded(histogram, labels), noted)
            if number == most:
                self._values = dict(islice(values.items(), number, None))
                break
        return bool(self._values)

    def _bounded(self, figure: figures.Figure, labels: Labels) -> Labels:
        place = _MODEL_AT.get(figure)
        if place is None:
            return labels
        model = labels[place]
        if model not in self._models:
            if len(self._models) >= _MOST_MODELS:
                return (*labels[:place], "other", *labels[place + 1 :])
            self._models.add(model)
        return labels

    def exposition(self) -> bytes:
        """Return the metrics of all workers in Prometheus' text format; those of others are up to a second old."""
        self.flush()
        return generate_latest(registry_of_all() if "PROMETHEUS_MULTIPROC_DIR" in os.environ else figures.REGISTRY)


def observe_all(histogram: Histogram, labels: Labels, values: Sequence[float]) -> None:
    """Count values at once: each bucket that they fall into is touched once, not once a value."""
    child: Any = histogram.labels(*labels)
    found = Counts(bisect_left(child._upper_bounds, value) for value in values)  # noqa: SLF001 - it has no other way
    for place, times in found.items():
        child._buckets[place].inc(times)  # noqa: SLF001
    child._sum.inc(sum(values))  # noqa: SLF001


def registry_of_all() -> CollectorRegistry:
    """Return a registry that adds up the figures of every process that shares the folder."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    return registry


@lru_cache(maxsize=4096)
def split(name: str) -> tuple[str, str]:
    """Return provider and model of a full name."""
    provider, slash, model = name.partition("/")
    return (provider, model) if slash else ("unknown", name)


@lru_cache(maxsize=1024)
def status_class(status: int | None) -> str:
    """Return `2xx` and the like, or `error` where there was no answer."""
    return f"{status // 100}xx" if status else "error"


_MODEL_AT: Final[dict[figures.Figure, int]] = {
    figure: labels.index(name)
    for figure in vars(figures).values()
    if isinstance(figure, (Counter, Gauge, Histogram))
    for labels in (figure._labelnames,)  # noqa: SLF001 - prometheus_client does not tell them otherwise
    for name in ("model", "selected_model")
    if name in labels
}
