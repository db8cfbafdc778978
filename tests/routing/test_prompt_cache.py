import copy
from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.config.routing import PromptCaching
from plano_extproc.routing.prompt_cache import marked, wants_marks

ON = PromptCaching(enabled=True)
LONG = "word " * 1000
MARK = {"type": "ephemeral"}
TEXT = {"type": "text", "text": LONG}


def messages(**changes: Any) -> dict[str, Any]:
    return {"model": "m", "system": LONG, "messages": [{"role": "user", "content": "hi"}], **changes}


def anthropic(request: dict[str, Any], settings: PromptCaching = ON, **more: Any) -> dict[str, Any]:
    before = copy.deepcopy(request)
    made = marked("anthropic.messages", "anthropic", "claude-sonnet-4-5", request, settings, **more)
    assert request == before
    return made


def test_the_instructions_and_the_last_message_are_marked() -> None:
    made = anthropic(messages())

    assert made["system"] == [{**TEXT, "cache_control": MARK}]
    assert made["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": MARK}]}]
    assert orjson.dumps(made).count(b"cache_control") == 2


def test_without_instructions_the_last_tool_is_marked() -> None:
    tools = [{"name": "a", "description": LONG, "input_schema": {}}, {"name": "b", "input_schema": {}}]
    made = anthropic(messages(system="", tools=tools))

    assert made["tools"] == [tools[0], {**tools[1], "cache_control": MARK}]
    assert made["system"] == ""


def test_a_mark_goes_onto_the_last_block_that_takes_one() -> None:
    content = [
        {"type": "tool_result", "tool_use_id": "1", "content": "sun"},
        {"type": "text", "text": ""},
        {"type": "thinking", "thinking": "hm", "signature": "s"},
    ]
    made = anthropic(messages(messages=[{"role": "user", "content": content}]))

    assert made["messages"][0]["content"] == [{**content[0], "cache_control": MARK}, content[1], content[2]]


@pytest.mark.parametrize(
    ("request_", "settings", "more"),
    [
        (messages(system="short"), ON, {}),
        (messages(), PromptCaching(enabled=True, min_prefix_tokens=5000), {}),
        (messages(), PromptCaching(enabled=False), {}),
        (messages(), PromptCaching(enabled=True, inject_cache_control=False), {}),
        (messages(), ON, {"is_off": True}),
        (messages(system=[{**TEXT, "cache_control": MARK}]), ON, {}),
        (messages(cache_control=MARK), ON, {}),
        (messages(tools=[{"name": "a", "cache_control": MARK}]), ON, {}),
        (messages(messages=[{"role": "user", "content": [{**TEXT, "cache_control": MARK}]}]), ON, {}),
    ],
)
def test_what_is_left_alone(request_: dict[str, Any], settings: PromptCaching, more: dict[str, Any]) -> None:
    assert anthropic(request_, settings, **more) is request_


def test_a_tools_own_words_are_no_mark() -> None:
    call = {"type": "tool_use", "id": "1", "name": "a", "input": {"cache_control": "no-store"}}
    made = anthropic(messages(messages=[{"role": "assistant", "content": [call]}]))

    assert made["messages"][0]["content"] == [{**call, "cache_control": MARK}]


def test_min_prefix_tokens_below_what_providers_cache_is_raised() -> None:
    request = messages(system="x" * 4000)

    assert anthropic(request, PromptCaching(enabled=True, min_prefix_tokens=1)) is request


@pytest.mark.parametrize(
    ("api", "provider", "model", "wants"),
    [
        ("anthropic.messages", "my-claude", "opus", True),
        ("openai.chat", "openrouter", "anthropic/claude-sonnet-4", True),
        ("openai.chat", "digitalocean", "anthropic-claude-opus", True),
        ("openai.chat", "openrouter", "openai/gpt-5", False),
        ("openai.chat", "openai", "gpt-5", False),
        ("openai.chat", "openai", "claude-behind-a-proxy", False),
        ("bedrock.converse", "amazon_bedrock", "anthropic.claude-sonnet-4-5", False),
        ("openai.responses", "openai", "gpt-5", False),
        ("gemini.generate", "gemini", "gemini-3", False),
    ],
)
def test_marks_are_for_the_provider_that_is_used(api: Api, provider: str, model: str, wants: bool) -> None:
    assert wants_marks(api, provider, model) is wants
    request = {"messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "hi"}], "system": LONG}
    assert (marked(api, provider, model, request, ON) is not request) is wants


def test_an_aggregator_gets_one_mark_on_the_last_text_of_the_instructions() -> None:
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    request = {"messages": [{"role": "user", "content": "a"}, {"role": "developer", "content": [TEXT, picture]}]}
    made = marked("openai.chat", "openrouter", "anthropic/claude", request, ON)

    assert made["messages"][1]["content"] == [{**TEXT, "cache_control": MARK}, picture]
    assert made["messages"][0] == request["messages"][0]


def test_without_instructions_an_aggregator_gets_it_on_the_first_message() -> None:
    tools = [{"type": "function", "function": {"name": "a", "description": LONG}}]
    request = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "tools": tools}
    made = marked("openai.chat", "edenai", "anthropic/claude", request, ON)

    assert made["messages"][0]["content"] == [{"type": "text", "text": "a", "cache_control": MARK}]
