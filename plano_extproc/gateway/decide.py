"""How a request is served by whom it is for: in the provider's words, paid for, and how the answer is read."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from plano_extproc import apis, headers
from plano_extproc.apis import Api
from plano_extproc.config.catalogue import COUNTED
from plano_extproc.errors import GatewayError, InvalidRequest, Unauthenticated
from plano_extproc.gateway.actions import BodyMode, Changes
from plano_extproc.gateway.answer import Reader
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.envelope import unwrapped, wrapped
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.rewrite import form_model, with_fields, with_model, written
from plano_extproc.gateway.routing.marks import with_marks
from plano_extproc.gateway.surface import key_in
from plano_extproc.gateway.tries.chain import Chain
from plano_extproc.gateway.tries.message import own
from plano_extproc.providers.auth import OWN, Headers, Outbound, passed_through
from plano_extproc.providers.upstream import Upstream, with_query
from plano_extproc.routing import cooldown
from plano_extproc.translate import (
    Completions,
    Joining,
    Losses,
    Renamed,
    Translation,
    codec,
    request_shape,
    with_plain_ids,
    without_foreign,
)


@dataclass(slots=True)
class Decision:
    """How an exchange is served: by a plan and this exchange's own header values, `extra`.

    `is_stream` chooses among the plan's changes. `chain` is set where more candidates stand behind the plan; `own` and
    `kept`, the client's own body, are for their attempts, and `is_first_here` says that the first of them has none.
    `reason` says why it was decided so, where the plan does not say all. `body` None sends the client's own bytes;
    `translation` is None on the bypass way. `last` has the last word on the answer, after its edits. `dropped` names
    request fields that the provider cannot take.
    """

    plan: Plan
    is_stream: bool
    body: bytes | None
    extra: Headers
    translation: Reader | None = None
    dropped: tuple[str, ...] = ()
    chain: Chain | None = None
    own: str | None = None
    kept: bytes | None = None
    reason: str | None = None
    last: Completions | None = None
    is_passed: bool = False
    """Whether Envoy alone reads the answer, for what it cost."""
    is_first_here: bool = False
    is_handed: bool = False
    """Whether the candidates are asked in words of the gateway's, so that every answer is put back here."""

    @property
    def changes(self) -> Changes:
        """What the request's headers become, beside `extra`."""
        if self.chain is None:
            return self.plan.request[self.is_stream]
        return (self.chain.request if self.is_first_here and self.chain.request else self.chain.attempts)[
            self.is_stream
        ]

    def place(self, answer: Mapping[str, bytes], attempts: int) -> int:
        """Return which try an answer is of, after some attempts: the last, unless others ran on beside it."""
        if self.chain is None or not self.chain.is_hedged:
            return attempts
        return int(answer.get(headers.ATTEMPT, b"%d" % attempts))

    def reader(self, attempts: int) -> Reader | None:
        """Return what reads an answer that came after some attempts; an attempt has read its own."""
        return self.translation if self.chain is None or attempts == 1 or self.is_handed else None

    def served(self, attempts: int) -> tuple[Plan, Mapping[BodyMode | None, Changes]]:
        """Return the plan that an answer came from, after some attempts, and what its headers become."""
        if self.chain is None:
            return self.plan, self.plan.response
        index = self.chain.served(attempts)
        return self.chain.plans[index], self.chain.response[index]

    def told(self, attempts: int) -> str:
        """Return the reason, and where others were tried first, what became of them."""
        index = 0 if self.chain is None else self.chain.served(attempts)
        return f"{self.reason or ''}{self.chain.later(index) if self.chain else ''}"

    def count(self, gateway: Gateway, served: Plan, answer: Mapping[str, bytes], status: int) -> None:
        """Count, for the cool-downs, how the one has done that answered. The attempts count those before it.

        What an attempt has put its number on and is a failure, it has counted.
        """
        candidates, now = gateway.candidates, gateway.ports.now()
        is_counted = self.chain is not None and self.chain.is_hedged and headers.ATTEMPT in answer
        if cooldown.counts(status, own_key=not served.upstream.is_passthrough):
            if not is_counted:
                candidates.failed(served.choice.provider, now, cooldown.retry_after(answer, now))
        else:
            candidates.answered(served.choice.provider)

    def dropped_by(self, answer: Mapping[str, bytes], attempts: int) -> bytes:
        """Return the names of the fields that went lost on the way to who answered, with commas."""
        if self.chain is None or self.is_handed or (self.is_first_here and attempts == 1):
            return ",".join(self.dropped).encode("ascii", "replace")
        return answer.get(headers.LOST, b"")


LARGEST_KEPT: Final = 4 * 1024 * 1024
"""Most bytes of a body that are kept for attempts: Envoy puts them into each of its messages to one."""


def serve_chain(gateway: Gateway, ask: Ask, chain: Chain, body: bytes, request: dict[str, Any]) -> Decision:
    """Decide on a request with several candidates: all that its first try needs, unless that has an attempt too.

    A first candidate that cannot take the request gets an attempt, which passes it over.
    """
    first = chain.plans[0]
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
    decision.own = own(ask, chain.plans[1:] if decision.is_first_here else chain.plans)
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
    made, told = _in_headers(plan.upstream, made)
    path = plan.upstream.stream_path if outgoing.is_stream else plan.upstream.path
    extra = (length(made), *told, *plan.upstream.defaults, *_credential(gateway, ask, plan, path, made))
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
        decision.extra += _protocols(ask)
    return decision


def parse(ask: Ask, body: bytes) -> dict[str, Any]:
    """Return the request of a dialect, its shape checked as far as the gateway itself relies on it.

    Where the path says the model and whether to stream, `model` and `stream` are put in as if the body had said it.
    """
    try:
        request: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        encoding = ask.headers.get("content-encoding", b"identity").decode("latin-1")
        hint = "" if encoding == "identity" else f"; it is sent with content-encoding {encoding}, send it plain"
        raise InvalidRequest(f"the body is not valid JSON: {error.msg} at byte {error.pos}{hint}") from None
    if ask.surface.endpoint is not None and ask.surface.endpoint not in COUNTED:
        return endpoint_shape(request)
    if ask.surface.endpoint == "gemini.count_tokens":
        request = unwrapped(request)
    return _completed(ask, request_shape(ask.surface.api, request))


def _completed(ask: Ask, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request with what the path says, and without what is said only where the path says it."""
    if ask.surface.is_vertex:
        request = {key: held for key, held in request.items() if key != "anthropic_version"}
    if ask.surface.model is not None:
        return {**request, "model": ask.surface.model, "stream": ask.surface.is_stream}
    return request


def endpoint_shape(request: Any) -> dict[str, Any]:
    """Return the request of an endpoint, of which only the model matters here."""
    if not isinstance(request, dict):
        raise InvalidRequest("the body must be a JSON object")
    if not isinstance(request.get("model", ""), str):
        raise InvalidRequest("model: must be a string", param="model")
    return request


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
    return _changed(ask, plan, _completed(ask, orjson.loads(plain)), plain) or plain, lost


def _marked(gateway: Gateway, ask: Ask, plan: Plan, body: bytes, made: bytes | None) -> bytes | None:
    """Return what goes out in the body's place with marks for a prompt cache; None where it can go as it came."""
    marked = with_marks(gateway.config.prompt_caching, ask, plan, body if made is None else made)
    return made if marked is body else marked


def _echoing(ask: Ask, plan: Plan, request: dict[str, Any], decision: Decision) -> Decision:
    """Have the answer read, where it names the model otherwise than its client believes."""
    asked = request.get("model")
    if ask.surface.endpoint is None and ask.surface.api in _ECHOED and asked and asked != plan.upstream.model:
        decision.translation = Renamed(ask.surface.api, asked)
        decision.extra += (_PLAIN,)
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
    path = _path(ask, up, own)
    # What the client says of its own dialect goes before our defaults.
    extra: Headers = tuple([pair for pair in up.defaults if ask.headers.get(pair[0]) is None]) if up.defaults else ()
    if up.header_fields:
        source = sent if body is None else body
        kept, told = _in_headers(up, source)
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
        (*extra, *_credential(gateway, ask, plan, path, sent if body is None else body)),
    )


def _in_headers(up: Upstream, body: bytes) -> tuple[bytes, Headers]:
    """Return a body without what the provider wants in headers, and those."""
    if not any(b'"%b"' % name.encode() in body for name in up.header_fields):
        return body, ()
    request = orjson.loads(body)
    left = {key: held for key, held in request.items() if key not in up.header_fields}
    return written(left), up.told_by_header(request)


def _path(ask: Ask, up: Upstream, own: str) -> str:
    """Return the path of a request that is passed on, where without the client's query it is `own`."""
    if ask.surface.api == "gemini.generate" and ask.surface.is_stream:
        # The client says how it wants the stream.
        own = own.removesuffix("?alt=sse").removesuffix("&alt=sse")
    return with_query(own, _with_model(ask.query, up.model) if ask.surface.endpoint else ask.query)


def _protocols(ask: Ask) -> tuple[tuple[str, bytes], ...]:
    """Return the WebSocket's protocols without the one in which browsers send a key; nothing where none does."""
    offered = [name.strip() for name in ask.headers.get("sec-websocket-protocol", b"").split(b",")]
    kept = [name for name in offered if not name.startswith(_KEY_PROTOCOL)]
    return () if len(kept) == len(offered) else (("sec-websocket-protocol", b", ".join(kept)),)


def _with_model(query: str, model: str) -> str:
    """Return a query with its `model`, if it has one, set to the provider's own name."""
    parts = (f"model={quote(model)}" if part.startswith("model=") else part for part in query.split("&"))
    return "&".join(parts)


def length(body: bytes) -> tuple[str, bytes]:
    """Return the header that a request has whose body is not the client's own."""
    # Envoy does not correct the length itself: a wrong one would desynchronise the provider's connection.
    return "content-length", b"%d" % len(body)


def _credential(gateway: Gateway, ask: Ask, plan: Plan, path: str, body: bytes) -> Headers:
    up = plan.upstream
    if plan.authorizer is not None:
        outbound = Outbound("POST", up.authority, path, ask.headers, body)
        paid = plan.authorizer(outbound, gateway.ports.now())
        # What the configuration says goes before what the credential brings along.
        return tuple(pair for pair in paid if all(pair[0] != name for name, _ in up.headers))
    if not up.is_passthrough:
        return ()
    if not ask.has_spare_credential:
        # It is the gateway's own key, which no provider may see.
        raise Unauthenticated(f"'{plan.choice.name}' wants a credential of yours; send the client key as x-plano-key")
    sent = ask.headers
    if gateway.listeners[ask.listener].jwt is not None:
        # The token is for the gateway. Another credential can only be in another header.
        sent = {name: sent[name] for name in OWN[1:] if name in sent}
    found = passed_through(sent, scheme=up.auth, same_dialect=plan.way is Way.BYPASS)
    if not found and ask.surface.api == "gemini.generate" and (key := key_in(sent.get(":path", b"").decode("latin-1"))):
        sent = {"x-goog-api-key": key.encode()}
        return passed_through(sent, scheme=up.auth, same_dialect=plan.way is Way.BYPASS)
    return found


_PUBLISHED = "/publishers/"
"""Stands in the paths of Vertex AI alone."""

_KEY_PROTOCOL = b"openai-insecure-api-key."

_ECHOED: frozenset[Api] = frozenset({"anthropic.messages"})
"""Claude Code forgets the thinking of an answer whose model is not named as it asked for it."""
_PLAIN = ("accept-encoding", b"identity")
