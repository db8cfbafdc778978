"""How a request is served by whom it is for: in the provider's words, paid for, and how the answer is read."""

import contextlib
from typing import Any, Final

import orjson

from plano_extproc import apis
from plano_extproc.apis import Api
from plano_extproc.errors import GatewayError, InvalidRequest
from plano_extproc.gateway.addressing import PLAIN, credential, in_headers, length, path_of, protocols
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.envelope import wrapped
from plano_extproc.gateway.parse import completed
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.rewrite import form_model, with_fields, with_model, written
from plano_extproc.gateway.routing.marks import with_marks
from plano_extproc.gateway.tries.chain import Chain
from plano_extproc.gateway.tries.message import own
from plano_extproc.providers.auth import Headers
from plano_extproc.translate import (
    Joining,
    Losses,
    Renamed,
    Translation,
    codec,
    with_plain_ids,
    without_foreign,
)

LARGEST_KEPT: Final = 4 * 1024 * 1024
"""Most bytes of a body that are kept for attempts: Envoy puts them into each of its messages to one."""


def serve_chain(gateway: Gateway, ask: Ask, chain: Chain, body: bytes, request: dict[str, Any]) -> Decision:
    """Decide on a request with several candidates: all that its first try needs, unless that has an attempt too.

    A first candidate that cannot take the request gets an attempt, which passes it over.
    """
    first = chain.tries[0]
    decision = Decision(first, bool(request.get("stream")), None, ())
    is_other = first.way is Way.DIRECT or first.profile.fit is not None
    if chain.request is not None and not (is_other and len(body) > LARGEST_KEPT):
        with contextlib.suppress(GatewayError):
            decision = serve(gateway, ask, first, body, request)
            decision.is_first_here = True
            # The next candidate is asked for what the client wants, not for what the first one was asked.
            is_renamed = decision.translation is not None and len(body) <= LARGEST_KEPT
            decision.kept = body if is_other or is_renamed else None
    decision.chain = chain
    decision.own = own(ask, chain.tries[1:] if decision.is_first_here else chain.tries)
    return decision


def serve(gateway: Gateway, ask: Ask, plan: Plan, body: bytes, request: dict[str, Any]) -> Decision:
    """Decide on a request whose plan is known; `request` is `body`, parsed. The changes are the plan's own."""
    if plan.way is Way.BYPASS and plan.profile.fit is not None:
        return _decide_on_fitted(gateway, ask, plan, request)
    if plan.way is Way.BYPASS:
        made, lost = _passed_on(ask, plan, request, body)
        made = _marked(gateway, ask, plan, body, made)
        decision = _bypass(gateway, ask, plan, body, made, is_stream=bool(request.get("stream")))
        decision.dropped = lost
        return _echoing(ask, plan, request, decision)
    assert plan.upstream.what in apis.ALL, "an endpoint is never translated"
    translation = Translation(
        ask.surface.api,
        plan.upstream.what,
        plan.profile,
        created=int(gateway.ports.now()),
        answer_id=ask.headers.get("x-request-id", b"").decode("latin-1"),
        is_stream=ask.surface.is_stream,
        framing=ask.framing,
    )
    outgoing = translation.request(request, _model(plan, request))
    fields = plan.upstream.body
    made = with_fields(orjson.loads(outgoing.body), fields) if fields else outgoing.body
    made = with_marks(gateway.config.prompt_caching, ask, plan, made)
    made, told = in_headers(plan.upstream, made)
    path = plan.upstream.stream_path if outgoing.is_stream else plan.upstream.path
    extra = (length(made), *told, *plan.upstream.defaults, *credential(gateway, ask, plan, path, made))
    return Decision(plan, outgoing.is_stream, made, extra, translation, outgoing.dropped)


def model_of_upgrade(gateway: Gateway, ask: Ask) -> Plan:
    """Return who serves a WebSocket. Only a provider that speaks the caller's protocol can."""
    plan = gateway.plan(ask.surface, ask.surface.model, ask.listener)
    gateway.admission.demand(ask.client, plan.choice.name, ask.surface.model)
    if plan.way is Way.DIRECT:
        raise InvalidRequest(
            f"the provider of '{plan.choice.name}' does not speak {ask.surface.api}; a WebSocket is not translated",
            param="model",
            code="unsupported_endpoint",
        )
    return plan


def serve_upgrade(gateway: Gateway, ask: Ask, plan: Plan) -> Decision:
    """Decide on the opening of a WebSocket."""
    decision = _bypass(gateway, ask, plan, b"", None, is_stream=False)
    if not plan.upstream.is_passthrough:
        decision.extra += protocols(ask)
    return decision


def _decide_on_fitted(gateway: Gateway, ask: Ask, plan: Plan, request: dict[str, Any]) -> Decision:
    """Decide where the provider speaks the caller's dialect, but takes less of it, and always streams."""
    assert plan.profile.fit is not None
    losses = Losses(codec(ask.surface.api).words)
    is_stream = bool(request.get("stream"))
    made = written(plan.profile.fit({**request, "model": plan.upstream.model}, losses))
    decision = _bypass(gateway, ask, plan, made, made, is_stream=is_stream)
    decision.dropped = losses.names()
    decision.translation = None if is_stream else Joining()
    return decision


def model_of_form(gateway: Gateway, ask: Ask, body: bytes) -> tuple[Plan, str | None]:
    """Return who serves a form, such as one with an image in it, and the model that it names."""
    start, end = form_model(body)
    if end < start:
        raise InvalidRequest("the body is no complete form")
    asked = body[start:end].decode("utf-8", "replace") or None
    plan = gateway.plan(ask.surface, asked, ask.listener)
    gateway.admission.demand(ask.client, plan.choice.name, asked)
    return plan, asked


def serve_form(gateway: Gateway, ask: Ask, plan: Plan, body: bytes) -> Decision:
    """Decide on a form, of which only the model's name is changed."""
    start, end = form_model(body)
    model = plan.upstream.model.encode()
    is_same = not end or body[start:end] == model
    made = None if is_same else b"".join((body[:start], model, body[end:]))
    return _bypass(gateway, ask, plan, body, made, is_stream=False)


def _passed_on(ask: Ask, plan: Plan, request: dict[str, Any], body: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """Return what goes out in the body's place, None where it can go as it came, and the names of what is left out."""
    own, lost = without_foreign(ask.surface.api, body)
    # A conversation that moves on from Gemini has ids in it that carry Gemini's state, longer than others take.
    plain = own if plan.upstream.what == "gemini.generate" else with_plain_ids(own)
    if plain == body:
        return _changed(ask, plan, request, body), lost
    return _changed(ask, plan, completed(ask, orjson.loads(plain)), plain) or plain, lost


def _marked(gateway: Gateway, ask: Ask, plan: Plan, body: bytes, made: bytes | None) -> bytes | None:
    """Return what goes out in the body's place with marks for a prompt cache; None where it can go as it came."""
    marked = with_marks(gateway.config.prompt_caching, ask, plan, body if made is None else made)
    return made if marked is body else marked


def _echoing(ask: Ask, plan: Plan, request: dict[str, Any], decision: Decision) -> Decision:
    """Have the answer read, where it names the model otherwise than its client believes."""
    asked = request.get("model")
    if ask.surface.endpoint is None and ask.surface.api in _ECHOED and asked and asked != plan.upstream.model:
        decision.translation = Renamed(ask.surface.api, asked)
        decision.extra += PLAIN
    return decision


def _changed(ask: Ask, plan: Plan, request: dict[str, Any], body: bytes) -> bytes | None:
    up = plan.upstream
    if up.what == "gemini.count_tokens":
        return written(wrapped(request, up.model, is_vertex=_PUBLISHED in up.path))
    if up.body or ask.surface.is_vertex:
        return with_fields({**request, "model": up.model}, up.body)
    return None if ask.surface.model is not None else with_model(body, request, _model(plan, request))


def _model(plan: Plan, request: dict[str, Any]) -> str:
    """Return the model that is asked for upstream. An agent reads for itself what its caller wrote."""
    return request.get("model") or plan.upstream.model if plan.choice.agent else plan.upstream.model


def _bypass(gateway: Gateway, ask: Ask, plan: Plan, sent: bytes, body: bytes | None, *, is_stream: bool) -> Decision:
    """Pass a request on; `body` is what it becomes, None where it stays as it was `sent`."""
    up = plan.upstream
    own = up.stream_path if is_stream else up.path
    path = path_of(ask, up, own)
    # What the client says of its own dialect goes before our defaults.
    extra: Headers = tuple([pair for pair in up.defaults if ask.headers.get(pair[0]) is None]) if up.defaults else ()
    if up.header_fields:
        source = sent if body is None else body
        kept, told = in_headers(up, source)
        body = body if kept is source else kept
        extra = (*told, *extra)
    if body is not None:
        extra = (length(body), *extra)
    if path != own:
        extra = (*extra, (":path", path.encode()))
    return Decision(
        plan,
        is_stream,
        body,
        (*extra, *credential(gateway, ask, plan, path, sent if body is None else body)),
    )


_PUBLISHED = "/publishers/"
"""Stands in the paths of Vertex AI alone."""

_ECHOED: frozenset[Api] = frozenset({"anthropic.messages"})
"""Claude Code forgets the thinking of an answer whose model is not named as it asked for it."""
