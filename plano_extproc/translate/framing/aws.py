"""Amazon's binary event stream, read as it arrives.

A frame tells its own length and that of its headers, and guards both with a checksum, so that it is known how much to
wait for; a second checksum guards the whole. All numbers are big-endian.

    length u32 | length of headers u32 | CRC32 of these | headers | payload | CRC32 of all before

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.framing.sse import MAX_EVENT_BYTES, Event

_PRELUDE: Final = struct.Struct(">III")
_CHECKSUM: Final = struct.Struct(">I")
_LEAST: Final = _PRELUDE.size + _CHECKSUM.size


@dataclass(frozen=True, slots=True)
class ExceptionEvent(Event):
    """The provider gave up: `name` is the kind of its exception, `data` a JSON object with a message."""


class EventStreamParser:
    """Cuts a stream of bytes into events, named by their type."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        """Hold at most one frame of `limit` bytes."""
        self._limit = limit
        self._held = bytearray()
        self._wanted = _PRELUDE.size
        self._is_measured = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that `chunk` completes. Raises `BadProviderAnswer` for a broken frame, or one too long."""
        self._held += chunk
        start = 0
        while len(self._held) - start >= self._wanted:
            if not self._is_measured:
                self._wanted = self._measure(start)
                self._is_measured = True
                continue
            end = start + self._wanted
            yield _event(bytes(self._held[start:end]))
            start = end
            self._wanted = _PRELUDE.size
            self._is_measured = False
        del self._held[:start]

    def end(self) -> list[Event]:
        """Return nothing: a frame is complete in itself. Raises when the stream ends within one."""
        if self._held:
            raise BadProviderAnswer("the provider's stream ended within a frame")
        return []

    def _measure(self, start: int) -> int:
        length, headers, checksum = _PRELUDE.unpack_from(self._held, start)
        if crc32(self._held[start : start + 8]) != checksum:
            raise BadProviderAnswer("the provider sent a frame whose beginning has a wrong checksum")
        if length < _LEAST + headers:
            raise BadProviderAnswer("the provider sent a frame whose lengths do not agree")
        if length > self._limit:
            raise BadProviderAnswer(f"the provider sent an event of more than {self._limit} bytes")
        return int(length)


def _event(frame: bytes) -> Event:
    end = len(frame) - _CHECKSUM.size
    if crc32(frame[:end]) != _CHECKSUM.unpack_from(frame, end)[0]:
        raise BadProviderAnswer("the provider sent a frame with a wrong checksum")
    (size,) = _CHECKSUM.unpack_from(frame, 4)
    body = _PRELUDE.size + size
    try:
        headers = _headers(frame[_PRELUDE.size : body])
    except (struct.error, IndexError, KeyError):
        raise BadProviderAnswer("the provider sent a frame with broken headers") from None
    payload = frame[body:end]
    match headers.get(b":message-type"):
        case b"event":
            return Event(headers.get(b":event-type", b""), payload)
        case b"exception":
            return ExceptionEvent(headers.get(b":exception-type", b""), payload)
        case b"error":
            # An error that no model of the API foresees has no payload.
            message = headers.get(b":error-message", b"").decode("utf-8", "replace")
            return ExceptionEvent(headers.get(b":error-code", b""), orjson.dumps({"message": message}))
        case _:
            raise BadProviderAnswer("the provider sent a frame of an unknown type")


def _headers(data: bytes) -> Mapping[bytes, bytes]:
    """Return the headers, raw: all that are read here hold text."""
    headers: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        start = at + 1
        at = start + data[at]
        name, kind = data[start:at], data[at]
        at += 1
        if kind in _PREFIXED:
            (size,) = struct.unpack_from(">H", data, at)
            at += 2
        else:
            size = _SIZES[kind]
        headers[name] = data[at : at + size]
        at += size
    if at > len(data):
        raise IndexError
    return headers


_PREFIXED: Final = frozenset({6, 7})
"""Bytes and text, which tell their length."""
_SIZES: Final[Mapping[int, int]] = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""True, false, whole numbers of four sizes, a time and a UUID."""
