"""Headers: what explains an answer, what a client may not say, what a provider must not see."""

from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import Providers
from tests.support.gateway import Gateway
from tests.support.scripted import ScriptedProvider

HELLO: Any = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
VERSION = {"anthropic-version": "2023-06-01"}
SPOOFED = {
    "x-plano-cluster": "somewhere",
    "x-plano-model": "anthropic/claude-sonnet-4-5",
    "x-plano-listener": "other",
    "x-plano-generation": "99",
    "x-plano-attempts": "7",
    "x-plano-anything": "x",
    "X-Plano-Upper": "x",
    "x-arch-llm-provider": "anthropic",
    "x-arch-llm-provider-hint": "anthropic",
    "x-arch-upstream": "x",
    "x-arch-anything": "x",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-max-retries": "9",
    "x-envoy-original-path": "/elsewhere",
}


def post(url: str, headers: dict[str, str] | None = None, path: str = CHAT, **more: Any) -> httpx.Response:
    body = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 9} | more
    return httpx.post(url + path, json=body, headers=VERSION | (headers or {}), timeout=20)


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_answer_is_explained(url: str, path: str, stream: bool) -> None:
    answer = post(url, path=path, stream=stream)

    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    assert answer.headers["x-plano-model"] == "openai/gpt-4o"
    assert answer.headers["x-plano-attempts"] == "1"
    assert answer.headers["x-plano-route-reason"]
    assert 0 < float(answer.headers["x-plano-overhead-ms"]) < 5000


def test_failed_answer_is_explained_too(url: str, chat: ScriptedProvider) -> None:
    chat.fail(429)
    answer = post(url)

    assert answer.headers["x-plano-model"] == "openai/gpt-4o"
    assert answer.headers["x-request-id"]


def test_unreachable_provider_is_explained_too(url: str) -> None:
    answer = post(url, model="openai/gone")

    assert answer.status_code == 503
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("GET", "/healthz"), ("POST", "/v1/nothing")])
def test_local_answers_have_a_request_id(url: str, method: str, path: str) -> None:
    assert httpx.request(method, url + path, timeout=20).headers["x-request-id"]


def test_request_id_of_the_client_is_kept(url: str, gateway: Gateway) -> None:
    ident = "3f2b8c1e-0000-4000-8000-1234567890ab"
    answer = post(url, {"x-request-id": ident})

    assert answer.headers["x-request-id"] == ident
    assert gateway.logged(lambda entry: entry["request_id"] == ident)


@pytest.mark.parametrize("model", ["gpt-4o", "anthropic/claude-sonnet-4-5"])
def test_spoofed_headers_change_nothing_and_go_nowhere(url: str, providers: Providers, model: str) -> None:
    answer = post(url, SPOOFED, model=model)
    provider = providers.messages if "claude" in model else providers.chat
    names = {name for name, _ in provider.last.headers}

    assert answer.status_code == 200
    assert answer.headers["x-plano-model"].endswith(model)
    assert answer.headers["x-plano-attempts"] == "1"
    assert not [name for name in names if name.startswith(("x-plano-", "x-arch-", "x-envoy-"))]


def test_client_may_send_what_the_contract_lists(url: str, chat: ScriptedProvider) -> None:
    headers = {"x-model-affinity": "session-1", "x-plano-cache": "off", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    assert post(url, headers).status_code == 200
    assert not [name for name, _ in chat.last.headers if name.startswith("x-plano-")]


def test_provider_sees_its_own_host(url: str, chat: ScriptedProvider) -> None:
    post(url, {"x-forwarded-host": "elsewhere"})

    assert chat.last.header("host") == f"127.0.0.1:{chat.port}"


def test_provider_is_not_told_who_the_client_is(url: str, chat: ScriptedProvider) -> None:
    post(url, {"x-forwarded-for": "203.0.113.7"})

    assert "203.0.113.7" not in str(chat.last.headers)


def test_content_length_is_that_of_the_body(url: str, providers: Providers) -> None:
    post(url, model="quick")
    post(url, model="smart")

    for received in (providers.chat.last, providers.messages.last):
        assert received.header("content-length") in (None, str(len(received.body)))


def test_access_log_tells_the_exchange_without_its_words(url: str, gateway: Gateway) -> None:
    answer = post(url, messages=[{"role": "user", "content": "a private matter"}], model="smart")
    entry = gateway.logged(lambda entry: entry["request_id"] == answer.headers["x-request-id"])

    assert entry["status"] == 200
    assert "anthropic/claude-sonnet-4-5" in str(entry)
    assert "a private matter" not in gateway.logs()


def test_health_and_readiness(url: str) -> None:
    assert httpx.get(f"{url}/healthz", timeout=20).status_code == 200
    assert httpx.get(f"{url}/readyz", timeout=20).status_code == 200


def test_cors_is_off(url: str) -> None:
    asked = {"origin": "https://example.com", "access-control-request-method": "POST"}
    answer = httpx.options(url + CHAT, headers=asked, timeout=20)

    assert answer.status_code in (404, 405)
    assert "access-control-allow-origin" not in answer.headers
