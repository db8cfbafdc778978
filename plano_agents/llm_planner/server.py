"""The planner behind a listener: `POST /v1/chat/completions`, answered with the structured output as JSON."""

import asyncio
import json
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plano_agents.chat_agent import answered, asked_of, healthz
from plano_agents.dev_model import fields, openai_chat, tokens
from plano_agents.dev_model.ask import BadRequestError, Json
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
            body: Json = {"model": "llm_planner"} | fields.body(raw)
            ask = openai_chat.read(body)
            task = task_of(body)
        except BadRequestError as problem:
            return JSONResponse(openai_chat.error(400, problem.message, problem.param), 400)
        async with turn:
            output = await asyncio.to_thread(run, task)
        return answered(ask, raw, output.model_dump_json(), tokens.count(task.description))

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
