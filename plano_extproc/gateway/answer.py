"""A provider's answer that is read here, whole or by chunks, and put into the caller's dialect."""

from collections.abc import Mapping

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.gateway.actions import BodyMode, Continue, Headers
from plano_extproc.translate import Completions, ContentDecoder, Joining, Translation, error_body

Reader = Translation | Completions | Joining
"""What can read an answer."""

JSON: Headers = (("content-type", b"application/json"),)


class Answer:
    """One answer. `mode` says how its body must be asked for: a stream by chunks, anything else as a whole."""

    __slots__ = ("_api", "_decoder", "_status", "_stream", "_translation", "mode")

    def __init__(self, client: Api, translation: Reader, status: int, headers: Mapping[str, bytes]) -> None:
        """Begin with the answer's headers. Raises `BadProviderAnswer` for an encoding that cannot be undone."""
        self._api = client
        self._translation = translation
        self._status = status
        self._decoder = ContentDecoder(headers.get("content-encoding", b"identity"))
        is_stream = status < 300 and translation.is_stream(headers.get("content-type", b""))
        self._stream = translation.stream() if is_stream and not isinstance(translation, Joining) else None
        self.mode = BodyMode.STREAMED if self._stream else BodyMode.BUFFERED

    @property
    def headers(self) -> Headers:
        """The headers of the answer that its translation changes, as far as they are known before the body."""
        if self._stream is None or isinstance(self._translation, Joining):
            return ()
        return (("content-type", self._translation.stream_type.encode()),)

    def take(self, chunk: bytes, end: bool) -> Continue:
        """Return what the client gets for the whole body, or for a chunk of the stream."""
        if self._stream is None:
            return self._whole(chunk)
        try:
            return Continue(body=self._stream.feed(self._decoder.feed(chunk, end), end))
        except BadProviderAnswer as error:
            return Continue(body=self._stream.fail(error))

    def _whole(self, body: bytes) -> Continue:
        try:
            return _replaced(self.translated(self._decoder.feed(body, end=True)))
        except GatewayError as error:
            # The headers are still held, but an immediate response is too late here: the status is rewritten.
            return _replaced(error_body(self._api, error), (":status", b"%d" % error.status))

    def translated(self, body: bytes) -> bytes:
        """Return a whole body, an answer or an error, in the caller's dialect."""
        if self._status < 300:
            return self._translation.response(body)
        return self._translation.error(self._status, body)


def _replaced(body: bytes, *more: tuple[str, bytes]) -> Continue:
    return Continue(extra=(("content-length", b"%d" % len(body)), *JSON, *more), body=body)
