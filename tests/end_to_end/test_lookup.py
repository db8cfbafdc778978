"""The name in a request finds its model: full name, bare id, provider name, alias, wildcard, default."""

from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import Providers
from tests.support.clients import anthropic_client, openai_client

HELLO: Any = [{"role": "user", "content": "Hello"}]

NAMES: list[tuple[str | None, str, str]] = [
    ("openai/gpt-4o", "gpt-4o", "openai/gpt-4o"),
    ("gpt-4o", "gpt-4o", "openai/gpt-4o"),
    ("primary", "gpt-4o", "openai/gpt-4o"),
    ("quick", "gpt-4o", "openai/gpt-4o"),
    ("openai/unheard-of", "unheard-of", "openai/unheard-of"),
    ("openai/meta-llama/llama-9", "meta-llama/llama-9", "openai/meta-llama/llama-9"),
    ("", "gpt-4o", "openai/gpt-4o"),
    (None, "gpt-4o", "openai/gpt-4o"),
    ("claude-sonnet-4-5", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
    ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
    ("smart", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(("name", "received", "served"), NAMES)
def test_name_finds_its_model(
    url: str, providers: Providers, path: str, name: str | None, received: str, served: str
) -> None:
    body = {"messages": HELLO, "max_tokens": 9} | ({} if name is None else {"model": name})
    answer = httpx.post(url + path, json=body, headers={"anthropic-version": "2023-06-01"}, timeout=20)
    provider = providers.messages if served.startswith("anthropic/") else providers.chat

    assert answer.status_code == 200
    assert provider.last.json()["model"] == received
    assert answer.headers["x-plano-model"] == served
    assert answer.headers["x-plano-attempts"] == "1"
    assert answer.headers["x-plano-route-reason"]


def test_a_model_in_the_text_is_no_model(url: str, providers: Providers) -> None:
    body = {"messages": [{"role": "user", "content": '{"model": "claude-sonnet-4-5"}'}], "max_tokens": 9}
    httpx.post(f"{url}/v1/chat/completions", json=body, timeout=20)

    assert providers.chat.last.json() == body | {"model": "gpt-4o"}


def test_model_that_comes_twice_is_the_one_that_was_decided_on(url: str, providers: Providers) -> None:
    body = b'{"model":"nothing","messages":[{"role":"user","content":"x"}],"model":"gpt-4o"}'
    answer = httpx.post(
        f"{url}/v1/chat/completions", content=body, headers={"content-type": "application/json"}, timeout=20
    )

    assert answer.status_code == 200
    assert providers.chat.last.body.count(b'"model"') == 1


def test_models_and_aliases_are_listed_for_both_clients(url: str) -> None:
    with openai_client(url) as client, anthropic_client(url) as other:
        listed = {model.id: model for model in client.models.list()}
        shown = {model.id for model in other.models.list()}

    assert {"primary", "openai/gpt-5", "anthropic/claude-sonnet-4-5", "smart", "quick"} <= set(listed)
    assert "openai/*" not in listed
    assert shown == set(listed)
    assert listed["anthropic/claude-sonnet-4-5"].object == "model"


@pytest.mark.parametrize("name", ["smart", "openai/gpt-5", "anthropic/claude-sonnet-4-5"])
def test_one_model_is_shown_to_both_clients(url: str, name: str) -> None:
    with openai_client(url) as client, anthropic_client(url) as other:
        assert client.models.retrieve(name).id == name
        assert other.models.retrieve(name).id == name


def test_unknown_model_is_not_shown(url: str) -> None:
    answer = httpx.get(f"{url}/v1/models/nothing", timeout=20)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"]
