"""The console's HTTP: the page, its questions and its events. Nothing is answered without the token but static files.

The token stands in the page's address, never in a cookie: another page cannot send it, nor another local server see it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from planoai.collector.client import Foreign, Unreachable
from planoai.commands.explain import explain
from planoai.console import configuration, playground
from planoai.console.watch import Watch
from planoai.errors import Failure

STATIC: Final = Path(__file__).parent / "static"
_HOSTS: Final = ["127.0.0.1", "localhost", "[::1]"]
_PAUSE: Final = 0.15
_BEAT: Final = 15.0
"""Seconds of silence after which a line is sent all the same, so that a page that has gone is noticed."""

_SECURE: Final = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Json(Response):
    """JSON by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return orjson.dumps(content)


class _Secured:
    """Adds headers to every answer, streams too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURE)
            await send(message)

        await self._app(scope, receive, secured)


def app(watch: Watch, token: str, environ: Mapping[str, str]) -> Starlette:
    """Return the application for what is watched."""
    pages = _Pages(watch, token, environ)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(watch.run())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    return Starlette(
        routes=[
            Route("/", pages.page),
            Route("/api/events", pages.events),
            Route("/api/traces", pages.traces),
            Route("/api/traces/{trace_id}", pages.trace),
            Route("/api/explain", pages.explain, methods=["POST"]),
            Route("/api/try", pages.send, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS), Middleware(_Secured)],
        lifespan=lifespan,
    )


class _Pages:
    def __init__(self, watch: Watch, token: str, environ: Mapping[str, str]) -> None:
        self._watch = watch
        self._token = token
        self._environ = environ

    def _admits(self, request: Request) -> bool:
        given = request.query_params.get("token") or request.headers.get("x-console-token", "")
        return secrets.compare_digest(given.encode(), self._token.encode())

    async def page(self, request: Request) -> Response:
        if not self._admits(request):
            return PlainTextResponse("This console opens with the whole address that `planoai console` printed.\n", 403)
        return FileResponse(STATIC / "index.html")

    async def events(self, request: Request) -> Response:
        if not self._admits(request):
            return _refused()
        last = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
        after = int(last) if last.isdecimal() else 0
        return StreamingResponse(self._told(after), media_type="text/event-stream")

    async def _told(self, after: int) -> AsyncIterator[bytes]:
        """Yield events: exchanges that changed, and gauges when they did; each look at most one of either."""
        watch, version, quiet, sent = self._watch, -1, 0.0, dict[str, Any]()
        if after > watch.exchanges.sequence:  # the page outlived another console
            after = 0
        while not watch.is_over:
            if exchanges := watch.exchanges.after(after):
                after, quiet = exchanges[-1]["sequence"], 0.0
                yield _event("exchanges", exchanges, after)
            if version != watch.version:
                version, quiet = watch.version, 0.0
                changed = {name: value for name, value in watch.gauges.items() if sent.get(name, ...) != value}
                sent = dict(watch.gauges)
                yield _event("gauges", changed)
            quiet += _PAUSE
            if quiet > _BEAT:
                quiet = 0.0
                yield b": still here\n\n"
            await asyncio.sleep(_PAUSE)

    async def traces(self, request: Request) -> Response:
        if not self._admits(request):
            return _refused()
        return Json(list(reversed(self._watch.traces.values())))

    async def trace(self, request: Request) -> Response:
        if not self._admits(request):
            return _refused()
        if self._watch.collector is None:
            return _problem("no collector runs", 404)
        wanted = request.path_params["trace_id"]
        try:
            found = await asyncio.to_thread(self._watch.collector.traces, trace_id=wanted)
        except (Unreachable, Foreign) as error:
            return _problem(str(error), 502)
        return Json(found[0]) if found else _problem(f"the collector has no trace {wanted}", 404)

    async def explain(self, request: Request) -> Response:
        if not self._admits(request):
            return _refused()
        asked = await _asked(request)
        if asked is None or not isinstance(asked.get("prompt"), str):
            return _problem("say what the prompt is", 400)
        try:
            return Json(await asyncio.to_thread(self._explained, asked))
        except Failure as failure:
            return _problem(failure.message, 409)

    def _explained(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        config = configuration.read(self._watch.home, self._environ)
        if config is None:
            raise Failure("the configuration cannot be read from here; set the variables that it uses")
        return explain(config, asked["prompt"], listener_name=asked.get("listener"), model=asked.get("model") or None)

    async def send(self, request: Request) -> Response:
        if not self._admits(request):
            return _refused()
        asked, state = await _asked(request), self._watch.state
        endpoints = {endpoint.name: endpoint for endpoint in (state.endpoints if state else ())}
        endpoint = endpoints.get(str(asked.get("listener"))) if asked is not None else None
        if asked is None or endpoint is None:
            return _problem(f"name a listener that runs: {', '.join(endpoints) or 'none does'}", 400)
        lines = playground.send(endpoint, asked)
        return StreamingResponse(
            (orjson.dumps(line) + b"\n" async for line in lines), media_type="application/x-ndjson"
        )


async def _asked(request: Request) -> dict[str, Any] | None:
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _event(name: str, value: Any, number: int | None = None) -> bytes:
    head = b"id: %d\n" % number if number is not None else b""
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), orjson.dumps(value))


def _refused() -> Response:
    return _problem("the token is missing or wrong; open the address that `planoai console` printed", 403)


def _problem(message: str, status: int) -> Response:
    return Json({"error": message}, status)
