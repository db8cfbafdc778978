"""Governed agents in chains and at once, and what counts as an error of theirs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import websockets.sync.client
from websockets.exceptions import InvalidStatus

from tests.support.gateway import Gateway, everywhere, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {models}}}
  - type: agent
    name: chained
    port: {chained}
    agents: &agents
      - {{id: weather, description: "weather forecasts, temperature, rain and snow in a city"}}
      - {{id: flights, description: "flights between airports, departures, tickets and prices"}}
      - {{id: general, description: "anything else", default: true}}
  - {{type: agent, name: parallel, port: {parallel}, parallel: true, agents: *agents}}
agents:
  - {{id: weather, url: "{weather}"}}
  - {{id: flights, url: "{flights}"}}
  - {{id: general, url: "{general}"}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: sk-1, default: true, timeouts: {{first_byte: 3s}}}}
clients:
  - {{id: team, key: k-team}}
  - {{id: robot-key, key: k-robot}}
prompt_guards:
  input_guards: {{pii: {{entities: [credit_card], action: block}}}}
governance:
  agents:
    - {{id: weather, error_budget: {{errors: 2, per: 10m}}}}
    - {{id: flights, limits: [{{calls: 100000, per: 1m}}]}}
    - {{id: robot, client: robot-key, error_budget: {{errors: 100, per: 10m}}}}
"""
BOTH = "What is the weather forecast for Rome, and which flights depart from the airport of Paris?"


@dataclass(frozen=True, slots=True)
class Stand:
    gateway: Gateway
    weather: ScriptedProvider
    flights: ScriptedProvider
    chat: ScriptedProvider

    def ask(self, listener: str, text: str = BOTH, key: str = "k-team") -> httpx.Response:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
        url = f"{self.gateway.url(listener)}/v1/chat/completions"
        return httpx.post(url, json=body, headers={"authorization": f"Bearer {key}"}, timeout=20)

    def ledger(self, agent: str, *answers: httpx.Response) -> list[tuple[str, str, str]]:
        """Return an agent's rows of some answers, one each, once all are there: workers write a moment later."""
        wanted = {answer.headers["x-request-id"] for answer in answers}

        def found() -> list[dict[str, Any]]:
            rows = json.loads(self.gateway.cli("ledger", "--json", "--limit", "5000", "--agent", agent).stdout)
            rows = [row for row in rows if row["request_id"] in wanted]
            return rows if {row["request_id"] for row in rows} == wanted else []

        return [(row["action"], row["decision"], row["reason"]) for row in until(found, seconds=60)]

    def agents_of(self, listener: str) -> set[str | None]:
        """Return who serves at a listener, at every worker."""
        return everywhere(lambda: self.ask(listener).headers.get("x-plano-agent"))

    def agent(self, name: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = json.loads(self.gateway.cli("agents", "--json").stdout)
        return next(row for row in rows if row["agent"] == name)


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with (
        ScriptedProvider("openai.chat", is_strict=False) as weather,
        ScriptedProvider("openai.chat", is_strict=False) as flights,
        ScriptedProvider("openai.chat", is_strict=False) as general,
        ScriptedProvider("openai.chat", is_strict=False) as chat,
    ):
        text = CONFIG.format(
            models=free_port(), chained=free_port(), parallel=free_port(), weather=weather.url, flights=flights.url,
            general=general.url, chat=chat.url,
        )  # fmt: skip
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("chains"), workers=2) as gateway:
            yield Stand(gateway, weather, flights, chat)


@pytest.fixture
def stand(_running: Stand) -> Stand:
    for agent in ("weather", "flights", "robot"):
        assert _running.gateway.cli("agents", "restore", agent).returncode == 0
    for one in (_running.weather, _running.flights, _running.chat):
        one.clear()
    assert until(lambda: _running.agents_of("chained") == {"weather,flights"}, seconds=60)
    assert until(lambda: everywhere(lambda: _running.ask("llm", key="k-robot").status_code) == {200}, seconds=60)
    return _running


@pytest.mark.parametrize("listener", ["chained", "parallel"])
def test_each_agent_that_was_asked_has_a_row(stand: Stand, listener: str) -> None:
    answer = stand.ask(listener)

    assert answer.headers["x-plano-agent"] == "weather,flights"
    for name in ("weather", "flights"):
        assert stand.ledger(name, answer) == [("serve", "EXECUTE", "")]


@pytest.mark.parametrize("listener", ["chained", "parallel"])
def test_an_agent_that_is_revoked_is_left_out_of_a_chain(stand: Stand, listener: str) -> None:
    assert stand.gateway.cli("agents", "revoke", "weather").returncode == 0
    assert until(lambda: stand.agents_of(listener) == {"flights"}, seconds=60)
    stand.weather.requests.clear()

    answers = [stand.ask(listener) for _ in range(6)]
    assert {answer.headers["x-plano-agent"] for answer in answers} == {"flights"}
    assert stand.weather.requests == []
    assert stand.ledger("weather", *answers) == [("serve", "SKIP", "agent_revoked")] * 6


def test_errors_of_an_agent_in_a_chain_suspend_it(stand: Stand) -> None:
    for _ in range(2):
        stand.weather.fail(500)
        stand.ask("chained")

    assert until(lambda: stand.agent("weather")["standing"] == "suspended", seconds=60)
    assert until(lambda: stand.agents_of("chained") == {"flights"}, seconds=60)


def test_what_a_guard_blocks_and_what_takes_too_long_are_errors(stand: Stand) -> None:
    before = stand.agent("robot")["errors"]
    blocked = stand.ask("llm", "Pay with 4111 1111 1111 1111", "k-robot")
    stand.chat.after(20)
    late = stand.ask("llm", key="k-robot")

    assert (blocked.status_code, late.status_code) == (400, 504)
    assert until(lambda: stand.agent("robot")["errors"] == before + 2, seconds=60)
    assert stand.ledger("robot", blocked) == [("call_model", "ERROR", "blocked by a guard")]
    assert stand.ledger("robot", late) == [("call_model", "ERROR", "status 504")]


def test_a_revoked_agent_opens_no_websocket_and_uploads_no_form(stand: Stand) -> None:
    assert stand.gateway.cli("agents", "revoke", "robot").returncode == 0
    assert until(lambda: everywhere(lambda: stand.ask("llm", key="k-robot").status_code) == {403}, seconds=60)
    url = stand.gateway.url("llm")
    headers = {"authorization": "Bearer k-robot"}

    with pytest.raises(InvalidStatus) as refused:
        websockets.sync.client.connect(
            f"{url.replace('http', 'ws')}/v1/realtime?model=gpt-4o", additional_headers=headers
        )
    assert refused.value.response.status_code == 403
    form = {"file": ("a.wav", b"RIFF"), "model": (None, "gpt-4o")}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files=form, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "agent_revoked")
    embeddings = httpx.post(f"{url}/v1/embeddings", json={"model": "gpt-4o", "input": "x"}, headers=headers, timeout=20)
    assert embeddings.status_code == 403
