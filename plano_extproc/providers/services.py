"""The clusters of the user's own services: agents, filters and the endpoints of prompt targets, by name."""

from collections.abc import Mapping
from dataclasses import dataclass

from plano_extproc.config import Config
from plano_extproc.services import Upstream, upstreams


@dataclass(frozen=True, slots=True)
class Service:
    """One service as Envoy must reach it. `authority` is the Host header where it is not the host itself.

    `connect_timeout` is in seconds, None for the usual one. `is_agent` says that clients' requests may end there.
    """

    upstreams: tuple[Upstream, ...]
    authority: str | None = None
    connect_timeout: float | None = None
    is_agent: bool = False


def services(config: Config) -> Mapping[str, Service]:
    """Return every service of a configuration; agents, filters and endpoints share one namespace."""
    agents = {agent.id: Service(upstreams("agent", agent.id, agent.url), is_agent=True) for agent in config.agents}
    filters = {one.id: Service(upstreams("filter", one.id, (one.url,))) for one in config.filters}
    endpoints = {
        name: Service(
            upstreams("endpoint", name, (f"{one.protocol}://{_host(one.host)}:{one.port}",)),
            one.http_host,
            one.connect_timeout,
        )
        for name, one in config.endpoints.items()
    }
    return {**endpoints, **filters, **agents}


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
