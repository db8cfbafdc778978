"""A kept answer: its bytes as the client got them, whole or as the transcript of a stream, and who gave it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.translate import LastEvent

MOST_BYTES: Final = 1024 * 1024
"""Larger answers are not kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`created` is in seconds since 1970, `headers` are those that explain who answered, and the content type."""

    created: float
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def age(self, now: float) -> int:
        """Return how old it is, in whole seconds."""
        return max(0, int(now - self.created))


def encoded(kept: Kept) -> bytes:
    """Return an answer as a store keeps it."""
    return orjson.dumps({"created": kept.created, "headers": dict(kept.headers)}) + b"\n" + kept.body


def decoded(value: bytes) -> Kept:
    """Return the answer in a value of a store."""
    head, _, body = value.partition(b"\n")
    held: dict[str, Any] = orjson.loads(head)
    return Kept(held["created"], held["headers"], body)


def is_whole(api: Api, body: bytes) -> bool:
    """Return whether an answer that does not stream is one, and not an error or something cut short."""
    try:
        held: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return (
        isinstance(held, dict)
        and not held.get("error")
        and (api != "openai.responses" or held.get("status", "completed") == "completed")
    )


def is_ended(api: Api, transcript: bytes) -> bool:
    """Return whether a stream came to the end that its dialect gives to an answer."""
    # The blank line behind the last event may be missing.
    is_ended = (
        b'"finishReason"' in transcript if api == "gemini.generate" else LastEvent(api).feed(transcript + b"\n\n")
    )
    return is_ended and not any(mark in transcript for mark in _FAILURES)


_FAILURES: Final = (
    b"event: error", b"event:error", b'data: {"error"', b'data:{"error"', b"event: response.failed",
    b"event:response.failed", b"event: response.incomplete", b"event:response.incomplete",
)  # fmt: skip
