"""A filter, ready to be called, and what one call of it came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from plano_extproc.config.agents import Agent
from plano_extproc.config.agents import Filter as Declared
from plano_extproc.flow import Headers
from plano_extproc.services import Upstream, forwarded, upstreams

Kind = Literal["http", "mcp"]
Outcome = Literal["unchanged", "changed", "refused", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a configuration. `timeout` is in seconds and bounds one call, however many requests it takes."""

    id: str
    kind: Kind
    upstream: Upstream
    tool: str
    timeout: float
    may_skip: bool
    stream: Literal["events", "text"]
    forward_headers: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, declared: Declared | Agent) -> "Filter":
        """Make a filter of what the user declared. An agent that is named as a filter is an HTTP filter."""
        if isinstance(declared, Agent):
            upstream = upstreams("agent", declared.id, declared.url)[0]
            own = declared.forward_headers, declared.headers
            return cls(declared.id, "http", upstream, declared.id, _AGENT_TIMEOUT, False, "events", *own)
        return cls(
            declared.id,
            declared.type,
            upstreams("filter", declared.id, (declared.url,))[0],
            declared.tool,
            declared.timeout,
            declared.on_error == "skip",
            declared.stream or ("events" if declared.type == "http" else "text"),
            declared.forward_headers,
            declared.headers,
        )


_AGENT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    """One call of a filter, for its span, metrics and the access log. `reason` holds nothing of what was said."""

    filter: str
    kind: Kind
    outcome: Outcome
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Passing:
    """What is the same for all filters that one exchange passes.

    `path` is the client's own, `client` its headers with lower-case names, `clock` a monotonic one in seconds, and
    `report` is told of every call as it ends.
    """

    path: str
    client: Mapping[str, bytes] = field(repr=False)
    clock: Callable[[], float]
    report: Callable[[Record], None]

    def headers(self, filter_: Filter, *more: tuple[str, bytes]) -> Headers:
        """Return the headers of a request to a filter."""
        return (*more, *forwarded(self.client, filter_.forward_headers, filter_.headers))


class FilterFailed(Exception):
    """A filter that should have answered did not, or answered nonsense: `reason` says which."""

    def __init__(self, reason: str, *, is_late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_late = is_late


class Deadline:
    """The time that one call of a filter may take, over all its requests."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises `FilterFailed` when there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise FilterFailed("did not answer in time", is_late=True)
        return left
