"""What Envoy's configuration is made from: plain values, free of what the user's file looks like.

Topology
├── listeners   who may connect, and where
├── clusters    the providers' endpoints
└── workers     the sidecar's addresses
"""

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from plano_extproc import headers
from plano_extproc.routing.chain_routes import ChainRoute

METRICS = "metrics"
"""Type and name of the loopback listener that serves the workers' figures."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What callers' tokens must be. `cluster` and `uri` are where their issuer's public keys are."""

    issuer: str
    audiences: tuple[str, ...]
    cluster: str
    uri: str


@dataclass(frozen=True, slots=True)
class Listener:
    """One port. `type` says which paths it has (`paths.SURFACES`).

    `idle_timeout` is in seconds: how long a request may be silent, before its first byte and between two.
    `max_retries` None retries only what cannot have reached the provider. `decision_timeout` is how long the sidecar
    may take for each answer, in seconds; None is the usual time. `tokens` None asks for none; `origins` are those of
    web pages that may call, where "*" stands for any text. `keeps_sessions` says that instances of MCP servers are
    behind it, each of which knows its own sessions only.
    """

    name: str
    address: str
    port: int
    type: str = "model"
    idle_timeout: float = 300.0
    max_retries: int | None = None
    decision_timeout: float | None = None
    tokens: Tokens | None = None
    origins: tuple[str, ...] = ()
    keeps_sessions: bool = False

    @property
    def may_have_agents(self) -> bool:
        """Whether what is behind it may be an agent."""
        return self.type in ("agent", "prompt", "unified")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A provider's endpoint. `authority` is the Host header it expects, and for https the name it must prove.

    Times are in seconds. `idle_timeout` None leaves it to the listener how long a request may be silent. `is_sticky`
    says that the host's name stands for several servers, and that a conversation stays with one of them.
    """

    name: str
    scheme: str
    host: str
    port: int
    authority: str
    connect_timeout: float = 5.0
    idle_timeout: float | None = None
    breakers: dict[str, Any] | None = None
    outliers: dict[str, Any] | None = None
    health: dict[str, Any] | None = None
    is_sticky: bool = False

    @property
    def is_gated(self) -> bool:
        """Whether Envoy watches over it, so that it may be kept from being asked."""
        return bool(self.breakers or self.outliers or self.health)

    @property
    def tls_name(self) -> str:
        """The name, or the address, that the provider's certificate must hold."""
        return urlsplit(f"//{self.authority}").hostname or self.host


@dataclass(frozen=True, slots=True)
class ServiceCluster:
    """A service of the user's: equal hosts, each as (host, port). `authority` None sends each its own name.

    `connect_timeout` is in seconds. `is_tried` says that it serves requests of clients, so that a try may fail and
    another follow.
    """

    name: str
    scheme: str
    hosts: tuple[tuple[str, int], ...]
    authority: str | None = None
    connect_timeout: float = 5.0
    is_tried: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """What its clusters are for, as prefixes of its name."""
        return ("", headers.ATTEMPT_PREFIX) if self.is_tried else ("",)

    @property
    def has_addresses(self) -> bool:
        """Whether no host is a name."""
        return all(is_ip(host) for host, _ in self.hosts)

    @property
    def tls_name(self) -> str:
        """The name, or the address, that the certificates of all hosts must hold."""
        return urlsplit(f"//{self.authority}").hostname or "" if self.authority else self.hosts[0][0]


def is_ip(host: str) -> bool:
    """Whether a host is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def address(worker: str) -> dict[str, object]:
    """Return where a worker listens, in Envoy's words."""
    if worker.startswith("unix:"):
        return {"pipe": {"path": worker.removeprefix("unix:")}}
    url = urlsplit(f"//{worker}")
    return {"socket_address": {"address": url.hostname, "port_value": url.port}}


@dataclass(frozen=True, slots=True)
class Gate:
    """A listener inside Envoy, in front of a cluster; None where each request names its own."""

    name: str
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """All of one gateway. `folder` is where Envoy will find the files; `workers` are `unix:PATH` or `HOST:PORT`.

    `services` are the user's own, and `egress` (`unix:PATH` or `HOST:PORT`) is where the sidecar's requests to them and
    to models come in; None opens nothing. `reads_usage` has Envoy tell what answers cost that the sidecar does not see,
    `cuts_streams` has the sidecar stay with what it does not see.
    `access_log` is a file that Envoy can open, such as /dev/stdout.
    `decision_timeout` is how long the sidecar may take for each answer, in seconds, where it asks nobody. `sampling` is
    the share of requests that begin a trace, in percent; with 0 Envoy traces nothing.
    """

    folder: str
    listeners: tuple[Listener, ...]
    clusters: tuple[Cluster, ...]
    workers: tuple[str, ...]
    admin_port: int
    metrics_port: int
    services: tuple[ServiceCluster, ...] = ()
    egress: str | None = None
    reads_usage: bool = False
    cuts_streams: bool = False
    generation: int = 1
    max_body_bytes: int = 32 * 1024 * 1024
    max_answer_bytes: int = 32 * 1024 * 1024
    ca_file: str = "/etc/ssl/certs/ca-certificates.crt"
    access_log: str = "/dev/stdout"
    sampling: float = 0.0
    decision_timeout: float = 5.0
    max_heap_bytes: int = 2 * 1024 * 1024 * 1024
    max_connections: int = 50_000
    chain_routes: tuple[ChainRoute, ...] = (ChainRoute(),)
    hedges: bool = False

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Listeners inside Envoy."""
        watched = (Gate(f"gate_{one.name}", headers.GATED_PREFIX + one.name) for one in self.clusters if one.is_gated)
        return (*watched, *([Gate(f"gate_{headers.HEDGED}")] if self.hedges else []))

    @property
    def is_sticky(self) -> bool:
        """Whether conversations stay with one of several servers anywhere."""
        return any(cluster.is_sticky for cluster in self.clusters)

    def roles(self, cluster: Cluster, gates: bool) -> tuple[str, ...]:
        """Return what a provider's clusters are for, as prefixes of its name: first tries, attempts, behind a gate."""
        return ("", headers.ATTEMPT_PREFIX, *((headers.GATED_PREFIX,) if gates and cluster.is_gated else ()))
