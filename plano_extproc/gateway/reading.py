"""What is read of an answer in passing: the tokens that it cost."""

from dataclasses import replace
from typing import Final

from plano_extproc.config.catalogue import Endpoint
from plano_extproc.gateway.telemetry.costing import cost
from plano_extproc.gateway.work import Doing, Rank, Work
from plano_extproc.limits import Estimate
from plano_extproc.translate.chat import Usage
from plano_extproc.translate.usage import StreamUsage, WithoutUsage, usage_in

_TELLING: Final[frozenset[Endpoint | None]] = frozenset({None, "completions", "embeddings", "rerank"})
"""None is a model's own answer."""

_TOKENS_PER_SECOND: Final = 80
"""What large models write; small ones are faster, and cheaper."""


class UsageReader:
    """Reads the tokens that an answer says it cost. `usage` is None as long as it has said nothing.

    `is_passed` says that a model's answer goes by without being read, and Envoy tells its cost at the end.
    """

    def __init__(self, work: Work) -> None:
        self._api = work.ask.surface.api
        self._work = work
        self._stream = StreamUsage(self._api, work.framing)
        self._whole: Usage | None = None
        self.is_passed = False

    @property
    def usage(self) -> Usage | None:
        """What is known so far."""
        return self._whole or self._stream.usage

    def about(self, tokens: Estimate, seconds: float) -> Usage:
        """Return what an answer cost that broke off, or does not tell: what it told, or else about as much.

        `tokens` are those of the request; of a stream, each event is taken for a token. Of an answer that only passed,
        nothing is known but the `seconds` that it took.
        """
        known = self.usage
        if known is not None and (self._whole is not None or self._stream.is_whole):
            return known
        if known is None:
            return Usage(input=tokens.input, output=self._stream.events or self._by_time(tokens, seconds))
        return replace(known, output=max(known.output, self._stream.events))

    def _by_time(self, tokens: Estimate, seconds: float) -> int:
        if not self.is_passed:
            return 0
        written = int(seconds * _TOKENS_PER_SECOND)
        return min(written, tokens.output) if tokens.output else written

    def told(self, usage: Usage | None) -> None:
        """Take what Envoy read in passing, of an answer that this one did not see."""
        self._whole = usage
        self._tell()

    def whole(self, body: bytes) -> Doing[bytes]:
        """Read a whole answer."""
        yield from ()
        self._whole = usage_in(self._api, body)
        self._tell()
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Read the next chunk of a stream."""
        yield from ()
        self._stream.feed(chunk)
        if end:
            self._stream.end()
            self._tell()
        return chunk

    def _tell(self) -> None:
        used = self.usage
        if used is None:
            return
        served, facts = self._work.served, self._work.facts
        facts["input_tokens"] = used.prompt
        facts["output_tokens"] = used.output
        facts["total_tokens"] = used.prompt + used.output
        if used.cache_read:
            facts["cached_tokens"] = used.cache_read
        if served is not None and (dollars := cost(served.choice, used)) is not None:
            facts["cost_usd"] = round(dollars, 9)


def tells_usage(work: Work) -> bool:
    """Return whether an answer to what is asked for says what it costs."""
    return work.ask.surface.endpoint in _TELLING


def usage_of(work: Work) -> UsageReader:
    """Return what reads the answer's tokens, one for all who want to know."""
    reader: UsageReader | None = work.notes.get(UsageReader)
    if reader is None:
        reader = work.notes[UsageReader] = UsageReader(work)
        work.edit(Rank.USAGE, reader)
    return reader


def demand_usage(work: Work) -> None:
    """Have a stream of chat tell its tokens, which it does only when asked; a client that did not ask is not told."""
    if work.ask.surface.api != "openai.chat" or work.ask.surface.endpoint is not None or not work.is_stream:
        return
    options = work.request.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage"):
        return
    # Reads before the chunk is left out.
    usage_of(work)
    work.replace({**work.request, "stream_options": {**options, "include_usage": True}})
    work.edit(Rank.USAGE, _WithoutUsage())


class _WithoutUsage:
    """Leaves out of a stream of chat the chunk that says nothing but the tokens."""

    def __init__(self) -> None:
        self._stream = WithoutUsage()

    def whole(self, body: bytes) -> Doing[bytes]:
        """Leave a whole answer as it is: it always tells its tokens."""
        yield from ()
        return body

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        """Return the stream's next events."""
        yield from ()
        return self._stream.feed(chunk, end)
