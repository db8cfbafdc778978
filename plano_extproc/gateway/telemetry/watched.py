"""What is seen of one exchange on its way, without changing it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from plano_extproc.gateway.work import Doing
from plano_extproc.signals import Report


@dataclass(slots=True)
class Watched:
    """What was seen of one exchange. `began` is in seconds since 1970; the others are the clock's.

    `started` is when the steps began, `sent` when the request went out, `first` when its answer's first byte came.
    `read` reads the conversation, unless it has been; `may_tell` says that guards and filters have let its words pass.
    """

    began: float
    started: float
    sent: float
    clock: Callable[[], float] = field(repr=False)
    first: float | None = None
    size: int = 0
    report: Report | None = None
    words: str = field(default="", repr=False)
    may_tell: bool = False
    read: Callable[[], None] | None = field(default=None, repr=False)

    def is_over(self, *, is_refused: bool) -> None:
        """Read the conversation of a request that never went out. What was refused is told to nobody."""
        if self.read is not None:
            self.may_tell = not is_refused
            self.read()

    def whole(self, body: bytes) -> Doing[bytes]:
        """Note a whole answer."""
        yield from ()
        self._note(body)
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:  # noqa: ARG002 - the end says nothing here
        """Note the next chunk of a stream."""
        yield from ()
        if chunk:
            self._note(chunk)
        return chunk

    def begins(self, length: bytes) -> None:
        """Note that an answer begins which Envoy passes on by itself; its `length` is what its header says."""
        self.first = self.clock()
        self.size = int(length) if length.isdigit() else 0

    def _note(self, body: bytes) -> None:
        if self.first is None:
            self.first = self.clock()
        self.size += len(body)
