"""Answers of the gateway's own, as clients of every dialect read them."""

import json
from typing import Any

import pytest

from plano_extproc.gateway import Gateway
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.say import in_words, say
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.work import Work
from plano_extproc.translate.accumulate import Accumulator
from plano_extproc.translate.chat import Answer, Finish, Refusal, Text, Thinking, ToolUse, Usage
from plano_extproc.translate.told import told
from tests.gateway.support import gateway as made

MESSAGES = [{"role": "user", "content": "Hello"}]
REQUESTS: dict[str, dict[str, Any]] = {
    "openai.chat": {"model": "any", "messages": MESSAGES},
    "anthropic.messages": {"model": "any", "messages": MESSAGES, "max_tokens": 10},
    "openai.responses": {"model": "any", "input": "Hello"},
    "gemini.generate": {"contents": [{"parts": [{"text": "Hello"}]}]},
}


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return made()


def work_of(api: Any, *, stream: bool = False, query: str = "alt=sse") -> Work:
    surface = Surface(api, model="any", is_stream=stream) if api == "gemini.generate" else Surface(api)
    request = {**REQUESTS[api], "stream": stream, **({"model": "any"} if api == "gemini.generate" else {})}
    return Work(Ask("agents", surface, {"x-request-id": b"r-1"}, query), b"", request)


def text_of(api: str, body: dict[str, Any]) -> str:
    match api:
        case "openai.chat":
            return str(body["choices"][0]["message"]["content"])
        case "anthropic.messages":
            return str(body["content"][0]["text"])
        case "openai.responses":
            return str(body["output"][0]["content"][0]["text"])
        case _:
            return str(body["candidates"][0]["content"]["parts"][0]["text"])


@pytest.mark.parametrize("api", REQUESTS)
def test_a_whole_answer_is_in_the_callers_dialect(gateway: Gateway, api: str) -> None:
    reply = say(gateway, work_of(api), in_words("Four apples."), (("x-plano-agent", b"a"),))

    assert (reply.status, dict(reply.headers)["content-type"]) == (200, b"application/json")
    assert dict(reply.headers)["x-plano-agent"] == b"a"
    assert text_of(api, json.loads(reply.body)) == "Four apples."
    assert reply.details.startswith("plano_")


@pytest.mark.parametrize(
    ("api", "last"),
    [
        ("openai.chat", b"data: [DONE]"),
        ("anthropic.messages", b"message_stop"),
        ("openai.responses", b"response.completed"),
        ("gemini.generate", b'"finishReason":"STOP"'),
    ],
)
def test_a_stream_holds_the_answer_and_its_end(gateway: Gateway, api: str, last: bytes) -> None:
    reply = say(gateway, work_of(api, stream=True), in_words("Four apples."))

    assert dict(reply.headers)["content-type"].startswith(b"text/event-stream")
    assert b"Four apples." in reply.body
    assert last in reply.body


def test_geminis_callers_get_a_list_where_they_ask_for_no_events(gateway: Gateway) -> None:
    reply = say(gateway, work_of("gemini.generate", stream=True, query=""), in_words("Four apples."))

    assert dict(reply.headers)["content-type"] == b"application/json"
    assert json.loads(reply.body)[0]["candidates"][0]["content"]["parts"][0]["text"] == "Four apples."


def test_deltas_tell_the_whole_answer() -> None:
    blocks = (Thinking("Hm.", "sig"), Text("Four."), ToolUse("call_1", "count", {"of": "apples"}), Refusal("No."))
    answer = Answer("id-1", "m", blocks, Finish.TOOL_USE, usage=Usage(3, output=4), created=5)
    heard = Accumulator()

    for delta in told(answer):
        heard.take(delta)

    assert heard.answer == answer
