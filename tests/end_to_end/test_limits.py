"""Limits, budgets and the record of usage, through a real gateway with two workers."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.two import KEYS, chat, chat_provider, messages, messages_provider
from tests.support.clients import anthropic_client, openai_client
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.reply import Usage
from tests.support.scripted import ScriptedProvider
from tests.support.servers import RedisServer, redis_server  # noqa: F401 - a fixture

__all__ = ["chat", "chat_provider", "messages", "messages_provider"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/small, base_url: "{chat}", access_key: $CHAT_KEY, default: true}}
  - {{model: openai/counted, base_url: "{chat}", access_key: $CHAT_KEY}}
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: $CHAT_KEY}}
  - {{model: anthropic/claude, base_url: "{messages}", access_key: $MESSAGES_KEY}}
clients:
  - {{id: free, key: key-free}}
  - {{id: silent, key: key-silent}}
  - {{id: asking, key: key-asking}}
  - {{id: leaving, key: key-leaving}}
  - {{id: openai/small-whole, key: key-openai/small-whole}}
  - {{id: openai/small-stream, key: key-openai/small-stream}}
  - {{id: anthropic/claude-whole, key: key-anthropic/claude-whole}}
  - {{id: anthropic/claude-stream, key: key-anthropic/claude-stream}}
  - {{id: three, key: key-three, ratelimit: {{requests: 3, per: hour}}}}
  - {{id: tokens, key: key-tokens, ratelimit: {{tokens: 100, per: hour}}}}
  - {{id: poor, key: key-poor, budget: {{usd: 0.001, per: month}}}}
ratelimits:
  - model: openai/counted
    selector: {{key: x-user}}
    limit: {{requests: 2, unit: hour}}
"""
HELLO: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def gateway(
    chat_provider: ScriptedProvider, messages_provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), chat=chat_provider.url, messages=messages_provider.url)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("limits"), workers=2) as running:
        yield running


def ask(
    gateway: Gateway, key: str, *, model: str = "openai/small", path: str = "chat/completions", **fields: object
) -> httpx.Response:
    headers = {"x-plano-key": key, "x-user": str(fields.pop("user", ""))}
    body = {"model": model, "messages": HELLO, **fields}
    return httpx.post(f"{gateway.url()}/v1/{path}", json=body, headers=headers, timeout=20)


def usage(gateway: Gateway, by: str, *options: str) -> dict[str, dict[str, float]]:
    found = gateway.cli("usage", "--by", by, "--json", *options)
    assert found.returncode == 0, found.stderr
    return {row[by]: row for row in json.loads(found.stdout)["rows"]}


def test_requests_are_limited_over_all_workers(gateway: Gateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(gateway, "key-three"), range(10)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 3 + [429] * 7
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert int(refused.headers["retry-after"]) > 60
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    served = min(int(a.headers["x-ratelimit-remaining-requests"]) for a in answers if a.status_code == 200)
    assert served == 0


def test_a_refusal_is_in_the_callers_dialect(gateway: Gateway) -> None:
    answer = ask(gateway, "key-three", path="messages", model="anthropic/claude", max_tokens=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (429, "rate_limit_error")


def test_tokens_are_settled_by_what_the_provider_counted(gateway: Gateway, chat: ScriptedProvider) -> None:
    for count in (30, 50):
        chat.say("hi", usage=Usage(count, 5))
        assert ask(gateway, "key-tokens").status_code == 200
        assert until(partial(has_at_most, gateway, 100 - count - 5))
    chat.say("hi", usage=Usage(50, 5))
    assert remaining(gateway) <= 10
    refused = ask(gateway, "key-tokens", messages=[{"role": "user", "content": "x" * 400}])
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")


def has_at_most(gateway: Gateway, tokens: int) -> bool:
    return remaining(gateway) <= tokens


def remaining(gateway: Gateway) -> int:
    """Ask for something that no provider sees, and return what is left."""
    answer = ask(gateway, "key-tokens", messages=[{"role": "user", "content": "x" * 4000}])
    assert answer.status_code == 429
    return int(answer.headers["x-ratelimit-remaining-tokens"])


def test_every_value_of_a_selector_has_a_limit_of_its_own(gateway: Gateway) -> None:
    statuses = [ask(gateway, "key-free", model="openai/counted", user=user).status_code for user in "aaabba"]
    assert statuses == [200, 200, 429, 200, 200, 429]


def test_money_is_counted(gateway: Gateway, chat: ScriptedProvider) -> None:
    chat.say("dear", usage=Usage(1000, 1000))
    first = ask(gateway, "key-poor", model="openai/gpt-4o")
    assert first.status_code == 200
    assert float(first.headers["x-ratelimit-limit-usd"]) == 0.001
    refused = until(lambda: (found := ask(gateway, "key-poor", model="openai/gpt-4o")).status_code == 429 and found)
    assert refused
    assert refused.json()["error"]["code"] == "insufficient_quota"


@pytest.mark.parametrize("asks", [False, True], ids=["silently", "on demand"])
def test_a_stream_of_chat_tells_its_tokens_to_us_and_to_who_asks(
    gateway: Gateway, chat: ScriptedProvider, asks: bool
) -> None:
    client_id = "asking" if asks else "silent"
    chat.say("one two three", usage=Usage(11, 17))
    options: Any = {"stream_options": {"include_usage": True}} if asks else {}
    with openai_client(gateway.url(), key=f"key-{client_id}") as client:
        chunks = list(client.chat.completions.create(model="openai/small", messages=HELLO, stream=True, **options))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "one two three"
    assert [c.usage.completion_tokens for c in chunks if c.usage] == ([17] if asks else [])
    assert all(c.choices for c in chunks) is not asks
    assert chat.last.json()["stream_options"] == {"include_usage": True}
    found = until(lambda: usage(gateway, "client").get(client_id)) or {}
    assert (found["input_tokens"], found["output_tokens"]) == (11, 17)


@pytest.mark.parametrize("model", ["anthropic/claude", "openai/small"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_what_was_used_is_recorded_by_model_in_every_dialect(
    gateway: Gateway, chat: ScriptedProvider, messages: ScriptedProvider, model: str, is_stream: bool
) -> None:
    client_id = f"{model}-{'stream' if is_stream else 'whole'}"
    provider = messages if model.startswith("anthropic") else chat
    provider.say("hello", usage=Usage(23, 7))
    with anthropic_client(gateway.url(), key=f"key-{client_id}") as client:
        if is_stream:
            with client.messages.stream(model=model, max_tokens=20, messages=HELLO) as stream:
                assert stream.get_final_text() == "hello"
        else:
            client.messages.create(model=model, max_tokens=20, messages=HELLO)
    found = until(lambda: usage(gateway, "model", "--client", client_id))
    assert {name: (row["requests"], row["input_tokens"], row["output_tokens"]) for name, row in found.items()} == {
        model: (1, 23, 7)
    }


def test_who_hangs_up_pays_for_what_was_asked(gateway: Gateway, chat: ScriptedProvider) -> None:
    chat.stream([b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'] * 30, end="stall")
    body = {"model": "openai/small", "messages": HELLO, "stream": True}
    with httpx.stream(
        "POST", f"{gateway.url()}/v1/chat/completions", json=body, headers={"x-plano-key": "key-leaving"}, timeout=20
    ) as answer:
        seen = b""
        for piece in answer.iter_bytes():
            seen += piece
            if seen.count(b"data:") >= 30:
                break
    found = until(lambda: usage(gateway, "client").get("leaving")) or {}
    assert found["output_tokens"] >= 30
    assert found["input_tokens"] > 0


def test_gateways_share_a_redis_and_outlive_it(
    chat: ScriptedProvider,
    redis_server: RedisServer,  # noqa: F811 - a fixture
    tmp_path: Path,
) -> None:
    more = 'overrides: {{limit_store: "{redis}", on_limit_store_error: {rule}}}\n'
    texts = [
        CONFIG.format(port=free_port(), chat=chat.url, messages=chat.url)
        + more.format(redis=redis_server.url, rule=rule)
        for rule in ("open", "closed")
    ]
    with (
        running_gateway(texts[0], environ=KEYS, home=tmp_path / "open") as open_,
        running_gateway(texts[1], environ=KEYS, home=tmp_path / "closed") as closed,
    ):
        statuses = [ask(one, "key-three").status_code for one in (open_, closed, open_, closed, open_)]
        assert statuses == [200, 200, 200, 429, 429]
        redis_server.stop()
        try:
            assert ask(open_, "key-three").status_code == 200
            away = ask(closed, "key-three")
            assert (away.status_code, away.json()["error"]["code"]) == (503, "limit_store_unavailable")
            assert all(until(partial(store_failures, one)) for one in (open_, closed))
        finally:
            redis_server.start()
        assert until(lambda: ask(closed, "key-three").status_code == 200)


def store_failures(gateway: Gateway) -> float:
    port = gateway.status()["ports"]["metrics"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text.splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith('plano_store_failures_total{what="limits"}')
    )


AGENTS = """
version: v0.5.0
listeners:
  - type: agent
    name: agents
    port: {port}
    agents:
      - {{id: weather, description: "weather forecasts, temperature and rain"}}
      - {{id: flights, description: "flight status, flight bookings, airports"}}
  - {{type: model, name: models, port: {models}}}
agents:
  - {{id: weather, url: "{weather}"}}
  - {{id: flights, url: "{flights}"}}
clients:
  - {{id: two, key: key-two, ratelimit: {{requests: 2, per: hour}}}}
"""


def test_who_is_over_a_limit_costs_no_agent_a_thing(tmp_path: Path) -> None:
    with (
        ScriptedProvider("openai.chat", is_strict=False) as weather,
        ScriptedProvider("openai.chat", is_strict=False) as flights,
        running_gateway(
            AGENTS.format(
                port=free_port(),
                models=free_port(),
                weather=f"http://127.0.0.1:{weather.port}",
                flights=f"http://127.0.0.1:{flights.port}",
            ),
            environ={},
            home=tmp_path,
        ) as gateway,
    ):
        both: Any = [{"role": "user", "content": "What is the weather in Paris, and is flight BA117 on time?"}]
        statuses = [ask(gateway, "key-two", model="any", messages=both).status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert len(weather.requests) + len(flights.requests) == 4
        assert until(lambda: usage(gateway, "client").get("two", {}).get("requests") == 2)
