"""The answer of a turn that is kept: told by the turn's own id, and complete for its caller only once it is saved."""

from typing import Any

import orjson

from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.stream import KeptStream
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.work import Doing, wait_for
from plano_extproc.stores.conversations import Conversations


class Keeping:
    """Saves a turn. `entry` is the provider's entry where that may store the turn itself, once it is known.

    `is_off` leaves the answer as it is.
    """

    def __init__(self, conversations: Conversations, pending: Pending) -> None:
        self.entry: str | None = None
        self.is_off = False
        self._conversations = conversations
        self._pending = pending
        self._stream: KeptStream | None = None
        self._has_failed = False

    def whole(self, body: bytes) -> Doing[bytes]:
        """Return the answer once its turn is saved."""
        answer = None if self.is_off else _answer(body)
        if answer is None:
            return body
        turn = self._pending.turn(answer, self.entry)
        if turn is not None:
            yield from wait_for(lambda: self._conversations.save(turn))
        return orjson.dumps(self._pending.stated(answer, self.entry))

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Return what the caller may have: the end of the answer comes once its turn is saved."""
        if self.is_off:
            return chunk
        if self._has_failed:
            return b""
        stream = self._stream = self._stream or KeptStream(self._pending, self.entry)
        made = stream.feed(chunk, end)
        if turn := stream.due():
            try:
                yield from wait_for(lambda: self._conversations.save(turn))
            except GatewayError as error:
                self._has_failed = True
                return made + stream.refuse(error)
        return made + stream.release()


def _answer(body: bytes) -> dict[str, Any] | None:
    try:
        held: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return held if isinstance(held, dict) and isinstance(held.get("output"), list) else None
