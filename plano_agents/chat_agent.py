"""An agent as the gateway knows one: an HTTP server that answers chat completions, streaming and not.

What it has to say comes from a function of the conversation. Where `PLANO_LLM` names a model listener, such as
http://127.0.0.1:12000, a model puts that into words.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import aiohttp
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from plano_agents.dev_model import fields, openai_chat, tokens
from plano_agents.dev_model.ask import Answer, Ask, BadRequestError, Json

Answers = Callable[[Sequence[Json]], str]
"""From the messages of a conversation to what the agent knows about its end."""

_MODEL_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_read=30)


def route(name: str, answers: Answers, path: str = "") -> Route:
    """Return the route of an agent, below `path`."""

    async def serve(request: Request) -> Response:
        try:
            raw = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            body: Json = {"model": name} | fields.body(raw)
            ask = openai_chat.read(body)
        except BadRequestError as problem:
            return JSONResponse(openai_chat.error(400, problem.message, problem.param), 400)
        known = "\n\n".join((*colleagues(body["messages"]), answers(body["messages"])))
        said = await _worded(body["messages"], known) if os.environ.get("PLANO_LLM") else known
        return answered(ask, raw, said, sum(tokens.count(turn.text) for turn in ask.turns))

    return Route(f"{path}/v1/chat/completions", serve, methods=["POST"])


def app(name: str, answers: Answers) -> Starlette:
    """Build the server of one agent."""
    return Starlette(routes=[route(name, answers), Route("/healthz", healthz)])


def answered(ask: Ask, raw: bytes, said: str, asked: int) -> Response:
    """Return the response that says something to a request, whose body is `raw` and has `asked` tokens."""
    answer = Answer(said, "", (), "end", None, asked, tokens.count(said), 0)
    ident = hashlib.sha256(raw).hexdigest()[:16]
    if not ask.stream:
        return JSONResponse(openai_chat.whole(ask, answer, ident))
    events = _each(openai_chat.stream(ask, answer, ident))
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def _each(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


async def healthz(_request: Request) -> Response:
    """Answer health checks."""
    return JSONResponse({"status": "ok"})


def colleagues(messages: Sequence[Json]) -> list[str]:
    """Return what other agents said about the last question: the gateway puts it before that, with their names."""
    said: list[str] = []
    for message in reversed(messages[:-1]):
        if message.get("role") != "assistant" or not message.get("name"):
            break
        said.append(text_of(message))
    return said[::-1]


def text_of(message: Json) -> str:
    """Return the words of a message."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def asked_of(messages: Sequence[Json]) -> list[str]:
    """Return what the user said, the latest first."""
    return [text_of(message) for message in reversed(messages) if message.get("role") == "user"]


async def _worded(messages: Sequence[Json], known: str) -> str:
    """Return what a model makes of the facts, and the facts themselves where it cannot be reached."""
    system = f"Answer the user from these facts alone, in a few sentences:\n{known}"
    asked = [one for one in messages if one.get("role") in ("user", "assistant")]
    url = f"{os.environ['PLANO_LLM'].rstrip('/')}/v1/chat/completions"
    body = {"messages": [{"role": "system", "content": system}, *asked]}
    try:
        async with (
            aiohttp.ClientSession(timeout=_MODEL_TIMEOUT) as session,
            session.post(url, json=body) as reply,
        ):
            told: Any = await reply.json()
            return str(told["choices"][0]["message"]["content"] or known)
    except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError):
        return known
