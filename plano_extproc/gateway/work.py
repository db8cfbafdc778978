"""One exchange under way: what its steps have made of the request, and what its answer will pass.

A step runs once the body is known, before the provider is called. It may change the request, answer it (a `Reply` ends
the exchange), ask the outside, put an edit in the answer's way, and leave something to be done when all is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from operator import itemgetter
from typing import Any, Protocol, TypeVar

import orjson

from plano_extproc.flow import Question
from plano_extproc.gateway.actions import Headers, Reply
from plano_extproc.gateway.agents.spoken import Spoken
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.rewrite import written
from plano_extproc.gateway.tries.chain import Plans
from plano_extproc.translate.codec import Framing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """Something of the gateway's own to wait for, such as a store. What it raises is raised where it was asked."""

    make: Callable[[], Awaitable[Any]]


Doing = Generator[Question | Wait, Any, T]
"""A part of an exchange that may ask or wait, and ends with a `T`. A `plano_extproc.flow.Flow` is one too."""


def wait_for(make: Callable[[], Awaitable[T]]) -> Doing[T]:
    """Wait, with `yield from`, for what `make` gives."""
    told: T = yield Wait(make)
    return told


class Rank(IntEnum):
    """Where an edit stands in an answer's way: the lowest sees the provider's words first, the last the client's."""

    USAGE = 0
    ACTIONS = 1
    FILTERS = 2
    GUARDS = 3
    CACHING = 4
    KEEPING = 5


class Edit(Protocol):
    """Reads or changes an answer of status 2xx in the caller's own dialect.

    `whole` gets the body of an answer that does not stream, `feed` each chunk of one that does; a chunk may be cut
    anywhere, and what is held back comes with a later one or at the `end`. Either may raise a `GatewayError`: it
    replaces a whole answer, and ends a stream with the error event of the dialect.
    """

    def whole(self, body: bytes) -> Doing[bytes]:
        """Return the body that goes on."""

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Return what goes on for a chunk; empty holds it back."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange ended. `status` is 0 where no answer came; `served` is who answered, None where we did.

    `is_complete` is false where the answer was read and broke off. Times are in seconds: `seconds` since the request's
    headers, of which `overhead` went by before the provider was called. Of `attempts` tries it was the one at `place`,
    counted from 1, that answered.
    """

    status: int
    served: Plan | None
    is_complete: bool
    seconds: float
    attempts: int = 1
    overhead: float = 0.0
    place: int = 1


@dataclass(slots=True)
class Cut:
    """What breaks an answer off, even one that is silent: once `event` is set and `holds` says so.

    `is_told` says that the client knows, so that what is still said is for nobody; `ends` is when that is broken off,
    in the event loop's time.
    """

    event: asyncio.Event
    holds: Callable[[], bool]
    is_told: Callable[[], bool]
    ends: float | None = None


class Due(Protocol):
    """What must be done before an answer may end: asked for each answer at its headers, and again where one fails.

    `status` is the answer's own, `is_read` says that its edits see all of it, so that they may do the same at its end.
    """

    def __call__(self, status: int, *, is_read: bool = False, is_complete: bool = True) -> Doing[None]:
        """Do it. A `GatewayError` that is raised takes the place of the answer."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A request that is handed to an agent in words of ours: `spoken`, with `headers` beside the client's own.

    `ran` are the agents before it, by id. `otherwise` gives the answer where it fails; None leaves its own. `heard` has
    what an agent's answer passes, by the agent's id, before it is put into the client's words.
    """

    spoken: Spoken
    headers: Headers = ()
    ran: tuple[str, ...] = ()
    otherwise: Callable[[], Doing[Reply | None]] | None = None
    heard: Mapping[str, Edit] = field(default_factory=dict)

    def changed(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> "Handed":
        """Return the same with what a client's request has become, where agents are asked in its dialect."""
        if self.spoken.translation is not None:
            return self
        made = {key: held for key, held in self.spoken.request.items() if key in after or key not in before}
        made |= {key: held for key, held in after.items() if before.get(key) != held}
        return replace(self, spoken=self.spoken.with_body(orjson.dumps(made)))


@dataclass(slots=True)
class Work:
    """One exchange between its body and its end.

    `request` is the parsed `body`; change both by `replace`. `plans` is who serves, once that is decided, with the
    `reason` where it lies in what is asked. `headers` go on the answer, `facts` into Envoy's access log (short values,
    nothing of what was said). `edits` see the answer, in the order of their ranks; `endings` are run when the exchange
    is over, whatever became of it, and must not raise. `served` is who answered, once that is known. `cut` is set where
    an answer may have to be broken off, `due` where something must be done before it ends, whoever gives it.
    """

    ask: Ask
    body: bytes
    request: dict[str, Any]
    plans: Plans | None = None
    reason: str | None = None
    handed: Handed | None = None
    """What an agent gets in the place of `request`; an agent that serves always has it."""
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    edits: list[tuple[Rank, Edit]] = field(default_factory=list)
    endings: list[Callable[[Ending], Awaitable[None]]] = field(default_factory=list)
    onward: list[tuple[str, bytes]] = field(default_factory=list)
    """More headers of the request to the provider."""
    notes: dict[Any, Any] = field(default_factory=dict)
    """What one step leaves for a later one, under a key of its own."""
    served: Plan | None = None
    cut: Cut | None = None
    due: Due | None = None

    def replace(self, request: dict[str, Any]) -> None:
        """Go on with another request; an agent that it was handed to already gets what is new of it."""
        if self.handed is not None:
            self.handed = self.handed.changed(self.request, request)
        self.request = request
        # Where the path says these, they were put in by us, and no provider knows them.
        said = _SAID_BY_PATH if self.ask.surface.model is not None else ()
        self.body = written({key: value for key, value in request.items() if key not in said} if said else request)

    @property
    def is_stream(self) -> bool:
        """Whether the client wants the answer as a stream."""
        return bool(self.request.get("stream"))

    @property
    def framing(self) -> Framing:
        """How a stream is put to the client."""
        return self.ask.framing

    def edit(self, rank: Rank, edit: Edit) -> None:
        """Put an edit in the answer's way."""
        self.edits.append((rank, edit))

    def in_order(self) -> tuple[Edit, ...]:
        """Return the edits in the order in which an answer passes them."""
        return tuple(edit for _, edit in sorted(self.edits, key=itemgetter(0))) if self.edits else ()


Step = Callable[[Work], Doing[Reply | None]]
"""One thing that is done with a request. Raises a `GatewayError` to refuse it."""

Facts = Mapping[str, Any]

_SAID_BY_PATH = frozenset({"model", "stream"})
