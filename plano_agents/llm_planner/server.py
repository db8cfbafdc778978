"""The planner behind a listener: `POST /v1/chat/completions`, answered with the structured output as JSON."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from plano_agents.chat_agent import asked_of, healthz
from plano_agents.dev_model import fields, openai_chat, tokens
from plano_agents.dev_model.ask import Answer, BadRequestError, Json
from plano_agents.llm_planner.output import AgentOutput, TaskRequest

Run = Callable[[TaskRequest], AgentOutput]


def app(run: Run) -> Starlette:
    """Build the server; `run` answers one task at a time, and is called in a thread."""
    turn = asyncio.Lock()

    async def serve(request: Request) -> Response:
        try:
            raw = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            body: Json = {"model": "llm_planner"} | fields.mapping(_parsed(raw), "body")
            ask = openai_chat.read(body)
            task = task_of(body)
        except BadRequestError as problem:
            return JSONResponse(openai_chat.error(400, problem.message, problem.param), 400)
        async with turn:
            output = await asyncio.to_thread(run, task)
        said = output.model_dump_json()
        answer = Answer(said, "", (), "end", None, tokens.count(task.description), tokens.count(said), 0)
        ident = hashlib.sha256(raw).hexdigest()[:16]
        if not ask.stream:
            return JSONResponse(openai_chat.whole(ask, answer, ident))
        events = _each(openai_chat.stream(ask, answer, ident))
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})

    return Starlette(routes=[Route("/v1/chat/completions", serve, methods=["POST"]), Route("/healthz", healthz)])


def task_of(body: Json) -> TaskRequest:
    """Return the task that a request holds: the last thing that the user said, as JSON of a task or in plain words."""
    asked = asked_of(body["messages"])
    said = asked[0] if asked else ""
    try:
        told = json.loads(said)
    except ValueError:
        told = None
    if isinstance(told, dict) and "description" in told:
        try:
            return TaskRequest.model_validate(told)
        except ValueError:
            raise BadRequestError("messages: the last one is no task", "messages") from None
    return TaskRequest(task_type="plan", description=said[:20_000])


async def _each(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequestError("body: not JSON") from None
