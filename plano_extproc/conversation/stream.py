"""The streamed answer of a turn: told by its own id, and its end held back until the turn is saved.

out = kept.feed(chunk, end)
if turn := kept.due():               # the answer is complete
    await save(turn)                 # where that fails: out += kept.refuse(error)
    out += kept.release()
"""

import re
from typing import Any, Final

import orjson

from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.turn import Json, Turn
from plano_extproc.errors import GatewayError
from plano_extproc.translate import error_event
from plano_extproc.translate.framing.sse import KEEPALIVE, Event, SseParser


class KeptStream:
    """Reads a stream of the Responses API, already in its caller's words."""

    def __init__(self, pending: Pending, entry: str | None = None) -> None:
        """Read the answer to `pending`; `entry` as for `Pending.stated`."""
        self._turn: Turn | None = None
        self._pending = pending
        self._entry = entry
        self._parser = SseParser()
        self._items: dict[int, Json] = {}
        self._held: list[bytes] = []
        self._is_over = False
        self._due = True
        self._is_between = True

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the caller may have of `chunk`. `end` says that nothing follows.

        Raises `BadProviderAnswer` for an event that is too large.
        """
        is_whole = chunk.endswith(b"\n\n")
        if self._is_between and is_whole and not (self._is_over or end or _LOOKED_AT.search(chunk)):
            # Whole events that are nothing to us: most of a stream.
            return chunk
        self._is_between = is_whole
        events = [*self._parser.feed(chunk), *(self._parser.end() if end else ())]
        out: list[bytes] = []
        for event in events:
            made = self._take(event)
            (self._held if self._is_over else out).append(made)
        if self._is_over and self._turn is None:
            out.append(self.release())
        return b"".join(out)

    def due(self) -> Turn | None:
        """Return the turn that is to be saved, once; what follows is held back until `release`."""
        turn, self._due = self._turn if self._due else None, False if self._turn else self._due
        return turn

    def release(self) -> bytes:
        """Return what was held back."""
        held, self._held = b"".join(self._held), []
        return held

    def refuse(self, error: GatewayError) -> bytes:
        """Return the event for a turn that could not be saved, in place of what was held back."""
        self._held.clear()
        return error_event("openai.responses", error)

    def _take(self, event: Event) -> bytes:
        if event is KEEPALIVE:
            return b":\n\n"
        if _LOOKED_AT.search(event.data):
            told = _json(event.data)
            kind = told.get("type")
            if kind == _ITEM and isinstance(told.get("item"), dict) and isinstance(told.get("output_index"), int):
                self._items[told["output_index"]] = told["item"]
            elif isinstance(response := told.get("response"), dict):
                return self._written(event, self._stated(str(kind), told, response))
        return _written(event.name, event.data)

    def _stated(self, kind: str, told: Json, response: Json) -> Json:
        if kind in _ENDS:
            # Some providers tell the items only one by one.
            output = response.get("output") or [self._items[place] for place in sorted(self._items)]
            response = {**response, "output": output}
            self._turn = self._pending.turn(response, self._entry)
            self._is_over = True
        return {**told, "response": self._pending.stated(response, self._entry)}

    def _written(self, event: Event, told: Json) -> bytes:
        return _written(event.name, orjson.dumps(told))


def _json(data: bytes) -> Json:
    try:
        held: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return held if isinstance(held, dict) else {}


def _written(name: bytes, data: bytes) -> bytes:
    head = b"event: " + name + b"\n" if name else b""
    return head + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"


_LOOKED_AT: Final = re.compile(rb'"response"\s*:|response\.output_item\.done')
_ITEM: Final = "response.output_item.done"
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.done"})
