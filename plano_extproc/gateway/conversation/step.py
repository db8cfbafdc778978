"""Conversations of the Responses API that the gateway keeps: what was said before goes in, the turn is saved.

Two steps. The first reads what the request goes on from, so that all others see the whole conversation. The second
knows who serves: a provider that has the conversation itself is not sent it again.
"""

from typing import Final

from plano_extproc.config.catalogue import model_of
from plano_extproc.config.listeners import Listener
from plano_extproc.config.models import ModelProvider
from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.wish import wish
from plano_extproc.errors import GatewayError, InvalidRequest
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.conversation.keeping import Keeping
from plano_extproc.gateway.conversation.owner import owner
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.work import Doing, Rank, Step, Work, wait_for
from plano_extproc.providers import api_for

_ROOM_FOR_ANSWER = 0.8
"""The part of a model's context that a shortened conversation may fill."""


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what reads conversations, None where none are kept."""
    conversations = gateway.ports.conversations(gateway.config)
    if conversations is None:
        return None
    may_know = listener.type == "model" and any(map(_may_keep, gateway.config.model_providers))

    def remember(work: Work) -> Doing[Reply | None]:
        ask, request = work.ask, work.request
        if ask.surface.api != "openai.responses" or ask.surface.endpoint is not None or request.get("background"):
            return None
        wanted = wish(request)
        if not wanted.touches_store:
            return None
        whose = owner(ask, listener)
        pending = yield from wait_for(lambda: conversations.begin(whose, wanted, request))
        if not may_know:
            pending.demand_known()
        keeping = Keeping(conversations, pending)
        work.notes[Pending] = pending, keeping
        work.edit(Rank.KEEPING, keeping)
        if pending.unknown is None and (pending.turns or pending.sent or wanted.conversation is not None):
            work.replace(pending.request(request, _most_tokens(gateway, work) if wanted.truncates else None))
            _demand_room(gateway, work)
        if not may_know:
            _leave_out_what_is_done(work)
        return None

    return remember


def settle(gateway: Gateway, _listener: Listener) -> Step | None:
    """Return what is done about a conversation once it is known who serves, None where none are kept."""
    if gateway.ports.conversations(gateway.config) is None:
        return None

    def settle(work: Work) -> Doing[Reply | None]:
        yield from ()
        if Pending not in work.notes:
            return None
        pending, keeping = work.notes[Pending]
        plan = work.plans
        if not isinstance(plan, Plan) or not _keeps(plan):
            pending.demand_known()
            _leave_out_what_is_done(work)
            return None
        if pending.unknown is not None:
            # A turn that was never here: its provider knows it, or says that it does not.
            keeping.is_off = True
            return None
        keeping.entry = gateway.candidates.pools.label(plan.choice.provider)
        sent = work.request.get("input")
        before = len(pending.history)
        # Only where no step before has put in or taken out anything.
        if not isinstance(sent, list) or len(sent) != before + len(pending.own):
            return None
        native, own = pending.native(keeping.entry), pending.as_sent(sent[before:], keeping.entry)
        if native is not None:
            work.replace({**work.request, "previous_response_id": native, "input": own or sent[before:]})
        elif own is not None:
            work.replace({**work.request, "input": [*sent[:before], *own]})
        return None

    return settle


def _keeps(plan: Plan) -> bool:
    """Return whether a provider may keep conversations: it speaks this dialect, all of it, and is no agent."""
    speaks = plan.way is Way.BYPASS and plan.upstream.what == "openai.responses"
    return speaks and plan.profile.fit is None and plan.choice.agent is None


def _may_keep(entry: ModelProvider) -> bool:
    return api_for(entry, "openai.responses", entry.model_id) == "openai.responses"


def _leave_out_what_is_done(work: Work) -> None:
    """Take out of a request what has been done here, so that nobody says that it was left undone."""
    done = {name for name, value in _DONE.items() if work.request.get(name) == value}
    if done and work.handed is None:
        work.replace({name: held for name, held in work.request.items() if name not in done})


_DONE: Final = {"store": True, "truncation": "auto"}


def _most_tokens(gateway: Gateway, work: Work) -> int | None:
    """Return how long a conversation may be for the model that is asked for, where that is known."""
    try:
        choice = gateway.directory.resolve(work.request.get("model"))
    except GatewayError:
        return None
    known = model_of(choice.provider.kind.id, choice.model)
    return int(known.context * _ROOM_FOR_ANSWER) if known is not None and known.context else None


def _demand_room(gateway: Gateway, work: Work) -> None:
    most = gateway.config.overrides.max_body_bytes
    if len(work.body) > most:
        raise InvalidRequest(
            f"the conversation has more than {most} bytes; send truncation: auto, or begin a new one",
            param="input",
            code="context_length_exceeded",
        )
