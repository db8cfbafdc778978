"""Small servers in a thread: HTTP by a handler of a test's own, and WebSockets that say what they hear."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import TypeVar

from websockets.sync.server import ServerConnection, serve

S = TypeVar("S", bound=BaseServer)


class Quiet(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1, and logs nothing. A test says in `answer` what it does with a request of any method."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer a request by `reply`."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer."""
        self.answer()

    def do_POST(self) -> None:
        """Answer."""
        self.answer()

    def body(self) -> bytes:
        """Return the request's body."""
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def sent(self) -> dict[str, str]:
        """Return the request's headers, their names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def reply(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Run a server until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def echoing(opened: list[tuple[str, dict[str, str]]] | None = None) -> Iterator[int]:
    """Run a server of WebSockets that echoes; yield its port. `opened` gets path and headers of each connection."""

    def echo(socket: ServerConnection) -> None:
        assert socket.request is not None
        if opened is not None:
            opened.append((socket.request.path, dict(socket.request.headers.raw_items())))
        for message in socket:
            socket.send(f"echo {message!s}")

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()
