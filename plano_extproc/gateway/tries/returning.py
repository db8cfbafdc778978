"""An answer on its way back through an attempt: held until it is known to be an answer, then translated and let go on.

It comes in pieces, and its headers wait until we let them go on, so until then Envoy can be told to drop it and to try
the next candidate: by a status of 503 in place of its own. What is held, and for how long:

    an error                  whole, where a refusal in it may be for the next candidate, or it must be translated
    a whole answer            whole, where it must be translated, or the chain is watched
    a stream                  until its first token, where the chain asks for that

Everything else goes on as it comes.
"""

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from plano_extproc import apis, headers
from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.gateway.actions import Action, BodyMode, Changes, Continue, PassOver, Piece
from plano_extproc.gateway.answer import JSON, Answer
from plano_extproc.gateway.decision import Decision
from plano_extproc.gateway.events import ResponseHeaders
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.tries.message import Tries
from plano_extproc.routing.refusals import refusal_in
from plano_extproc.translate import ContentDecoder, provider_codec
from plano_extproc.translate.beginning import Beginning
from plano_extproc.translate.faults import Fault, fault_body, fault_in, fault_of, read_fault

Told = tuple[tuple[str, Action | Piece | PassOver], ...]
"""What is said to Envoy about an event: answers to it and to earlier ones, each with its kind; often nothing yet."""

PASSED_ON: Final = 503
"""The status by which Envoy is told to try the next candidate."""


class Returning:
    """One answer. `is_over` says that nothing of it can go on any more, or that all has."""

    __slots__ = (
        "_answer", "_api", "_beginning", "_decision", "_encoding", "_held", "_is_late", "_is_waiting", "_is_whole",
        "_left", "_length", "_stamp", "_status", "_tries", "fault", "is_over",
    )  # fmt: skip

    def __init__(
        self,
        api: Api,
        tries: Tries,
        plan: Plan,
        decision: Decision,
        event: ResponseHeaders,
        limit: int,
        is_late: Callable[[], bool],
    ) -> None:
        """Begin with the answer's headers; `api` is the caller's dialect, `limit` the most bytes to hold.

        `is_late` says whether Envoy may have asked the next candidate already, beside this one.
        Raises `BadProviderAnswer` for an encoding that cannot be undone.
        """
        self._api = api
        self._tries = tries
        self._decision = decision
        self._is_late = is_late
        self._stamp = ((headers.ATTEMPT, b"%d" % tries.number),) if tries.is_hedged else ()
        status = self._status = int(event.headers[":status"])
        self._encoding = event.headers.get("content-encoding", b"identity")
        self._held: list[bytes] = []
        self._left = limit
        self._length = _length(event.headers)
        self._answer: Answer | None = None
        self._beginning: Beginning | None = None
        self.fault: Fault | None = None
        self.is_over = False
        what, translation = plan.upstream.what, decision.translation
        is_stream = status < 300 and _is_stream(what, event.headers)
        if translation is not None:
            self._answer = Answer(api, translation, status, event.headers)
            is_stream = self._answer.mode is BodyMode.STREAMED
        may_refuse = status >= 400 and not tries.is_last and bool(tries.refusals)
        is_watched = tries.is_watched and what in apis.ALL
        if is_stream and is_watched and what in apis.ALL:
            self._beginning = Beginning(what, self._encoding)
        self._is_whole = not is_stream and (translation is not None or may_refuse or (is_watched and status < 300))
        self._is_waiting = self._is_whole or self._beginning is not None

    def begin(self, *, end: bool) -> Told:
        """Return what to tell Envoy about the headers; `end` says that no body comes."""
        if not self._is_waiting:
            return (("response_headers", self._headers()),)
        return self.take(b"", end=True) if end else ()

    def take(self, chunk: bytes, *, end: bool) -> Told:
        """Return what to tell Envoy about the next piece of the body."""
        if self.is_over:
            return ()
        if not self._is_waiting:
            return (("response_body", self._onward(chunk, end)),)
        self._held.append(chunk)
        self._left -= len(chunk)
        if self._beginning is not None:
            return self._watched(self._beginning, chunk, end)
        if end or (self._length is not None and sum(map(len, self._held)) >= self._length):
            return self._complete()
        return () if self._left >= 0 else self._too_large()

    def _watched(self, beginning: Beginning, chunk: bytes, end: bool) -> Told:
        if not beginning.is_known:
            beginning.look(chunk, end)
        if beginning.fault is not None:
            return self._failed(beginning.fault)
        return self._released(end) if beginning.has_begun else ()

    def _complete(self) -> Told:
        """Let an answer go on that is there as a whole, or Envoy try the next candidate."""
        body = b"".join(self._held)
        refusal = self._refusal(body)
        if refusal is not None:
            return self._passed_on(refusal)
        if self._answer is None:
            told = _error_in(body) if self._status < 300 else None
            return self._failed(told) if told else self._released(end=True)
        made = self._answer.take(body, end=True)
        assert isinstance(made, Continue), "no edit stands in the way of a try's answer"
        self.is_over = True
        piece = Piece(body if made.body is None else made.body, end=True)
        return (("response_headers", Continue(_PIECES, (*self._told, *made.extra))), ("response_body", piece))

    def _released(self, end: bool) -> Told:
        self._is_waiting = False
        body = b"".join(self._held)
        self._held.clear()
        return (("response_headers", self._headers()), ("response_body", self._onward(body, end)))

    def _headers(self) -> Continue:
        changes, extra = (_PIECES, self._answer.headers) if self._answer else (None, ())
        return Continue(changes, (*self._told, *extra))

    @property
    def _told(self) -> tuple[tuple[str, bytes], ...]:
        """What the listener position is to know of this try."""
        dropped = self._decision.dropped
        lost = ((headers.LOST, ",".join(dropped).encode("ascii", "replace")),) if dropped else ()
        return (*self._stamp, *lost)

    def _onward(self, chunk: bytes, end: bool) -> Piece:
        self.is_over = end
        if self._answer is None:
            return Piece(chunk, end)
        made = self._answer.take(chunk, end)
        assert isinstance(made, Continue), "no edit stands in the way of a try's answer"
        return Piece(chunk if made.body is None else made.body, end)

    def _refusal(self, body: bytes) -> Fault | None:
        """Return the error that says what moves on by the user's own word, if this is one."""
        if self._status < 400 or self._tries.is_last:
            return None
        try:
            plain = ContentDecoder(self._encoding).feed(body, end=True)
        except BadProviderAnswer:
            return None
        fault = read_fault(self._status, plain)
        return fault if refusal_in(fault) in self._tries.refusals else None

    def _too_large(self) -> Told:
        if self._answer is None:
            return self._released(end=False)
        return self._failed(fault_of(BadProviderAnswer("the provider's answer is too large to be read as a whole")))

    def _failed(self, fault: Fault) -> Told:
        """Leave the answer to the next candidate; of the last one the caller is told its fault."""
        self.fault = fault
        if not self._tries.is_last:
            return self._passed_on(fault)
        return self._shown(fault, fault.status if fault.status >= 400 else 502)

    def _shown(self, fault: Fault, status: int) -> Told:
        self.is_over = True
        body = fault_body(self._api, fault)
        extra = (*JSON, (":status", b"%d" % status), ("content-length", b"%d" % len(body)), *self._stamp)
        return (("response_headers", Continue(_PIECES, extra)), ("response_body", Piece(body, end=True)))

    def _passed_on(self, fault: Fault) -> Told:
        if self._is_late():
            # The next candidate has been asked. Where that has failed by now, this is what the caller is told.
            return self._shown(fault, PASSED_ON)
        self.is_over = True
        return (("response_headers", passed_on(self._tries)), ("response_body", Piece(b"", end=True)))


def passed_on(tries: Tries) -> Continue:
    """Return the answer to the headers that makes Envoy drop an answer and try the next candidate."""
    return Continue(_PIECES, ((":status", b"%d" % PASSED_ON),), tried=tries.counted)


def _is_stream(what: str, sent: Mapping[str, bytes]) -> bool:
    kind = sent.get("content-type", b"").partition(b";")[0].strip().lower()
    return kind == (provider_codec(what).stream_type.encode() if what in apis.ALL else b"text/event-stream")


def _error_in(body: bytes) -> Fault | None:
    """Return the error that some providers answer with a status of success."""
    if b'"error"' not in body:
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    is_error = isinstance(value, dict) and value.get("error") and not value.keys() & _ANSWERS
    return fault_in(value) if is_error else None


def _length(sent: Mapping[str, bytes]) -> int | None:
    """Return how long the body will be, where that is said: its end then needs no word of its own."""
    said = sent.get("content-length", b"")
    return int(said) if said.isdigit() else None


_ANSWERS: Final = frozenset({"choices", "content", "output", "candidates"})
"""What the answers of the dialects are under."""

_PIECES = Changes(remove=("content-length", "content-encoding"))
