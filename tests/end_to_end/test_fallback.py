"""Where a candidate fails before its answer begins, the next one serves, whatever dialect it speaks."""

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway, everywhere, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{chat}"
    access_key: $FIRST_KEY
    headers: {{x-team: blue}}
    timeouts: {{first_byte: 4s}}
    retry_policy: {{fallback_models: [anthropic/second, openai/third]}}
  - model: anthropic/second
    base_url: "{messages}"
    access_key: $SECOND_KEY
    retry_policy: {{fallback_models: [openai/first]}}
  - {{model: openai/third, base_url: "{other}", access_key: $THIRD_KEY}}
  - model: openai/third-then-second
    base_url: "{other}"
    access_key: $THIRD_KEY
    retry_policy: {{fallback_models: [anthropic/second, openai/first]}}
  - model: openai/gone
    base_url: "http://127.0.0.1:{refusing}/v1"
    access_key: unused
    retry_policy: {{fallback_models: [openai/third]}}
# Each test begins as if nobody had ever failed.
cooldown: {{after: 100000}}
"""
KEYS = {"FIRST_KEY": "sk-first", "SECOND_KEY": "sk-second", "THIRD_KEY": "sk-third"}
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class Providers:
    """The three candidates, in order."""

    first: ScriptedProvider
    second: ScriptedProvider
    third: ScriptedProvider


@pytest.fixture(scope="module")
def _scripted() -> Iterator[Providers]:
    with (
        ScriptedProvider("openai.chat", key="sk-first", may_receive=["x-team"]) as first,
        ScriptedProvider("anthropic.messages", key="sk-second") as second,
        ScriptedProvider("openai.chat", key="sk-third") as third,
    ):
        yield Providers(first, second, third)


@pytest.fixture(scope="module")
def gateway(_scripted: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(
        port=free_port(),
        chat=_scripted.first.url,
        messages=_scripted.second.url,
        other=_scripted.third.url,
        refusing=free_port(),
    )
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("fallback"), workers=2) as running:
        yield running


@pytest.fixture
def providers(_scripted: Providers) -> Iterator[Providers]:
    all_three = (_scripted.first, _scripted.second, _scripted.third)
    for provider in all_three:
        provider.clear()
    yield _scripted
    refused = [message for provider in all_three for message in provider.refused]
    for provider in all_three:
        provider.clear()
    assert refused == []


def ask(gateway: Gateway, model: str, *, stream: bool = False) -> httpx.Response:
    body = {"model": model, "messages": HELLO, "stream": stream}
    return httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)


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


COOLING = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
cooldown: {{after: 100}}
"""


def test_all_workers_ask_a_provider_last_that_said_when_to_come_back(
    providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = COOLING.format(port=free_port(), first=providers.first.url, third=providers.third.url)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("cooling"), workers=3) as gateway:
        providers.first.fail(429, retry_after=600)
        assert ask(gateway, "openai/first").headers["x-plano-attempts"] == "2"

        def knows() -> bool:
            served = everywhere(lambda: ask(gateway, "openai/first").headers["x-plano-model"], workers=3)
            return served == {"openai/third"}

        assert until(knows)
        assert ask(gateway, "openai/first").headers["x-plano-attempts"] == "1"


PATIENT = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: &again
      default_strategy: same_model
      default_max_attempts: 4
      backoff: {{base_ms: 400, max_ms: 400}}
  - model: openai/bounded
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{idle: 700ms, total: 1500ms}}
    retry_policy: *again
  - model: openai/idle
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{idle: 700ms}}
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: openai/hurried, base_url: "{first}", access_key: $FIRST_KEY, timeouts: {{total: 700ms}}}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
cooldown: {{after: 100000}}
"""


@pytest.fixture(scope="module")
def patient(_scripted: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = PATIENT.format(port=free_port(), first=_scripted.first.url, third=_scripted.third.url)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("patient")) as running:
        yield running


def test_tries_of_one_model_have_pauses_between_them(patient: Gateway, providers: Providers) -> None:
    """Envoy draws each pause between nought and 400 ms: three of them under 5 ms are one in half a million.

    They may also take 1.2 s, so nothing bounds them here.
    """
    for _ in range(3):
        providers.first.fail(503)
    providers.first.say("At last")
    answer = ask(patient, "openai/first")

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "4")
    line = patient.logged(lambda line: line["request_id"] == answer.headers["x-request-id"])
    assert line["duration_ms"] > 15


@pytest.mark.parametrize("model", ["openai/bounded", "openai/hurried"])
def test_all_tries_together_are_bounded(patient: Gateway, providers: Providers, model: str) -> None:
    for _ in range(4):
        providers.first.hang()

    assert ask(patient, model).status_code == 504


@pytest.mark.parametrize("model", ["openai/idle"])
def test_a_stream_of_a_chain_that_falls_silent_is_cut(patient: Gateway, providers: Providers, model: str) -> None:
    providers.first.stream([b'data: {"choices": []}\n\n'], end="stall")

    with pytest.raises(httpx.TransportError):
        ask(patient, model, stream=True)


SECRETS = ("sk-first", "sk-second", "sk-third")


PICKY = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/picky
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy:
      fallback_models: [openai/third]
      on_status_codes: [{{codes: [401, "418-419"], strategy: different_provider, max_attempts: 2}}]
  - model: openai/deaf
    base_url: "http://127.0.0.1:{deaf}/v1"
    access_key: unused
    timeouts: {{connect: 300ms}}
    retry_policy: {{fallback_models: [openai/third]}}
  - model: openai/tired
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
cooldown: {{after: 3, for: 10m}}
"""


@pytest.fixture(scope="module")
def deaf() -> Iterator[int]:
    """A port whose backlog is full: the kernel answers no more connections."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture(scope="module")
def picky(_scripted: Providers, deaf: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = PICKY.format(port=free_port(), first=_scripted.first.url, third=_scripted.third.url, deaf=deaf)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("picky"), workers=3) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 419])
def test_statuses_of_the_file_move_on(picky: Gateway, providers: Providers, status: int, stream: bool) -> None:
    providers.first.fail(status)

    answer = ask(picky, "openai/picky", stream=stream)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/third")


def test_other_statuses_are_the_callers(picky: Gateway, providers: Providers) -> None:
    providers.first.fail(417)

    assert ask(picky, "openai/picky").status_code == 417
    assert not providers.third.requests


@pytest.mark.parametrize("stream", [False, True])
def test_a_candidate_that_takes_no_connection_is_left(picky: Gateway, providers: Providers, stream: bool) -> None:
    answer = ask(picky, "openai/deaf", stream=stream)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/third")


def test_all_workers_ask_a_provider_last_that_failed_often_enough(picky: Gateway, providers: Providers) -> None:
    for _ in range(12):
        providers.first.fail(503)

    def knows() -> bool:
        return everywhere(lambda: ask(picky, "openai/tired").headers["x-plano-attempts"], workers=3) == {"1"}

    assert until(knows)
    assert ask(picky, "openai/tired").headers["x-plano-model"] == "openai/third"


def test_no_try_carries_what_another_was_paid_with(gateway: Gateway, providers: Providers) -> None:
    """Envoy sends what a try has put into the headers along with the next one."""
    providers.first.fail(500)
    providers.second.fail(529)
    body = {"model": "openai/first", "messages": HELLO}
    sent = {"authorization": "Bearer of-the-client", "x-api-key": "of-the-client", "openai-organization": "org-client"}
    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, headers=sent, timeout=60)

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "3")
    for provider, own in zip((providers.first, providers.second, providers.third), SECRETS, strict=True):
        (request,) = provider.requests
        told = " ".join(value for _, value in request.headers)
        assert [secret for secret in (*SECRETS, "of-the-client", "org-client") if secret in told] == [own]
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
