"""A late candidate is not left: the next is asked beside it, and the first answer is the caller's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import pytest

from tests.end_to_end.three import HELLO, KEYS, Providers, ask, candidates, providers
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.reply import Usage

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
    timeouts: {{first_byte: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [anthropic/second, openai/third], hedge: true}}
  - model: anthropic/second
    base_url: "{second}"
    access_key: $SECOND_KEY
    timeouts: {{first_byte: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [openai/third], hedge: true}}
  - model: openai/pair
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_byte: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [anthropic/second], default_max_attempts: 2, hedge: true}}
  - model: openai/same-dialect
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_byte: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [openai/third], hedge: true}}
  - model: openai/watched
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_token: 1500ms, first_byte: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [anthropic/second, openai/third], on_refusals: [context_window], hedge: true}}
  - model: openai/gone
    base_url: "http://127.0.0.1:{refusing}/v1"
    access_key: unused
    timeouts: {{first_byte: 2s}}
    retry_policy: {{fallback_models: [openai/third], hedge: true}}
  - model: openai/hedged-streams
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_token: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [anthropic/second], hedge: true}}
  - model: openai/unhedged
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_byte: 1500ms}}
    retry_policy: {{fallback_models: [openai/third]}}
  - model: openai/third
    base_url: "{third}"
    access_key: $THIRD_KEY
    circuit_breakers: {{max_requests: 100}}
# Each test begins as if nobody had ever failed.
cooldown: {{after: 100000}}
"""
LATE, LATER = 2.5, 20.0
"""Seconds; every try is late after 1.5."""


@pytest.fixture(scope="module")
def gateway(candidates: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), refusing=free_port(), **candidates.urls())
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("hedging"), workers=2) as running:
        yield running


def served(answer: httpx.Response) -> tuple[int, str, str]:
    """Return the status, who answered, and how many were asked."""
    assert "x-plano-attempt" not in answer.headers
    return answer.status_code, answer.headers["x-plano-model"], answer.headers["x-plano-attempts"]


def check_text(answer: httpx.Response, text: str, *, stream: bool) -> None:
    """Hold an answer in the caller's dialect against its text."""
    assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    if stream:
        *events, done = (line.removeprefix("data: ") for line in answer.text.splitlines() if line[:5] == "data:")
        assert done == "[DONE]"
        choices = [choice for event in events for choice in orjson.loads(event)["choices"]]
        assert "".join(choice["delta"].get("content") or "" for choice in choices) == text
    else:
        assert answer.json()["choices"][0]["message"]["content"] == text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["first", "same-dialect", "watched"])
def test_a_candidate_in_time_is_the_only_one_asked(
    gateway: Gateway, providers: Providers, model: str, stream: bool
) -> None:
    providers.first.say("Hello from first")

    answer = ask(gateway, f"openai/{model}", stream=stream)

    assert served(answer) == (200, f"openai/{model}", "1")
    check_text(answer, "Hello from first", stream=stream)
    assert not providers.second.requests
    assert not providers.third.requests


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai/first", "openai/watched", "anthropic/second", "openai/same-dialect"])
def test_a_late_candidate_answers_while_the_next_is_asked(
    gateway: Gateway, providers: Providers, model: str, stream: bool
) -> None:
    first, others = providers.first, [providers.second, providers.third]
    if model == "anthropic/second":
        first, others = providers.second, [providers.third]
    first.after(LATE)
    first.say("Hello from late")
    for other in others:
        other.hang()

    answer = ask(gateway, model, stream=stream)

    assert served(answer)[:2] == (200, model)
    check_text(answer, "Hello from late", stream=stream)
    assert sum(len(other.requests) for other in others) >= 1
    # The others see that nobody waits for them any more.
    assert until(lambda: not any(other.open_connections for other in others))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "next_one"),
    [
        ("openai/first", "anthropic/second"),
        ("openai/watched", "anthropic/second"),
        ("anthropic/second", "openai/third"),
        ("openai/same-dialect", "openai/third"),
    ],
)
def test_the_next_candidate_answers_before_a_late_one(
    gateway: Gateway, providers: Providers, model: str, next_one: str, stream: bool
) -> None:
    first = providers.second if model == "anthropic/second" else providers.first
    second = providers.second if next_one == "anthropic/second" else providers.third
    first.after(LATER)
    first.say("Hello from late")
    second.say("Hello from next")

    answer = ask(gateway, model, stream=stream)

    assert served(answer) == (200, next_one, "2")
    check_text(answer, "Hello from next", stream=stream)
    assert "after the others failed or were late" in answer.headers["x-plano-route-reason"]


def test_whoever_is_too_late_sees_the_connection_end(gateway: Gateway, providers: Providers) -> None:
    providers.first.hang()
    providers.second.hang()
    providers.third.say("Hello from third")

    answer = ask(gateway, "openai/first")

    assert served(answer) == (200, "openai/third", "3")
    assert until(lambda: not providers.first.open_connections)
    assert until(lambda: not providers.second.open_connections)


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_of_the_last_one_does_not_end_a_late_one(gateway: Gateway, providers: Providers, status: int) -> None:
    providers.first.after(LATE)
    providers.first.say("Hello from late")
    providers.second.fail(status)

    answer = ask(gateway, "openai/pair")

    assert served(answer) == (200, "openai/pair", "2")
    check_text(answer, "Hello from late", stream=False)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_of_the_second_is_followed_by_the_third(gateway: Gateway, providers: Providers, stream: bool) -> None:
    providers.first.after(LATER)
    providers.second.fail(429)
    providers.third.say("Hello from third")

    answer = ask(gateway, "openai/first", stream=stream)

    assert served(answer) == (200, "openai/third", "3")
    check_text(answer, "Hello from third", stream=stream)


@pytest.mark.parametrize("model", ["openai/pair", "anthropic/second"])
def test_a_late_failure_is_told_in_the_callers_dialect_where_all_others_have_failed(
    gateway: Gateway, providers: Providers, model: str
) -> None:
    first, other = (providers.first, providers.second)
    if model == "anthropic/second":
        first, other = providers.second, providers.third
    first.after(LATE)
    first.fail(500, "This is broken.")
    other.fail(429)

    answer = ask(gateway, model)

    assert served(answer) == (500, model, "2")
    assert answer.json()["error"]["message"]


def test_a_refusal_that_comes_late_waits_for_the_others(gateway: Gateway, providers: Providers) -> None:
    providers.first.after(2.2)
    providers.first.fail(400, "prompt is too long: 9 tokens > 8 maximum")
    providers.second.after(LATE)
    providers.second.say("Hello from second")
    providers.third.hang()

    assert served(ask(gateway, "openai/watched"))[:2] == (200, "anthropic/second")


def test_no_try_carries_what_another_was_paid_with(gateway: Gateway, providers: Providers) -> None:
    providers.first.hang()
    providers.second.hang()
    providers.third.say("Hello from third")

    assert served(ask(gateway, "openai/first"))[0] == 200
    for provider, own in (
        (providers.first, "sk-first"),
        (providers.second, "sk-second"),
        (providers.third, "sk-third"),
    ):
        (request,) = provider.requests
        told = " ".join(value for _, value in request.headers)
        assert [key for key in KEYS.values() if key in told] == [own]
        assert request.header("host") == f"127.0.0.1:{provider.port}"
        assert [name for name, _ in request.headers if name.startswith(("x-plano-", "x-envoy-hedge"))] == []
        assert (request.header("x-team") == "blue") is (provider is providers.first)


def test_a_whole_answer_is_never_late_where_only_streams_have_a_time(gateway: Gateway, providers: Providers) -> None:
    providers.first.after(LATE)
    providers.first.say("Hello from first")
    providers.first.fail(503)
    providers.second.say("Hello from second")

    assert served(ask(gateway, "openai/hedged-streams")) == (200, "openai/hedged-streams", "1")
    assert served(ask(gateway, "openai/hedged-streams")) == (200, "anthropic/second", "2")


def test_a_candidate_that_cannot_take_a_request_is_passed_over_beside_a_late_one(
    gateway: Gateway, providers: Providers
) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}}
    providers.first.after(LATER)
    providers.third.say("Hello from third")
    body = {"model": "openai/first", "messages": [{"role": "user", "content": [sound]}]}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert served(answer) == (200, "openai/third", "3")
    assert not providers.second.requests


def test_a_large_request_is_sent_to_several(gateway: Gateway, providers: Providers) -> None:
    text = "Zoë says hello. " * 300_000
    providers.first.after(LATER)
    providers.second.after(0.1)
    providers.second.say("Hello from second")
    body = {"model": "openai/first", "messages": [{"role": "user", "content": text}]}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert answer.status_code == 200, answer.text
    assert providers.first.last.json()["messages"] == body["messages"]
    assert text in str(providers.second.last.json()["messages"])


def test_a_client_of_another_dialect_has_the_same_chain(gateway: Gateway, providers: Providers) -> None:
    providers.first.after(LATER)
    providers.second.say("Hello from second")
    body = {"model": "openai/first", "messages": HELLO, "max_tokens": 10}
    sent = {"anthropic-beta": "some-beta"}

    answer = httpx.post(f"{gateway.url()}/v1/messages", json=body, headers=sent, timeout=60)

    assert served(answer) == (200, "anthropic/second", "2")
    assert answer.json()["content"][0]["text"] == "Hello from second"
    assert providers.second.last.header("anthropic-beta") == "some-beta"


def test_what_was_lost_on_the_way_to_who_answered_is_told(gateway: Gateway, providers: Providers) -> None:
    providers.first.after(LATER)
    providers.second.say("Hello from second")
    body = {"model": "openai/first", "messages": HELLO, "seed": 7}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert served(answer) == (200, "anthropic/second", "2")
    assert answer.headers["x-plano-dropped"] == "seed"
    assert "x-plano-lost" not in answer.headers


def test_a_provider_that_is_away_or_behind_a_gate_is_one_of_several(gateway: Gateway, providers: Providers) -> None:
    providers.third.say("Hello from third")

    assert served(ask(gateway, "openai/gone")) == (200, "openai/third", "2")


def test_many_at_once_get_an_answer_each(gateway: Gateway, providers: Providers) -> None:
    for number in range(30):
        if number % 3 == 0:
            providers.first.hang()
        elif number % 3 == 1:
            providers.first.fail(503)
        else:
            providers.first.say("first")
        if number % 2:
            providers.second.fail(429)
        else:
            providers.second.say("second")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(gateway, "openai/first", stream=number % 2 == 1), range(40)))

    assert {answer.status_code for answer in answers} == {200}


def test_a_provider_cannot_say_which_try_it_is(gateway: Gateway, providers: Providers) -> None:
    body = {"id": "1", "object": "chat.completion", "model": "first", "choices": []}
    providers.first.answer(body, headers=(("x-plano-attempt", "2"),))

    assert served(ask(gateway, "openai/same-dialect")) == (200, "openai/same-dialect", "1")


def test_without_it_a_late_candidate_is_left(gateway: Gateway, providers: Providers) -> None:
    providers.first.after(LATE)
    providers.first.say("Hello from late")
    providers.third.after(0.1)
    providers.third.say("Hello from third")

    assert served(ask(gateway, "openai/unhedged")) == (200, "openai/third", "2")


COUNTED = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_byte: 1500ms, total: 40s}}
    retry_policy: {{fallback_models: [openai/third], hedge: true}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
clients:
  - {{id: one, key: key-one}}
cooldown: {{after: 1, for: 600s}}
"""


def test_what_is_counted_is_of_the_one_that_answered(
    providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = COUNTED.format(port=free_port(), **providers.urls())
    body = {"model": "openai/first", "messages": HELLO}
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("counted"), workers=1) as running:

        def ask_as_client() -> httpx.Response:
            sent = {"authorization": "Bearer key-one"}
            return httpx.post(f"{running.url()}/v1/chat/completions", json=body, headers=sent, timeout=60)

        providers.first.after(LATE)
        providers.first.say("Hello from late", usage=Usage(input=11, output=5))
        providers.third.hang()
        first = ask_as_client()
        # The one that was given up is cooling; the late one, which answered, is not.
        second = ask_as_client()
        running.logged(lambda line: line["client_id"] == "one" and line["attempts"] == 1)
        lines = [line for line in running.access_log() if line["client_id"] == "one"]

    assert served(first) == (200, "openai/first", "2")
    assert served(second) == (200, "openai/first", "1")
    assert [line["model"] for line in lines] == ["openai/first"] * 2
    assert (lines[0]["input_tokens"], lines[0]["output_tokens"]) == (11, 5)


def test_a_candidate_that_was_late_is_asked_last(
    providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = COUNTED.format(port=free_port(), **providers.urls())
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("cooling"), workers=1) as running:
        body = {"model": "openai/first", "messages": HELLO}
        sent = {"authorization": "Bearer key-one"}
        providers.first.hang()
        url = f"{running.url()}/v1/chat/completions"
        answer = httpx.post(url, json=body, headers=sent, timeout=60)
        assert served(answer) == (200, "openai/third", "2")

        assert until(lambda: served(httpx.post(url, json=body, headers=sent, timeout=60)) == (200, "openai/third", "1"))
