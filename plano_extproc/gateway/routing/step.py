"""Which model serves: the one that is asked for by name, a route's, or the one that the session stays with."""

from dataclasses import replace

from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.reading import UsageReader, demand_usage, usage_of
from plano_extproc.gateway.routing.models import Chosen
from plano_extproc.gateway.tries.candidates import policy
from plano_extproc.gateway.tries.chain import Plans
from plano_extproc.gateway.work import Doing, Ending, Step, Work
from plano_extproc.routing.intent.route import plain
from plano_extproc.telemetry import figures


def step(gateway: Gateway, listener: Listener) -> Step | None:  # noqa: ARG001 - every listener may come to a model
    """Return what chooses on a listener, where nothing before it has."""

    def choose(work: Work) -> Doing[Reply | None]:
        if work.plans is None:
            work.plans = yield from model(gateway, work)
        return None

    return choose


def model(gateway: Gateway, work: Work) -> Doing[Plans]:
    """Return who serves a request for a model, and leave the reason with it."""
    if work.ask.surface.endpoint is not None:
        return gateway.by_name(work.ask, work.request.get("model"))
    ports = gateway.ports
    begun = ports.clock()
    chosen = yield from gateway.models.choose(work, ports.now())
    if chosen is None:
        return gateway.by_name(work.ask, work.request.get("model"))
    count(gateway, chosen, ports.clock() - begun)
    _remember(gateway, work, chosen)
    work.reason = chosen.reason
    return plans(gateway, work, chosen)


def plans(gateway: Gateway, work: Work, chosen: Chosen) -> Plans:
    """Return how those who were chosen serve."""
    assert chosen.chain is not None, "a request that is to be served has a model"
    tries = chosen.chain.tries
    if chosen.session.route is not None:
        # It goes into headers, and a client may have named it.
        route = work.facts["route"] = plain(chosen.session.route)
        tries = tuple(replace(choice, route=route, reason=f"route {route}") for choice in tries)
    return gateway.served_by(work.ask, tries, policy(chosen.chain))


def count(gateway: Gateway, chosen: Chosen, seconds: float) -> None:
    """Count what was chosen, and how."""
    metrics, decided = gateway.ports.metrics, chosen.session
    if chosen.routed is not None:
        has_route = chosen.routed.name is not None
        metrics.count(figures.ROUTER_DECISIONS, ("llm", decided.model or "none", str(not has_route).lower()))
        metrics.observe(figures.ROUTER_DURATION, ("llm",), seconds)
        if chosen.routed.failure is not None:
            metrics.count(figures.ROUTER_FAILURES, (chosen.routed.failure,))
    if chosen.replayed is not None:
        metrics.count(figures.ROUTER_SKIPS, (chosen.replayed,))
    if chosen.identity is not None:
        metrics.count(figures.SESSION_SWITCH, (decided.outcome, decided.reason))


def _remember(gateway: Gateway, work: Work, chosen: Chosen) -> None:
    """Leave what was chosen for the spans, and have the session remember its answer."""
    work.notes[Chosen] = chosen
    if chosen.identity is None:
        return
    work.facts["session"] = chosen.replayed or chosen.session.reason
    if chosen.key is None:
        return
    if chosen.terms.budget is not None:
        # Only money needs the answer to be read.
        demand_usage(work)
        usage_of(work)

    async def settle(ending: Ending) -> None:
        if ending.served is None or not 200 <= ending.status < 300:
            return
        reader = work.notes.get(UsageReader)
        usage = reader.usage if reader is not None else None
        await gateway.models.settle(chosen, ending.served.choice, usage, gateway.ports.now())
        gateway.ports.metrics.count(figures.SESSION_BINDING, ("refresh",))

    work.endings.append(settle)
