"""What the matrix cannot say: fields that one dialect has and the other writes otherwise, or has not."""

from typing import Any

import httpx
import pytest

from tests.support import anthropic_api, openai_api
from tests.support.clients import anthropic_client, old_anthropic_client, openai_client
from tests.support.reply import Reply
from tests.support.scripted import ScriptedProvider

CLAUDE = "anthropic/claude-sonnet-4-5"
HELLO: Any = [{"role": "user", "content": "Hello"}]
JSON = {"content-type": "application/json", "anthropic-version": "2023-06-01"}


def test_reasoning_effort_becomes_thinking(url: str, messages: ScriptedProvider) -> None:
    with openai_client(url) as client:
        client.chat.completions.create(
            model=CLAUDE, messages=HELLO, reasoning_effort="high", max_completion_tokens=9000
        )

    assert messages.last.json()["thinking"]["type"] in ("enabled", "adaptive")


def test_thinking_becomes_reasoning_effort(url: str, chat: ScriptedProvider) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 2048}
    with anthropic_client(url) as client:
        client.messages.create(model="openai/gpt-5", max_tokens=9000, messages=HELLO, thinking=thinking)

    assert chat.last.json()["reasoning_effort"] == "medium"


def test_max_tokens_is_the_field_that_a_reasoning_model_takes(url: str, chat: ScriptedProvider) -> None:
    with anthropic_client(url) as client:
        client.messages.create(model="openai/gpt-5", max_tokens=77, messages=HELLO)

    assert chat.last.json()["max_completion_tokens"] == 77


def test_max_tokens_is_filled_in_where_anthropic_demands_it(url: str, messages: ScriptedProvider) -> None:
    with openai_client(url) as client:
        client.chat.completions.create(model=CLAUDE, messages=HELLO)

    assert messages.last.json()["max_tokens"] > 0


def test_knob_that_the_provider_has_not_is_dropped_and_named(url: str, messages: ScriptedProvider) -> None:
    with openai_client(url) as client:
        raw = client.chat.completions.with_raw_response.create(
            model=CLAUDE, messages=HELLO, seed=7, presence_penalty=0.5, extra_body={"novelty": 1}
        )
    dropped = raw.headers["x-plano-dropped"].replace(" ", "").split(",")

    assert {"seed", "presence_penalty", "novelty"} <= set(dropped)
    assert raw.parse().choices[0].message.content == "Hello from the provider."


def test_part_that_the_provider_cannot_take_is_an_error_that_names_it(url: str, messages: ScriptedProvider) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = {"model": CLAUDE, "messages": [{"role": "user", "content": [audio]}]}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=20)

    assert answer.status_code == 400
    assert "messages[0].content[0]" in answer.json()["error"]["message"]
    assert messages.requests == []


def test_system_message_among_the_messages_reaches_openai(url: str, chat: ScriptedProvider) -> None:
    with anthropic_client(url) as client:
        talk: Any = [*HELLO, {"role": "system", "content": "From here on, be brief."}]
        client.messages.create(model="gpt-4o", max_tokens=9, messages=talk, system="Be kind.")
    received = chat.last.json()["messages"]

    assert [message["role"] for message in received] == ["system", "user", "system"]
    assert received[2]["content"] == "From here on, be brief."


def test_developer_message_is_part_of_the_system_prompt(url: str, messages: ScriptedProvider) -> None:
    talk: Any = [{"role": "system", "content": "One."}, {"role": "developer", "content": "Two."}, *HELLO]
    with openai_client(url) as client:
        client.chat.completions.create(model=CLAUDE, messages=talk)
    system = messages.last.json()["system"]

    assert [block["text"] for block in system] == ["One.", "Two."]


def test_old_anthropic_client_is_served_by_openai(url: str, chat: ScriptedProvider) -> None:
    with old_anthropic_client(url) as client:
        answer = client.messages.create(model="gpt-4o", max_tokens=9, messages=HELLO)

    assert answer.stop_reason == "end_turn"
    assert chat.last.json()["messages"] == HELLO


def test_ids_that_anthropic_refuses_are_mended(url: str, messages: ScriptedProvider) -> None:
    call = {"id": "functions.get_weather:0", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    talk: Any = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "functions.get_weather:0", "content": "18"},
    ]
    with openai_client(url) as client:
        client.chat.completions.create(model=CLAUDE, messages=talk)
    used = messages.last.json()["messages"][1]["content"][0]
    result = messages.last.json()["messages"][2]["content"][0]

    assert used["id"] == result["tool_use_id"]
    assert used["input"] == {}


def test_failed_tool_and_its_image_reach_openai(url: str, chat: ScriptedProvider) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    told = [{"type": "text", "text": "no such city"}, picture]
    talk: Any = [
        *HELLO,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True, "content": told}],
        },
    ]
    with anthropic_client(url) as client:
        client.messages.create(model="gpt-4o", max_tokens=9, messages=talk)
    received = chat.last.json()["messages"]

    assert [message["role"] for message in received] == ["user", "assistant", "tool", "user"]
    assert "no such city" in str(received[2]["content"])
    assert "iVBORw0KGgo=" in str(received[3]["content"])


def test_structured_output_becomes_an_output_format(url: str, messages: ScriptedProvider) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "number", "strict": True, "schema": schema}}
    messages.say('{"n": 4}')
    with openai_client(url) as client:
        answer = client.chat.completions.create(model=CLAUDE, messages=HELLO, response_format=wanted)

    assert messages.last.json()["output_config"]["format"]["schema"] == schema
    assert answer.choices[0].message.content == '{"n": 4}'


def test_structured_output_of_anthropic_becomes_a_response_format(url: str, chat: ScriptedProvider) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    config: Any = {"format": {"type": "json_schema", "schema": schema}}
    with anthropic_client(url) as client:
        client.messages.create(model="gpt-4o", max_tokens=9, messages=HELLO, output_config=config)

    assert chat.last.json()["response_format"]["json_schema"]["schema"] == schema


def test_refusal_in_words_is_heard_by_an_anthropic_client(url: str, chat: ScriptedProvider) -> None:
    chat.reply(Reply(text="", refusal="I cannot help with that."))
    with anthropic_client(url) as client:
        answer = client.messages.create(model="gpt-4o", max_tokens=9, messages=HELLO)

    assert answer.stop_reason == "refusal"
    assert "I cannot help with that." in str(answer)


def test_openai_client_sees_usage_in_a_stream_only_when_it_asks(url: str, messages: ScriptedProvider) -> None:
    with openai_client(url) as client:
        plain = list(client.chat.completions.create(model=CLAUDE, messages=HELLO, stream=True))
        asked = list(
            client.chat.completions.create(
                model=CLAUDE, messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )

    assert [chunk.usage for chunk in plain if chunk.usage] == []
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.prompt_tokens == 11


def test_stream_of_an_openai_client_ends_with_done(url: str, messages: ScriptedProvider) -> None:
    body = {"model": CLAUDE, "messages": HELLO, "stream": True}
    raw = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=20).text

    assert raw.endswith("data: [DONE]\n\n")
    assert raw.count("[DONE]") == 1


def test_stream_of_an_anthropic_client_names_its_events(url: str, chat: ScriptedProvider) -> None:
    body = {"model": "gpt-4o", "max_tokens": 9, "messages": HELLO, "stream": True}
    answer = httpx.post(f"{url}/v1/messages", json=body, headers=JSON, timeout=20)
    events = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]

    assert events[0] == "message_start"
    assert events[-2:] == ["message_delta", "message_stop"]
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("size", [1, 3, 17])
def test_provider_may_cut_its_stream_anywhere(url: str, chat: ScriptedProvider, size: int) -> None:
    request: Any = {"model": "gpt-4o", "stream_options": {"include_usage": True}}
    whole = b"".join(openai_api.stream(Reply("Grüße, 世界 👋"), request))
    chat.stream([whole[start : start + size] for start in range(0, len(whole), size)])
    with (
        anthropic_client(url) as client,
        client.messages.stream(model="gpt-4o", max_tokens=9, messages=HELLO) as stream,
    ):
        assert stream.get_final_text() == "Grüße, 世界 👋"


def test_translated_chunks_are_passed_on_as_they_come(url: str, messages: ScriptedProvider) -> None:
    events = list(anthropic_api.stream(Reply("Hello"), {"model": "claude"}))
    gate = messages.gate()
    messages.stream([b"".join(events[:4]), b"".join(events[4:])], gate=gate)
    body = {"model": CLAUDE, "messages": HELLO, "stream": True}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=20) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if '"content":"Hell"' in line.replace(" ", ""))
        gate.set()
        rest = list(lines)

    assert first
    assert "data: [DONE]" in rest


def test_gzipped_answer_is_translated(url: str, chat: ScriptedProvider) -> None:
    chat.answer(openai_api.whole(Reply("Hello"), {"model": "gpt-4o"}), is_gzipped=True)
    with anthropic_client(url) as client:
        answer = client.messages.create(model="gpt-4o", max_tokens=9, messages=HELLO)

    assert answer.content[0].type == "text"
    assert answer.content[0].text == "Hello"


def test_large_answer_is_translated(url: str, chat: ScriptedProvider) -> None:
    chat.say("x" * 2_000_000)
    with anthropic_client(url) as client:
        answer = client.messages.create(model="gpt-4o", max_tokens=9, messages=HELLO)

    assert answer.content[0].type == "text"
    assert len(answer.content[0].text) == 2_000_000
