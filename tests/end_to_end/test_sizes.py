"""Long conversations, large tool results and long streams, through the whole gateway, translated and not."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bench import conversations
from tests.support import anthropic_api, openai_api
from tests.support.gateway import running_gateway
from tests.support.ports import free_port
from tests.support.reply import Reply
from tests.support.scripted import ScriptedProvider
from tests.translate.invariants import check_stream

pytestmark = pytest.mark.envoy

CONFIG = """
version: v0.5.0
listeners: [{{type: model, name: llm, port: {port}}}]
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: $KEY}}
  - {{model: anthropic/claude-sonnet-4-5, base_url: "{messages}", access_key: $KEY}}
"""
PATHS = {"openai.chat": "/v1/chat/completions", "anthropic.messages": "/v1/messages"}
MODELS = {"openai.chat": "openai/gpt-4o", "anthropic.messages": "anthropic/claude-sonnet-4-5"}
WORDS = 100_000

clients = pytest.mark.parametrize("client", PATHS)
targets = pytest.mark.parametrize("provider", MODELS)


@pytest.fixture(scope="module")
def scripted() -> Iterator[dict[str, ScriptedProvider]]:
    with (
        ScriptedProvider("openai.chat", key="k") as chat,
        ScriptedProvider("anthropic.messages", key="k") as messages,
    ):
        yield {"openai.chat": chat, "anthropic.messages": messages}


@pytest.fixture(scope="module")
def url(scripted: dict[str, ScriptedProvider], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    urls = {api.partition(".")[2]: provider.url for api, provider in scripted.items()}
    config = CONFIG.format(port=free_port(), **urls)
    with running_gateway(config, environ={"KEY": "k"}, home=tmp_path_factory.mktemp("sizes")) as gateway:
        yield gateway.url()


def ask(url: str, client: Any, provider: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(url + PATHS[client], json={**body, "model": MODELS[provider]}, timeout=60)


@clients
@targets
@pytest.mark.parametrize(("rounds", "size"), [(5_000, 0), (1, 10_000_000)], ids=["20000 messages", "a result of 10 MB"])
def test_a_large_request_arrives_whole(
    url: str, scripted: dict[str, ScriptedProvider], client: str, provider: str, rounds: int, size: int
) -> None:
    target = scripted[provider]
    target.clear()
    result = conversations.text(size) or "a-result Hendaye"
    body = {**conversations.conversation(client, rounds, result), "stream": False}  # type: ignore[arg-type]
    body.pop("stream_options", None)
    answer = ask(url, client, provider, body)

    assert answer.status_code == 200, answer.text[:500]
    assert target.last.body.count(b"Hendaye") == result.count("Hendaye") * rounds
    assert target.refused == []
    target.clear()


@clients
@targets
def test_a_stream_of_100000_words_arrives_whole(
    url: str, scripted: dict[str, ScriptedProvider], client: Any, provider: str
) -> None:
    target = scripted[provider]
    target.clear()
    module = openai_api if provider == "openai.chat" else anthropic_api
    events = list(module.stream(Reply("one two"), {"model": "m", "stream_options": {"include_usage": True}}))
    last = max(index for index, event in enumerate(events) if b"two" in event or b"wo" in event)
    target.stream([*events[:last], *[events[last] * 100] * (WORDS // 100), *events[last + 1 :]])
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": True}
    answer = ask(url, client, provider, body)

    text = check_stream(client, answer.content).text
    assert text.startswith("one")
    assert text.count("wo") == WORDS
    target.clear()
