"""What to do with a request, once its body is known: parse, resolve, and put it into the provider's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from plano_extproc.errors import InvalidRequest, NotImplementedYet
from plano_extproc.gateway.actions import Changes
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.rewrite import with_model
from plano_extproc.gateway.surface import Surface
from plano_extproc.providers.auth import passed_through
from plano_extproc.providers.upstream import with_query
from plano_extproc.translate import Translation, request_shape


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as its headers tell it. `query` is without what a client may have put there to prove who it is."""

    listener: str
    surface: Surface
    headers: Mapping[str, bytes]
    query: str


@dataclass(slots=True)
class Decision:
    """How an exchange is served: by a plan's `changes` and this exchange's own header values, `extra`.

    `body` None sends the client's own bytes; `translation` is None on the bypass way. `dropped` names request fields
    that the provider cannot take.
    """

    plan: Plan
    changes: Changes
    body: bytes | None
    extra: tuple[tuple[str, bytes], ...]
    translation: Translation | None = None
    dropped: tuple[str, ...] = ()


def decide(gateway: Gateway, ask: Ask, body: bytes) -> Decision:
    """Decide on a request. Raises a `GatewayError` that names the field at fault."""
    kind = gateway.listeners[ask.listener].type
    if kind != "model":
        raise NotImplementedYet(
            f"listener '{ask.listener}' is of type {kind}, which this version accepts but does not serve"
        )
    request = parse(ask, body)
    is_stream = bool(request.get("stream"))
    plan = gateway.plan(ask.surface.api, request.get("model"), ask.listener)
    if plan.way is Way.BYPASS:
        is_in_path = ask.surface.model is not None
        return _bypass(ask, plan, None if is_in_path else with_model(body, request, plan.upstream.model), is_stream)
    translation = Translation(
        ask.surface.api,
        plan.upstream.api,
        plan.profile,
        created=int(gateway.ports.now()),
        answer_id=ask.headers.get("x-request-id", b"").decode("latin-1"),
    )
    outgoing = translation.request(request, plan.upstream.model)
    extra = (_length(outgoing.body), *plan.upstream.defaults, *_credential(ask, plan))
    return Decision(plan, plan.request[is_stream], outgoing.body, extra, translation, outgoing.dropped)


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
    checked = request_shape(ask.surface.api, request)
    if ask.surface.model is not None:
        return {**checked, "model": ask.surface.model, "stream": ask.surface.is_stream}
    return checked


def _bypass(ask: Ask, plan: Plan, body: bytes | None, is_stream: bool) -> Decision:
    up = plan.upstream
    # What the client says of its own dialect goes before our defaults.
    extra = (*(pair for pair in up.defaults if pair[0] not in ask.headers), *_credential(ask, plan))
    if body is not None:
        extra = (_length(body), *extra)
    if ask.query:
        extra = (*extra, (":path", with_query(up.stream_path if is_stream else up.path, ask.query).encode()))
    return Decision(plan, plan.request[is_stream], body, extra)


def _length(body: bytes) -> tuple[str, bytes]:
    # Envoy does not correct the length itself: a wrong one would desynchronise the provider's connection.
    return "content-length", b"%d" % len(body)


def _credential(ask: Ask, plan: Plan) -> tuple[tuple[str, bytes], ...]:
    up = plan.upstream
    if not up.is_passthrough:
        return ()
    return passed_through(ask.headers, scheme=up.auth, same_dialect=plan.way is Way.BYPASS)
