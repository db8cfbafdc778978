"""A gateway: one configuration, compiled for requests. A reload builds another and swaps them whole."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from plano_extproc.apis import Api
from plano_extproc.config import Config
from plano_extproc.config.catalogue import Endpoint
from plano_extproc.config.models import ModelProvider
from plano_extproc.gateway import intent
from plano_extproc.gateway.chain import Chain, chain, policy
from plano_extproc.gateway.plan import Plan, plan
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.team import Team
from plano_extproc.providers import agents
from plano_extproc.providers.auth import Authorizer
from plano_extproc.routing import Choice, Directory

Key = tuple[Api, Endpoint | None, str | tuple[str, str, str] | None, str]
"""What a plan depends on: dialect or endpoint, the model's name or a choice, and the listener."""

ChainKey = tuple[Api, Endpoint | None, str | tuple[tuple[str, str, str], ...] | None, str]
"""The same for a chain, which may stand for several choices."""

ChainOrNone = TypeVar("ChainOrNone", Chain, Chain | None)

_PLANS_KEPT = 4096
"""Names under a wildcard are the client's choice, so the cache of plans is bounded."""


class Metrics(Protocol):
    """Where an exchange reports what became of it."""

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Count an answer whose status is known."""

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Record how long the gateway took before the provider was called."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What comes from outside.

    `clock` is monotonic, `now` counts seconds since 1970; `exposition` is the text of /metrics. `authorizer` gives what
    pays for the requests of an entry one by one, None where a constant credential does.
    """

    clock: Callable[[], float]
    now: Callable[[], float]
    metrics: Metrics
    exposition: Callable[[], bytes]
    authorizer: Callable[[ModelProvider], Authorizer | None] = lambda _: None


class Gateway:
    """Everything that exchanges read and none of them changes, but for the cache of plans."""

    def __init__(self, config: Config, *, generation: int, ports: Ports) -> None:
        self.config = config
        self.generation = generation
        self.ports = ports
        self.directory = Directory(config, agents.entries(config))
        self.listeners = {listener.name: listener for listener in config.listeners}
        self.teams = {
            listener.name: Team(config, listener, self.directory) for listener in config.listeners if listener.agents
        }
        self.routes = intent.preferences(config.routing_preferences)
        self._route_models = {route.name: route.models for route in config.routing_preferences}
        self._plans: dict[Key, Plan] = {}
        self._chains: dict[ChainKey, Chain | None] = {}

    def plan(self, surface: Surface, model: str | None, listener: str) -> Plan:
        """Return how a request for `model` is served; raises what the directory and `plan` raise."""
        key = (surface.api, surface.endpoint, model, listener)
        return self._plans.get(key) or self._keep(key, self._plan(surface, self.directory.resolve(model), listener))

    def candidate(self, surface: Surface, choice: Choice, listener: str) -> Plan:
        """Return how a request is served by one choice; raises what `plan` raises."""
        key = (surface.api, surface.endpoint, choice.key, listener)
        return self._plans.get(key) or self._keep(key, self._plan(surface, choice, listener))

    def chain(self, surface: Surface, model: str | None, listener: str) -> Chain | None:
        """Return the candidates for `model` in their order; None where there is one."""
        key = (surface.api, surface.endpoint, model, listener)
        if key not in self._chains:
            choices = self.directory.candidates(model)
            self._keep_chain(key, self._chain(surface, choices, listener) if len(choices) > 1 else None)
        return self._chains[key]

    def route_choices(self, route: str) -> tuple[Choice, ...]:
        """Return the models of a route, in the order in which they are tried."""
        choices = [self.directory.resolve(model) for model in self._route_models[route]]
        return tuple(replace(choice, route=route, reason=f"route {route}") for choice in choices)

    def served_by(self, surface: Surface, choices: tuple[Choice, ...], listener: str) -> Plan | Chain:
        """Return how a request is served by choices, in their order."""
        if len(choices) == 1:
            return self.candidate(surface, choices[0], listener)
        key = (surface.api, surface.endpoint, tuple(choice.key for choice in choices), listener)
        return self._chains.get(key) or self._keep_chain(key, self._chain(surface, choices, listener))

    def _chain(self, surface: Surface, choices: tuple[Choice, ...], listener: str) -> Chain:
        plans = tuple(self.candidate(surface, choice, listener) for choice in choices)
        return chain(plans, policy(choices[0].provider))

    def _keep_chain(self, key: ChainKey, made: ChainOrNone) -> ChainOrNone:
        if len(self._chains) >= _PLANS_KEPT:
            self._chains.clear()
        self._chains[key] = made
        return made

    def _plan(self, surface: Surface, choice: Choice, listener: str) -> Plan:
        default = self.config.overrides.upstream_connect_timeout
        authorizer = self.ports.authorizer(choice.provider)
        return plan(choice, surface, listener, default_connect_timeout=default, authorizer=authorizer)

    def _keep(self, key: Key, made: Plan) -> Plan:
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        self._plans[key] = made
        return made
