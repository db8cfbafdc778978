"""Server-sent events, read as they arrive.

Bytes are looked at once: each read is cut into lines, and only the unfinished line is kept for the next. Nothing is
decoded before its event is complete, so a character may be cut anywhere.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from dataclasses import dataclass

from plano_extproc.errors import BadProviderAnswer

_BOM = b"\xef\xbb\xbf"

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""Images in answers are the largest events; above this a provider that never ends a line is stopped."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `name` is empty where the stream gave none."""

    name: bytes
    data: bytes


_OTHER_FIELDS = frozenset({b"id", b"retry"})

KEEPALIVE = Event(b":", b"")
"""Stands for a comment, which providers send to show that they live."""


class SseParser:
    """Cuts a stream of bytes into events. Line ends may be LF, CRLF or CR, in any mixture."""

    def __init__(self, limit: int = MAX_EVENT_BYTES, *, keeps_strays: bool = False) -> None:
        """Hold at most `limit` bytes of an unfinished event.

        `keeps_strays` makes an event of lines that are no field, up to the next blank line; else they are passed over.
        """
        self._limit = limit
        self._keeps_strays = keeps_strays
        self._strays: list[bytes] = []
        self._pieces: list[bytes] = []
        self._held = 0
        self._name = b""
        self._data: list[bytes] = []
        self._data_size = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that `chunk` completes. Raises `BadProviderAnswer` for one over the limit."""
        events: list[Event] = []
        if not chunk:
            return events
        if self._after_cr:
            self._after_cr = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk[-1] == 0x0D
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            if self._pieces:
                self._pieces.append(line)
                line = b"".join(self._pieces)
                self._pieces.clear()
                self._held = 0
            self._line(line, events)
        if rest:
            self._pieces.append(rest)
            self._held += len(rest)
            self._check(self._held)
        return events

    def end(self) -> list[Event]:
        """Return the event that the end of the stream completes, if any: a last blank line may be missing."""
        events: list[Event] = []
        if self._pieces:
            line = b"".join(self._pieces)
            self._pieces.clear()
            self._line(line, events)
        self._dispatch(events)
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
            return
        self._check(len(line))
        field, colon, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if field == b"data":
            self._data.append(value)
            self._data_size += len(value) + 1
        elif field == b"event":
            self._name = value
        elif not field and colon:
            events.append(KEEPALIVE)
        elif self._keeps_strays and field not in _OTHER_FIELDS:
            self._strays.append(line)
            self._data_size += len(line) + 1

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(self._name, self._data[0] if len(self._data) == 1 else b"\n".join(self._data)))
            self._data.clear()
        if self._strays:
            events.append(Event(b"", b"\n".join(self._strays)))
            self._strays.clear()
        self._data_size = 0
        self._name = b""

    def _check(self, line: int) -> None:
        if self._data_size + line > self._limit:
            raise BadProviderAnswer(f"the provider sent an event of more than {self._limit} bytes")
