"""The network identity of a provider: one Envoy cluster for each distinct endpoint."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.protection import Protection
from plano_extproc.providers import agents

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What Envoy connects to. Two providers with equal endpoints share connections, and nothing else does.

    `authority` is the Host header that the provider expects: `http_host`, else the host, with its port where that is
    not the scheme's own. `connect_timeout` is in seconds. `is_sticky` says that the host's name stands for several
    servers, and that a conversation stays with one of them. `protection` is what Envoy watches over.
    """

    cluster: str
    scheme: str
    host: str
    port: int
    authority: str
    connect_timeout: float
    is_sticky: bool = False
    protection: Protection | None = None


def endpoint(provider: ModelProvider, *, default_connect_timeout: float) -> Endpoint:
    """Return the endpoint that serves `provider`; its cluster name is stable over reloads."""
    if isinstance(provider, agents.AgentEntry):
        return _of_agent(provider, default_connect_timeout)
    base_url = provider.base_url or provider.kind.base_url
    assert base_url, f"{provider.model}: validation demands a base_url"
    url = urlsplit(base_url)
    scheme = url.scheme.lower()
    host = (url.hostname or "").lower()
    port = url.port or _PORTS[scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = provider.http_host or (shown if port == _PORTS[scheme] else f"{shown}:{port}")
    connect = provider.timeouts.connect or default_connect_timeout
    is_sticky = provider.prefix_affinity
    what = f"{scheme}://{host}:{port} {authority} {connect}{' sticky' if is_sticky else ''}"
    protection = provider.protection
    if protection is not None:
        what += f" {protection.model_dump_json()}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    slug = re.sub(r"[^a-z0-9]+", "_", host).strip("_")[:40]
    return Endpoint(f"provider_{slug}_{digest}", scheme, host, port, authority, connect, is_sticky, protection)


def _of_agent(entry: agents.AgentEntry, connect: float) -> Endpoint:
    """Return where an agent is, as its first instance has it; Envoy knows them all by the cluster."""
    url = urlsplit(entry.base_url or "")
    host, scheme = (url.hostname or "").lower(), url.scheme.lower()
    return Endpoint(entry.cluster, scheme, host, url.port or _PORTS[scheme], url.netloc.rpartition("@")[2], connect)


def endpoints(config: Config) -> tuple[Endpoint, ...]:
    """Return every distinct endpoint of the providers of a configuration, in the order of first use."""
    default = config.overrides.upstream_connect_timeout
    found = {e.cluster: e for e in (endpoint(p, default_connect_timeout=default) for p in config.model_providers)}
    return tuple(found.values())
