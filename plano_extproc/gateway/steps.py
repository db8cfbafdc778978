"""What is done with a request before it is served: the steps of every feature, each in a folder of its own.

A feature's `step(gateway, listener)` returns what it does on one listener, None where nothing is configured: an
exchange pays only for the steps that its listener has. `ORDER` is the order in which they run.
"""

from collections.abc import Callable
from typing import Final

from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.agents import step as agents
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.caching import step as cache
from plano_extproc.gateway.conversation import step as state
from plano_extproc.gateway.filters import step as filters
from plano_extproc.gateway.governance import step as govern
from plano_extproc.gateway.guardrails import step as guard
from plano_extproc.gateway.limits import step as quota
from plano_extproc.gateway.memory import step as memory
from plano_extproc.gateway.prompts import step as prompts
from plano_extproc.gateway.routing import step as route
from plano_extproc.gateway.telemetry import step as watch
from plano_extproc.gateway.tries import replicas
from plano_extproc.gateway.work import Step

ORDER: Final[tuple[Callable[[Gateway, Listener], Step | None], ...]] = (
    watch.step,
    govern.step,
    quota.early,
    state.step,
    cache.asked,
    guard.step,
    filters.step,
    memory.step,
    cache.step,
    prompts.step,
    agents.step,
    memory.of_agents,
    prompts.rest,
    route.step,
    govern.serve,
    quota.step,
    state.settle,
    replicas.step,
    watch.sent,
)


def of(gateway: Gateway, listener: Listener) -> tuple[Step, ...]:
    """Return the steps of a listener, in order."""
    made = (make(gateway, listener) for make in ORDER)
    return tuple(step for step in made if step is not None)
