"""Who serves: the model that is asked for by name, the route or the agent that is meant by what is said."""

from plano_extproc.config.listeners import Listener
from plano_extproc.errors import NotImplementedYet
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.chain import Chain, Policy
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.work import Doing, Step, Work

_AGENTS = Policy()


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what chooses on a listener."""
    chosen = _agent if listener.type == "agent" else _model

    def choose(work: Work) -> Doing[Reply | None]:
        if work.plans is None:
            work.plans, work.reason = yield from chosen(gateway, work)
        return None

    return choose


def _model(gateway: Gateway, work: Work) -> Doing[tuple[Plan | Chain, str | None]]:
    yield from ()
    ask, model = work.ask, work.request.get("model")
    if gateway.routes is None or ask.surface.endpoint is not None:
        return gateway.by_name(ask, model), None
    meant = gateway.routes.choose(ask.surface.api, work.request)
    if meant.name is None:
        return gateway.by_name(ask, model), meant.reason
    return gateway.by_route(ask, meant.name), meant.reason


def _agent(gateway: Gateway, work: Work) -> Doing[tuple[Plan | Chain, str | None]]:
    yield from ()
    ask, team = work.ask, gateway.teams[work.ask.listener]
    if team.default is None:
        raise NotImplementedYet(f"none of the agents of listener '{ask.listener}' speaks chat completions")
    if team.chooser is None:
        return gateway.served_by(ask, team.candidates(team.default, "only agent"), _AGENTS), None
    meant = team.chooser.choose(ask.surface.api, work.request)
    if meant.name is None:
        choices = team.candidates(team.default, "default agent")
        return gateway.served_by(ask, choices, _AGENTS), f"default agent; {meant.reason}"
    return gateway.served_by(ask, team.candidates(meant.name, "agent by intent"), _AGENTS), meant.reason
