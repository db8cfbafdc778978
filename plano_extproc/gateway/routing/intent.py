"""Who is meant by what a request says: a route for a model, or agents. Routers, compiled for a configuration.

A router is local, or a configured model that is asked through Envoy; whatever happens to that, somebody is named or
nobody is, and the request goes on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Literal

from plano_extproc.agents import Candidate, Routed
from plano_extproc.agents import Router as AgentRouter
from plano_extproc.config import Config
from plano_extproc.flow import Flow
from plano_extproc.gateway.work import Doing, Work, wait_for
from plano_extproc.routing.cooldown import FINE, Rule
from plano_extproc.routing.intent import Decision, Route, Router, choose, decide
from plano_extproc.routing.intent.decide import LOCAL
from plano_extproc.routing.preferences import Preference
from plano_extproc.routing.turns import Conversation, conversation

Role = Literal["llm_routing_model", "agent_orchestration_model"]

_KEPT: Final = 16
"""Sets of preferences that requests bring along, compiled: a client mostly sends the same ones. One may take 10 MB."""

_SLOW: Final = 32
"""So many routes are compiled by a thread, so that other requests need not wait; MiniLM's always are."""


class Routers:
    """The routers of one role.

    A model that has failed several times in a row is not asked for a while, by the rule of the cool-downs: each request
    would wait for its time-out.
    """

    def __init__(self, config: Config, role: Role, serves: Callable[[str], bool], now: Callable[[], float]) -> None:
        """Prepare; `serves` says whether a model's name can be resolved. Raises `EncoderMissing`."""
        self._kind = _kind(getattr(config.overrides, role), serves)
        self._context = config.overrides.orchestrator_model_context_length
        self._timeout = config.overrides.router_timeout
        self._compiled: OrderedDict[tuple[Route, ...], Router] = OrderedDict()
        self._rule = Rule(config.cooldown.after, config.cooldown.for_)
        self._state = FINE
        self._now = now
        # What is missing is to show at the start, not at the first request.
        self._choose(())

    @property
    def asks_a_model(self) -> bool:
        """Whether a configured model decides, which costs something."""
        return self._kind not in LOCAL

    def of(self, described: Iterable[tuple[str, str]]) -> Router:
        """Return the router for names and descriptions."""
        return self._choose(tuple(Route.described(name, description) for name, description in described))

    def inline(self, preferences: tuple[Preference, ...]) -> Doing[Router]:
        """Return the router for the preferences of a request."""
        routes = tuple(Route.described(one.name, one.description) for one in preferences)
        found = self._compiled.get(routes)
        if found is None:
            if self._kind == "local/minilm" or len(routes) > _SLOW:
                found = yield from wait_for(lambda: asyncio.to_thread(self._choose, routes))
            else:
                found = self._choose(routes)
            self._compiled[routes] = found
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(routes)
        return found

    def decide(self, router: Router, work: Work, *, many: bool = False) -> Flow[Decision]:
        """Return which route a request takes, or with `many` which ones; it is left for the log and spans too."""
        rests = self._state.is_cooling(self._now())
        decision = yield from decide(router, said(work).turns, many=many, rests=rests)
        if router.model is not None and not rests:
            self._state = FINE if decision.failure is None else self._state.failed(self._rule, self._now())
        tell(work, decision)
        return decision

    def _choose(self, routes: tuple[Route, ...]) -> Router:
        return choose(self._kind, routes, timeout=self._timeout, context_tokens=self._context)


class AgentChoice:
    """Chooses among the agents of one listener."""

    def __init__(self, routers: Routers) -> None:
        self._routers = routers
        self._compiled: dict[tuple[Candidate, ...], Router] = {}

    def router(self, work: Work) -> AgentRouter:
        """Return what says which agents, in which order, a request is for."""

        def ask(candidates: tuple[Candidate, ...]) -> Flow[Routed]:
            decision = yield from self.decide(work, candidates, many=True)
            return Routed(decision.names, decision.reason)

        return ask

    def decide(self, work: Work, candidates: tuple[Candidate, ...], *, many: bool) -> Flow[Decision]:
        """Return which agents a request is for: the best one, or with `many` all that it asks for, in their order."""
        router = self._compiled.get(candidates)
        if router is None:
            # A listener has one set of agents, so this happens once.
            router = self._routers.of((one.name, one.description) for one in candidates)
            self._compiled = {candidates: router}
        return (yield from self._routers.decide(router, work, many=many))


def said(work: Work) -> Conversation:
    """Return what a request says, as routers and sessions see it."""
    kept: tuple[object, Conversation] | None = work.notes.get(Conversation)
    if kept is None or kept[0] is not work.request:
        kept = work.notes[Conversation] = (work.request, conversation(work.ask.surface.api, work.request))
    return kept[1]


def tell(work: Work, decision: Decision) -> None:
    """Leave for the access log and for spans what a router has decided."""
    work.facts["router"] = decision.router
    work.facts["route_reason"] = decision.reason
    if decision.failure:
        work.facts["router_failure"] = decision.failure


def _kind(wanted: str | None, serves: Callable[[str], bool]) -> str:
    """Return what `choose` takes. Plano 0.4 names its router with a prefix that is no provider's."""
    if wanted is None or wanted in LOCAL:
        return wanted or _LOCAL
    return next((name for name in (wanted, wanted.partition("/")[2]) if serves(name)), _LOCAL)


_LOCAL: Final = "local/lexical"
