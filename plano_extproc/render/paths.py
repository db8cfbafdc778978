"""The paths that each type of listener has, and how Envoy treats them.

What is not in the table is a 404 and a wrong method a 405; neither troubles the sidecar.
"""

from dataclasses import dataclass
from enum import Enum

from plano_extproc import apis
from plano_extproc.apis import Api
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


@dataclass(frozen=True, slots=True)
class Path:
    """One path, exact, or with every path below it when it ends with a slash. `api` is the caller's dialect."""

    path: str
    methods: tuple[str, ...]
    service: Service
    api: Api = "openai.chat"

    @property
    def is_prefix(self) -> bool:
        """Whether the paths below it belong to it."""
        return self.path.endswith("/")


PUBLIC = (
    *(Path(path, ("POST",), Service.PROVIDER, api) for path, api in apis.BY_PATH.items()),
    Path("/v1/models", ("GET",), Service.SIDECAR),
    Path("/v1/models/", ("GET",), Service.SIDECAR),
    # Load balancers probe with either method.
    Path("/healthz", ("GET", "HEAD"), Service.ENVOY),
    Path("/readyz", ("GET",), Service.READY),
)

SURFACES: dict[str, tuple[Path, ...]] = {
    "model": PUBLIC,
    "agent": PUBLIC,
    "prompt": PUBLIC,
    "unified": PUBLIC,
    METRICS: (Path("/metrics", ("GET",), Service.SIDECAR),),
}
