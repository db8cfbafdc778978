"""What is done with a request before it is served, one module for each thing.

A module's `step(gateway, listener)` returns what it does on one listener, None where nothing is configured: an exchange
pays only for the steps that its listener has. `ORDER` is the order in which they run.
"""

from collections.abc import Callable
from typing import Final

from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.steps import (
    agents,
    cache,
    filters,
    govern,
    guard,
    memory,
    prompts,
    quota,
    replicas,
    route,
    state,
    watch,
)
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
