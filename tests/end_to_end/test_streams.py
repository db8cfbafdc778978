"""Every stream a client gets keeps its dialect's rules, whoever the provider is."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.end_to_end.asking import anthropic_arguments, openai_arguments
from tests.end_to_end.conftest import Providers
from tests.end_to_end.talk import Question
from tests.end_to_end.test_matrix import CLOCK, MODELS, REPLIES, WEATHER, scripted
from tests.support.clients import anthropic_client, openai_client
from tests.support.scripted import Api

providers_of = pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])
DELTAS = {
    "text_delta": "text",
    "input_json_delta": "tool_use",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
}


@providers_of
@pytest.mark.parametrize("name", REPLIES)
def test_stream_of_an_openai_client_keeps_the_rules(url: str, providers: Providers, name: str, api: Api) -> None:
    scripted(providers, api).reply(REPLIES[name])
    arguments = openai_arguments(Question(tools=(WEATHER, CLOCK)))
    options: Any = {"include_usage": True}
    with openai_client(url) as client:
        chunks = list(
            client.chat.completions.create(model=MODELS[api], stream=True, stream_options=options, **arguments)
        )
    *saying, last = chunks
    choices = [choice for chunk in saying for choice in chunk.choices]
    finishes = [index for index, choice in enumerate(choices) if choice.finish_reason]

    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert [choice.delta.role for choice in choices] == ["assistant"] + [None] * (len(choices) - 1)
    assert {choice.index for choice in choices} == {0}
    assert finishes == [len(choices) - 1]
    assert last.choices == []
    assert last.usage is not None
    assert not any(chunk.usage for chunk in saying)
    _check_calls(saying)


def _check_calls(chunks: list[ChatCompletionChunk]) -> None:
    """Indexes are dense and rise; id and name come once, with an index's first part."""
    parts = [part for chunk in chunks for choice in chunk.choices for part in choice.delta.tool_calls or ()]
    seen: list[int] = []
    for part in parts:
        assert part.function is not None
        is_first = part.index not in seen
        assert (part.id is not None) == (part.function.name is not None) == is_first
        if is_first:
            assert part.index == len(seen)
            seen.append(part.index)
        assert part.index == seen[-1]


@providers_of
@pytest.mark.parametrize("name", REPLIES)
def test_stream_of_an_anthropic_client_keeps_the_rules(url: str, providers: Providers, name: str, api: Api) -> None:
    scripted(providers, api).reply(REPLIES[name])
    arguments = anthropic_arguments(Question(tools=(WEATHER, CLOCK)))
    with anthropic_client(url) as client:
        events: list[Any] = list(client.messages.create(model=MODELS[api], stream=True, **arguments))
    opening, *blocks, delta, stop = events

    assert (opening.type, delta.type, stop.type) == ("message_start", "message_delta", "message_stop")
    assert opening.message.content == []
    assert opening.message.stop_reason is None
    assert delta.delta.stop_reason is not None
    assert delta.usage.output_tokens == REPLIES[name].usage.output
    _check_blocks(blocks)


def _check_blocks(events: list[Any]) -> None:
    """Blocks follow each other, one open at a time, each filled with its own kind of delta."""
    opened: Any = None
    count = 0
    for event in events:
        match event.type:
            case "content_block_start":
                assert opened is None
                assert event.index == count
                opened, count = event.content_block, count + 1
            case "content_block_delta":
                assert opened is not None
                assert event.index == count - 1
                assert opened.type == DELTAS[event.delta.type]
            case "content_block_stop":
                assert opened is not None
                assert event.index == count - 1
                opened = None
            case other:
                pytest.fail(f"{other} among the blocks")
    assert opened is None
