"""Client keys: who may call, which models, and that a key goes no further than the gateway."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}, clients: [all-models, one-model]}}
  - {{type: model, name: open, port: {open}}}
model_providers:
  - {{model: openai/small, base_url: "{chat}", access_key: $CHAT_KEY, default: true}}
  - model: openai/large
    base_url: "{chat}"
    access_key: $CHAT_KEY
    retry_policy: {{fallback_models: [openai/small]}}
  - {{model: openai/passing, base_url: "{chat}", passthrough_auth: true}}
clients:
  - {{id: all-models, key: $ALL_KEY}}
  - {{id: one-model, key: $ONE_KEY, models: [openai/small]}}
  - {{id: elsewhere, key: $ELSEWHERE_KEY}}
"""
KEYS = {"CHAT_KEY": "sk-chat", "ALL_KEY": "key-all", "ONE_KEY": "key-one", "ELSEWHERE_KEY": "key-elsewhere"}


@pytest.fixture(scope="module")
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key="sk-chat") as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(chat: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), open=free_port(), chat=chat.url)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("clients"), workers=2) as running:
        yield running


def ask(gateway: Gateway, model: str = "openai/small", *, listener: str = "llm", **headers: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{gateway.url(listener)}/v1/chat/completions", json=body, headers=sent, timeout=20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "Bearer key-all"),
        ("x_api_key", "key-all"),
        ("x_goog_api_key", "key-all"),
        ("x_plano_key", "key-all"),
    ],
)
def test_a_key_may_come_in_any_of_the_usual_places(
    gateway: Gateway, chat: ScriptedProvider, name: str, value: str
) -> None:
    answer = ask(gateway, **{name: value})

    assert answer.status_code == 200, answer.text
    assert "key-all" not in str(chat.last.headers)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_without_a_known_key_nothing_is_served(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = ask(gateway, **headers)

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


def test_the_list_of_models_wants_a_key_too_and_shows_what_it_may_use(gateway: Gateway) -> None:
    url = f"{gateway.url()}/v1/models"

    assert httpx.get(url, timeout=20).status_code == 401
    listed = httpx.get(url, headers={"authorization": "Bearer key-one"}, timeout=20).json()["data"]
    assert [model["id"] for model in listed] == ["openai/small"]


def test_readiness_wants_no_key(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.url()}/readyz", timeout=20).status_code == 200


def test_a_key_of_another_listener_is_refused(gateway: Gateway) -> None:
    assert ask(gateway, authorization="Bearer key-elsewhere").status_code == 403


def test_a_model_that_the_key_may_not_use_is_refused(gateway: Gateway) -> None:
    answer = ask(gateway, "openai/large", x_plano_key="key-one")

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-model"] == "openai/small"
    assert ask(gateway, "openai/passing", x_plano_key="key-one").status_code == 403


def test_a_listener_without_clients_is_open_where_another_names_them(gateway: Gateway) -> None:
    assert ask(gateway, listener="open").status_code == 200


def test_the_key_is_never_passed_on_as_a_providers_credential(gateway: Gateway, chat: ScriptedProvider) -> None:
    refused = ask(gateway, "openai/passing", authorization="Bearer key-all")
    passed = ask(gateway, "openai/passing", authorization="Bearer sk-chat", x_plano_key="key-all")

    assert (refused.status_code, passed.status_code) == (401, 200)
    assert chat.last.header("authorization") == "Bearer sk-chat"
    assert "key-all" not in str(chat.last.headers)
