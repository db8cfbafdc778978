"""Where a request goes and who pays for it: its path, its credential, and what else its headers say."""

from typing import Final
from urllib.parse import quote

import orjson

from plano_extproc.errors import Unauthenticated
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan, Way
from plano_extproc.gateway.rewrite import written
from plano_extproc.gateway.surface import key_in
from plano_extproc.providers.auth import OWN, Headers, Outbound, passed_through
from plano_extproc.providers.upstream import Upstream, with_query

PLAIN: Final = (("accept-encoding", b"identity"),)
"""For an answer that is read here, so it must come as it is."""


def length(body: bytes) -> tuple[str, bytes]:
    """Return the header that a request has whose body is not the client's own."""
    # Envoy does not correct the length itself: a wrong one would desynchronise the provider's connection.
    return "content-length", b"%d" % len(body)


def path_of(ask: Ask, up: Upstream, own: str) -> str:
    """Return the path of a request that is passed on, where without the client's query it is `own`."""
    if ask.surface.api == "gemini.generate" and ask.surface.is_stream:
        # The client says how it wants the stream.
        own = own.removesuffix("?alt=sse").removesuffix("&alt=sse")
    return with_query(own, _with_model(ask.query, up.model) if ask.surface.endpoint else ask.query)


def _with_model(query: str, model: str) -> str:
    """Return a query with its `model`, if it has one, set to the provider's own name."""
    parts = (f"model={quote(model)}" if part.startswith("model=") else part for part in query.split("&"))
    return "&".join(parts)


def in_headers(up: Upstream, body: bytes) -> tuple[bytes, Headers]:
    """Return a body without what the provider wants in headers, and those."""
    if not any(b'"%b"' % name.encode() in body for name in up.header_fields):
        return body, ()
    request = orjson.loads(body)
    left = {key: held for key, held in request.items() if key not in up.header_fields}
    return written(left), up.told_by_header(request)


def protocols(ask: Ask) -> tuple[tuple[str, bytes], ...]:
    """Return the WebSocket's protocols without the one in which browsers send a key; nothing where none does."""
    offered = [name.strip() for name in ask.headers.get("sec-websocket-protocol", b"").split(b",")]
    kept = [name for name in offered if not name.startswith(_KEY_PROTOCOL)]
    return () if len(kept) == len(offered) else (("sec-websocket-protocol", b", ".join(kept)),)


def credential(gateway: Gateway, ask: Ask, plan: Plan, path: str, body: bytes) -> Headers:
    """Return the headers that pay for a request with a path and a body: the entry's credential, or the client's own.

    Raises `Unauthenticated` where the client has none to spare.
    """
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


_KEY_PROTOCOL = b"openai-insecure-api-key."
