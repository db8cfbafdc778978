"""How a provider is paid: the credential headers of a request.

Envoy removes every credential that the client sent before these are set, so what is not returned here
does not reach the provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Outbound:
    """A request on its way to a provider, for credentials that depend on it.

    `authority` and `path`, with its query, are the provider's; `headers` are the client's; `body` is final.
    """

    method: str
    authority: str
    path: str
    headers: Mapping[str, bytes]
    body: bytes


class Authorizer(Protocol):
    """Pays for requests one by one: by a token that is renewed, or by a signature."""

    def __call__(self, outbound: Outbound, now: float) -> Headers:
        """Return the credential headers of a request; `now` is in seconds since 1970.

        Raises `Unauthenticated` or `Unavailable`, and says what to do.
        """


_SCHEMES = {
    "bearer": ("authorization", "Bearer "),
    "x-api-key": ("x-api-key", ""),
    "api-key": ("api-key", ""),
    "x-goog-api-key": ("x-goog-api-key", ""),
}


def credential(scheme: str, secret: str) -> tuple[str, str] | None:
    """Return the header that carries `secret` under an auth scheme of the catalogue; None where none is used."""
    if scheme == "none":
        return None
    name, prefix = _SCHEMES[scheme]
    return name, f"{prefix}{secret}"


def passed_through(headers: Mapping[str, bytes], *, scheme: str, same_dialect: bool) -> tuple[tuple[str, bytes], ...]:
    """Return the client's own credential as the provider takes it; empty where the client sent none.

    Within one dialect the credential stays in the header in which it came, since a subscription token is
    valid there only. `Bearer` may be left out by the client.
    """
    found = next(((name, value) for name in OWN if (value := headers.get(name, b"").strip())), None)
    if found is None:
        return ()
    if same_dialect:
        return (found,)
    name, secret = found
    if name == "authorization" and secret[:6].lower() == b"bearer":
        secret = secret[6:].strip()
    name, prefix = _SCHEMES.get(scheme, _SCHEMES["bearer"])
    return ((name, prefix.encode() + secret),)


OWN = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""Where clients send a credential for their provider, the first one found counts."""
