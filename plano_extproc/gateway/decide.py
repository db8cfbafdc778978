"""What to do with a request, once its body is known: parse, resolve, and put it into the provider's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest, NotImplementedYet
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.rewrite import with_model
from plano_extproc.providers.auth import passed_through
from plano_extproc.translate import Translation, request_shape


@dataclass(slots=True)
class Decision:
    """How an exchange is served. `body` None sends the client's own bytes; `extra` are its own header values.

    `translation` is None on the bypass way. `dropped` names request fields that the provider cannot take.
    """

    plan: Plan
    body: bytes | None
    extra: tuple[tuple[str, bytes], ...]
    translation: Translation | None = None
    dropped: tuple[str, ...] = ()


def decide(gateway: Gateway, listener: str, client: Api, headers: Mapping[str, bytes], body: bytes) -> Decision:
    """Decide on a request to a listener. Raises a `GatewayError` that names the field at fault."""
    kind = gateway.listeners[listener].type
    if kind != "model":
        raise NotImplementedYet(
            f"listener '{listener}' is of type {kind}, which this version accepts but does not serve"
        )
    request = parse(client, headers, body)
    plan = gateway.plan(client, request.get("model"), listener)
    if plan.way is Way.BYPASS:
        return _finish(plan, headers, with_model(body, request, plan.upstream.model))
    translation = Translation(
        client,
        plan.upstream.api,
        plan.profile,
        created=int(gateway.ports.now()),
        answer_id=headers.get("x-request-id", b"").decode("latin-1"),
    )
    outgoing = translation.request(request, plan.upstream.model)
    return _finish(plan, headers, outgoing.body, translation, outgoing.dropped)


def parse(client: Api, headers: Mapping[str, bytes], body: bytes) -> dict[str, Any]:
    """Return the request of a dialect, its shape checked as far as the gateway itself relies on it."""
    try:
        request: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        encoding = headers.get("content-encoding", b"identity").decode("latin-1")
        hint = "" if encoding == "identity" else f"; it is sent with content-encoding {encoding}, send it plain"
        raise InvalidRequest(f"the body is not valid JSON: {error.msg} at byte {error.pos}{hint}") from None
    request_shape(client, request)
    checked: dict[str, Any] = request
    return checked


def _finish(
    plan: Plan,
    headers: Mapping[str, bytes],
    body: bytes | None,
    translation: Translation | None = None,
    dropped: tuple[str, ...] = (),
) -> Decision:
    extra: tuple[tuple[str, bytes], ...] = ()
    if body is not None:
        # Envoy does not correct the length itself: a wrong one would desynchronise the provider's connection.
        extra = (("content-length", b"%d" % len(body)),)
    up = plan.upstream
    # What the client says of its own dialect counts in that dialect only.
    extra += tuple(pair for pair in up.defaults if translation is not None or pair[0] not in headers)
    if up.is_passthrough:
        extra += passed_through(headers, scheme=up.auth, same_dialect=translation is None)
    return Decision(plan, body, extra, translation, dropped)
