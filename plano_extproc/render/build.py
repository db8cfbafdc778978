"""A topology from the user's configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plano_extproc import providers, sockets
from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener as ListenerConfig
from plano_extproc.config.protection import Protection
from plano_extproc.providers.services import services
from plano_extproc.render import callers
from plano_extproc.render.topology import Cluster, Listener, ServiceCluster, Topology
from plano_extproc.routing.chain_routes import chain_routes

_ASKING_TIMEOUT = 300.0
"""Seconds for an answer of the sidecar's that waits for others, each of which has a time of its own."""

CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the certificate authorities they trust: Debian, Red Hat, SUSE, Alpine and macOS."""


def topology(
    config: Config,
    *,
    folder: str,
    workers: Sequence[str],
    admin_port: int,
    metrics_port: int,
    generation: int = 1,
    access_log: str = "/dev/stdout",
) -> Topology:
    """Return what Envoy must be for `config`.

    `folder` is where Envoy will find its files, `workers` are the sidecar's addresses (`unix:PATH` or `HOST:PORT`).
    """
    idle = _idle_timeouts(config)
    return Topology(
        folder=folder,
        listeners=tuple(
            Listener(
                name=listener.name,
                address=listener.address,
                port=listener.port,
                type=listener.type,
                idle_timeout=listener.timeout,
                max_retries=listener.max_retries,
                keeps_sessions=_keeps_sessions(config, listener),
                decision_timeout=_ASKING_TIMEOUT if _asks(config, listener) else None,
                tokens=callers.tokens(listener),
                origins=listener.cors.allow_origins if listener.cors else (),
            )
            for listener in config.listeners
        ),
        clusters=tuple(
            Cluster(
                name=endpoint.cluster,
                scheme=endpoint.scheme,
                host=endpoint.host,
                port=endpoint.port,
                authority=endpoint.authority,
                connect_timeout=endpoint.connect_timeout,
                idle_timeout=idle.get(endpoint.cluster),
                **_protection(endpoint.protection),
                is_sticky=endpoint.is_sticky,
            )
            for endpoint in providers.endpoints(config)
        ),
        services=(*_services(config), *callers.key_clusters(config)),
        workers=tuple(workers),
        egress=sockets.egress(workers),
        reads_usage=bool(config.clients or config.ratelimits or config.governance) or config.tracing.is_on,
        cuts_streams=bool(config.governance and config.governance.cut_streams),
        admin_port=admin_port,
        metrics_port=metrics_port,
        generation=generation,
        max_body_bytes=config.overrides.max_body_bytes,
        max_answer_bytes=config.overrides.max_answer_bytes,
        ca_file=config.overrides.upstream_tls_ca_path or system_ca_file(),
        access_log=access_log,
        chain_routes=chain_routes(config),
        hedges=any(entry.retry_policy and entry.retry_policy.hedge for entry in config.model_providers),
        sampling=config.tracing.random_sampling if config.tracing.is_on else 0.0,
    )


def _protection(given: Protection | None) -> dict[str, dict[str, Any] | None]:
    """Return what Envoy watches over, as plain values: clusters are written down for the next reload."""
    found = given.model_dump() if given else {}
    keys = {"breakers": "circuit_breakers", "outliers": "outlier_detection", "health": "health_check"}
    return {ours: found.get(theirs) for ours, theirs in keys.items()}


def _services(config: Config) -> tuple[ServiceCluster, ...]:
    default = config.overrides.upstream_connect_timeout
    return tuple(
        ServiceCluster(
            one.cluster,
            one.scheme,
            one.hosts,
            service.authority,
            service.connect_timeout or default,
            is_tried=service.is_agent,
        )
        for service in services(config).values()
        for one in service.upstreams
    )


def _keeps_sessions(config: Config, listener: ListenerConfig) -> bool:
    servers = {agent.id for agent in config.agents if agent.protocol == "mcp" and len(agent.url) > 1}
    return any(use.id in servers for use in listener.agents)


def _asks(config: Config, listener: ListenerConfig) -> bool:
    """Whether services or models may be asked before a request is decided on, or while it is answered."""
    guards = (config.prompt_guards.input_guards, config.prompt_guards.output_guards) if config.prompt_guards else ()
    return (
        listener.type != "model"
        or bool(listener.input_filters or listener.output_filters or listener.memory)
        or config.overrides.llm_routing_model is not None
        or any(side.moderation for side in guards if side)
    )


def _idle_timeouts(config: Config) -> dict[str, float]:
    """Return how long a provider's request may be silent, by cluster; of several that share one, the longest.

    Envoy has one clock for the wait before the first byte and for the gaps after it, so it is never shorter than
    what the user allows for the first byte.
    """
    found: dict[str, float] = {}
    for provider in config.model_providers:
        if provider.timeouts.idle is not None:
            default = config.overrides.upstream_connect_timeout
            cluster = providers.endpoint(provider, default_connect_timeout=default).cluster
            seconds = max(provider.timeouts.idle, provider.timeouts.first_byte or 0)
            found[cluster] = max(seconds, found.get(cluster, 0))
    return found


def system_ca_file() -> str:
    """Return the system's file of trusted authorities, or where it usually is when there is none."""
    return next((path for path in CA_FILES if Path(path).is_file()), CA_FILES[0])
