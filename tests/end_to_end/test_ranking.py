"""The order of a route's models through a real gateway: by price and by speed, and over sources that talk rubbish."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/one, base_url: "{chat}", access_key: $CHAT_KEY, default: true}}
  - {{model: openai/two, base_url: "{chat}", access_key: $CHAT_KEY}}
  - {{model: openai/three, base_url: "{chat}", access_key: $CHAT_KEY}}
routing_preferences:
  - name: code
    description: writing functions and programs, such as "write a python function"
    models: [openai/one, openai/two, openai/three]
    selection_policy: {{prefer: cheapest}}
  - name: poems
    description: writing poems and songs, such as "write a poem about autumn"
    models: [openai/one, openai/two, openai/three]
    selection_policy: {{prefer: fastest}}
{more}
"""
SOURCES = """
model_metrics_sources:
  - {{type: cost, provider: models.dev, url: "{url}/prices", refresh_interval: 1}}
  - {{type: latency, provider: prometheus, url: "{url}", query: "latency", refresh_interval: 1}}
"""
CODE, POEM = "Write a python function.", "Write a poem about autumn."


@dataclass(slots=True)
class Sources:
    """A catalogue of prices and a Prometheus, whose answers a test sets."""

    prices: bytes
    seconds: bytes
    status: int = 200

    def answer(self, request: Recorded) -> list[Action]:
        body = self.prices if request.path == "/prices" else self.seconds
        head = Head(self.status, (("content-type", "application/json"), ("content-length", str(len(body)))))
        return [head, Data(body), End()]


def prices(**dollars: float) -> bytes:
    models = {name: {"cost": {"input": price, "output": price}} for name, price in dollars.items()}
    return json.dumps({"openai": {"models": models}}).encode()


def seconds(**found: float) -> bytes:
    result = [{"metric": {"model_name": f"openai/{name}"}, "value": [1, str(value)]} for name, value in found.items()]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


@pytest.fixture(scope="module")
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key="sk-chat") as provider:
        yield provider


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources(prices(one=3, two=1, three=2), seconds(one=0.3, two=0.2, three=0.1))


@pytest.fixture(scope="module")
def fed(chat: ScriptedProvider, sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a source of prices and one of latencies."""
    server = HttpServer(sources.answer)
    try:
        more = SOURCES.format(url=f"http://127.0.0.1:{server.port}")
        yield from _running(chat, more, tmp_path_factory.mktemp("fed"))
    finally:
        server.close()


@pytest.fixture(scope="module")
def alone(chat: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a file of prices that is not there, and no source of latencies."""
    home = tmp_path_factory.mktemp("alone")
    more = f"model_metrics_sources: [{{type: cost, provider: file, path: {home}/prices.yaml, refresh_interval: 1}}]"
    yield from _running(chat, more, home)


def _running(chat: ScriptedProvider, more: str, home: Path) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), chat=chat.url, more=more)
    with running_gateway(text, environ={"CHAT_KEY": "sk-chat"}, home=home) as running:
        yield running


def ask(gateway: Gateway, text: str, **more: Any) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": text}], **more}
    answer = httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


def order(gateway: Gateway, text: str) -> list[str]:
    """Return the models of a route, best first."""
    body = {"messages": [{"role": "user", "content": text}]}
    found = httpx.post(f"{gateway.url()}/routing/v1/chat/completions", json=body, timeout=20).json()
    return [name.removeprefix("openai/") for name in found["models"]]


def metric(gateway: Gateway, name: str) -> float:
    port = gateway.status()["ports"]["metrics"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_the_cheapest_and_the_fastest_come_first(fed: Gateway) -> None:
    assert until(lambda: order(fed, CODE) == ["two", "three", "one"])
    assert until(lambda: order(fed, POEM) == ["three", "two", "one"])
    answer = ask(fed, CODE)
    assert answer.headers["x-plano-model"] == "openai/two"
    assert answer.headers["x-plano-route-reason"].endswith("; cheapest first")


@pytest.mark.parametrize("rubbish", [b"", b"<html>", b"[]", b"{}", b'{"openai": {"models": {"one": {"cost": {}}}}}'])
def test_rubbish_leaves_the_last_good_prices(fed: Gateway, sources: Sources, rubbish: bytes) -> None:
    assert until(lambda: order(fed, CODE) == ["two", "three", "one"])
    before = metric(fed, 'plano_feed_errors_total{feed="cost:models.dev"}')
    good, sources.prices = sources.prices, rubbish
    try:
        assert until(lambda: metric(fed, 'plano_feed_errors_total{feed="cost:models.dev"}') > before)
        assert order(fed, CODE) == ["two", "three", "one"]
        assert metric(fed, 'plano_feed_age_seconds{feed="cost:models.dev"}') > 0
    finally:
        sources.prices = good


def test_new_prices_count_from_the_next_tick(fed: Gateway, sources: Sources) -> None:
    good, sources.prices = sources.prices, prices(one=1, two=2, three=3)
    try:
        assert until(lambda: order(fed, CODE) == ["one", "two", "three"], seconds=60)
    finally:
        sources.prices = good


def test_a_source_that_is_down_stops_nothing(alone: Gateway) -> None:
    assert order(alone, CODE) == ["one", "two", "three"]
    assert "without a figure last" in ask(alone, CODE).headers["x-plano-route-reason"]
    (alone.home / "prices.yaml").write_text("openai/one: {input: 2, output: 2}\nthree: {input: 1, output: 1}\n")
    assert until(lambda: order(alone, CODE) == ["three", "one", "two"], seconds=60)


def test_without_a_source_the_gateways_own_answers_tell_who_is_fast(alone: Gateway, chat: ScriptedProvider) -> None:
    chat.after(2)
    ask(alone, "Hello.", model="openai/one", routing_preferences=[])
    ask(alone, "Hello.", model="openai/three", routing_preferences=[])

    # How long they took is known a moment after they answered.
    assert until(lambda: order(alone, POEM) == ["three", "one", "two"])
    # Now and then a model is tried first of which nothing is known.
    orders = [order(alone, POEM) for _ in range(5)]
    assert all(found.index("three") < found.index("one") for found in orders)
