"""Routes by preference: what is asked chooses the models, and the ranked list is the fallback order."""

from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.two import KEYS, chat, chat_provider, messages, messages_provider
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

__all__ = ["chat", "chat_provider", "messages", "messages_provider"]

CONFIG = """
version: v0.4.0
listeners:
  - {{type: model, name: llm, port: {port}, address: 127.0.0.1}}
model_providers:
  - {{model: openai/small, base_url: "{chat}", access_key: $CHAT_KEY, default: true}}
  - {{model: openai/large, base_url: "{chat}", access_key: $CHAT_KEY}}
  - {{model: anthropic/coder, base_url: "{messages}", access_key: $MESSAGES_KEY}}
routing_preferences:
  - name: code generation
    description: writing new functions, classes and programs, such as "write a python function"
    models: [anthropic/coder, openai/large]
  - {{name: translation, description: translating a text into another language, models: [openai/large]}}
"""


@pytest.fixture(scope="module")
def gateway(
    chat_provider: ScriptedProvider, messages_provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), chat=chat_provider.url, messages=messages_provider.url)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("routes"), workers=2) as running:
        yield running


def ask(gateway: Gateway, text: str) -> httpx.Response:
    body = {"model": "openai/small", "messages": [{"role": "user", "content": text}]}
    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(
    ("text", "route", "model"),
    [
        ("Write a python function that reverses a linked list.", "code generation", "anthropic/coder"),
        ("Translate this text into French: good morning.", "translation", "openai/large"),
        ("Who won the world cup in 1998?", None, "openai/small"),
    ],
)
def test_what_is_asked_chooses_the_model(gateway: Gateway, text: str, route: str | None, model: str) -> None:
    answer = ask(gateway, text)

    assert (answer.headers.get("x-plano-route"), answer.headers["x-plano-model"]) == (route, model)
    assert "lexical" in answer.headers["x-plano-route-reason"]


def test_the_next_model_of_a_route_serves_where_the_first_fails(gateway: Gateway, messages: ScriptedProvider) -> None:
    messages.fail(529)

    answer = ask(gateway, "Write a python function that reverses a linked list.")

    assert (answer.headers["x-plano-route"], answer.headers["x-plano-model"]) == ("code generation", "openai/large")
    assert answer.headers["x-plano-attempts"] == "2"
