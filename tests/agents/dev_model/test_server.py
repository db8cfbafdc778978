"""The development model as a process: both official clients, bad requests, signals."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.support.clients import anthropic_client, openai_client

HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = [{"role": "user", "content": "How is the weather in Paris and Rome?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI_TOOLS: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]
ANTHROPIC_TOOLS: Any = [{"name": "get_weather", "input_schema": CITY}]
COMMAND = [sys.executable, "-m", "plano_agents.dev_model"]


def start(*options: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    return process, found.group()


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process, url = start()
    yield url
    status, stderr = end(process)
    assert (status, stderr) == (0, "")


def test_openai_answer_and_stream_say_the_same(url: str) -> None:
    with openai_client(url) as client:
        whole = client.chat.completions.create(model="gpt-4o", messages=HELLO)
        with client.chat.completions.stream(
            model="gpt-4o", messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            streamed = stream.get_final_completion()

    assert whole.choices[0].message.content == streamed.choices[0].message.content
    assert whole.choices[0].finish_reason == streamed.choices[0].finish_reason == "stop"
    assert whole.usage == streamed.usage


def test_anthropic_answer_and_stream_say_the_same(url: str) -> None:
    with anthropic_client(url) as client:
        ask: Any = {"model": "claude", "max_tokens": 99, "messages": HELLO, "thinking": {"type": "adaptive"}}
        whole = client.messages.create(**ask)
        with client.messages.stream(**ask) as stream:
            streamed = stream.get_final_message()

    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert [getattr(block, "text", "") for block in whole.content] == [
        getattr(block, "text", "") for block in streamed.content
    ]
    assert whole.usage.output_tokens == streamed.usage.output_tokens


def test_openai_tools_make_a_round(url: str) -> None:
    with openai_client(url) as client:
        first = client.chat.completions.create(model="gpt-4o", messages=WEATHER, tools=OPENAI_TOOLS).choices[0]
        assert first.message.tool_calls is not None
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"} for call in first.message.tool_calls
        ]
        talk: Any = [*WEATHER, first.message.model_dump(exclude_none=True), *results]
        second = client.chat.completions.create(model="gpt-4o", messages=talk, tools=OPENAI_TOOLS).choices[0]

    assert first.finish_reason == "tool_calls"
    assert len(results) == 2
    assert "The tool get_weather answered: 18 degrees" in (second.message.content or "")


def test_anthropic_tools_make_a_round_in_a_stream(url: str) -> None:
    with anthropic_client(url) as client:
        ask: Any = {"model": "claude", "max_tokens": 99, "tools": ANTHROPIC_TOOLS}
        with client.messages.stream(messages=WEATHER, **ask) as stream:
            first = stream.get_final_message()
        calls = [block for block in first.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"} for call in calls]
        talk: Any = [*WEATHER, first.to_param(), {"role": "user", "content": results}]
        second = client.messages.create(messages=talk, **ask)

    assert first.stop_reason == "tool_use"
    assert [call.input for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert "The tool get_weather answered: 18 degrees" in getattr(second.content[0], "text", "")


def test_limit_and_stop_are_told_in_each_dialect(url: str) -> None:
    with openai_client(url) as client, anthropic_client(url) as other:
        short = client.chat.completions.create(model="m", messages=HELLO, max_completion_tokens=3).choices[0]
        stopped = client.chat.completions.create(model="m", messages=HELLO, stop="gateway").choices[0]
        brief = other.messages.create(model="m", messages=HELLO, max_tokens=3)
        met = other.messages.create(model="m", messages=HELLO, max_tokens=99, stop_sequences=["gateway"])

    assert (short.finish_reason, stopped.finish_reason) == ("length", "stop")
    assert (brief.stop_reason, brief.usage.output_tokens) == ("max_tokens", 3)
    assert (met.stop_reason, met.stop_sequence) == ("stop_sequence", "gateway")


def test_models_are_listed_for_both_clients(url: str) -> None:
    with openai_client(url) as client, anthropic_client(url) as other:
        listed = [model.id for model in client.models.list()]
        shown = [model.id for model in other.models.list()]

    assert "dev-model" in listed
    assert listed == shown


def test_page_says_what_it_is(url: str) -> None:
    assert "development stand-in" in httpx.get(url, timeout=20).text


BAD: list[tuple[str, str, bytes, int]] = [
    ("POST", "/v1/chat/completions", b"{", 400),
    ("POST", "/v1/chat/completions", b"[]", 400),
    ("POST", "/v1/chat/completions", b"\xff\xfe", 400),
    ("POST", "/v1/chat/completions", b"[" * 100_000, 400),
    ("POST", "/v1/chat/completions", b'{"model":"m","messages":7}', 400),
    ("POST", "/v1/chat/completions", b'{"model":"m","messages":[{"role":"user","content":{"a":1}}]}', 400),
    ("POST", "/v1/chat/completions", b'{"model":"m","messages":[{"role":"user"}],"stream":"yes"}', 400),
    ("POST", "/v1/chat/completions", b'{"model":"m","messages":[{"role":"user"}],"tools":[7]}', 400),
    ("POST", "/v1/chat/completions", b'{"model":"m","messages":[{"role":"tool","tool_call_id":"x"}]}', 400),
    ("POST", "/v1/messages", b'{"model":"m","messages":[{"role":"user","content":"x"}]}', 400),
    ("POST", "/v1/messages", b'{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}', 400),
    ("POST", "/v1/messages", b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[7]}]}', 400),
    ("POST", "/v1/nothing", b"{}", 404),
    ("GET", "/v1/messages", b"", 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), BAD)
def test_bad_request_is_an_error_of_the_dialect(url: str, method: str, path: str, body: bytes, status: int) -> None:
    answer = httpx.request(method, url + path, content=body, timeout=20)
    said = answer.json()

    assert answer.status_code == status
    assert said["error"]["message"]
    assert (said.get("type") == "error") == path.startswith("/v1/messages")


def test_error_names_the_field(url: str) -> None:
    alien: Any = [{"role": "alien", "content": "x"}]
    with openai_client(url) as client, pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="m", messages=alien)

    assert raised.value.param == "messages[0].role"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly_in_the_middle_of_a_stream(number: int) -> None:
    process, url = start("--pace", "5")
    body = {"model": "m", "messages": HELLO, "stream": True}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=20) as answer:
        next(answer.iter_raw())
        status, stderr = end(process, number)

    assert status == 0
    assert "Traceback" not in stderr
    assert not psutil.pid_exists(process.pid)


def test_port_in_use_is_told_without_traceback(url: str) -> None:
    port = url.rpartition(":")[2]
    run = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)

    assert run.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in run.stderr
    assert "Traceback" not in run.stderr
