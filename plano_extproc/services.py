"""The user's own services, agents and filters: where they are, and which of a client's headers they get."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from plano_extproc import headers
from plano_extproc.flow import Headers

ALWAYS_FORWARDED: Final = ("x-request-id", "traceparent", "tracestate", headers.HOPS)
"""What every service gets, so that its work can be told apart and traced, and a circle of calls ends."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Upstream:
    """What Envoy connects to: equal instances of one service, `hosts` as (host, port).

    `path` is the part of the URL that all of them share, without a slash at its end; `query` follows it, without "?".
    """

    cluster: str
    scheme: str
    hosts: tuple[tuple[str, int], ...]
    path: str
    query: str = ""

    @property
    def url(self) -> str:
        """The URL of the first instance, without its query, which may hold a key."""
        host, port = self.hosts[0]
        shown = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{shown}{'' if port == _PORTS[self.scheme] else f':{port}'}{self.path}"

    def at(self, path: str) -> str:
        """Return the path of a request for something below this URL, or for the URL itself where it is empty."""
        return (self.path + path or "/") + (f"?{self.query}" if self.query else "")


def chat_path(upstream: Upstream) -> str:
    """Return where the chat completions of an agent are: below its URL, unless that says it already."""
    if upstream.path.endswith("/chat/completions"):
        return upstream.at("")
    return upstream.at("/chat/completions" if upstream.path.endswith("/v1") else "/v1/chat/completions")


def upstreams(kind: str, ident: str, urls: Iterable[str]) -> tuple[Upstream, ...]:
    """Return the upstreams of a service: one for all URLs that differ in the host only, in the order of first use.

    Cluster names are stable over reloads, differ for different services, and hold only what Envoy takes.
    """
    groups: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    for written in urls:
        url = urlsplit(written)
        scheme = url.scheme.lower()
        host = (url.hostname or "", url.port or _PORTS[scheme])
        hosts = groups.setdefault((scheme, url.path.rstrip("/"), url.query), [])
        if host not in hosts:
            hosts.append(host)
    slug = re.sub(r"[^a-z0-9]+", "_", ident.lower()).strip("_")[:40]
    return tuple(
        Upstream(f"{kind}_{slug}_{_digest(ident, scheme, path, query)}", scheme, tuple(hosts), path, query)
        for (scheme, path, query), hosts in groups.items()
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def forwarded(client: Mapping[str, bytes], names: Collection[str], own: Mapping[str, str]) -> Headers:
    """Return the headers of a request to a service.

    These are of the `client`'s those that every service gets and those in `names`, and the service's `own`, which win.
    Nothing else of the client's goes out, so neither does a credential.
    """
    passed = {name: client[name] for name in (*ALWAYS_FORWARDED, *names) if name in client}
    return tuple({**passed, **{name: value.encode() for name, value in own.items()}}.items())
