"""An answer that is kept as it goes by, to be read for signals when all is over."""

from dataclasses import dataclass, field
from typing import Final

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.gateway.work import Doing, Work
from plano_extproc.translate import provider_codec
from plano_extproc.translate.accumulate import Accumulator
from plano_extproc.translate.chat import Answer
from plano_extproc.translate.framing.sse import SseParser

_MOST: Final = 1 << 20
"""Bytes of an answer that are kept to be read for signals; a longer one is not read."""


@dataclass(slots=True)
class KeptAnswer:
    """The bytes of one answer, as far as they are kept. An `Edit` that changes nothing."""

    chunks: list[bytes] = field(default_factory=list, repr=False)
    is_stream: bool = False
    size: int = 0

    def whole(self, body: bytes) -> Doing[bytes]:
        """Keep a whole answer."""
        yield from ()
        self._keep(body)
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:  # noqa: ARG002 - it is read when all is over
        """Keep the next chunk of a stream."""
        yield from ()
        self.is_stream = True
        self._keep(chunk)
        return chunk

    def _keep(self, body: bytes) -> None:
        self.size += len(body)
        if self.size <= _MOST:
            self.chunks.append(body)

    def answer(self, work: Work) -> Answer | None:
        """Return what was said; None where that cannot be read."""
        if self.size > _MOST or not self.chunks or work.framing != "sse":
            return None
        spoken, body = provider_codec(work.ask.surface.api), b"".join(self.chunks)
        try:
            if not self.is_stream:
                return spoken.decode_answer(orjson.loads(body))
            parser, decoder, whole = SseParser(), spoken.stream_decoder(), Accumulator()
            for event in [*parser.feed(body), *parser.end()]:
                for delta in decoder.take(event):
                    whole.take(delta)
        except (BadProviderAnswer, *_NO_ANSWER):
            return None
        return whole.answer


_NO_ANSWER: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)
