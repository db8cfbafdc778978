"""What Envoy's configuration is made from: plain values, free of what the user's file looks like.

Topology
├── listeners   who may connect, and where
├── clusters    the providers' endpoints
└── workers     the sidecar's addresses
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

METRICS = "metrics"
"""Type and name of the loopback listener that serves the workers' figures."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One port. `type` says which paths it has (`paths.SURFACES`).

    `idle_timeout` is in seconds: how long a request may be silent, before its first byte and between two.
    `max_retries` None retries only what cannot have reached the provider.
    """

    name: str
    address: str
    port: int
    type: str = "model"
    idle_timeout: float = 300.0
    max_retries: int | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A provider's endpoint. `authority` is the Host header it expects, and for https the name it must prove.

    Times are in seconds. `idle_timeout` None leaves it to the listener how long a request may be silent.
    """

    name: str
    scheme: str
    host: str
    port: int
    authority: str
    connect_timeout: float = 5.0
    idle_timeout: float | None = None

    @property
    def tls_name(self) -> str:
        """The name, or the address, that the provider's certificate must hold."""
        return urlsplit(f"//{self.authority}").hostname or self.host


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
class Topology:
    """All of one gateway. `folder` is where Envoy will find the files; `workers` are `unix:PATH` or `HOST:PORT`.

    `access_log` is a file that Envoy can open, such as /dev/stdout. `decision_timeout` is how long the sidecar may take
    for each answer, in seconds.
    """

    folder: str
    listeners: tuple[Listener, ...]
    clusters: tuple[Cluster, ...]
    workers: tuple[str, ...]
    admin_port: int
    metrics_port: int
    generation: int = 1
    max_body_bytes: int = 32 * 1024 * 1024
    max_answer_bytes: int = 32 * 1024 * 1024
    ca_file: str = "/etc/ssl/certs/ca-certificates.crt"
    access_log: str = "/dev/stdout"
    decision_timeout: float = 5.0
    max_heap_bytes: int = 2 * 1024 * 1024 * 1024
    max_connections: int = 50_000
