"""The paths that each type of listener has, and how Envoy treats them.

What is not in the table is a 404 and a wrong method a 405; neither troubles the sidecar.
"""

from dataclasses import dataclass, replace
from enum import Enum

from plano_extproc import apis
from plano_extproc.agents import passthrough
from plano_extproc.apis import Api
from plano_extproc.config.catalogue import COUNTED, ENDPOINTS
from plano_extproc.render.topology import METRICS


class Service(Enum):
    """Who answers."""

    ENVOY = "envoy"
    """Envoy itself: 200, without a look at the sidecar."""

    SIDECAR = "sidecar"
    """The sidecar, when it sees the request's headers."""

    READY = "ready"
    """The sidecar too, told which generation of the configuration this route belongs to."""

    PROVIDER = "provider"
    """A provider, when the sidecar has read the body and named the cluster."""

    PASSED = "passed"
    """An agent or an MCP server in a protocol of its own, when the sidecar has named the cluster."""

    UPGRADE = "upgrade"
    """A provider by WebSocket, when the sidecar has read the headers and named the cluster."""


@dataclass(frozen=True, slots=True)
class Path:
    """One path, exact, or with every path below it when it ends with a slash. `api` is the caller's dialect.

    A path may be in a table twice, for other methods. `allowed` is all that it takes, where it is the last of them.
    """

    path: str
    methods: tuple[str, ...]
    service: Service
    api: Api = "openai.chat"
    allowed: tuple[str, ...] = ()

    @property
    def is_prefix(self) -> bool:
        """Whether the paths below it belong to it."""
        return self.path.endswith("/")

    @property
    def is_upgrade(self) -> bool:
        """Whether only requests that ask for a WebSocket are meant."""
        return self.service is Service.UPGRADE

    @property
    def is_only_upgrade(self) -> bool:
        """Whether the path has no other use."""
        return self.is_upgrade and self.path not in apis.BY_PATH


PUBLIC = (
    *(Path(path, ("POST",), Service.PROVIDER, api) for path, api in apis.BY_PATH.items()),
    *(Path(prefix, ("POST",), Service.PROVIDER, "gemini.generate") for prefix in apis.NAMING_A_MODEL),
    *(Path(prefix, ("GET",), Service.SIDECAR, "gemini.generate") for prefix in apis.NAMING_A_MODEL),
    Path("/v1beta/models", ("GET",), Service.SIDECAR, "gemini.generate"),
    Path("/v1alpha/models", ("GET",), Service.SIDECAR, "gemini.generate"),
    Path("/v1/responses/", ("GET", "DELETE"), Service.SIDECAR, "openai.responses"),
    Path("/v1/conversations", ("POST",), Service.PROVIDER, "openai.responses"),
    Path("/v1/conversations/", ("GET", "DELETE"), Service.SIDECAR, "openai.responses"),
    Path("/v1/conversations/", ("POST",), Service.PROVIDER, "openai.responses"),
    Path("/v1/models", ("GET",), Service.SIDECAR),
    # Load balancers probe with either method.
    Path("/healthz", ("GET", "HEAD"), Service.ENVOY),
    Path("/readyz", ("GET",), Service.READY),
)

AGENTS = (
    *(Path(prefix, passthrough.METHODS, Service.PASSED) for prefix in passthrough.PREFIXES),
    *PUBLIC,
)

# First what is a WebSocket: the same path may be called without one.
MODEL = (
    Path("/v1/responses", ("GET",), Service.UPGRADE),
    Path("/v1/realtime", ("GET",), Service.UPGRADE),
    *(
        Path(f"/v1{path}", ("POST",), Service.PROVIDER, COUNTED.get(name, "openai.chat"))
        for name, path in ENDPOINTS.items()
        if name != "realtime" and "{model}" not in path
    ),
    *(Path(apis.QUESTIONS + path, ("POST",), Service.PROVIDER, api) for path, api in apis.BY_PATH.items()),
    *PUBLIC,
)


def _closed(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return a table whose last entry of each path says what the path takes beside WebSockets."""
    methods: dict[str, tuple[str, ...]] = {}
    last: dict[str, int] = {}
    for index, path in enumerate(paths):
        if not path.is_upgrade:
            methods[path.path] = (*methods.get(path.path, ()), *path.methods)
            last[path.path] = index
    ends = {index: methods[path] for path, index in last.items()}
    return tuple(replace(path, allowed=ends.get(index, ())) for index, path in enumerate(paths))


SURFACES: dict[str, tuple[Path, ...]] = {
    "model": _closed(MODEL),
    "agent": _closed(AGENTS),
    "prompt": _closed(AGENTS),
    "unified": _closed(AGENTS),
    METRICS: _closed((Path("/metrics", ("GET",), Service.SIDECAR),)),
}
