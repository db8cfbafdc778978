"""Who answers in place of an agent that failed, where its filters make another request: it is asked by this worker."""

from typing import Final

import orjson

from plano_extproc.agents import Handover
from plano_extproc.agents.answer import spoilt
from plano_extproc.errors import GatewayError
from plano_extproc.flow import Callout, CalloutFailed, ask
from plano_extproc.gateway.filters.filtering import AgentFilters
from plano_extproc.gateway.work import Doing
from plano_extproc.translate import provider_codec
from plano_extproc.translate.chat import Answer


def first_answer(agent: Handover | None, filters: AgentFilters) -> Doing[tuple[Handover, Answer] | None]:
    """Return who answers first, of an agent and those that stand in for it one after another; None if nobody does."""
    while agent is not None:
        answer = yield from _asked(agent, filters)
        if answer is not None:
            return agent, answer
        agent = agent.fallback
    return None


def may_skip(agent: Handover) -> bool:
    """Whether an answer may do without an agent, and without the last one that stands in for it."""
    while agent.fallback is not None:
        agent = agent.fallback
    return agent.may_skip


def _asked(agent: Handover, filters: AgentFilters) -> Doing[Answer | None]:
    """Return what an agent answers as a whole, as its filters want it; None where it fails."""
    body = orjson.dumps({**orjson.loads(agent.body), "stream": False, "stream_options": None})
    question = Callout(agent.cluster, "POST", agent.path, agent.headers, body, f"agent {agent.agent}", agent.timeout)
    for _ in range(agent.retries + 1):
        try:
            reply = yield from ask(question)
            answer = _read(reply.body) if reply.status < 300 else None
        except (CalloutFailed, GatewayError, *_NO_COMPLETION):
            continue
        if answer is not None:
            seen = yield from filters.through(agent.output_filters, reply.body)
            try:
                return _read(seen)
            except _NO_COMPLETION:
                raise spoilt(agent.agent) from None
    return None


def _read(body: bytes) -> Answer:
    return provider_codec("openai.chat").decode_answer(orjson.loads(body))


_NO_COMPLETION: Final = (AttributeError, KeyError, IndexError, TypeError, ValueError)
