"""Every way in which a candidate can fail, at every place of a chain, streaming and not."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import httpx
import orjson
import pytest

from tests.end_to_end.three import HELLO, KEYS, Providers, ask, candidates, providers
from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Close, Head, Wait
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

__all__ = ["candidates", "providers"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_byte: 2s}}
    retry_policy: {{fallback_models: [anthropic/second, openai/third]}}
  - model: openai/watched
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{first_byte: 2s, first_token: 2s}}
    retry_policy:
      fallback_models: [anthropic/second, openai/third]
      on_refusals: [context_window, content_policy]
  - model: anthropic/watched
    base_url: "{second}"
    access_key: $SECOND_KEY
    timeouts: {{first_token: 2s}}
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: anthropic/second, base_url: "{second}", access_key: $SECOND_KEY}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
  - model: openai/gone
    base_url: "http://127.0.0.1:{refusing}/v1"
    access_key: unused
    retry_policy: {{fallback_models: [anthropic/second, openai/third]}}
  - model: openai/gone-in-the-middle
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: {{fallback_models: [openai/gone, openai/third]}}
  - model: openai/gone-at-last
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: {{fallback_models: [anthropic/second, openai/gone]}}
# Each test begins as if nobody had ever failed.
cooldown: {{after: 100000}}
"""
SERVED: Final = {1: "anthropic/second", 2: "openai/third"}
PLACES: Final = ("first", "middle", "last")
"""Where the failing candidate stands. Those before it fail with 503, those after it answer."""

Fail = Callable[[ScriptedProvider, bool], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to fail, and the statuses that a caller may see where it was the last candidate."""

    fail: Fail
    seen: tuple[int, ...]
    is_watched: bool = False


def silent(provider: ScriptedProvider, stream: bool) -> None:
    kind = "text/event-stream" if stream else "application/json"
    provider.raw(Head(200, (("content-type", kind),)), Wait(60), Close())


def says_it_is_overloaded(provider: ScriptedProvider, stream: bool) -> None:
    error: dict[str, Any] = {"message": "We are overloaded.", "type": "server_error", "code": None}
    event = b"data: %b\n\n" % orjson.dumps({"error": error})
    if provider.api == "anthropic.messages":
        error = {"type": "overloaded_error", "message": "We are overloaded."}
        event = b"event: error\ndata: %b\n\n" % orjson.dumps({"type": "error", "error": error})
    if stream:
        provider.stream([event])
    else:
        provider.answer({"error": error})


def refuses(message: str, code: str | None = None) -> Fail:
    return lambda provider, _stream: provider.fail(400, message, code=code)


KINDS: Final[dict[str, Kind]] = {
    "reset": Kind(lambda provider, _: provider.reset(), (502, 503)),
    "no first byte": Kind(lambda provider, _: provider.hang(), (504,)),
    **{
        str(status): Kind(lambda provider, _, status=status: provider.fail(status), (status,))  # type: ignore[misc]
        for status in (429, 500, 502, 503, 529)
    },
    "context window": Kind(refuses("prompt is too long: 9 tokens > 8 maximum"), (400,), is_watched=True),
    "policy": Kind(refuses("Flagged by our content management policy."), (400,), is_watched=True),
    "headers and no token": Kind(silent, (504,), is_watched=True),
    "an error as first event": Kind(says_it_is_overloaded, (500, 502, 503, 529), is_watched=True),
}
CASES = [
    pytest.param(model, name, place, stream, id=f"{model}-{name}-{place}-{'stream' if stream else 'whole'}")
    for model, (name, kind), place, stream in product(("first", "watched"), KINDS.items(), PLACES, (False, True))
    if model == "watched" or not kind.is_watched
]


@pytest.fixture(scope="module")
def gateway(candidates: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), refusing=free_port(), **candidates.urls())
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("always"), workers=2) as running:
        yield running


def check(answer: httpx.Response, at: int, seen: tuple[int, ...], *, stream: bool) -> None:
    """Hold an answer against what is expected where the candidate `at` was the first that failed for a reason."""
    if at == 2:
        assert answer.status_code in seen, answer.text
        assert answer.json()["error"]["message"]
        return
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-plano-model"], answer.headers["x-plano-attempts"]) == (SERVED[at + 1], str(at + 2))
    assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    assert ("data: [DONE]" in answer.text) is stream
    assert f"Hello from {at + 1}" in answer.text.replace('"}', "") or stream


@pytest.mark.parametrize(("model", "name", "place", "stream"), CASES)
def test_a_failing_candidate_is_followed_by_the_next(
    gateway: Gateway, providers: Providers, model: str, name: str, place: str, stream: bool
) -> None:
    kind, at = KINDS[name], PLACES.index(place)
    ordered = providers.all()
    for provider in ordered[:at]:
        provider.fail(503)
    kind.fail(ordered[at], stream)
    for number, provider in enumerate(ordered[at + 1 :], start=at + 1):
        provider.say(f"Hello from {number}")

    answer = ask(gateway, f"openai/{model}", stream=stream)

    check(answer, at, kind.seen, stream=stream)
    assert [len(provider.requests) for provider in ordered] == [1] * min(at + 2, 3) + [0] * (1 - at if at < 2 else 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("at", "model"), [(0, "gone"), (1, "gone-in-the-middle"), (2, "gone-at-last")])
def test_a_candidate_that_cannot_be_reached_is_followed_by_the_next(
    gateway: Gateway, providers: Providers, at: int, model: str, stream: bool
) -> None:
    for provider in providers.all()[:at]:
        provider.fail(503)
    for number, provider in enumerate(providers.all()[at + 1 :], start=at + 1):
        provider.say(f"Hello from {number}")

    check(ask(gateway, f"openai/{model}", stream=stream), at, (503,), stream=stream)


def test_what_a_watched_first_candidate_cannot_take_is_told_once(gateway: Gateway, providers: Providers) -> None:
    providers.second.say("Hello")
    body = {"model": "anthropic/watched", "messages": HELLO, "seed": 7}

    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "1")
    assert answer.headers["x-plano-dropped"] == "seed"
    assert "x-plano-lost" not in answer.headers


@pytest.mark.parametrize("model", ["first", "watched"])
def test_none_of_a_thousand_requests_is_lost_where_a_provider_fails_half_of_them(
    gateway: Gateway, providers: Providers, model: str
) -> None:
    for number in range(500):
        providers.first.fail((429, 500, 503, 529)[number % 4]) if number % 5 else providers.first.reset()
        providers.first.say("First")
    url, body = f"{gateway.url()}/v1/chat/completions", {"model": f"openai/{model}", "messages": HELLO}
    with httpx.Client(limits=httpx.Limits(max_connections=32), timeout=60) as client, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: client.post(url, json={**body, "stream": n % 2 == 1}), range(1000)))

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.text.endswith("data: [DONE]\n\n") for answer in answers] == [False, True] * 500
    # On a busy machine a candidate may be late as well.
    assert sum(answer.headers["x-plano-attempts"] != "1" for answer in answers) >= 500
