"""Envoy's routes for chains: what Envoy can only be told by a route, which is how long it waits, and between what.

A request names its route, so there is one for each way to wait that the configuration can lead to.
"""

import hashlib
from dataclasses import dataclass
from itertools import product

from plano_extproc import headers
from plano_extproc.config import Config
from plano_extproc.config.models import Backoff, ModelProvider


@dataclass(frozen=True, slots=True)
class ChainRoute:
    """How a chain waits, in seconds.

    `idle` is how long a try may be silent; None leaves it to the listener. `pause` is the longest first pause between
    two tries, and `longest` the longest of all; Envoy draws each by chance, and doubles what it draws from.
    """

    idle: float | None = None
    pause: float = 0.001
    longest: float = 0.01

    @property
    def name(self) -> str:
        """What requests ask for it by; stable over reloads."""
        if self == _USUAL:
            return headers.CHAIN_ROUTE
        told = f"{self.idle} {self.pause} {self.longest}"
        return f"{headers.CHAIN_ROUTE}_{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def chain_route(first: ModelProvider, backoff: Backoff | None) -> ChainRoute:
    """Return the route of a chain by its first candidate, and by the pauses that it makes between all tries."""
    return _route(_idle(first), backoff)


def chain_routes(config: Config) -> tuple[ChainRoute, ...]:
    """Return every route that a chain of a configuration can take."""
    idles = (None, *(_idle(entry) for entry in config.model_providers))
    pauses = (None, *(entry.retry_policy.backoff for entry in config.model_providers if entry.retry_policy))
    return tuple(dict.fromkeys(_route(idle, pause) for idle, pause in product(idles, pauses)))


def _idle(entry: ModelProvider) -> float | None:
    # Envoy has one clock for the wait before the first byte and for the gaps after it.
    idle = entry.timeouts.idle
    return None if idle is None else max(idle, entry.timeouts.first_byte or 0)


def _route(idle: float | None, backoff: Backoff | None) -> ChainRoute:
    # Without a pause of the user's, the next candidate is another provider: there is nothing to wait for.
    return ChainRoute(idle) if backoff is None else ChainRoute(idle, backoff.base_ms / 1000, backoff.max_ms / 1000)


_USUAL = ChainRoute()
