"""An HTTP/1.1 server that does what a test tells it, down to single bytes, resets and stalls.

One thread per connection, blocking sockets: a script is a list of actions, carried out in their order.
"""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import h11
import orjson


@dataclass(frozen=True, slots=True)
class Head:
    """The status line and headers. Without a content-length the body is chunked."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of the body, sent by itself."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The end of a chunked body."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes on the wire as they are."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, cut short when the client hangs up."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause until the test opens the gate, or the client hangs up."""

    gate: threading.Event


@dataclass(frozen=True, slots=True)
class Reset:
    """An abort of the connection: RST, not FIN."""


@dataclass(frozen=True, slots=True)
class Close:
    """A close of the connection without ending the answer."""


Action = Head | Data | End | Raw | Wait | Hold | Reset | Close


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came. `gone` is set when the client hung up before the answer's end."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    gone: threading.Event = field(default_factory=threading.Event, compare=False)
    answered: threading.Event = field(default_factory=threading.Event, compare=False)

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """Return a header's value; several are joined, none is None."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    def json(self) -> Any:
        """Return the parsed body."""
        return orjson.loads(self.body)


class HangUpError(Exception):
    """The client is gone, or the script has ended the connection."""


class HttpServer:
    """Serves on a free loopback port until closed. `answer` turns each request into actions."""

    def __init__(self, answer: Callable[[Recorded], Iterable[Action]]) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_closing = False
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listening.getsockname()[1]
        return port

    @property
    def open_connections(self) -> int:
        """How many connections are open at the moment."""
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        """End every connection and wait for its thread."""
        self._is_closing = True
        # A connection of our own wakes the accepting thread on every system.
        with socket.socket() as wake:
            wake.settimeout(1)
            wake.connect_ex(("127.0.0.1", self.port))
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(timeout=5)
        self._listening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True, name=f"http-server-{target.__name__}")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self._is_closing:
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            _Connection(connection, self._answer).run()
        except (HangUpError, OSError, h11.RemoteProtocolError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


class _Connection:
    def __init__(self, connection: socket.socket, answer: Callable[[Recorded], Iterable[Action]]) -> None:
        self._socket = connection
        self._answer = answer
        self._is_chunked = False

    def run(self) -> None:
        http = h11.Connection(h11.SERVER)
        while (request := self._read(http)) is not None:
            try:
                for action in self._answer(request):
                    self._do(action, request)
            except OSError:
                request.gone.set()
                raise
            finally:
                request.answered.set()
            # The scripted bytes went round h11; it is told only that this cycle is over.
            http = self._next(http)

    def _read(self, http: h11.Connection) -> Recorded | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                if http.they_are_waiting_for_100_continue:
                    self._socket.sendall(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                http.receive_data(self._socket.recv(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
                return Recorded(head.method.decode(), head.target.decode(), headers, bytes(body))
            else:
                return None

    def _next(self, http: h11.Connection) -> h11.Connection:
        left, is_closed = http.trailing_data
        fresh = h11.Connection(h11.SERVER)
        if left:
            fresh.receive_data(left)
        if is_closed:
            raise HangUpError
        return fresh

    def _do(self, action: Action, request: Recorded) -> None:
        match action:
            case Head(status, headers):
                self._head(status, headers)
            case Data(content):
                framed = b"%x\r\n%b\r\n" % (len(content), content) if self._is_chunked else content
                self._send(framed if content else b"", request)
            case End():
                self._send(b"0\r\n\r\n" if self._is_chunked else b"", request)
            case Raw(content):
                self._send(content, request)
            case Wait(seconds):
                self._watch(request, time.monotonic() + seconds, None)
            case Hold(gate):
                self._watch(request, time.monotonic() + 60, gate)
            case Reset():
                # SO_LINGER with a time of zero turns close() into a reset.
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._socket.close()
                raise HangUpError
            case Close():
                _shut(self._socket)
                raise HangUpError

    def _head(self, status: int, headers: tuple[tuple[str, str], ...]) -> None:
        names = {name.lower() for name, _ in headers}
        self._is_chunked = "content-length" not in names
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers)]
        if self._is_chunked:
            lines.append("transfer-encoding: chunked")
        self._socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))

    def _send(self, content: bytes, request: Recorded) -> None:
        self._watch(request, time.monotonic(), None)
        self._socket.sendall(content)

    def _watch(self, request: Recorded, until: float, gate: threading.Event | None) -> None:
        """Wait, and notice when the client hangs up."""
        while True:
            left = max(0.0, until - time.monotonic())
            readable, _, _ = select.select([self._socket], [], [], min(left, 0.02))
            if readable and not self._socket.recv(1, socket.MSG_PEEK):
                request.gone.set()
                raise HangUpError
            if left == 0.0 or (gate is not None and gate.is_set()):
                return


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
