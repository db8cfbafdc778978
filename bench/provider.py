"""A provider that answers at once: OpenAI chat and Anthropic messages, whole or as a stream.

`python -m bench.provider` binds a free port of the loopback interface and says which.
"""

import asyncio
import socket
from typing import cast

import uvloop

from bench.child import announce, until_input_closes
from bench.http1 import Message, Reader
from bench.payloads import DIALECTS, Dialect, Pace

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One connection from Envoy: a request, its answer, the next."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._reader = Reader()
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        message = self._reader.feed(data)
        if message is not None:
            self._answer(message)

    def _answer(self, message: Message) -> None:
        path = message.head[: message.head.find(b" HTTP/1.1\r\n")]
        dialect = next((found for suffix, found in _BY_SUFFIX.items() if path.endswith(suffix)), None)
        if dialect is None:
            self._transport.write(_NOT_FOUND)
        elif b'"stream":true' in message.body or b'"stream": true' in message.body:
            self._stream(dialect, Pace.of(message.body))
        else:
            self._transport.write(dialect.answer)

    def _stream(self, dialect: Dialect, pace: Pace) -> None:
        self._transport.write(b"".join(dialect.stream_opening))
        if pace.pace_ms:
            self._loop.call_later(pace.pace_ms / 1000, self._write_event, dialect, pace.events, pace)
        else:
            self._transport.writelines([dialect.stream_event] * pace.events)
            self._transport.write(b"".join(dialect.stream_closing))

    def _write_event(self, dialect: Dialect, left: int, pace: Pace) -> None:
        if self._transport.is_closing():
            return
        if left:
            self._transport.write(dialect.stream_event)
            self._loop.call_later(pace.pace_ms / 1000, self._write_event, dialect, left - 1, pace)
        else:
            self._transport.write(b"".join(dialect.stream_closing))


_BY_SUFFIX: dict[bytes, Dialect] = {
    b"/chat/completions": DIALECTS["openai"],
    b"/messages": DIALECTS["anthropic"],
}


async def serve() -> None:
    """Serve until standard input closes."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await asyncio.get_running_loop().create_server(_Connection, sock=listening)
    announce(port=listening.getsockname()[1])
    await until_input_closes()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
