"""The HTTP server: two dialects, a list of models, and a page that says what this is."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from plano_agents.dev_model import anthropic_messages, fields, mind, openai_chat
from plano_agents.dev_model.ask import Answer, Ask, BadRequestError, Json

MODELS: Final = ("dev-model", "dev-model-small", "dev-model-large")
"""Names to list. Any other name is served as well, and named in the answer."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one API is read and written."""

    read: Callable[[Json], Ask]
    whole: Callable[[Ask, Answer, str], Json]
    stream: Callable[[Ask, Answer, str], Iterator[bytes]]
    error: Callable[[int, str, str | None], Json]


OPENAI: Final = Dialect(openai_chat.read, openai_chat.whole, openai_chat.stream, openai_chat.error)
ANTHROPIC: Final = Dialect(
    anthropic_messages.read, anthropic_messages.whole, anthropic_messages.stream, anthropic_messages.error
)


def app(*, pace: float = 0.0) -> Starlette:
    """Build the server. `pace` is the pause in seconds between two events of a stream."""
    return Starlette(
        routes=[
            Route("/", _page),
            Route("/healthz", _healthz),
            Route("/v1/models", _models),
            Route("/v1/models/{model:path}", _model),
            Route("/v1/chat/completions", _endpoint(OPENAI, pace), methods=["POST"]),
            Route("/v1/messages", _endpoint(ANTHROPIC, pace), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _http_error},
    )


def _endpoint(dialect: Dialect, pace: float) -> Callable[[Request], object]:
    async def serve(request: Request) -> Response:
        try:
            raw = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            ask = dialect.read(fields.body(raw))
        except BadRequestError as problem:
            return JSONResponse(dialect.error(400, problem.message, problem.param), 400)
        ident = hashlib.sha256(raw).hexdigest()[:16]
        answer = mind.answer(ask)
        if not ask.stream:
            return JSONResponse(dialect.whole(ask, answer, ident))
        events = _paced(dialect.stream(ask, answer, ident), pace)
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})

    return serve


async def _paced(events: Iterator[bytes], pace: float) -> AsyncIterator[bytes]:
    for event in events:
        yield event
        await asyncio.sleep(pace)


async def _page(_request: Request) -> Response:
    return HTMLResponse(_PAGE)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _models(request: Request) -> Response:
    if "anthropic-version" in request.headers:
        listed = [_anthropic_model(name) for name in MODELS]
        return JSONResponse({"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
    return JSONResponse({"object": "list", "data": [_openai_model(name) for name in MODELS]})


async def _model(request: Request) -> Response:
    name = request.path_params["model"]
    shape = _anthropic_model if "anthropic-version" in request.headers else _openai_model
    return JSONResponse(shape(name))


def _openai_model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "plano-development-stand-in"}


def _anthropic_model(name: str) -> Json:
    label = f"{name} (development stand-in)"
    return {"type": "model", "id": name, "display_name": label, "created_at": "1970-01-01T00:00:00Z"}


async def _http_error(request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    dialect = ANTHROPIC if request.url.path.startswith("/v1/messages") else OPENAI
    message = f"{HTTPStatus(status).phrase}: {request.method} {request.url.path}"
    headers = problem.headers if isinstance(problem, HTTPException) else None
    return JSONResponse(dialect.error(status, message, None), status, headers=headers)


_PAGE: Final = """<!doctype html>
<html lang="en">
<title>Plano development model</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem }
</style>
<h1>Plano development model</h1>
<p>This is a <strong>development stand-in</strong>, not a language model. It answers from a short table of
rules, always the same way, so that the gateway can be tried without a key and without a network.</p>
<ul>
<li><code>POST /v1/chat/completions</code>: OpenAI chat, streaming and not, with tools</li>
<li><code>POST /v1/messages</code>: Anthropic messages, streaming and not, with tools and thinking</li>
<li><code>GET /v1/models</code>: names to use; every other name works too</li>
</ul>
<p>To use a real model, give the gateway a provider with a key.</p>
</html>
"""
