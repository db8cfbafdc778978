"""A JSON list that comes in pieces, read and written, as Gemini streams without `alt=sse`."""

import re
from typing import Final

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.framing.sse import MAX_EVENT_BYTES


class JsonListParser:
    """Cuts `[{...},{...}]` into its objects; each byte is looked at once. What stands between them is passed over."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        """Hold at most `limit` bytes of an unfinished object."""
        self._limit = limit
        self._held = bytearray()
        self._seen = 0
        self._depth = 0
        self._in_string = False
        self.began = False
        """Whether anything has come at all."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the objects that `chunk` completes. Raises `BadProviderAnswer` for one over the limit."""
        self._held += chunk
        self.began = self.began or bool(chunk)
        objects: list[bytes] = []
        start = 0
        at = self._seen
        while (found := (_IN_STRING if self._in_string else _OUTSIDE).search(self._held, at)) is not None:
            sign = found.group()
            at = found.end()
            if sign == b'"':
                self._in_string = not self._in_string
            elif sign == b"\\":
                # The end of an escape is not here yet.
                if at == len(self._held):
                    at -= 1
                    break
                at += 1
            elif sign == b"{":
                if not self._depth:
                    start = found.start()
                self._depth += 1
            elif sign == b"}":
                self._depth = max(0, self._depth - 1)
                if self._depth == 0:
                    objects.append(bytes(self._held[start:at]))
                    start = at
        else:
            at = len(self._held)
        if not self._depth and not self._in_string:
            start = at
        del self._held[:start]
        self._seen = at - start
        if len(self._held) > self._limit:
            raise BadProviderAnswer(f"the provider sent an event of more than {self._limit} bytes")
        return objects


_OUTSIDE: Final = re.compile(rb'["{}]')
_IN_STRING: Final = re.compile(rb'["\\]')


class ObjectWriter:
    """Writes the objects of a stream, as events or as one list."""

    def __init__(self, *, is_list: bool) -> None:
        """Write a list where `is_list` says so."""
        self._is_list = is_list
        self._is_first = True

    def write(self, told: bytes) -> bytes:
        """Return the next object as the client gets it."""
        if not self._is_list:
            return b"data: " + told + b"\n\n"
        before = b"[" if self._is_first else b",\r\n"
        self._is_first = False
        return before + told

    def end(self) -> bytes:
        """Return what follows the last object."""
        return b"]" if self._is_list else b""
