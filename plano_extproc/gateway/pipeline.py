"""From a request's body to a decision: parse it, run the listener's steps, and put it into the provider's words."""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from plano_extproc import headers
from plano_extproc.apis import Api
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.addressing import PLAIN, length
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decide import (
    model_of_form,
    model_of_upgrade,
    serve,
    serve_chain,
    serve_form,
    serve_upgrade,
)
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.own_reply import kept
from plano_extproc.gateway.parse import parse
from plano_extproc.gateway.reading import UsageReader
from plano_extproc.gateway.rewrite import written
from plano_extproc.gateway.routing import question
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.telemetry.watched import Watched
from plano_extproc.gateway.tries.chain import Chain, Plans
from plano_extproc.gateway.work import Doing, Handed, Work
from plano_extproc.translate import Completions, as_chat


def decide(gateway: Gateway, work: Work) -> Doing[Decision | Reply]:
    """Decide on a request with a body, of which `work` holds no more yet than that.

    Raises a `GatewayError` that names the field at fault.
    """
    ask = work.ask
    if ask.surface.endpoint is not None and ask.headers.get("content-type", b"").startswith(_FORM):
        plan, asked = model_of_form(gateway, ask, work.body)
        work.plans, work.request = plan, {"model": asked}
        return (yield from _decide(gateway, work, lambda: serve_form(gateway, ask, plan, work.body)))
    work.request = parse(ask, work.body)
    if ask.surface.is_question:
        return (yield from question.reply(gateway, work))
    if ask.surface.endpoint == "completions" and not _has_completions(gateway, work):
        return (yield from _decide_on_completion(gateway, work))
    return (yield from _decide(gateway, work))


def decide_on_upgrade(gateway: Gateway, work: Work) -> Doing[Decision | Reply]:
    """Decide on the opening of a WebSocket, whose frames nobody reads."""
    ask = work.ask
    plan = model_of_upgrade(gateway, ask)
    work.plans, work.request = plan, {"model": ask.surface.model}
    return (yield from _decide(gateway, work, lambda: serve_upgrade(gateway, ask, plan)))


def _decide(gateway: Gateway, work: Work, served: Callable[[], Decision] | None = None) -> Doing[Decision | Reply]:
    """Run the steps, and serve: as `served` does for what is no JSON, else by what the steps chose."""
    sent = work.body
    for step in gateway.steps[work.ask.listener]:
        reply = yield from step(work)
        if reply is not None:
            return (yield from kept(work, reply)) if work.edits else reply
    assert work.plans is not None, "a step says who serves"
    if served is not None:
        decision = served()
    elif work.handed is not None:
        decision = _hand(gateway, work.plans, work.handed, sent)
    else:
        decision = _serve(gateway, work.ask, work.plans, work.body, work.request)
    decision.reason = work.reason
    if decision.body is None and work.body is not sent and work.handed is None:
        _send(decision, work.body)
    decision.extra += tuple(work.onward)
    if work.edits and served is None:
        decision.extra += PLAIN
    return decision


def _serve(gateway: Gateway, ask: Ask, plans: Plans, body: bytes, request: dict[str, Any]) -> Decision:
    if isinstance(plans, Chain):
        return serve_chain(gateway, ask, plans, body, request)
    return serve(gateway, ask, plans, body, request)


def _hand(gateway: Gateway, plans: Plans, handed: Handed, sent: bytes) -> Decision:
    """Hand a request to an agent, and have its answer put into the client's dialect if that is another."""
    spoken = handed.spoken
    decision = _serve(gateway, spoken.ask, plans, spoken.body, spoken.request)
    if decision.body is None and spoken.body is not sent:
        _send(decision, spoken.body)
    decision.extra += handed.headers
    if handed.heard:
        decision.extra += PLAIN
    if spoken.translation is not None:
        decision.translation = spoken.translation
        decision.dropped = spoken.dropped
        decision.is_handed = True
        decision.extra += PLAIN
    return decision


def pass_by(decision: Decision, work: Work) -> None:
    """Leave the answer to Envoy where nothing but its cost is read, which Envoy can tell at its end."""
    api = work.ask.surface.api
    is_looked_on = bool(work.edits) and all(isinstance(edit, (UsageReader, Watched)) for _, edit in work.edits)
    is_heard = work.handed is not None and bool(work.handed.heard)
    may_break_off = work.is_stream and api in _LEFT_EARLY
    if decision.translation is None and decision.last is None and is_looked_on and not (is_heard or may_break_off):
        decision.is_passed = True
        if work.ask.surface.endpoint is None and (reader := work.notes.get(UsageReader)) is not None:
            reader.is_passed = True
        decision.extra += ((headers.USAGE, api.encode()),)


def _has_completions(gateway: Gateway, work: Work) -> bool:
    return "completions" in gateway.directory.resolve(work.request.get("model")).provider.kind.endpoints


def _decide_on_completion(gateway: Gateway, work: Work) -> Doing[Decision | Reply]:
    """Decide on a legacy completion as on a chat request, where the provider has only chat."""
    chat, dropped = as_chat(work.request)
    work.ask = dataclasses.replace(work.ask, surface=_CHAT)
    work.request, work.body = chat, written(chat)
    decision = yield from _decide(gateway, work)
    if isinstance(decision, Reply):
        return _as_completion(decision, is_stream=work.is_stream)
    if decision.body is None:
        _send(decision, work.body)
    decision.last = Completions(None)
    decision.dropped += dropped
    decision.extra += PLAIN
    return decision


def _as_completion(reply: Reply, *, is_stream: bool) -> Reply:
    """Return a step's own answer, which is one of chat, as a completion."""
    if reply.status >= 300:
        return reply
    last = Completions(None)
    body = last.stream().feed(reply.body, end=True) if is_stream else last.response(reply.body)
    return dataclasses.replace(reply, body=body)


def _send(decision: Decision, body: bytes) -> None:
    decision.body = body
    decision.extra += (length(body),)


_CHAT = Surface("openai.chat")
_LEFT_EARLY: Final[frozenset[Api]] = frozenset({"openai.chat", "openai.responses"})
"""Dialects whose clients, OpenAI's SDK and Codex among them, hang up at a stream's last event.

Of an answer that has not ended, Envoy tells nothing.
"""
_FORM = b"multipart/form-data"
