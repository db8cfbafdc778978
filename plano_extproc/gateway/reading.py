"""What is read of an answer in passing: the tokens that it cost."""

from plano_extproc.gateway.work import Doing, Rank, Work
from plano_extproc.translate.chat import Usage
from plano_extproc.translate.usage import StreamUsage, usage_in


class UsageReader:
    """Reads the tokens that an answer says it cost. `usage` is None as long as it has said nothing."""

    def __init__(self, work: Work) -> None:
        self._api = work.ask.surface.api
        self._stream = StreamUsage(self._api, work.framing)
        self._whole: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """What is known so far."""
        return self._whole or self._stream.usage

    def whole(self, body: bytes) -> Doing[bytes]:
        """Read a whole answer."""
        yield from ()
        self._whole = usage_in(self._api, body)
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Read the next chunk of a stream."""
        yield from ()
        self._stream.feed(chunk)
        if end:
            self._stream.end()
        return chunk


def usage_of(work: Work) -> UsageReader:
    """Return what reads the answer's tokens, one for all who want to know."""
    reader: UsageReader | None = work.notes.get(UsageReader)
    if reader is None:
        reader = work.notes[UsageReader] = UsageReader(work)
        work.edit(Rank.USAGE, reader)
    return reader
