"""Scripted providers: real HTTP servers on loopback that refuse what the real ones refuse.

    with ScriptedProvider("openai.chat", key="sk-openai") as provider:
        provider.say("Bonjour")                  # the next request is answered with this
        provider.fail(429, retry_after=2)        # the one after it with an error
        ...
        assert provider.last.json()["model"] == "gpt-4o"
        assert provider.refused == []

A request is held against the API's rules first. One that breaks them gets the real error, is named in `refused`, and
leaves the script as it is. What is not scripted gets a plausible answer, streamed where the request asks for it.
"""

import gzip
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, Self

import orjson

from tests.support import anthropic_api, openai_api, responses_api
from tests.support.http_server import Action, Close, Data, End, Head, Hold, HttpServer, Raw, Recorded, Reset, Wait
from tests.support.refusal import Refusal, foreign_headers
from tests.support.reply import Reply, ToolCall

Json = dict[str, Any]
Api = Literal["openai.chat", "anthropic.messages", "openai.responses"]
Headers = Iterable[tuple[str, str]]
Step = Callable[[Recorded], Sequence[Action]]
Ending = Literal["clean", "reset", "close", "stall"]


class Dialect(Protocol):
    """What a module of an API offers."""

    CREDENTIAL: str
    ROOT: str
    ENDPOINT: str
    HEADERS: tuple[tuple[str, str], ...]
    ERROR_TYPES: dict[int, str]

    def authenticate(self, request: Recorded, key: str | None) -> None: ...
    def check(self, request: Recorded, body: Json, also_known: frozenset[str]) -> None: ...
    def unknown_path(self, request: Recorded) -> Refusal: ...
    def unknown_model(self, model: str) -> Refusal: ...
    def not_json(self) -> Refusal: ...
    def error(self, refusal: Refusal) -> Json: ...
    def whole(self, reply: Reply, request: Json) -> Json: ...
    def stream(self, reply: Reply, request: Json) -> Iterable[bytes]: ...


DIALECTS: dict[Api, Dialect] = {
    "openai.chat": openai_api,  # type: ignore[dict-item]
    "anthropic.messages": anthropic_api,  # type: ignore[dict-item]
    "openai.responses": responses_api,  # type: ignore[dict-item]
}


class ScriptedProvider:
    """A provider of one dialect. Its script is a queue of steps, one for each request that it accepts.

    `key` is the only credential it takes; None takes any. `models` are the names that exist; None takes any.
    `may_receive` names headers that would count as foreign.
    """

    def __init__(
        self,
        api: Api,
        *,
        key: str | None = None,
        models: Iterable[str] | None = None,
        also_known: Iterable[str] = (),
        may_receive: Iterable[str] = (),
        is_strict: bool = True,
    ) -> None:
        self.api = api
        self.dialect = DIALECTS[api]
        self._key = key
        self._models = None if models is None else frozenset(models)
        self._first = (frozenset(also_known), frozenset(may_receive), is_strict)
        self._lock = threading.Lock()
        self._gates: list[threading.Event] = []
        self._script: deque[Step] = deque()
        self.requests: list[Recorded] = []
        self.refused: list[str] = []
        self.clear()
        self._server = HttpServer(self._answer)

    def clear(self) -> None:
        """Forget the script, the requests and what a test has changed."""
        with self._lock:
            for gate in self._gates:
                gate.set()
            self._gates.clear()
            self._script.clear()
            self.requests.clear()
            self.refused.clear()
            self.also_known, self.may_receive, self.is_strict = self._first

    # What a test asks about it.

    @property
    def url(self) -> str:
        """The API's root, as a user would write it in `base_url`."""
        return f"http://127.0.0.1:{self._server.port}{self.dialect.ROOT}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def last(self) -> Recorded:
        """The latest request."""
        return self.requests[-1]

    @property
    def open_connections(self) -> int:
        """How many connections to it are open."""
        return self._server.open_connections

    # What a test tells it to do.

    def reply(self, reply: Reply) -> None:
        """Answer the next request with this, streamed or not as the request asks."""
        self.add(lambda request: self._reply(reply, request))

    def say(self, text: str, **fields: Any) -> None:
        """Answer with a text; `fields` are those of `Reply`."""
        self.reply(Reply(text=text, **fields))

    def call_tools(self, *calls: ToolCall, text: str = "", **fields: Any) -> None:
        """Answer with calls of tools."""
        self.reply(Reply(text=text, calls=calls, finish="tool", **fields))

    def answer(self, body: Json | bytes, *, status: int = 200, headers: Headers = (), is_gzipped: bool = False) -> None:
        """Answer with exactly this body: JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        encoding = [("content-encoding", "gzip")] if is_gzipped else []
        content = gzip.compress(raw) if is_gzipped else raw
        self.add(lambda _request: self._whole(status, content, [*encoding, *headers]))

    def stream(
        self,
        chunks: Iterable[bytes],
        *,
        pause: float = 0.0,
        end: Ending = "clean",
        gate: threading.Event | None = None,
        headers: Headers = (),
    ) -> None:
        """Stream exactly these chunks, each sent by itself.

        `pause` seconds lie between two of them. With a `gate`, all but the first wait for it. `end` tells how the
        answer ends: a reset, a close in the middle of a chunk, or nothing at all until the client hangs up.
        """
        pieces = list(chunks)
        self.add(lambda _request: self._streamed(pieces, pause, end, gate, headers))

    def fail(
        self,
        status: int,
        message: str = "The provider cannot do this.",
        *,
        type: str | None = None,  # noqa: A002
        code: str | None = None,
        retry_after: int | None = None,
        headers: Headers = (),
    ) -> None:
        """Answer with an error in the dialect's shape."""
        kind = type or self.dialect.ERROR_TYPES.get(status, "api_error")
        refusal = Refusal(status, message, kind, code=code)
        later = [] if retry_after is None else [("retry-after", str(retry_after))]
        body = orjson.dumps(self.dialect.error(refusal))
        self.add(lambda _request: self._whole(status, body, [*later, *headers]))

    def reset(self) -> None:
        """Reset the connection before anything is answered."""
        self.add(lambda _request: [Reset()])

    def hang(self, seconds: float = 60.0) -> None:
        """Answer nothing until the client hangs up."""
        self.add(lambda _request: [Wait(seconds), Close()])

    def after(self, seconds: float) -> None:
        """Delay the step that comes next in the script, or the default answer."""
        self.add(lambda request: [Wait(seconds), *self._next(request)])

    def raw(self, *actions: Action) -> None:
        """Do exactly this."""
        self.add(lambda _request: actions)

    def garbage(self, content: bytes = b"\x00\xffnot HTTP at all\r\n\r\n") -> None:
        """Answer with bytes that are no HTTP."""
        self.add(lambda _request: [Raw(content), Close()])

    def add(self, step: Step) -> None:
        """Add a step of one's own."""
        with self._lock:
            self._script.append(step)

    def answered(self, reply: Reply, request: Recorded) -> Sequence[Action]:
        """Return the actions that answer a request with this reply, for a step of one's own."""
        return self._reply(reply, request)

    def gate(self) -> threading.Event:
        """Make a gate to hold a stream with; `clear` opens it at the latest."""
        gate = threading.Event()
        self._gates.append(gate)
        return gate

    def close(self) -> None:
        """End the server."""
        self.clear()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # How it answers.

    def _answer(self, request: Recorded) -> Sequence[Action]:
        with self._lock:
            self.requests.append(request)
        try:
            if self.is_strict:
                self._check(request)
        except Refusal as refusal:
            with self._lock:
                self.refused.append(refusal.message)
            return self._whole(refusal.status, orjson.dumps(self.dialect.error(refusal)), [])
        return self._next(request)

    def _next(self, request: Recorded) -> Sequence[Action]:
        with self._lock:
            step = self._script.popleft() if self._script else None
        return self._reply(Reply(), request) if step is None else step(request)

    def _check(self, request: Recorded) -> None:
        allowed = {self.dialect.CREDENTIAL, *self.may_receive}
        if self._key is None or self.api == "anthropic.messages":
            allowed.add("authorization")
        if foreign := foreign_headers(dict(request.headers), allowed=allowed):
            raise Refusal(400, f"foreign headers: {', '.join(foreign)}")
        if request.path != self.dialect.ENDPOINT:
            raise self.dialect.unknown_path(request)
        if request.method != "POST":
            raise Refusal(405, f"Not allowed to {request.method} on {request.path}.")
        self.dialect.authenticate(request, self._key)
        if (request.header("content-type") or "").partition(";")[0].strip() != "application/json":
            raise Refusal(400, f"unsupported content-type: {request.header('content-type')}")
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise self.dialect.not_json() from None
        if not isinstance(body, dict):
            raise self.dialect.not_json()
        self.dialect.check(request, body, self.also_known)
        if self._models is not None and body["model"] not in self._models:
            raise self.dialect.unknown_model(body["model"])

    def _reply(self, reply: Reply, request: Recorded) -> Sequence[Action]:
        body = request.json()
        if body.get("stream"):
            return self._streamed(list(self.dialect.stream(reply, body)), 0.0, "clean", None, ())
        return self._whole(200, orjson.dumps(self.dialect.whole(reply, body)), [])

    def _whole(self, status: int, content: bytes, headers: Headers) -> Sequence[Action]:
        usual = [*self.dialect.HEADERS, ("content-type", "application/json"), ("content-length", str(len(content)))]
        return [Head(status, _merged(usual, headers)), Data(content), End()]

    def _streamed(
        self, pieces: Sequence[bytes], pause: float, end: Ending, gate: threading.Event | None, headers: Headers
    ) -> Sequence[Action]:
        usual = [*self.dialect.HEADERS, ("content-type", "text/event-stream; charset=utf-8")]
        actions: list[Action] = [Head(200, _merged(usual, headers))]
        for index, piece in enumerate(pieces):
            if index == 1 and gate is not None:
                actions.append(Hold(gate))
            elif index and pause:
                actions.append(Wait(pause))
            actions.append(Data(piece))
        return [*actions, *ENDINGS[end]]


def _merged(usual: Headers, own: Headers) -> tuple[tuple[str, str], ...]:
    """Join headers; one's own replace the usual ones of the same name."""
    own = tuple(own)
    names = {name.lower() for name, _ in own}
    return (*((name, value) for name, value in usual if name not in names), *own)


ENDINGS: dict[Ending, tuple[Action, ...]] = {
    "clean": (End(),),
    "reset": (Wait(0.05), Reset()),
    "close": (Wait(0.05), Raw(b'40\r\ndata: {"cut'), Close()),
    "stall": (Wait(60.0), Close()),
}
