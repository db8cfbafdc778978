"""The answer of an A2A agent or an MCP server that governance keeps in its hands.

Its end waits for the ledger, and a revocation ends it; nothing is read of what it says. A stream goes on by whole
events, so that what stands in the place of the rest is an event of its own.
"""

import re
from collections.abc import Mapping
from typing import Final

from plano_extproc.agents import passthrough
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.gateway.actions import BodyMode, Continue
from plano_extproc.gateway.answer import JSON
from plano_extproc.gateway.governance.governing import Governed
from plano_extproc.gateway.work import Doing
from plano_extproc.translate.framing.sse import SseParser

LONGEST: Final = 1024 * 1024
"""Bytes of an event that are held back; of a longer one, what is there goes on."""


class PassedAnswer:
    """One answer. `mode` says how its body must be asked for, `is_complete` that the client got all of it.

    A stream is complete with the event that answers the request, since that is where clients hang up.
    """

    __slots__ = (
        "_governed", "_held", "_id", "_is_inside", "_is_over", "_parser", "_protocol", "_status", "is_complete", "mode"
    )  # fmt: skip

    def __init__(
        self,
        governed: Governed,
        protocol: passthrough.Protocol,
        ident: str | int | None,
        status: int,
        headers: Mapping[str, bytes],
    ) -> None:
        """Begin with the answer's headers; `ident` is the id of the request that it is for."""
        kind = headers.get("content-type", b"").partition(b";")[0].strip().lower()
        self.mode = BodyMode.STREAMED if kind == b"text/event-stream" else BodyMode.BUFFERED
        self.is_complete = False
        self._governed = governed
        self._protocol: passthrough.Protocol = protocol
        self._id = ident
        self._status = status
        self._held = b""
        self._parser = SseParser()
        self._is_inside = False
        self._is_over = False

    def take(self, chunk: bytes, end: bool) -> Doing[Continue]:
        """Return what the client gets for the whole body, or for a chunk of the stream."""
        if self._is_over:
            return Continue(body=b"")
        error = self._governed.cut_error()
        was_inside, made = self._is_inside, None
        if error is not None:
            self._governed.told()
        elif self.mode is BodyMode.STREAMED:
            made = self._events(chunk, end)
            end = end or self._answers(made)
        if self._governed.governor.is_strict and (error is not None or end):
            try:
                yield from self._governed.due(self._status, is_complete=error is None)
            except GatewayError as other:
                error = other
        if error is not None:
            self._is_over, self._is_inside = True, was_inside
            return self._refused(error)
        self.is_complete = end
        return Continue() if made is None else Continue(body=made)

    def _events(self, chunk: bytes, end: bool) -> bytes:
        """Return what is there of whole events, and all of it at the end."""
        held = self._held + chunk
        ends = [found.end() for found in _BLANK.finditer(held)]
        cut = len(held) if end or len(held) > LONGEST else ends[-1] if ends else 0
        if cut:
            self._is_inside = not ends or ends[-1] != cut
        self._held = held[cut:]
        return held[:cut]

    def _answers(self, made: bytes) -> bool:
        """Return whether the client has its answer with this."""
        try:
            return any(passthrough.is_last(self._protocol, one.data, self._id) for one in self._parser.feed(made))
        except BadProviderAnswer:
            # An event that is too large to be looked at; the stream's own end is left.
            return False

    def _refused(self, error: GatewayError) -> Continue:
        body = passthrough.refusal(error, self._id)
        if self.mode is BodyMode.STREAMED:
            return Continue(body=b"%sdata: %s\n\n" % (b"\n\n" if self._is_inside else b"", body))
        # The headers are still held, but an immediate response is too late here: the status is rewritten.
        status = (":status", b"%d" % error.status)
        return Continue(extra=(("content-length", b"%d" % len(body)), *JSON, status), body=body)


_BLANK: Final = re.compile(rb"(?>\r\n|\n|\r){2}")
"""The end of an event."""
