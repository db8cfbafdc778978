"""Prompt targets: what a prompt asks an API for is answered by it; all else goes on to agents, or to a model.

Two steps. The first finds the target that is meant and asks its API. The second takes what no agent wanted either: for
the default target, if there is one, else for a model, with the system prompt of the file.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from plano_extproc import headers
from plano_extproc.config.listeners import Listener
from plano_extproc.errors import InvalidRequest, NotFound
from plano_extproc.gateway.actions import Headers, Reply
from plano_extproc.gateway.agents.hops import Onward
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.prompts.meant import Meant, Targets
from plano_extproc.gateway.say import edited, in_words, say
from plano_extproc.gateway.work import Doing, Step, Work
from plano_extproc.prompts import AskBack, Desk, Direct, NoMatch, Outcome, ToModel, serve, serve_default
from plano_extproc.prompts import with_system_prompt as prompted
from plano_extproc.providers.services import services
from plano_extproc.routing.intent import lexical
from plano_extproc.routing.intent.decide import LOCAL

TYPES: Final = ("prompt", "unified")


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what serves the prompt targets of a listener; None where it has none."""
    desk = Desk.of(gateway.config, listener)
    if listener.type not in TYPES or not desk.targets:
        return None
    targets = compiled(gateway, listener, desk)
    cluster_of = _clusters(gateway)

    def serve_targets(work: Work) -> Doing[Reply | None]:
        ask = work.ask
        kept = work.notes[Meant] = Meant()
        outcome = yield from serve(
            ask.surface.api,
            work.request,
            desk,
            matcher=lambda text: targets.look(text, kept),
            today=_today(gateway),
            cluster_of=cluster_of,
            client=Onward(ask.headers),
        )
        return (yield from _followed(gateway, work, outcome))

    return serve_targets


def rest(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what is done with what neither a target nor an agent was meant by; None where only agents answer."""
    if listener.type not in TYPES:
        return None
    desk = Desk.of(gateway.config, listener)
    cluster_of = _clusters(gateway)

    def take(work: Work) -> Doing[Reply | None]:
        if work.plans is not None:
            return None
        if ToModel not in work.notes:
            client = Onward(work.ask.headers)
            api = work.ask.surface.api
            outcome = yield from serve_default(api, work.request, desk, cluster_of=cluster_of, client=client)
            reply = yield from _followed(gateway, work, outcome)
            if reply is not None:
                return reply
            if ToModel not in work.notes and desk.system_prompt:
                work.replace(prompted(api, work.request, desk.system_prompt))
        _demand_model(gateway, listener, work)
        return None

    return take


def compiled(gateway: Gateway, listener: Listener, desk: Desk) -> Targets:
    """Return what tells the targets of a listener, and its agents, from one another."""
    overrides = gateway.config.overrides
    compile_ = LOCAL.get(overrides.function_calling_model or "", lexical.compile)
    team = gateway.teams.get(listener.name)
    agents = team.agents if team is not None else ()
    return Targets.of(desk, agents, compile_, overrides.prompt_target_intent_matching_threshold)


def _followed(gateway: Gateway, work: Work, outcome: Outcome) -> Doing[Reply | None]:
    """Do what is to be done: answer, or go on with the request that is for a model, or as it was."""
    _note(work, outcome)
    match outcome:
        case NoMatch():
            return None
        case ToModel():
            work.replace(dict(outcome.body))
            work.notes[ToModel] = True
            work.headers += _explained(outcome)
            return None
        case AskBack():
            return say(gateway, work, in_words(outcome.text), _explained(outcome))
        case Direct():
            reply = say(gateway, work, in_words(outcome.text), _explained(outcome))
            return (yield from edited(work, reply))


def _explained(outcome: AskBack | Direct | ToModel) -> Headers:
    told = {headers.ROUTE: ",".join(outcome.facts.targets), headers.ROUTE_REASON: outcome.reason}
    return tuple((name, value.encode("ascii", "replace")[:_LONGEST]) for name, value in told.items() if value)


def _note(work: Work, outcome: Outcome) -> None:
    """Keep for the access log and for spans which targets were meant, and of their arguments the names."""
    facts = outcome.facts
    work.notes[Outcome] = outcome
    told = {
        "decided_by": facts.how,
        "targets": list(facts.targets),
        "arguments": list(facts.arguments),
        "asked": list(facts.asked),
        "statuses": list(facts.statuses),
        "score": facts.score,
    }
    work.facts["prompt_targets"] = {name: value for name, value in told.items() if value not in ([], None)}


def _demand_model(gateway: Gateway, listener: Listener, work: Work) -> None:
    """See to it that a model is asked for that there is: what is no model of the file means the default one."""
    try:
        gateway.directory.resolve(work.request.get("model"))
    except NotFound:
        work.replace({key: value for key, value in work.request.items() if key != "model"})
    except InvalidRequest:
        pass
    else:
        return
    try:
        gateway.directory.resolve(None)
    except InvalidRequest:
        outcome = work.notes.get(Outcome)
        why = f" ({outcome.reason})" if isinstance(outcome, NoMatch) else ""
        raise InvalidRequest(
            f"nothing at listener '{listener.name}' answers this{why}, and no model is marked `default: true`"
        ) from None


def _clusters(gateway: Gateway) -> Callable[[str], str]:
    found = {name: service.upstreams[0].cluster for name, service in services(gateway.config).items()}
    return found.__getitem__


def _today(gateway: Gateway) -> date:
    return datetime.fromtimestamp(gateway.ports.now(), UTC).date()


_LONGEST: Final = 200
"""Bytes of a header that explains."""
