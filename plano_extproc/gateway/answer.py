"""A provider's answer that is read here, whole or by chunks: translated, edited, and put into the caller's dialect.

The stages, each of which may be missing: undo the encoding, `heard` as it was said, `translation` into the caller's
dialect, the edits in the order of their ranks, and `last`, for callers whose form of answer no edit knows.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.gateway.actions import BodyMode, Continue, Headers
from plano_extproc.gateway.work import Doing, Due, Edit
from plano_extproc.translate import (
    Completions,
    ContentDecoder,
    Joining,
    LastEvent,
    Renamed,
    RenamedStream,
    Translation,
    error_body,
    error_event,
)
from plano_extproc.translate.codec import Framing

Reader = Translation | Joining | Renamed
"""What can read an answer."""

JSON: Headers = (("content-type", b"application/json"),)


class Answer:
    """One answer. `mode` says how its body must be asked for: a stream by chunks, anything else as a whole.

    `is_complete` is true once its end was seen and nothing went wrong on the way. A stream ends with its dialect's last
    event, since that is where clients hang up; what follows it nobody gets.
    """

    __slots__ = (
        "_agent", "_api", "_decoder", "_due", "_edits", "_has_failed", "_heard", "_is_over", "_last", "_last_event",
        "_last_stream", "_status", "_stream", "_translation", "is_complete", "mode",
    )  # fmt: skip

    def __init__(
        self,
        client: Api,
        translation: Reader | None,
        status: int,
        headers: Mapping[str, bytes],
        *,
        heard: Edit | None = None,
        edits: Sequence[Edit] = (),
        last: Completions | None = None,
        framing: Framing = "sse",
        asks_for_stream: bool = False,
        agent: str | None = None,
        due: Due | None = None,
    ) -> None:
        """Begin with the answer's headers. Raises `BadProviderAnswer` for an encoding that cannot be undone.

        `framing` and `asks_for_stream` tell a stream where nothing translates: as a JSON list it looks like no stream.
        `due` is asked where an edit refuses the answer. `agent` is the id of the one that gave it, if one did.
        """
        self._api = client
        self._translation = translation
        self._status = status
        self._edits = edits if status < 300 else ()
        self._last = last
        self._due = due
        self._agent = agent
        if isinstance(translation, Translation):
            translation.told_by(headers)
        encoding = headers.get("content-encoding", b"identity")
        self._heard = _Heard(heard, ContentDecoder(encoding)) if heard is not None and status < 300 else None
        self._decoder = ContentDecoder(b"identity" if self._heard is not None else encoding)
        kind = headers.get("content-type", b"")
        is_stream = status < 300 and (
            translation.is_stream(kind)
            if translation is not None
            else _is_sse(kind) or (framing == "array" and asks_for_stream)
        )
        self._stream = None
        if is_stream and translation is not None and not isinstance(translation, Joining):
            self._stream = translation.stream()
        self._last_stream = last.stream() if last is not None and is_stream else None
        self._last_event = LastEvent(client)
        self.mode = BodyMode.STREAMED if is_stream else BodyMode.BUFFERED
        self.is_complete = False
        self._is_over = False
        self._has_failed = False

    @property
    def is_left(self) -> bool:
        """Whether the rest of the stream goes to the client as it comes, so that nobody need read it."""
        if self._edits or self._heard or self._last is not None or not isinstance(self._stream, RenamedStream):
            return False
        return self._stream.is_over and self._decoder.is_plain

    @property
    def headers(self) -> Headers:
        """The headers of the answer that its translation changes, as far as they are known before the body."""
        if self._stream is None or self._translation is None or isinstance(self._translation, Joining):
            return ()
        return (("content-type", self._translation.stream_type.encode()),)

    def take(self, chunk: bytes, end: bool) -> Continue | Doing[Continue]:
        """Return what the client gets for the whole body, or for a chunk of the stream."""
        is_edited = bool(self._edits) or self._heard is not None
        if self.mode is BodyMode.BUFFERED:
            return self._edited_whole(chunk) if is_edited else self._whole(chunk)
        if self._is_over:
            return Continue(body=b"")
        if is_edited:
            return self._edited_chunk(chunk, end)
        made = self._translated(chunk, end)
        return self._chunk(made, self._ends(made, end))

    def _whole(self, body: bytes) -> Continue:
        try:
            made = self.translated(self._decoder.feed(body, end=True))
            self.is_complete = True
            return self._replaced(self._last_word(made))
        except GatewayError as error:
            return self._refused(error)

    def _edited_whole(self, body: bytes) -> Doing[Continue]:
        try:
            if self._heard is not None:
                body = yield from self._heard.whole(body)
            made = self.translated(self._decoder.feed(body, end=True))
            for edit in self._edits:
                made = yield from edit.whole(made)
            self.is_complete = True
            return self._replaced(self._last_word(made))
        except GatewayError as error:
            return self._refused((yield from self._told(error)))

    def _edited_chunk(self, chunk: bytes, end: bool) -> Doing[Continue]:
        try:
            if self._heard is not None:
                chunk = yield from self._heard.feed(chunk, end)
            made = self._translated(chunk, end)
            end = self._ends(made, end)
            if end and self._due is not None and self._tells_of_an_error():
                yield from self._due(self._status, is_complete=False)
            for edit in self._edits:
                made = yield from edit.feed(made, end)
        except GatewayError as error:
            self._is_over = True
            made = error_event(self._api, (yield from self._told(error)))
        return self._chunk(made, end)

    def _told(self, error: GatewayError) -> Doing[GatewayError]:
        """Return what the client is told of an answer that fails, once all is done that is due before."""
        if self._due is not None:
            try:
                yield from self._due(self._status, is_complete=False)
            except GatewayError as other:
                return other
        return error

    def _translated(self, chunk: bytes, end: bool) -> bytes:
        """Return what the chunk is in the caller's dialect."""
        try:
            plain = self._decoder.feed(chunk, end)
            return self._stream.feed(plain, end) if self._stream else plain
        except BadProviderAnswer as error:
            told = self._named(error)
            if self._stream:
                return self._stream.fail(told)
            self._has_failed = True
            return error_event(self._api, told)

    def _ends(self, made: bytes, end: bool) -> bool:
        return end or self._last_event.feed(made)

    def _chunk(self, made: bytes, end: bool) -> Continue:
        if self._last_stream is not None:
            made = self._last_stream.feed(made, end)
        self.is_complete = end and not self._is_over and not self._tells_of_an_error()
        self._is_over = self._is_over or end
        return Continue(body=made)

    def _tells_of_an_error(self) -> bool:
        streams = (self._stream, self._last_stream)
        return self._has_failed or any(stream is not None and stream.failed for stream in streams)

    def translated(self, body: bytes) -> bytes:
        """Return a whole body, an answer or an error, in the caller's dialect."""
        if self._translation is None:
            return body
        if self._status < 300:
            return self._translation.response(body)
        return self._translation.error(self._status, body)

    def _last_word(self, body: bytes) -> bytes:
        return self._last.response(body) if self._last and self._status < 300 else body

    def _replaced(self, body: bytes) -> Continue:
        # What nothing translates keeps its type: it may be no JSON.
        kind = () if self._translation is None and self._last is None else JSON
        return Continue(extra=(("content-length", b"%d" % len(body)), *kind), body=body)

    def _refused(self, error: GatewayError) -> Continue:
        # The headers are still held, but an immediate response is too late here: the status is rewritten.
        if isinstance(error, BadProviderAnswer):
            error = self._named(error)
        body = error_body(self._api, error)
        status = (":status", b"%d" % error.status)
        return Continue(extra=(("content-length", b"%d" % len(body)), *JSON, status), body=body)

    def _named(self, error: BadProviderAnswer) -> BadProviderAnswer:
        """Return what is wrong with an answer, said of the agent that gave it."""
        if self._agent is None:
            return error
        agent = f"agent '{self._agent}'"
        message = _OF_PROVIDER.sub(lambda found: f"the {found[1]} of {agent}" if found[1] else agent, error.message)
        return BadProviderAnswer(message, code=error.code)


_OF_PROVIDER: Final = re.compile(r"^the provider(?:'s ((?:compressed )?\w+))?")


class _Heard:
    """An edit of what an agent said, in its own words, which are those of chat, behind the decoding of its bytes."""

    def __init__(self, edit: Edit, decoder: ContentDecoder) -> None:
        self._edit = edit
        self._decoder = decoder
        self._last_event = LastEvent("openai.chat")
        self._is_over = False

    def whole(self, body: bytes) -> Doing[bytes]:
        return (yield from self._edit.whole(self._decoder.feed(body, end=True)))

    def feed(self, chunk: bytes, end: bool) -> Doing[bytes]:
        plain = self._decoder.feed(chunk, end)
        if self._is_over:
            return b""
        self._is_over = end or self._last_event.feed(plain)
        return (yield from self._edit.feed(plain, self._is_over))


def _is_sse(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"text/event-stream"
