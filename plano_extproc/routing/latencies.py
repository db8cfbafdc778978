"""Latencies: how long models take to their first byte, from Prometheus or from the gateway's own answers.

Own averages fade: an answer counts half after `HALF_LIFE`, and a model of which nothing was heard for long has no
figure, so that an old slowness does not follow it for ever. Every worker keeps its own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plano_extproc.routing.prices import UnreadableFeed
from plano_extproc.routing.ranking import usable

HALF_LIFE: Final = 60.0
"""Seconds after which an answer counts half."""

LEAST: Final = 0.01
"""Weight below which an average is forgotten: one answer lasts for some seven half-lives."""

_NOTED_AT_ONCE: Final = 1000
"""Answers that are noted at most before they are counted."""

_MODELS_KEPT: Final = 4096
"""Names under a wildcard are the client's choice, so the table is bounded."""


@dataclass(frozen=True, slots=True)
class Average:
    """A mean whose older parts count less: `weight` is how much was heard, as of `at` (seconds, of any clock)."""

    seconds: float
    weight: float
    at: float

    def faded(self, now: float) -> float:
        """Return the weight that is left."""
        return self.weight * math.exp2(-max(now - self.at, 0.0) / HALF_LIFE)

    def heard(self, seconds: float, now: float) -> "Average":
        """Return the mean with one answer more."""
        before = self.faded(now)
        return Average((self.seconds * before + seconds) / (before + 1), before + 1, max(now, self.at))


class Live:
    """Averages of the gateway's own answers, by model; those of streams apart, since they begin earlier."""

    def __init__(self) -> None:
        self._averages: dict[tuple[str, bool], Average] = {}
        self._noted: list[tuple[str, bool, float, float]] = []

    def heard(self, model: str, seconds: float, now: float, *, is_stream: bool = False) -> None:
        """Note an answer whose first byte took so long. It is counted when somebody asks: here a request goes on."""
        self._noted.append((model, is_stream, seconds, now))
        if len(self._noted) >= _NOTED_AT_ONCE:
            self._count()

    def _count(self) -> None:
        noted, self._noted = self._noted, []
        for model, is_stream, seconds, now in noted:
            if usable(seconds) is not None:
                self._add((model, is_stream), seconds, now)

    def _add(self, key: tuple[str, bool], seconds: float, now: float) -> None:
        before = self._averages.pop(key, None)
        if len(self._averages) >= _MODELS_KEPT:
            # Whoever was heard last stands last, so this is the one that was silent longest.
            del self._averages[next(iter(self._averages))]
        self._averages[key] = before.heard(seconds, now) if before else Average(seconds, 1.0, now)

    def figure(self, model: str, now: float, *, is_stream: bool = False) -> float | None:
        """Return seconds, or None where too little was heard of late."""
        if self._noted:
            self._count()
        average = self._averages.get((model, is_stream))
        return average.seconds if average is not None and average.faded(now) >= LEAST else None


def read(body: bytes) -> Mapping[str, float]:
    """Return seconds by model, from Prometheus's answer to an instant query.

    Series need the label `model_name`; those without a usable value are left out. Raises `UnreadableFeed` for what is
    no such answer, or one without a single series: the last good data must stay.
    """
    try:
        document: Any = orjson.loads(body)
        if document["status"] != "success":
            raise UnreadableFeed(f"says {document.get('errorType', 'error')}: {document.get('error', 'no reason')}")
        found = [_sample(series) for series in document["data"]["result"]]
    except orjson.JSONDecodeError as error:
        raise UnreadableFeed(f"is no JSON: {error.msg}") from None
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise UnreadableFeed(f"is no answer to an instant query: {type(error).__name__}") from None
    figures = dict(sample for sample in found if sample is not None)
    if not figures:
        raise UnreadableFeed("holds no series with the label model_name and a usable value")
    return figures


def _sample(series: Any) -> tuple[str, float] | None:
    name = series["metric"].get("model_name")
    try:
        value = usable(float(series["value"][1]))
    except ValueError:
        return None
    return None if name is None or value is None else (name, value)


def figure(table: Mapping[str, float], model: str) -> float | None:
    """Return what a source says of a model, as it is written or without its provider."""
    found = table.get(model)
    return table.get(model.partition("/")[2]) if found is None else found
