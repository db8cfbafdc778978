"""What we tell Envoy to do, one action for each event.

Edits and metadata are made once and reused by many exchanges, so that the wire layer can keep their serialised
form (`wire`) beside them.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class BodyMode(Enum):
    """How much of an answer's body we want to see."""

    NONE = 0
    STREAMED = 1
    BUFFERED = 2


@dataclass(slots=True, eq=False)
class HeaderEdits:
    """Header changes: `remove` first, then `set` replaces, then `default` adds what is absent."""

    set: tuple[tuple[str, bytes], ...] = ()
    default: tuple[tuple[str, bytes], ...] = ()
    remove: tuple[str, ...] = ()
    wire: Any = field(default=None, repr=False)


@dataclass(slots=True, eq=False)
class Metadata:
    """Values for Envoy's access log and later filters, under our namespace."""

    values: dict[str, str]
    wire: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Continue:
    """Go on, with changes. `edits` are shared, `extra` are this exchange's own header values.

    `body` None leaves the body alone; `b""` makes it empty. `clear_route` lets Envoy choose the route again, by
    the headers that were just set. `response_body` asks, in the answer to response headers, for the body.
    """

    edits: HeaderEdits | None = None
    extra: tuple[tuple[str, bytes], ...] = ()
    body: bytes | None = None
    clear_route: bool = False
    metadata: Metadata | None = None
    response_body: BodyMode | None = None


@dataclass(slots=True)
class Reply:
    """Answer the client ourselves; nothing goes upstream. `details` shows in Envoy's access log."""

    status: int
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    details: str
    metadata: Metadata | None = None


Action = Continue | Reply

PROCEED = Continue()
"""Nothing to change."""
