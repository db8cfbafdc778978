"""The network identity of a provider: one Envoy cluster for each distinct endpoint."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from plano_extproc.config import Config
from plano_extproc.config.catalogue import provider as provider_kind
from plano_extproc.config.models import ModelProvider

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What Envoy connects to. Two providers with equal endpoints share connections, and nothing else does.

    `authority` is the Host header that the provider expects (`http_host`, else host with a port that is not
    the scheme's own). `connect_timeout` is in seconds.
    """

    cluster: str
    scheme: str
    host: str
    port: int
    authority: str
    connect_timeout: float


def base_url(provider: ModelProvider) -> str:
    """Return the provider's base URL: the user's, else the catalogue's."""
    if provider.base_url:
        return provider.base_url
    kind = provider_kind(provider.provider)
    assert kind is not None
    assert kind.base_url is not None, f"{provider.model}: validation demands a base_url"
    return kind.base_url


def endpoint(provider: ModelProvider, *, default_connect_timeout: float) -> Endpoint:
    """Return the endpoint that serves `provider`; its cluster name is stable over reloads."""
    url = urlsplit(base_url(provider))
    scheme = url.scheme.lower()
    host = (url.hostname or "").lower()
    port = url.port or _PORTS[scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = provider.http_host or (shown if port == _PORTS[scheme] else f"{shown}:{port}")
    timeouts = provider.timeouts
    connect = timeouts.connect if timeouts and timeouts.connect else default_connect_timeout
    identity = f"{scheme}://{host}:{port} {authority} {connect}"
    slug = re.sub(r"[^a-z0-9]+", "_", host).strip("_")[:40]
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return Endpoint(f"provider_{slug}_{digest}", scheme, host, port, authority, connect)


def endpoints(config: Config) -> tuple[Endpoint, ...]:
    """Return every distinct provider endpoint of a configuration, in the order of first use."""
    default = config.overrides.upstream_connect_timeout
    found = {e.cluster: e for e in (endpoint(p, default_connect_timeout=default) for p in config.model_providers)}
    return tuple(found.values())
