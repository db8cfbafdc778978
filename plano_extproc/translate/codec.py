"""What a dialect has to offer: functions and classes for providers that speak it, and for clients."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate.chat import Answer, Json, Request, Usage
from plano_extproc.translate.deltas import Delta
from plano_extproc.translate.framing.sse import Event, SseParser
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import Profile

Framing = Literal["sse", "array"]
"""How a stream is put to a client: as server-sent events, or as one JSON list that grows."""


class FrameParser(Protocol):
    """Cuts the bytes of a stream into frames. What is none raises `BadProviderAnswer`, after the frames before it."""

    def feed(self, chunk: bytes) -> Iterable[Event]:
        """Return the frames that `chunk` completes; it may be cut anywhere."""

    def end(self) -> Iterable[Event]:
        """Return the frames that the end of the stream completes."""


class StreamDecoder(Protocol):
    """Turns the frames of one provider's stream into deltas, in the order that `deltas` promises.

    Raises `BadProviderAnswer` for what the dialect does not allow; a frame of the wrong JSON shape may also show
    as one of `WRONG_SHAPE`.
    """

    usage: Usage | None

    def take(self, event: Event) -> list[Delta]:
        """Return what one frame says."""

    def end(self) -> list[Delta]:
        """Return what the end of the stream says. Raises when it came too early."""


class StreamEncoder(Protocol):
    """Writes one stream to a client. Relies on the order that `deltas` promises."""

    def take(self, delta: Delta) -> bytes:
        """Return the bytes for a delta; none where the dialect has no word for it."""


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What a client's stream or answer must say that the provider's may not.

    `id` and `model` stand in for those that the provider left out, `created` is seconds since 1970. `asked` is the
    client's own request, for dialects whose answers repeat it; `framing` is for those that have a choice.
    """

    id: str = ""
    model: str = ""
    created: int = 0
    include_usage: bool = False
    include_thoughts: bool = True
    framing: Framing = "sse"
    asked: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCodec:
    """One dialect as providers speak it: encoding requests, decoding answers.

    `tool_name_limit` is the longest tool name it takes, `lettered_tools` says that these begin with a letter, and
    `json_mode` that answers can be asked to be JSON of any form. `stream_type` is the media type of its streams, which
    `frames` cuts; `parse` reads the body of a whole answer.
    """

    api: Api
    tool_name_limit: int
    encode_request: Callable[[Request, Profile, Losses], Json]
    decode_answer: Callable[[Json], Answer]
    stream_decoder: Callable[[], StreamDecoder]
    lettered_tools: bool = False
    json_mode: bool = False
    stream_type: str = "text/event-stream"
    frames: Callable[[], FrameParser] = SseParser
    parse: Callable[[bytes], Any] = orjson.loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec(ProviderCodec):
    """One dialect in both roles: for clients too, decoding requests and encoding answers.

    `words` names the fields of the neutral request as this dialect's callers know them.
    """

    words: Mapping[str, str]
    decode_request: Callable[[Json, Losses], Request]
    encode_answer: Callable[[Answer, AnswerOptions], Json]
    stream_encoder: Callable[[AnswerOptions], StreamEncoder]


WRONG_SHAPE = (AttributeError, KeyError, IndexError, TypeError, ValueError)
"""How JSON of an unexpected shape shows when it is read as the dialect says it should be."""
