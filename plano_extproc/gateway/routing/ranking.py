"""What models cost and how fast they are, as far as is known at the moment, and the order that follows from it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from plano_extproc.errors import GatewayError
from plano_extproc.routing import Directory
from plano_extproc.routing.latencies import Live
from plano_extproc.routing.preferences import Preference
from plano_extproc.routing.prices import Prices, Rates
from plano_extproc.routing.ranking import Ranked, rank

_EXPLORED: Final = 0.05
"""Share of requests that go first to a model whose speed nobody knows: it would never be known else."""


class Feeds(Protocol):
    """What configured sources say."""

    @property
    def prices(self) -> Prices:
        """What they say models cost."""

    @property
    def has_latencies(self) -> bool:
        """Whether a source of latencies has answered: our own averages then do not count."""

    def latency(self, model: str) -> float | None:
        """Return seconds; None where nothing is said of a model."""


class Unfed:
    """No source: the shipped prices, and our own averages."""

    prices = Prices()
    has_latencies = False

    def latency(self, model: str) -> float | None:  # noqa: ARG002 - as sources are asked
        """Return that nothing is said."""
        return None


class Ranking:
    """The order of models by price or speed."""

    def __init__(
        self, directory: Directory, feeds: Feeds, live: Live, *, now: Callable[[], float], draw: Callable[[], float]
    ) -> None:
        """`draw` gives a random number in [0, 1)."""
        self._directory = directory
        self._feeds = feeds
        self._live = live
        self._now = now
        self._draw = draw

    def rates(self, model: str) -> Rates | None:
        """Return the prices of a model, by any of its names."""
        prices = self._feeds.prices
        return prices.of(model) or prices.of(self._full(model))

    def ranked(self, preference: Preference, *, is_stream: bool) -> Ranked:
        """Return the models of a preference, best first."""
        if preference.prefer == "cheapest":
            return rank(preference.models, "cheapest", self._price)
        if preference.prefer == "fastest":
            return self._fastest(preference, is_stream=is_stream)
        return rank(preference.models, "none", self._price)

    def _price(self, model: str) -> float | None:
        rates = self.rates(model)
        return None if rates is None else rates.input + rates.output

    def _fastest(self, preference: Preference, *, is_stream: bool) -> Ranked:
        if self._feeds.has_latencies:
            return rank(preference.models, "fastest", self._told)
        now = self._now()
        figure = self._live.figure
        found = rank(preference.models, "fastest", lambda name: figure(self._full(name), now, is_stream=is_stream))
        unheard = [name for name in found.models if name not in found.figures]
        if not unheard or not found.figures or self._draw() < 1 - _EXPLORED:
            return found
        first = unheard[0]
        others = tuple(name for name in found.models if name != first)
        return replace(found, models=(first, *others), reason=f"{found.reason}; {first} is tried, to know its speed")

    def _told(self, model: str) -> float | None:
        figure = self._feeds.latency(model)
        return self._feeds.latency(self._full(model)) if figure is None else figure

    def _full(self, model: str) -> str:
        try:
            return self._directory.resolve(model).name
        except GatewayError:
            return model
