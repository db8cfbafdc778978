"""What a gateway has from outside: time, chance, metrics, stores, and a way to ask others."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import Counter, Gauge, Histogram

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.telemetry import Tracing
from plano_extproc.filters import Sessions
from plano_extproc.flow import Callout, CalloutFailed, Reply
from plano_extproc.gateway.routing.ranking import Feeds, Unfed
from plano_extproc.limits.usage import Tally
from plano_extproc.providers.auth import Authorizer
from plano_extproc.routing.latencies import Live
from plano_extproc.signals import Conversations as Signals
from plano_extproc.signals import Mode
from plano_extproc.stores import Conversations, MemoryStore, SharedStore
from plano_extproc.stores.governor import Governor
from plano_extproc.telemetry.tracing import Tracer


class Metrics(Protocol):
    """Where an exchange reports what became of it."""

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Count an answer whose status is known."""

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Record how long the gateway took before the provider was called."""

    def count(self, figure: Counter, labels: tuple[str, ...], amount: float = 1) -> None:
        """Count something more of a declared figure."""

    def observe(self, figure: Histogram, labels: tuple[str, ...], value: float) -> None:
        """Record a value of a declared figure."""

    def change(self, figure: Gauge, labels: tuple[str, ...], by: float) -> None:
        """Note that a level rose, or fell."""


_UNTRACED = Tracer(Tracing(), put=lambda _: None, bits=lambda _: 0)


async def _nowhere(_: Callout) -> Reply:
    raise CalloutFailed("unreachable")


def _forgotten(work: Coroutine[Any, Any, None]) -> None:
    work.close()


@dataclass(frozen=True, slots=True)
class Ports:
    """What comes from outside.

    `clock` is monotonic, `now` counts seconds since 1970; `exposition` is the text of /metrics. `authorizer` gives what
    pays for the requests of an entry one by one, None where a constant credential does. `random` is in [0, 1).
    `governor` is what governs the agents of a configuration, None where it governs none.
    `send` makes a request through Envoy, and raises `CalloutFailed`; `background` runs what nobody waits for, to its
    end even when the worker stops. `sessions` are those with filters that speak MCP, whatever the configuration.
    `conversations` are those that a configuration keeps, None where it keeps none, `answers` is where answers are kept
    to be given again, `memories` where it is what users have said. `new_id` gives what nobody can guess, in letters and
    digits. `store` is what all workers share under a configuration, `tally` what this one has not told it yet.
    `bindings` is where a configuration's sessions are kept, `feeds` are its sources of prices and latencies, and `live`
    has the latencies that this worker has seen. `tracer` begins the spans of a configuration, `signals` reads
    conversations in a mode, and `later` calls what can wait until this worker has nothing better to do.
    """

    clock: Callable[[], float]
    now: Callable[[], float]
    metrics: Metrics
    exposition: Callable[[], bytes]
    authorizer: Callable[[ModelProvider], Authorizer | None] = lambda _: None
    random: Callable[[], float] = lambda: 0.0
    send: Callable[[Callout], Awaitable[Reply]] = _nowhere
    background: Callable[[Coroutine[Any, Any, None]], None] = _forgotten
    governor: Callable[[Config], Governor | None] = lambda _: None
    sessions: Sessions = field(default_factory=Sessions)
    store: Callable[[Config], SharedStore] = lambda _: MemoryStore()
    tally: Tally = field(default_factory=Tally)
    conversations: Callable[[Config], Conversations | None] = lambda _: None
    answers: Callable[[Config], SharedStore] = lambda _: MemoryStore()
    memories: Callable[[Config], SharedStore] = lambda _: MemoryStore()
    new_id: Callable[[], str] = lambda: "id"
    bindings: Callable[[Config], SharedStore] = lambda _: MemoryStore()
    feeds: Feeds = field(default_factory=Unfed)
    live: Live = field(default_factory=Live)
    tracer: Callable[[Config], Tracer] = lambda _: _UNTRACED
    signals: Callable[[Mode], Signals] = Signals
    later: Callable[[Callable[[], None]], None] = lambda _: None
