from typing import Any

import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Translation, request_shape

HI = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ("x", None),
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": HI, "model": 5}, "model"),
        ({"messages": HI, "stream": "yes"}, "stream"),
        ({"messages": HI, "stream": 1}, "stream"),
    ],
)
def test_a_wrong_shape_names_the_field(api: Api, body: object, field: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request_shape(api, body)

    assert caught.value.param == field
    assert caught.value.message.startswith(field or "the body")


def test_a_request_of_the_callers_own_dialect_may_hold_anything_else() -> None:
    body = {"messages": [{"role": "martian"}], "temperature": "hot", "model": None, "stream": False, "new": 1}

    assert request_shape("openai.chat", body) is body


def test_a_request_without_messages_is_one_of_the_responses_api() -> None:
    assert request_shape("openai.responses", {"input": "hi"})


CHAT: list[tuple[dict[str, Any], str]] = [
    ({"messages": [5]}, "messages[0]"),
    ({"messages": [{"content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "martian", "content": "x"}]}, "messages[0].role"),
    ({"messages": [*HI, {"role": "user"}]}, "messages[1].content"),
    ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x,y"}}]}]},
        "messages[0].content[0].image_url.url",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
        "messages[0].content[0]",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
            ]
        },
        "messages[0].content[0]",
    ),
    ({"messages": [{"role": "assistant", "tool_calls": [5]}]}, "messages[0].tool_calls[0]"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]},
        "messages[0].tool_calls[0].id",
    ),
    ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "messages[0].tool_calls[0].function"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{"}}]}]},
        "messages[0].tool_calls[0].function.arguments",
    ),
    (
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "[]"}}]}
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
    ),
    ({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "messages[0].audio"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    ({"messages": HI, "tools": [{"type": "function"}]}, "tools[0].function"),
    ({"messages": HI, "tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ({"messages": HI, "tool_choice": "sometimes"}, "tool_choice"),
    ({"messages": HI, "functions": [{"name": "f"}]}, "functions"),
    ({"messages": HI, "stop": [5]}, "stop[0]"),
    ({"messages": HI, "stop": 5}, "stop"),
    ({"messages": HI, "temperature": "hot"}, "temperature"),
    ({"messages": HI, "temperature": 1.5}, "temperature"),
    ({"messages": HI, "max_tokens": -1}, "max_tokens"),
    ({"messages": HI, "max_completion_tokens": True}, "max_completion_tokens"),
    ({"messages": HI, "reasoning_effort": "huge"}, "reasoning_effort"),
    ({"messages": HI, "response_format": {"type": "yaml"}}, "response_format.type"),
    ({"messages": HI, "response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"messages": HI, "stream_options": []}, "stream_options"),
    ({"messages": HI, "parallel_tool_calls": "no"}, "parallel_tool_calls"),
]

MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"messages": [5]}, "messages[0]"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]}, "messages[0].content[0]"),
    ({"messages": [*HI, {"role": "user", "content": [{"type": "text"}]}]}, "messages[1].content[0].text"),
    ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}]},
        "messages[0].content[0].source.media_type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]},
        "messages[0].content[0]",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "https://x"}}]}
            ]
        },
        "messages[0].content[0]",
    ),
    (
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]}]},
        "messages[0].content[0].id",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "x"}]}]}
            ]
        },
        "messages[0].content[0].content[0]",
    ),
    ({"messages": HI, "system": 5}, "system"),
    ({"messages": HI, "system": [{"type": "text"}]}, "system[0].text"),
    ({"messages": HI, "tools": [{"name": "f"}]}, "tools[0].input_schema"),
    ({"messages": HI, "tool_choice": {"type": "sometimes"}}, "tool_choice"),
    ({"messages": HI, "stop_sequences": "x"}, "stop_sequences"),
    ({"messages": HI, "thinking": {}}, "thinking.type"),
    ({"messages": HI, "output_config": {"effort": "huge"}}, "output_config.effort"),
    ({"messages": HI, "output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ({"messages": HI, "metadata": {"user_id": 5}}, "metadata.user_id"),
]


@pytest.mark.parametrize(
    ("client", "body", "field"),
    [("openai.chat", *case) for case in CHAT] + [("anthropic.messages", *case) for case in MESSAGES],
)
def test_a_translated_request_names_the_field_at_fault(client: Api, body: dict[str, Any], field: str) -> None:
    provider: Api = "anthropic.messages" if client == "openai.chat" else "openai.chat"

    with pytest.raises(InvalidRequest) as caught:
        Translation(client, provider).request(body, "m")
    assert caught.value.param == field
    assert caught.value.message.startswith(f"{field}: ")
