"""What we tell Envoy to do, one action for each event.

An action has two parts: `Changes`, which many exchanges share and which are made once, so that the wire layer can keep
their serialised form (`wire`) beside them; and what is this exchange's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Headers = tuple[tuple[str, bytes], ...]


class BodyMode(Enum):
    """How much of an answer's body we want to see: chunk by chunk, as a whole, or only what it cost, at its end."""

    STREAMED = 1
    BUFFERED = 2
    COST = 3


@dataclass(slots=True, eq=False)
class Changes:
    """What every exchange of one kind does at one event.

    Of the headers, `remove` goes first, then `set` replaces. `clear_route` lets Envoy choose the route again, by the
    headers that were just set. `metadata` is for Envoy's access log and later filters, under our namespace; `clusters`
    are those of a chain, one for each try. `response_body` asks, in the answer to response headers, for the body;
    without it Envoy keeps it.
    """

    set: Headers = ()
    remove: tuple[str, ...] = ()
    clear_route: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    clusters: tuple[str, ...] = ()
    response_body: BodyMode | None = None
    wire: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Continue:
    """Go on, with changes. `extra` are this exchange's own header values; they replace.

    `own` and the body `kept` are metadata for this exchange's attempts, `tried` what one of them leaves for the next,
    `facts` for the access log. `body` None leaves the body alone; `b""` makes it empty.
    """

    changes: Changes | None = None
    extra: Headers = ()
    body: bytes | None = None
    own: str | None = None
    facts: Mapping[str, Any] | None = None
    tried: Mapping[str, str] | None = None
    kept: bytes | None = None


@dataclass(slots=True)
class Reply:
    """Answer the client ourselves; nothing goes upstream. `details` and `facts` show in Envoy's access log."""

    status: int
    headers: Headers
    body: bytes
    details: str
    facts: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Piece:
    """Hand on a piece of a body that comes in pieces; `end` says that nothing follows.

    How many pieces come and how many go on need not agree.
    """

    body: bytes
    end: bool


@dataclass(slots=True)
class PassOver:
    """Give up a try before its provider is asked. Envoy takes `status` for the provider's, and tries the next one.

    `tried` is what the attempt leaves for the next.
    """

    status: int
    tried: Mapping[str, str]


Action = Continue | Reply

PROCEED = Continue()
"""Nothing to change."""
