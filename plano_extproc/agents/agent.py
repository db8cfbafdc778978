"""An agent, ready to be called, and what a call of one came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from plano_extproc.config.agents import Agent as Declared
from plano_extproc.config.listeners import Fallback, Listener, ListenerAgent
from plano_extproc.flow import Headers
from plano_extproc.services import Upstream, chat_path, forwarded, upstreams

Outcome = Literal["answered", "empty", "failed", "skipped", "replaced"]


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as one listener uses it.

    `upstreams` are its equal instances, apart where their URLs differ in more than the host. `timeout` is in seconds
    and bounds each try. `fallback` is the id of the agent that takes over when this one fails; without one,
    `may_skip` says that the others go on.
    """

    id: str
    description: str
    upstreams: tuple[Upstream, ...]
    timeout: float
    is_default: bool = False
    retries: int = 0
    weight: int = 1
    may_skip: bool = False
    fallback: str | None = None
    input_filters: tuple[str, ...] = ()
    output_filters: tuple[str, ...] = ()
    forward_headers: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, used: ListenerAgent, declared: Declared, *, timeout: float) -> "Agent":
        """Make an agent of what the user declared; `timeout` is for agents without one of their own."""
        return cls(
            used.id,
            used.description,
            upstreams("agent", declared.id, declared.url),
            used.timeout or timeout,
            used.default,
            used.retries,
            used.weight,
            used.on_error == "skip",
            used.on_error.fallback if isinstance(used.on_error, Fallback) else None,
            used.input_filters,
            used.output_filters,
            declared.forward_headers,
            declared.headers,
        )

    def path(self, upstream: Upstream) -> str:
        """Return where its chat completions are: below its URL, unless that says it already."""
        return chat_path(upstream)


def chat_agents(listener: Listener, declared: Mapping[str, Declared]) -> tuple[Agent, ...]:
    """Return the agents of a listener that answer chat completions, in declared order."""
    timeout = listener.timeout or _LONGEST
    return tuple(
        Agent.of(used, declared[used.id], timeout=timeout)
        for used in listener.agents
        if declared[used.id].protocol == "chat"
    )


def passed_through(
    listener: Listener, declared: Mapping[str, Declared]
) -> dict[str, tuple[Literal["a2a", "mcp"], "Agent"]]:
    """Return the agents of a listener whose own protocol passes through, by id; a `timeout` of 0 is none."""
    found: dict[str, tuple[Literal["a2a", "mcp"], Agent]] = {}
    for used in listener.agents:
        protocol = declared[used.id].protocol
        if protocol != "chat":
            found[used.id] = protocol, Agent.of(used, declared[used.id], timeout=0.0)
    return found


_LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Record:
    """One agent's part in an exchange, for its span, metrics and the access log. `reason` is not what was said."""

    agent: str
    outcome: Outcome
    seconds: float
    tries: int
    status: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """What is the same for all agents that one exchange runs through.

    `client` are its headers with lower-case names, `key` is what a conversation has in common, such as its session id,
    `clock` a monotonic one in seconds, and `report` is told of each agent as it ends.
    """

    client: Mapping[str, bytes] = field(repr=False)
    key: bytes
    clock: Callable[[], float]
    report: Callable[[Record], None]

    def headers(self, agent: Agent) -> Headers:
        """Return the headers of a request to an agent."""
        own = forwarded(self.client, agent.forward_headers, agent.headers)
        return (("content-type", b"application/json"), *own)
