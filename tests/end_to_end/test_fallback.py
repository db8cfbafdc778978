"""Where a candidate fails before its answer begins, the next one serves, whatever dialect it speaks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.end_to_end.three import HELLO, KEYS, Providers, ask, candidates, providers
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port

__all__ = ["candidates", "providers"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    headers: {{x-team: blue}}
    timeouts: {{first_byte: 4s}}
    retry_policy: {{fallback_models: [anthropic/second, openai/third]}}
  - model: anthropic/second
    base_url: "{second}"
    access_key: $SECOND_KEY
    retry_policy: {{fallback_models: [openai/first]}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
  - model: openai/third-then-second
    base_url: "{third}"
    access_key: $THIRD_KEY
    retry_policy: {{fallback_models: [anthropic/second, openai/first]}}
  - model: openai/gone
    base_url: "http://127.0.0.1:{refusing}/v1"
    access_key: unused
    retry_policy: {{fallback_models: [openai/third]}}
# Each test begins as if nobody had ever failed.
cooldown: {{after: 100000}}
"""


@pytest.fixture(scope="module")
def gateway(candidates: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), refusing=free_port(), **candidates.urls())
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("fallback"), workers=2) as running:
        yield running


def test_a_first_candidate_that_answers_is_the_only_one_asked(gateway: Gateway, providers: Providers) -> None:
    providers.first.say("Hello from the first")

    answer = ask(gateway, "openai/first")

    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from the first"
    assert (answer.headers["x-plano-model"], answer.headers["x-plano-attempts"]) == ("openai/first", "1")
    assert not providers.second.requests
    assert not providers.third.requests


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_candidate_that_refuses_is_followed_by_one_of_another_dialect(
    gateway: Gateway, providers: Providers, status: int, stream: bool
) -> None:
    providers.first.fail(status)
    providers.second.say("Hello from the second")

    answer = ask(gateway, "openai/first", stream=stream)

    assert answer.status_code == 200, answer.text
    assert "chat.completion" in answer.text
    assert "second" in answer.text
    assert (answer.headers["x-plano-model"], answer.headers["x-plano-attempts"]) == ("anthropic/second", "2")


def test_a_third_candidate_serves_where_two_fail(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(500)
    providers.second.fail(529)
    providers.third.say("Hello from the third")

    answer = ask(gateway, "openai/first")

    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from the third"
    assert (answer.headers["x-plano-model"], answer.headers["x-plano-attempts"]) == ("openai/third", "3")


def test_the_last_error_is_shown_where_all_fail(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(500)
    providers.second.fail(529)
    providers.third.fail(429, retry_after=7)

    answer = ask(gateway, "openai/first")

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-plano-attempts"] == "3"


def test_a_candidate_that_cannot_be_reached_is_passed_over(gateway: Gateway, providers: Providers) -> None:
    providers.third.say("Hello from the third")

    answer = ask(gateway, "openai/gone")

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-model"] == "openai/third"


def test_a_first_candidate_of_another_dialect_is_translated_and_followed(
    gateway: Gateway, providers: Providers
) -> None:
    providers.second.fail(529)
    providers.first.say("Hello from the first")

    answer = ask(gateway, "anthropic/second")

    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from the first"
    assert answer.headers["x-plano-model"] == "openai/first"


@pytest.mark.parametrize("stream", [False, True])
def test_a_first_candidate_of_another_dialect_answers(gateway: Gateway, providers: Providers, stream: bool) -> None:
    providers.second.say("Hello from the second")

    answer = ask(gateway, "anthropic/second", stream=stream)

    assert answer.status_code == 200, answer.text
    assert "second" in answer.text
    assert answer.headers["x-plano-attempts"] == "1"


@pytest.mark.parametrize("stream", [False, True])
def test_a_candidate_that_resets_is_passed_over(gateway: Gateway, providers: Providers, stream: bool) -> None:
    providers.first.reset()

    answer = ask(gateway, "openai/first", stream=stream)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "anthropic/second")


@pytest.mark.parametrize("stream", [False, True])
def test_a_candidate_that_is_late_with_its_headers_is_left(
    gateway: Gateway, providers: Providers, stream: bool
) -> None:
    providers.first.hang()

    answer = ask(gateway, "openai/first", stream=stream)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "anthropic/second")


def test_a_stream_that_breaks_after_its_first_byte_is_not_tried_again(gateway: Gateway, providers: Providers) -> None:
    providers.first.stream([b'data: {"choices": []}\n\n'], end="reset")

    with pytest.raises(httpx.TransportError):
        ask(gateway, "openai/first", stream=True)
    assert not providers.second.requests


def test_an_error_that_is_the_clients_fault_is_not_tried_again(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(400, "This is wrong.")

    answer = ask(gateway, "openai/first")

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (400, "1")
    assert not providers.second.requests


def test_a_client_of_another_dialect_has_the_same_chain(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(500)
    providers.second.say("Hello from the second")
    body = {"model": "openai/first", "messages": HELLO, "max_tokens": 10}

    answer = httpx.post(f"{gateway.url()}/v1/messages", json=body, headers={"anthropic-beta": "some-beta"}, timeout=60)

    assert answer.status_code == 200, answer.text
    assert answer.json()["content"][0]["text"] == "Hello from the second"
    assert providers.second.last.header("anthropic-beta") == "some-beta"


def test_none_of_many_requests_is_lost_where_a_provider_fails_half_of_them(
    gateway: Gateway, providers: Providers
) -> None:
    for _ in range(50):
        providers.first.fail(503)
        providers.first.say("First")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(gateway, "openai/first"), range(200)))

    assert {answer.status_code for answer in answers} == {200}
    # On a busy machine a candidate may be late as well.
    assert sum(answer.headers["x-plano-attempts"] != "1" for answer in answers) >= 50


def test_a_later_candidate_gets_what_the_client_sent(gateway: Gateway, providers: Providers) -> None:
    providers.second.fail(529)
    body = {"model": "anthropic/second", "messages": HELLO, "seed": 7, "user": "Zoë"}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert answer.headers["x-plano-model"] == "openai/first"
    assert "x-plano-dropped" not in answer.headers
    assert providers.first.last.json() == {**body, "model": "first"}


@pytest.mark.parametrize("model", ["anthropic/second", "openai/third-then-second"])
def test_a_candidate_that_cannot_take_a_request_is_passed_over_without_a_word(
    gateway: Gateway, providers: Providers, model: str
) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}}
    providers.third.fail(503)
    body = {"model": model, "messages": [{"role": "user", "content": [sound]}]}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-model"] == "openai/first"
    assert not providers.second.requests


def test_a_large_request_crosses_dialects_twice(gateway: Gateway, providers: Providers) -> None:
    providers.second.fail(529)
    text = "Zoë says hello. " * 200_000
    body = {"model": "anthropic/second", "messages": [{"role": "user", "content": text}]}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert answer.status_code == 200, answer.text
    assert providers.first.last.json()["messages"] == body["messages"]


def test_no_try_carries_what_another_was_paid_with(gateway: Gateway, providers: Providers) -> None:
    """Envoy sends what a try has put into the headers along with the next one."""
    providers.first.fail(500)
    providers.second.fail(529)
    body = {"model": "openai/first", "messages": HELLO}
    sent = {"authorization": "Bearer of-the-client", "x-api-key": "of-the-client", "openai-organization": "org-client"}
    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, headers=sent, timeout=60)

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "3")
    for provider, own in zip(providers.all(), KEYS.values(), strict=True):
        (request,) = provider.requests
        told = " ".join(value for _, value in request.headers)
        assert [secret for secret in (*KEYS.values(), "of-the-client", "org-client") if secret in told] == [own]
        assert request.header("content-length") == str(len(request.body))
        assert request.header("host") == f"127.0.0.1:{provider.port}"


def test_large_requests_and_answers_of_later_candidates_cross_at_once(gateway: Gateway, providers: Providers) -> None:
    text, count = "Zoë says hello. " * 120_000, 8
    for _ in range(count):
        providers.first.fail(503)
        providers.second.say(text)
    body = {"model": "openai/first", "messages": [{"role": "user", "content": text}]}
    with ThreadPoolExecutor(count) as pool:
        url = f"{gateway.url()}/v1/chat/completions"
        answers = list(pool.map(lambda _: httpx.post(url, json=body, timeout=60), range(count)))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["choices"][0]["message"]["content"] for answer in answers} == {text}
