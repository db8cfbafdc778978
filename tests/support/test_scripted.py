"""The scripted providers serve the official clients, and refuse what the real ones refuse."""

import gzip
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.support.clients import anthropic_client, old_anthropic_client, openai_client
from tests.support.http_server import Data, End, Head
from tests.support.reply import Reply, ToolCall, Usage
from tests.support.scripted import ScriptedProvider

Json = dict[str, Any]
HELLO: Any = [{"role": "user", "content": "Hello"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI_TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
ANTHROPIC_TOOL: Any = {"name": "get_weather", "input_schema": CITY}
CHAT = "/chat/completions"
MESSAGES = "/v1/messages"


@pytest.fixture
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key="sk-openai") as provider:
        yield provider


@pytest.fixture
def messages() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("anthropic.messages", key="sk-ant") as provider:
        yield provider


def test_openai_client_reads_the_default_answer(chat: ScriptedProvider) -> None:
    with openai_client(chat.url, key="sk-openai") as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=HELLO)

    assert answer.choices[0].message.content == "Hello from the provider."
    assert answer.choices[0].finish_reason == "stop"
    assert chat.last.json()["messages"] == HELLO


def test_openai_client_reads_a_stream_of_text_and_calls(chat: ScriptedProvider) -> None:
    calls = (ToolCall("get_weather", {"city": "Paris"}), ToolCall("get_weather", {"city": "Rome"}))
    chat.call_tools(*calls, text="Let me look.", usage=Usage(input=3, cached=5))
    with (
        openai_client(chat.url, key="sk-openai") as client,
        client.chat.completions.stream(
            model="gpt-4o", messages=HELLO, tools=[OPENAI_TOOL], stream_options={"include_usage": True}
        ) as stream,
    ):
        answer = stream.get_final_completion()

    message = answer.choices[0].message
    assert message.content == "Let me look."
    assert message.tool_calls is not None
    assert [call.function.arguments for call in message.tool_calls] == ['{"city":"Paris"}', '{"city":"Rome"}']
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 8


def test_anthropic_client_reads_a_stream_of_thoughts_text_and_calls(messages: ScriptedProvider) -> None:
    messages.call_tools(ToolCall("get_weather", {"city": "Paris"}), text="Let me look.", thinking="Weather, then.")
    with (
        anthropic_client(messages.url, key="sk-ant") as client,
        client.messages.stream(model="claude", max_tokens=99, messages=HELLO, tools=[ANTHROPIC_TOOL]) as stream,
    ):
        answer = stream.get_final_message()

    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    assert answer.content[2].type == "tool_use"
    assert answer.content[2].input == {"city": "Paris"}
    assert answer.stop_reason == "tool_use"


def test_both_generations_of_the_anthropic_client_are_served(messages: ScriptedProvider) -> None:
    with anthropic_client(messages.url, key="sk-ant") as client:
        client.messages.create(model="claude", max_tokens=9, messages=[*HELLO, {"role": "system", "content": "Brief."}])
    with old_anthropic_client(messages.url, key="sk-ant") as client:
        client.messages.create(model="claude", max_tokens=9, messages=HELLO)

    new, old = messages.requests
    assert (new.header("authorization"), new.header("anthropic-version")) == ("Bearer sk-ant", "2026-10-21")
    assert (old.header("authorization"), old.header("x-api-key")) == (None, "sk-ant")


def test_refusal_is_told_in_each_dialect(chat: ScriptedProvider, messages: ScriptedProvider) -> None:
    chat.reply(Reply(refusal="I cannot help with that."))
    messages.reply(Reply(text="", finish="refusal", refusal="Not this."))
    with openai_client(chat.url, key="sk-openai") as client:
        said = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    with anthropic_client(messages.url, key="sk-ant") as other:
        told = other.messages.create(model="claude", max_tokens=9, messages=HELLO)

    assert said.choices[0].message.refusal == "I cannot help with that."
    assert told.stop_reason == "refusal"


ERRORS: list[tuple[int, type[openai.APIStatusError], type[anthropic.APIStatusError]]] = [
    (400, openai.BadRequestError, anthropic.BadRequestError),
    (401, openai.AuthenticationError, anthropic.AuthenticationError),
    (404, openai.NotFoundError, anthropic.NotFoundError),
    (429, openai.RateLimitError, anthropic.RateLimitError),
    (500, openai.InternalServerError, anthropic.InternalServerError),
    (529, openai.InternalServerError, anthropic.InternalServerError),
]


@pytest.mark.parametrize(("status", "of_openai", "of_anthropic"), ERRORS)
def test_scripted_failure_raises_the_clients_own_exception(
    chat: ScriptedProvider,
    messages: ScriptedProvider,
    status: int,
    of_openai: type[openai.APIStatusError],
    of_anthropic: type[anthropic.APIStatusError],
) -> None:
    chat.fail(status, "No.", retry_after=2)
    messages.fail(status, "No.", retry_after=2)
    with openai_client(chat.url, key="sk-openai") as client, pytest.raises(of_openai) as raised:
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    with anthropic_client(messages.url, key="sk-ant") as other, pytest.raises(of_anthropic) as thrown:
        other.messages.create(model="claude", max_tokens=9, messages=HELLO)

    assert raised.value.response.headers["retry-after"] == "2"
    assert thrown.value.response.headers["retry-after"] == "2"


def _called(ident: str = "call_1") -> Json:
    function = {"name": "get_weather", "arguments": "{}"}
    return {"role": "assistant", "tool_calls": [{"id": ident, "type": "function", "function": function}]}


OPENAI_REFUSALS: list[tuple[Json, str]] = [
    ({"top_k": 5}, "Unrecognized request argument supplied: top_k"),
    ({"top_k": 5, "system": "x"}, "Unrecognized request arguments supplied: top_k, system"),
    ({"temperature": "hot"}, "Invalid type for 'temperature'"),
    ({"temperature": 3}, "Expected a value <= 2, but got 3"),
    ({"max_tokens": True}, "Invalid type for 'max_tokens'"),
    ({"model": "o3-mini", "max_tokens": 5}, "Use 'max_completion_tokens' instead"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "at the same time"),
    ({"stream_options": {"include_usage": True}}, "only allowed when 'stream' is enabled"),
    ({"stop": list("abcde")}, "array too long"),
    ({"messages": []}, "empty array"),
    ({"messages": None}, "Missing required parameter: 'messages'"),
    ({"model": None}, "you must provide a model parameter"),
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "must be a response to a preceeding"),
    ({"messages": [*HELLO, _called(), *HELLO]}, "did not have response messages: call_1"),
    ({"messages": [*HELLO, _called("c" * 41)]}, "maximum length 40"),
    ({"messages": [{"role": "user", "content": None}]}, "expected a string, got null"),
    ({"messages": [{"role": "user", "content": "x", "thinking": "y"}]}, "Unknown parameter: 'messages[0].thinking'"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}]},
        "Unknown parameter: 'messages[0].content[0].cache_control'",
    ),
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, "Invalid value: 'image'"),
    ({"tools": []}, "empty array"),
    ({"tool_choice": "auto"}, "only allowed when 'tools' are specified"),
    ({"tools": [OPENAI_TOOL], "tool_choice": "any"}, "Invalid value: 'any'"),
    ({"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "does not match pattern"),
    ({"reasoning_effort": "low"}, "reasoning_effort"),
]


@pytest.mark.parametrize(("change", "message"), OPENAI_REFUSALS)
def test_openai_refuses(chat: ScriptedProvider, change: Json, message: str) -> None:
    body = {
        name: value for name, value in ({"model": "gpt-4o", "messages": HELLO} | change).items() if value is not None
    }
    answer = httpx.post(chat.url + CHAT, json=body, headers={"authorization": "Bearer sk-openai"}, timeout=20)

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert chat.refused == [answer.json()["error"]["message"]]


def _used(ident: str = "toolu_1") -> Json:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": ident, "name": "get_weather", "input": {}}]}


def _result(*idents: str) -> Json:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": ident} for ident in idents]}


ANTHROPIC_REFUSALS: list[tuple[Json, str]] = [
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"max_tokens": 0}, "greater than or equal to 1"),
    ({"n": 2}, "n: Extra inputs are not permitted"),
    ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "must be greater than `thinking.budget_tokens`"),
    ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "greater than or equal to 1024"),
    ({"thinking": {"type": "adaptive"}, "temperature": 0.5}, "may only be set to 1 when thinking"),
    ({"stop_sequences": [" "]}, "must contain non-whitespace"),
    ({"messages": []}, "at least one message"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, 'must use the "user" role'),
    ({"messages": [{"role": "system", "content": "x"}, *HELLO]}, 'Unexpected role "system"'),
    ({"messages": [{"role": "tool", "content": "x"}]}, 'must use the "user" role'),
    ({"messages": [*HELLO, _used(), *HELLO]}, "without `tool_result` blocks immediately after: toolu_1"),
    ({"messages": [*HELLO, _used()]}, "without `tool_result` blocks immediately after: toolu_1"),
    ({"messages": [*HELLO, _used(), _result("toolu_1"), _result("toolu_1")]}, "unexpected `tool_use_id`"),
    ({"messages": [*HELLO, _used(), _result("toolu_1", "toolu_1")]}, "must have a single result"),
    ({"messages": [*HELLO, _used("a.b"), _result("a.b")]}, "should match pattern"),
    ({"messages": [{"role": "user", "content": ""}]}, "must have non-empty content"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "must be non-empty"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "Input tag 'image_url'"),
    ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
    ({"tools": [{"name": "x", "input_schema": {}}]}, "Input should be 'object'"),
    ({"tools": [ANTHROPIC_TOOL, ANTHROPIC_TOOL]}, "Tool names must be unique"),
    ({"metadata": {"team": "a"}}, "metadata.team: Extra inputs are not permitted"),
    ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5}, "maximum of 4 blocks"),
]


@pytest.mark.parametrize(("change", "message"), ANTHROPIC_REFUSALS)
def test_anthropic_refuses(messages: ScriptedProvider, change: Json, message: str) -> None:
    whole = {"model": "claude", "max_tokens": 99, "messages": HELLO} | change
    body = {name: value for name, value in whole.items() if value is not None}
    headers = {"x-api-key": "sk-ant", "anthropic-version": "2023-06-01"}
    answer = httpx.post(messages.url + MESSAGES, json=body, headers=headers, timeout=20)

    assert answer.status_code == 400
    assert answer.json()["type"] == "error"
    assert message in answer.json()["error"]["message"]


HEADER_REFUSALS: list[tuple[Json, int, str]] = [
    ({}, 401, "didn't provide an API key"),
    ({"authorization": "Bearer other"}, 401, "Incorrect API key"),
    ({"authorization": "Bearer sk-openai", "x-api-key": "y"}, 400, "foreign headers: x-api-key"),
    ({"authorization": "Bearer sk-openai", "cookie": "y=1"}, 400, "foreign headers: cookie"),
    ({"authorization": "Bearer sk-openai", "x-plano-cluster": "y"}, 400, "foreign headers: x-plano-cluster"),
]


@pytest.mark.parametrize(("headers", "status", "message"), HEADER_REFUSALS)
def test_foreign_credentials_and_internal_headers_are_refused(
    chat: ScriptedProvider, headers: Json, status: int, message: str
) -> None:
    answer = httpx.post(chat.url + CHAT, json={"model": "gpt-4o", "messages": HELLO}, headers=headers, timeout=20)

    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_wrong_path_body_and_model_are_refused() -> None:
    with ScriptedProvider("openai.chat", models=["gpt-4o"]) as chat:
        path = httpx.post(f"{chat.url}/messages", json={}, timeout=20)
        body = httpx.post(chat.url + CHAT, content=b"{", headers={"content-type": "application/json"}, timeout=20)
        model = httpx.post(chat.url + CHAT, json={"model": "gpt-9", "messages": HELLO}, timeout=20)

    assert (path.status_code, body.status_code, model.status_code) == (404, 400, 404)
    assert model.json()["error"]["code"] == "model_not_found"


def test_anthropic_wants_its_version(messages: ScriptedProvider) -> None:
    answer = httpx.post(messages.url + MESSAGES, json={}, headers={"x-api-key": "sk-ant"}, timeout=20)

    assert answer.json()["error"]["message"] == "anthropic-version: header is required"


@pytest.fixture
def lenient() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat") as provider:
        yield provider


def _post(provider: ScriptedProvider, **more: Any) -> httpx.Response:
    return httpx.post(provider.url + CHAT, json={"model": "m", "messages": HELLO} | more, timeout=5)


def test_steps_are_taken_in_order_and_a_refusal_takes_none(lenient: ScriptedProvider) -> None:
    lenient.say("one")
    lenient.answer({"mine": 1}, status=202, headers=[("x-mine", "yes")])
    refused = _post(lenient, nonsense=1)
    said, own, usual = _post(lenient), _post(lenient), _post(lenient)

    assert refused.status_code == 400
    assert said.json()["choices"][0]["message"]["content"] == "one"
    assert (own.status_code, own.json(), own.headers["x-mine"]) == (202, {"mine": 1}, "yes")
    assert usual.json()["choices"][0]["message"]["content"] == "Hello from the provider."
    assert len(lenient.requests) == 4


def test_gzip_is_what_it_says(lenient: ScriptedProvider) -> None:
    lenient.answer({"mine": 1}, is_gzipped=True)
    with httpx.stream("POST", lenient.url + CHAT, json={"model": "m", "messages": HELLO}, timeout=20) as answer:
        raw = b"".join(answer.iter_raw())

    assert gzip.decompress(raw) == b'{"mine":1}'


def test_stream_keeps_its_chunks_apart(lenient: ScriptedProvider) -> None:
    gate = lenient.gate()
    lenient.stream([b"data: a", b"bc\n\n"], gate=gate)
    body = {"model": "m", "messages": HELLO, "stream": True}
    with httpx.stream("POST", lenient.url + CHAT, json=body, timeout=20) as answer:
        chunks = answer.iter_raw()
        first = next(chunks)
        gate.set()
        rest = b"".join(chunks)

    assert (first, rest) == (b"data: a", b"bc\n\n")


def test_reset_before_headers_is_a_broken_connection(lenient: ScriptedProvider) -> None:
    lenient.reset()
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        _post(lenient)


@pytest.mark.parametrize("end", ["reset", "close"])
def test_stream_can_end_badly(lenient: ScriptedProvider, end: Any) -> None:
    lenient.stream([b"data: 1\n\n"], end=end)
    body = {"model": "m", "messages": HELLO, "stream": True}
    with (
        httpx.stream("POST", lenient.url + CHAT, json=body, timeout=20) as answer,
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
    ):
        answer.read()


def test_garbage_is_no_http(lenient: ScriptedProvider) -> None:
    lenient.garbage()
    with pytest.raises(httpx.RemoteProtocolError):
        _post(lenient)


def test_client_that_hangs_up_is_noticed(lenient: ScriptedProvider) -> None:
    lenient.stream([b"data: 1\n\n"], end="stall")
    body = {"model": "m", "messages": HELLO, "stream": True}
    with httpx.stream("POST", lenient.url + CHAT, json=body, timeout=20) as answer:
        next(answer.iter_raw())

    assert lenient.last.gone.wait(5)


def test_answer_can_be_late(lenient: ScriptedProvider) -> None:
    lenient.after(0.2)
    lenient.say("late")
    start = time.monotonic()
    answer = _post(lenient)

    assert time.monotonic() - start >= 0.2
    assert answer.json()["choices"][0]["message"]["content"] == "late"


def test_connection_is_kept_between_requests(lenient: ScriptedProvider) -> None:
    lenient.raw(Head(200, (("content-type", "text/plain"),)), Data(b"odd"), End())
    with httpx.Client(timeout=20) as client:
        body = {"model": "m", "messages": HELLO}
        first = client.post(lenient.url + CHAT, json=body)
        second = client.post(lenient.url + CHAT, json=body)
        connections = lenient.open_connections

    assert (first.text, second.status_code, connections) == ("odd", 200, 1)
