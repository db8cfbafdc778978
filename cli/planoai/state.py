"""What `up` writes down about the gateway that it started, for the commands that come later."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from planoai.home import Home, write


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One listener: where Envoy serves it."""

    name: str
    type: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """The address to type into a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104 - read, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class State:
    """A started gateway. `file` is what the user named; absent for a zero configuration.

    `last_generation` is the highest that was ever tried: a refused reload leaves it above `generation`.
    """

    file: str | None
    generation: int
    last_generation: int
    workers: int
    admin_port: int
    metrics_port: int
    started_at: float
    max_body_bytes: int
    endpoints: tuple[Endpoint, ...]
    clusters: tuple[dict[str, Any], ...]
    """The fields of Envoy's provider clusters, which a reload keeps beside the new ones."""
    trace_port: int | None = None
    """Where the collector of `up --with-tracing` takes spans."""

    def tried(self, generation: int) -> Self:
        """Return the state after a generation was tried, whatever came of it."""
        return replace(self, last_generation=max(generation, self.last_generation))

    def save(self, home: Home) -> None:
        """Write it to the home."""
        write(home.state, json.dumps(asdict(self), indent=2) + "\n")


def load(home: Home) -> State | None:
    """Return what was written, or None when there is nothing that can be read: callers must do without."""
    try:
        found: dict[str, Any] = json.loads(home.state.read_text(encoding="utf-8"))
        endpoints = tuple(Endpoint(**entry) for entry in found.pop("endpoints"))
        clusters = tuple(dict(entry) for entry in found.pop("clusters"))
        state = State(**found, endpoints=endpoints, clusters=clusters)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return state if _is_sane(state) else None


def _is_sane(state: State) -> bool:
    ports = [state.admin_port, state.metrics_port, *(endpoint.port for endpoint in state.endpoints)]
    numbers = [*ports, state.generation, state.last_generation, state.workers, state.max_body_bytes]
    return all(type(number) is int and number >= 0 for number in numbers) and isinstance(state.started_at, float)
