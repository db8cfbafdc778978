"""Just enough HTTP/1.1 for a load generator and a provider that must cost next to nothing.

Every peer here is Envoy or the bench itself: header names come in lower case, nothing is pipelined, and a
body is either counted or chunked. So a message can be cut out of the bytes by three searches.
"""

from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_CHUNKED = b"\r\ntransfer-encoding: chunked"
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One request or answer. The body of a chunked message keeps its chunk frames."""

    head: bytes
    body: bytes


class Reader:
    """Cuts a connection's bytes into messages, one at a time."""

    __slots__ = ("_buffer", "_is_chunked", "_start", "_total")

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._buffer = b""
        self._start = 0
        self._total = 0
        self._is_chunked = False

    def feed(self, data: bytes) -> Message | None:
        """Take the next bytes, and return the message that they complete."""
        buffer = self._buffer + data if self._buffer else data
        if not self._start and not self._read_head(buffer):
            self._buffer = buffer
            return None
        is_complete = buffer.endswith(_LAST_CHUNK) if self._is_chunked else len(buffer) >= self._total
        if not is_complete:
            self._buffer = buffer
            return None
        message = Message(buffer[: self._start], buffer[self._start :])
        self._reset()
        return message

    def _read_head(self, buffer: bytes) -> bool:
        end = buffer.find(_END_OF_HEAD)
        if end < 0:
            return False
        self._start = end + len(_END_OF_HEAD)
        at = buffer.find(_LENGTH, 0, end)
        if at >= 0:
            at += len(_LENGTH)
            line_end = buffer.find(b"\r\n", at)
            self._total = self._start + int(buffer[at:line_end])
        else:
            self._is_chunked = buffer.find(_CHUNKED, 0, end) >= 0
            self._total = self._start
        return True


def chunk(payload: bytes) -> bytes:
    """Frame a payload as one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(payload), payload)


def unframed(framed: bytes) -> bytes:
    """Return the payload of one chunk."""
    return framed.partition(b"\r\n")[2].removesuffix(b"\r\n")


LAST_CHUNK = b"0\r\n\r\n"
