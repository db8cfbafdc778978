"""Envoy's configuration for the yardsticks: the same proxy three times, without and with a null sidecar.

It is as plain as Envoy gets: no access log, no tracing, no filter but the router and, where named, ext_proc.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TYPE = "type.googleapis.com/envoy.extensions."
_PLENTY = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One listener: where it listens, which null sidecar it asks, and for what."""

    name: str
    port: int
    socket: str | None = None
    processing_mode: Mapping[str, str] | None = None


BODY_ONLY = {"request_header_mode": "SKIP", "request_body_mode": "BUFFERED", "response_header_mode": "SKIP"}
THREE_MESSAGES = {
    "request_header_mode": "SEND",
    "request_body_mode": "BUFFERED",
    "response_header_mode": "SEND",
}


def bootstrap(proxies: Sequence[Proxy], *, provider_port: int, admin_port: int) -> dict[str, Any]:
    """Return a static bootstrap with a listener for each proxy, all in front of one provider."""
    sidecars = [proxy for proxy in proxies if proxy.socket]
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": _address(admin_port)},
        "static_resources": {
            "listeners": [_listener(proxy) for proxy in proxies],
            "clusters": [_provider_cluster(provider_port), *(_sidecar_cluster(proxy) for proxy in sidecars)],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(proxy: Proxy) -> dict[str, Any]:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_TYPE}filters.http.router.v3.Router"},
    }
    filters = [_ext_proc(proxy), router] if proxy.socket else [router]
    manager = {
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": proxy.name,
        "http_filters": filters,
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "provider", "timeout": "60s"}}],
                }
            ]
        },
    }
    return {
        "name": proxy.name,
        "address": _address(proxy.port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _ext_proc(proxy: Proxy) -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": f"{_TYPE}filters.http.ext_proc.v3.ExternalProcessor",
            "grpc_service": {"envoy_grpc": {"cluster_name": f"sidecar_{proxy.name}"}},
            "processing_mode": proxy.processing_mode,
            "message_timeout": "10s",
        },
    }


def _cluster(name: str, address: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [_PLENTY]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _provider_cluster(port: int) -> dict[str, Any]:
    return _cluster("provider", _address(port))


def _sidecar_cluster(proxy: Proxy) -> dict[str, Any]:
    options = {
        "@type": f"{_TYPE}upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return _cluster(f"sidecar_{proxy.name}", {"pipe": {"path": proxy.socket}}) | {
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
    }
