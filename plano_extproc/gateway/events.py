"""What Envoy tells us about one HTTP exchange, in this order; a body comes whole or in chunks as we asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from plano_extproc.translate.chat import Usage


@dataclass(slots=True)
class RequestHeaders:
    """The request line and headers. Names are lower case; of a repeated header the first value counts.

    `kept` is what the listener position has left for attempts: the client's own body, where another is sent.
    """

    headers: Mapping[str, bytes]
    end_of_stream: bool
    kept: bytes | None = None


@dataclass(slots=True)
class RequestBody:
    """The request's body."""

    body: bytes
    end_of_stream: bool


@dataclass(slots=True)
class ResponseHeaders:
    """The status line and headers of the answer, from the provider or from Envoy itself."""

    headers: Mapping[str, bytes]
    end_of_stream: bool


@dataclass(slots=True)
class ResponseBody:
    """The answer's body, or the next chunk of it."""

    body: bytes
    end_of_stream: bool


@dataclass(slots=True)
class Trailers:
    """Trailers of either direction. A foreign Envoy may send them unasked.

    `usage` is what Envoy read of an answer in passing, where it was asked to.
    """

    of_request: bool
    usage: Usage | None = None


Event = RequestHeaders | RequestBody | ResponseHeaders | ResponseBody | Trailers
