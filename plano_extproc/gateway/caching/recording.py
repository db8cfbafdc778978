"""An answer is kept as it passes, to be given again."""

from collections.abc import Awaitable, Callable
from typing import Final

from plano_extproc import headers
from plano_extproc.caching.kept import MOST_BYTES, Kept, is_ended, is_whole
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.work import Doing, Work, wait_for

Save = Callable[[Kept], Awaitable[None]]


class Recording:
    """Hands a complete answer to `save`, before its end goes on; one that is too large is not kept."""

    def __init__(self, work: Work, now: Callable[[], float], save: Save) -> None:
        self._work = work
        self._now = now
        self._save = save
        self._chunks: list[bytes] | None = []
        self._size = 0

    def whole(self, body: bytes) -> Doing[bytes]:
        """Keep a whole answer."""
        if len(body) <= MOST_BYTES and (self._work.ask.surface.endpoint or is_whole(self._work.ask.surface.api, body)):
            yield from self._kept(_JSON, body)
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Collect a chunk, and keep the transcript at the end."""
        if self._chunks is not None:
            self._chunks.append(chunk)
            self._size += len(chunk)
            if self._size > MOST_BYTES:
                self._chunks = None
        if end and self._chunks is not None:
            transcript = b"".join(self._chunks)
            self._chunks = None
            if is_ended(self._work.ask.surface.api, transcript):
                yield from self._kept(_SSE if self._work.framing == "sse" else _JSON, transcript)
        return chunk

    def _kept(self, kind: str, body: bytes) -> Doing[None]:
        served = self._work.served
        told = {"content-type": kind, **(_explained(served) if served is not None else {})}
        kept = Kept(self._now(), told, body)
        yield from wait_for(lambda: self._save(kept))


def _explained(served: Plan) -> dict[str, str]:
    """Return the headers that say who answered."""
    return {name: value.decode("latin-1") for name, value in served.response[None].set if name in _WHO}


_WHO: Final = (headers.MODEL, headers.ROUTE)
_JSON: Final = "application/json"
_SSE: Final = "text/event-stream"
