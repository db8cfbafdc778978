"""A gateway: one configuration, compiled for requests. A reload builds another and swaps them whole."""

from functools import cached_property

from plano_extproc.apis import Api
from plano_extproc.config import Config
from plano_extproc.config.catalogue import Endpoint
from plano_extproc.config.models import ModelProvider
from plano_extproc.errors import GatewayError
from plano_extproc.filters import Filter
from plano_extproc.gateway.agents.team import Team
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.plan import Plan, plan
from plano_extproc.gateway.ports import Ports
from plano_extproc.gateway.routing.lanes import Lanes
from plano_extproc.gateway.routing.marks import takes_marks
from plano_extproc.gateway.routing.models import Models
from plano_extproc.gateway.routing.ranking import Ranking
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.tries import cooldowns
from plano_extproc.gateway.tries.candidates import Candidates, policy
from plano_extproc.gateway.tries.chain import Chain, Plans, Policy, chain
from plano_extproc.gateway.tries.message import Candidate
from plano_extproc.gateway.work import Step
from plano_extproc.limits import Admission
from plano_extproc.providers import agents
from plano_extproc.routing import Choice, Directory
from plano_extproc.stores import Quota, SharedStore, StoreError
from plano_extproc.telemetry import figures

Key = tuple[Api, Endpoint | None, str | tuple[int, str, str] | None, str]
"""What a plan depends on: dialect or endpoint, the model's name or a choice, and the listener."""

ChainKey = tuple[Api, Endpoint | None, tuple[tuple[int, str, str], ...], str, Policy]
"""The same for a chain of choices, and when it goes on."""

_PLANS_KEPT = 4096
"""Names under a wildcard are the client's choice, so the cache of plans is bounded."""


class Gateway:
    """Everything that exchanges read and none of them changes, but for the cache of plans."""

    def __init__(self, config: Config, *, generation: int, ports: Ports) -> None:
        self.config = config
        self.generation = generation
        self.ports = ports
        self.directory = Directory(config)
        self.admission = Admission.of(config)
        self.candidates = Candidates(config, self.directory, self.admission, draw=ports.random)
        own = {entry.name: entry for entry in agents.entries(config)}
        self._entries = {
            self.candidates.pools.label(entry): entry for entry in (*own.values(), *config.model_providers)
        }
        self.listeners = {listener.name: listener for listener in config.listeners}
        self.teams = {listener.name: Team(config, listener, own) for listener in config.listeners if listener.agents}
        as_filters = {agent.id: Filter.of(agent) for agent in config.agents}
        self.filters = {**as_filters, **{one.id: Filter.of(one) for one in config.filters}}
        """All that listeners and agents may name as a filter, by id."""
        self.governor = ports.governor(config)
        self.tracer = ports.tracer(config)
        self.signals = ports.signals(config.overrides.signals_mode)
        ranking = Ranking(self.directory, ports.feeds, ports.live, now=ports.now, draw=ports.random)
        self.models = Models(config, self.directory, self.candidates, ranking, self._lanes(), now=ports.now)
        """Chooses the models of requests. Made with the rest, so that a router that cannot be had shows at once."""
        self.steps: dict[str, tuple[Step, ...]] = {}
        """What is done with a listener's requests. `assemble` fills it; one without an entry serves nobody."""
        self._plans: dict[Key, Plan] = {}
        self._chains: dict[ChainKey, Chain] = {}

    @cached_property
    def store(self) -> SharedStore:
        """What all workers share. Opened by who needs it first; raises `StoreError`."""
        return self.ports.store(self.config)

    @cached_property
    def quota(self) -> Quota:
        """What counts limits, budgets and usage."""
        rule = self.config.overrides.on_limit_store_error
        ports = self.ports
        return Quota(
            self.admission,
            self.store,
            on_error=rule,
            now=ports.now,
            tally=ports.tally,
            failed=lambda: ports.metrics.count(figures.STORE_FAILURES, ("limits",)),
        )

    async def tick(self) -> None:
        """Do what is due about once a second, and when this configuration goes. Never raises."""
        if "quota" in self.__dict__:
            await self.quota.flush()
        if self.candidates.has_choices:
            try:
                await cooldowns.share(self.candidates.board, self.store, self.ports.now())
            except StoreError:
                self.ports.metrics.count(figures.STORE_FAILURES, ("cooldowns",))

    def plan(self, surface: Surface, model: str | None, listener: str) -> Plan:
        """Return how the first entry of a name serves; raises what the directory and `plan` raise."""
        key = (surface.api, surface.endpoint, model, listener)
        return self._plans.get(key) or self._keep(key, self._plan(surface, self.directory.resolve(model), listener))

    def by_name(self, ask: Ask, model: str | None) -> Plans:
        """Return how a request for a model is served; raises what the directory and `plan` raise, and `Forbidden`."""
        now = self.ports.now()
        if ask.client is None and self.candidates.is_fixed(model, now):
            return self.plan(ask.surface, model, ask.listener)
        found = self.candidates.of_name(model, ask.client, now)
        return self.served_by(ask, found.tries, policy(found))

    def served_by(self, ask: Ask, choices: tuple[Choice, ...], rule: Policy) -> Plans:
        """Return how a request is served by choices, in their order."""
        if len(choices) == 1:
            return self._candidate(ask, choices[0])
        key = (ask.surface.api, ask.surface.endpoint, tuple(choice.key for choice in choices), ask.listener, rule)
        found = self._chains.get(key)
        if found is None:
            plans = self._able(ask, choices)
            if len(plans) == 1:
                return plans[0]
            found = chain(plans, rule, lambda choice: self.candidates.pools.label(choice.provider))
            if len(self._chains) >= _PLANS_KEPT:
                self._chains.clear()
            self._chains[key] = found
        return found

    def _able(self, ask: Ask, choices: tuple[Choice, ...]) -> tuple[Plan, ...]:
        """Return the plans of those that can serve what is asked at all; raises the first one's error if none can."""
        plans, errors = [], []
        for choice in choices:
            try:
                plans.append(self._candidate(ask, choice))
            except GatewayError as error:
                errors.append(error)
        if not plans:
            raise errors[0]
        return tuple(plans)

    def heard(self, plan: Plan, seconds: float, *, is_stream: bool) -> None:
        """Take note of how long a model took until its answer began."""
        if plan.choice.agent is None:
            self.ports.live.heard(plan.choice.name, seconds, self.ports.now(), is_stream=is_stream)

    def _lanes(self) -> Lanes:
        metrics, cache = self.ports.metrics, self.config.routing.session_cache
        return Lanes(
            self.ports.bindings(self.config),
            lambda outcome: metrics.count(figures.SESSION_CACHE, (outcome,)),
            is_closed=cache.on_error == "closed",
        )

    def tried(self, ask: Ask, candidate: Candidate) -> Plan | None:
        """Return how the request of an attempt is served; None where its entry is not configured any more."""
        entry = self._entries.get(candidate.entry)
        return self._candidate(ask, Choice(entry, candidate.model, "by entry", candidate.agent)) if entry else None

    def entry(self, candidate: Candidate) -> ModelProvider | None:
        """Return the entry of a candidate; None where it is not configured any more."""
        return self._entries.get(candidate.entry)

    def _candidate(self, ask: Ask, choice: Choice) -> Plan:
        key = (ask.surface.api, ask.surface.endpoint, choice.key, ask.listener)
        return self._plans.get(key) or self._keep(key, self._plan(ask.surface, choice, ask.listener))

    def _plan(self, surface: Surface, choice: Choice, listener: str) -> Plan:
        default = self.config.overrides.upstream_connect_timeout
        authorizer = self.ports.authorizer(choice.provider)
        made = plan(choice, surface, listener, default_connect_timeout=default, authorizer=authorizer)
        made.takes_marks = takes_marks(self.config.prompt_caching, made)
        return made

    def _keep(self, key: Key, made: Plan) -> Plan:
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        self._plans[key] = made
        return made
