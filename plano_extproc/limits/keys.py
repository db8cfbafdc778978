"""Client keys: who calls, by what they sent.

A listener that names clients takes only those. Where no listener names any, and there are clients, every listener wants
the key of one of them. On the others a key says who calls, and none is needed.

Keys are kept and looked up as SHA-256 digests, so that neither the time of a comparison nor a dump of memory tells one.
"""

import hashlib
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from plano_extproc.config import Config
from plano_extproc.config.policies import Client
from plano_extproc.errors import Forbidden, Unauthenticated

_OWN = "x-plano-key"
"""Beside a credential that is passed through to a provider: where it is sent, no other header is a client's key."""

_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")
_PARAMETER = "key"
_PROTOCOL = b"openai-insecure-api-key."
"""How browsers send a key with a WebSocket: as a subprotocol."""

_PLACES = "Authorization: Bearer, x-api-key, x-goog-api-key or x-plano-key"


class Keys:
    """The keys of one configuration."""

    def __init__(self, config: Config) -> None:
        self._clients = {client.digest: client for client in config.clients}
        named = {listener.name: frozenset(listener.clients) for listener in config.listeners}
        everyone = frozenset(client.id for client in config.clients)
        self._wanted = {name: ids or frozenset() for name, ids in named.items()} if any(named.values()) else {}
        self._default = frozenset() if self._wanted else everyone

    def caller(self, headers: Mapping[str, bytes], query: str, listener: str) -> Client | None:
        """Return who calls; None for someone unknown where anyone may call.

        Raises `Unauthenticated` for a missing or unknown key, and `Forbidden` for a client that the listener does not
        name.
        """
        wanted = self._wanted.get(listener, self._default)
        has_key = False
        for key in _presented(headers, query):
            has_key = True
            client = self._clients.get(hashlib.sha256(key).digest())
            if client is not None:
                if wanted and client.id not in wanted:
                    raise Forbidden(f"client '{client.id}' may not call listener '{listener}'", code="wrong_listener")
                return client
        if not wanted:
            return None
        if has_key:
            raise Unauthenticated("the client key is not known; check it with whoever runs it", code="invalid_api_key")
        raise Unauthenticated(f"a client key is required; send it as {_PLACES}", code="missing_api_key")


def _presented(headers: Mapping[str, bytes], query: str) -> Iterator[bytes]:
    """Yield everything that may be a client's key, the surest first."""
    if own := headers.get(_OWN):
        yield own.strip()
        return
    scheme, _, token = headers.get("authorization", b"").partition(b" ")
    if token and scheme.lower() == b"bearer":
        yield token.strip()
    for name in _HEADERS:
        if value := headers.get(name):
            yield value.strip()
    if query and _PARAMETER in query:
        yield from (value.encode() for name, value in parse_qsl(query) if name == _PARAMETER)
    for protocol in headers.get("sec-websocket-protocol", b"").split(b","):
        if protocol.strip().startswith(_PROTOCOL):
            yield protocol.strip().removeprefix(_PROTOCOL)
