"""Whether a streamed answer has begun to say something.

Providers send headers, and even an opening event, before the model has said a word, and some say then only that they
are overloaded. A stream has begun when its first token is there, or whatever else a model answers with.
"""

from itertools import chain
from typing import Final

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.codec import WRONG_SHAPE
from plano_extproc.translate.deltas import BlockStart, Delta, Failure, Ping, Start
from plano_extproc.translate.faults import Fault, fault_of
from plano_extproc.translate.framing.content import ContentDecoder
from plano_extproc.translate.translation import provider_codec

LONGEST: Final = 256 * 1024
"""Bytes without a token after which a stream counts as begun: no opening is that long."""


class Beginning:
    """Looks at the first chunks of one stream. `has_begun` and `fault` say what they have told."""

    def __init__(self, api: Api, encoding: bytes = b"identity") -> None:
        """Look at a stream of a provider's dialect in a content encoding.

        One that cannot be undone hides the tokens, so the first bytes count.
        """
        codec = provider_codec(api)
        self._frames = codec.frames()
        self._decoder = codec.stream_decoder()
        self._seen = 0
        self.has_begun = False
        self.fault: Fault | None = None
        self._content: ContentDecoder | None = None
        try:
            self._content = ContentDecoder(encoding)
        except BadProviderAnswer:
            self.has_begun = True

    @property
    def is_known(self) -> bool:
        """Whether it is known how the stream begins: with a token, or with a fault."""
        return self.has_begun or self.fault is not None

    def look(self, chunk: bytes, end: bool) -> None:
        """Look at the next chunk, until the beginning is known; `end` says that nothing follows."""
        assert not self.is_known, "the rest of the stream is nobody's concern here"
        assert self._content is not None, "without a decoder the beginning is known"
        try:
            self._read(self._content.feed(chunk, end), end)
        except BadProviderAnswer as error:
            self.fault = fault_of(error)
        except WRONG_SHAPE:
            self.fault = Fault("the provider sent an event that its API does not know", 502, "api_error")
        self._seen += len(chunk)
        if self._seen > LONGEST and not self.is_known:
            self.has_begun = True

    def _read(self, plain: bytes, end: bool) -> None:
        for event in chain(self._frames.feed(plain), self._frames.end() if end else ()):
            self._take(self._decoder.take(event))
            if self.is_known:
                return
        if end:
            self._take(self._decoder.end())
            if not self.is_known:
                self.fault = Fault("the provider's stream holds no answer", 502, "api_error")

    def _take(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            if isinstance(delta, Failure):
                self.fault = delta.fault
            elif not _is_opening(delta):
                self.has_begun = True
            if self.is_known:
                return


def _is_opening(delta: Delta) -> bool:
    """Whether a delta comes before anything is said. A tool's name is part of the answer, an open text is not."""
    return isinstance(delta, (Start, Ping)) or (isinstance(delta, BlockStart) and delta.kind in ("text", "thinking"))
