"""Drives a flow by hand: every question it asks is recorded and answered from a script."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from plano_extproc.apis import Api
from plano_extproc.flow import Callout, CalloutFailed, ModelCall, Reply, Together
from plano_extproc.prompts import Decider, Desk, Outcome, serve
from plano_extproc.prompts.desk import Protocol
from tests.prompts.targets import TARGETS

TODAY = date(2026, 3, 11)
Scripted = Reply | CalloutFailed


def reply(body: Any = None, status: int = 200, kind: str = "application/json") -> Reply:
    held = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    return Reply(status, {"content-type": kind.encode()}, held)


def completion(message: Mapping[str, Any]) -> Reply:
    return reply({"choices": [{"index": 0, "message": {"role": "assistant", **message}}]})


def calling(*calls: tuple[str, Mapping[str, Any]]) -> Reply:
    tool_calls = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": orjson.dumps(given).decode()}}
        for at, (name, given) in enumerate(calls)
    ]
    return completion({"content": None, "tool_calls": tool_calls})


def drive(flow: Any, *script: Scripted) -> tuple[Any, list[Callout | ModelCall]]:
    """Return what the flow ends with, and what it asked; every answer of the script must be used."""
    asked: list[Callout | ModelCall] = []
    waiting = list(script)
    try:
        question = next(flow)
        while True:
            several = question.questions if isinstance(question, Together) else (question,)
            asked += several
            answers = [waiting.pop(0) for _ in several]
            if isinstance(question, Together):
                question = flow.send(answers)
            elif isinstance(answers[0], CalloutFailed):
                question = flow.throw(answers[0])
            else:
                question = flow.send(answers[0])
    except StopIteration as end:
        assert not waiting, "the flow asked less than the script answers"
        return end.value, asked


KEYWORDS = {"weather": "get_weather", "forecast": "get_weather", "order": "order_status", "convert": "convert_currency",
            "fields": "fetch_application_fields", "flight": "book_flight"}  # fmt: skip


def matcher(text: str) -> tuple[str | None, float]:
    """Match by one word each."""
    return next(((name, 0.8) for word, name in KEYWORDS.items() if word in text.lower()), (None, 0.1))


def desk(protocol: Protocol = "local", model: str = "", **other: Any) -> Desk:
    names = ("get_weather", "order_status", "convert_currency", "fetch_application_fields", "book_flight")
    return Desk(tuple(TARGETS[name] for name in names), None, Decider(protocol, model), **other)


def chat(*texts: str, **other: Any) -> dict[str, Any]:
    """Make a chat in which the user and the assistant take turns."""
    roles = ("user", "assistant")
    return {
        "model": "m",
        "messages": [{"role": roles[at % 2], "content": one} for at, one in enumerate(texts)],
        **other,
    }


def run(
    body: Mapping[str, Any], *script: Scripted, at: Desk | None = None, api: Api = "openai.chat"
) -> tuple[Outcome, list[Callout | ModelCall]]:
    flow = serve(
        api,
        body,
        at or desk(),
        matcher=matcher,
        today=TODAY,
        cluster_of=lambda name: f"cluster_{name}",
        client={"x-request-id": b"r1", "authorization": b"Bearer secret"},
    )
    return drive(flow, *script)
