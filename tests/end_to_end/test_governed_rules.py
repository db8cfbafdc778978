"""Governance rule by rule, through a real Envoy, two workers and a real Redis."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosedError

from tests.support.gateway import Gateway, everywhere, running_gateway, until
from tests.support.openai_api import stream as chat_stream
from tests.support.ports import free_port
from tests.support.reply import Reply, ToolCall, Usage
from tests.support.scripted import ScriptedProvider
from tests.support.servers import RedisServer, redis_server
from tests.support.serving import echoing

__all__ = ["redis_server"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {models}}}
  - type: agent
    name: team
    port: {team}
    agents:
      - {{id: shaky, description: "weather forecasts and rain", on_error: {{fallback: steady}}}}
      - {{id: steady, description: "anything else", default: true}}
agents:
  - {{id: shaky, url: "{shaky}"}}
  - {{id: steady, url: "{chat}"}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: sk-1, default: true, timeouts: {{first_byte: 3s}}}}
  - {{model: openai/gpt-realtime, base_url: "http://127.0.0.1:{sockets}/v1", access_key: sk-1}}
clients:
  - {{id: talker-key, key: k-talker}}
  - {{id: listed-key, key: k-listed}}
  - {{id: tokens-key, key: k-tokens}}
  - {{id: money-key, key: k-money}}
  - {{id: quick-key, key: k-quick}}
  - {{id: inner-key, key: k-inner}}
governance:
  store: {store}
  cut_streams: true
  tenant_header: x-tenant
  tiers:
    - tier: 1
      allowed_side_effects: ["read_*"]
      forbidden_actions: [read_secrets]
      confidence_threshold: 0.5
      error_budget: {{errors: 50, per: 10m}}
  agents:
    - {{id: shaky, tier: 0, error_budget: {{errors: 50, per: 10m}}, limits: [{{tokens: 300, per: 10m}}]}}
    - {{id: steady, tier: 0, error_budget: {{errors: 50, per: 10m}}, limits: [{{calls: 8, per: 10m}}]}}
    - {{id: talker, tier: 0, client: talker-key, error_budget: {{errors: 50, per: 10m}}}}
    - {{id: listed, tier: 1, client: listed-key}}
    - {{id: inner, tier: 1, client: inner-key, allowed_side_effects: ["write_*"], forbidden_actions: [write_raw]}}
    - {{id: tokens, tier: 0, client: tokens-key, limits: [{{tokens: 3000, per: 10m}}]}}
    - {{id: money, tier: 0, client: money-key, limits: [{{usd: 0.5, per: 10m}}]}}
    - {{id: quick, tier: 0, client: quick-key, error_budget: {{errors: 2, per: 10s}}}}
"""
HELLO = [{"role": "user", "content": "Hello there"}]
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO, "stream": True}),
    "messages": ("/v1/messages", {"model": "gpt-4o", "max_tokens": 9, "messages": HELLO, "stream": True}),
    "responses": ("/v1/responses", {"model": "gpt-4o", "input": "Hello there", "stream": True}),
    "gemini": (
        "/v1beta/models/gpt-4o:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]},
    ),
}


@dataclass(frozen=True, slots=True)
class Stand:
    gateway: Gateway
    chat: ScriptedProvider
    shaky: ScriptedProvider

    def ask(self, agent: str, *, tenant: str | None = None, **fields: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer k-{agent}"} | ({"x-tenant": tenant} if tenant else {})
        body = {"model": "gpt-4o", "messages": HELLO, **fields}
        return httpx.post(f"{self.gateway.url()}/v1/chat/completions", json=body, headers=headers, timeout=20)

    def standing(self, agent: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = json.loads(self.gateway.cli("agents", "--json").stdout)
        return next(row for row in rows if row["agent"] == agent and row["tenant"] is None)

    def rows(self, agent: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.gateway.cli("ledger", "--json", "--limit", "5000", "--agent", agent).stdout
        )
        return found

    def row_of(self, agent: str, answer: httpx.Response) -> dict[str, Any]:
        """Return the one row of an agent that is of an answer, once it is written."""
        ident = answer.headers["x-request-id"]
        (row,) = until(lambda: [row for row in self.rows(agent) if row["request_id"] == ident], seconds=60)
        return row


@pytest.fixture(scope="module")
def _running(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with (
        echoing() as sockets,
        ScriptedProvider("openai.chat", is_strict=False) as chat,
        ScriptedProvider("openai.chat", is_strict=False) as shaky,
    ):
        text = CONFIG.format(
            models=free_port(), team=free_port(), chat=chat.url, shaky=shaky.url,
            sockets=sockets, store=redis_server.url.replace("/0", "/3"),
        )  # fmt: skip
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("rules"), workers=2) as gateway:
            yield Stand(gateway, chat, shaky)


@pytest.fixture
def stand(_running: Stand) -> Stand:
    _running.chat.clear()
    return _running


@pytest.fixture
def talker(stand: Stand) -> Iterator[Stand]:
    """The stand, with an agent that may act, before and after."""
    yield stand
    assert stand.gateway.cli("agents", "restore", "talker").returncode == 0
    assert until(lambda: everywhere(lambda: stand.ask("talker").status_code) == {200}, seconds=60)


@pytest.mark.parametrize("dialect", REQUESTS)
def test_a_cut_stream_ends_with_the_error_event_of_its_dialect(talker: Stand, dialect: str) -> None:
    path, body = REQUESTS[dialect]
    chunks = list(chat_stream(Reply(text="on and on " * 200), {"model": "m", "stream": True}))
    talker.chat.stream(chunks, pause=0.1)
    revoking = threading.Thread(target=talker.gateway.cli, args=("agents", "revoke", "talker"))
    events: list[Any] = []

    def read() -> None:
        headers = {"authorization": "Bearer k-talker"}
        with httpx.stream("POST", talker.gateway.url() + path, json=body, headers=headers, timeout=60) as answer:
            for line in answer.iter_lines():
                # Google tells an error by a line that is no event.
                if line.startswith(("data: {", "{")):
                    if not events:
                        revoking.start()
                    events.append(json.loads(line.removeprefix("data: ")))

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    revoking.join()

    assert len(events) > 1
    assert "'talker' is revoked" in events[-1]["error"]["message"]
    assert not any("error" in event for event in events[:-1])
    assert talker.chat.last.gone.wait(30), "nobody works for it any more"


def test_an_open_websocket_of_a_revoked_agent_is_aborted(talker: Stand) -> None:
    url = talker.gateway.url().replace("http", "ws")
    headers = {"authorization": "Bearer k-talker"}
    with websockets.sync.client.connect(f"{url}/v1/realtime?model=gpt-realtime", additional_headers=headers) as socket:
        socket.send("hello")
        assert socket.recv(timeout=20) == "echo hello"
        assert talker.gateway.cli("agents", "revoke", "talker").returncode == 0
        with pytest.raises(ConnectionClosedError):
            socket.recv(timeout=30)


def test_only_allowed_tools_are_offered_and_called(stand: Stand) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {}}}
        for name in ("read_docs", "read_secrets", "write_notes")
    ]
    assert stand.ask("listed", tools=tools).status_code == 200
    assert [tool["function"]["name"] for tool in stand.chat.last.json()["tools"]] == ["read_docs"]
    for tool in ("write_notes", "readSecrets"):
        stand.chat.call_tools(ToolCall(tool))
        assert stand.ask("listed").json()["error"]["code"] == "action_forbidden"
    stand.chat.call_tools(ToolCall("read_docs"))
    assert stand.ask("listed").status_code == 200


def test_an_agents_own_list_takes_the_place_of_its_tiers_but_what_is_forbidden_adds_up(stand: Stand) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {}}}
        for name in ("read_docs", "read_secrets", "write_notes", "write_raw")
    ]
    assert stand.ask("inner", tools=tools).status_code == 200
    assert [tool["function"]["name"] for tool in stand.chat.last.json()["tools"]] == ["write_notes"]
    told = json.loads(stand.gateway.cli("agents", "show", "inner", "--json").stdout)
    assert told["forbidden_actions"] == ["write_raw", "read_secrets"]
    assert (told["confidence_threshold"], told["error_budget"]["errors"]) == (0.5, 50)


def test_a_side_effect_that_is_not_allowed_is_an_error(stand: Stand) -> None:
    before = stand.standing("listed")["errors"]
    said = {"decision": "EXECUTE", "confidence": 0.9, "side_effects": ["read_docs", "delete_vm"]}
    stand.chat.say(json.dumps(said))
    answer = stand.ask("listed")

    assert answer.status_code == 200
    assert until(lambda: stand.standing("listed")["errors"] == before + 1, seconds=60)
    assert stand.row_of("listed", answer)["reason"] == "side effects that are not allowed: delete_vm"


@pytest.mark.parametrize("decision", ["EXECUTE", "SKIP", "ESCALATE", "INSUFFICIENT_INFORMATION", "ERROR"])
def test_each_decision_that_is_declared_is_on_record(stand: Stand, decision: str) -> None:
    stand.chat.say(json.dumps({"decision": decision, "confidence": 0.75}))
    answer = stand.ask("listed", stream=True)

    assert answer.status_code == 200
    row = stand.row_of("listed", answer)
    assert (row["decision"], row["confidence"]) == (decision, 0.75)


@pytest.mark.parametrize(("agent", "limit"), [("tokens", "3000 tokens"), ("money", "0.5 USD")])
def test_tokens_and_money_are_limited_for_each_tenant(stand: Stand, agent: str, limit: str) -> None:
    stand.chat.say("much", usage=Usage(input=100_000, output=30_000))
    assert stand.ask(agent, tenant="green").status_code == 200

    assert until(lambda: stand.ask(agent, tenant="green").status_code == 429, seconds=60)
    refused = stand.ask(agent, tenant="green")
    assert f"the limit of {limit}" in refused.json()["error"]["message"]
    assert "retry-after" in refused.headers
    assert stand.ask(agent, tenant="yellow").status_code == 200


def test_a_suspension_ends_with_its_window(stand: Stand) -> None:
    for _ in range(2):
        stand.chat.fail(503)
        assert stand.ask("quick").status_code == 503

    assert until(lambda: stand.ask("quick").status_code == 403, seconds=60)
    assert until(lambda: everywhere(lambda: stand.ask("quick").status_code) == {200}, seconds=60)
    assert stand.standing("quick")["standing"] == "active"


def test_a_time_out_is_an_error(stand: Stand) -> None:
    before = stand.standing("talker")["errors"]
    stand.chat.after(20)
    assert stand.ask("talker").status_code == 504

    assert until(lambda: stand.standing("talker")["errors"] == before + 1, seconds=60)


def test_an_agent_that_was_tried_in_vain_has_a_row_and_an_error_of_its_own(stand: Stand) -> None:
    before = {agent: stand.standing(agent)["errors"] for agent in ("shaky", "steady")}
    body = {
        "model": "x",
        "messages": [{"role": "user", "content": "What is the weather forecast, will there be rain?"}],
    }
    headers = {"authorization": "Bearer k-talker"}
    stand.shaky.fail(500)
    answer = httpx.post(f"{stand.gateway.url('team')}/v1/chat/completions", json=body, headers=headers, timeout=20)

    assert (answer.status_code, answer.headers["x-plano-agent"]) == (200, "steady")
    assert until(lambda: stand.standing("shaky")["errors"] == before["shaky"] + 1, seconds=60)
    assert stand.standing("steady")["errors"] == before["steady"]
    row = stand.row_of("shaky", answer)
    assert (row["action"], row["decision"], row["reason"]) == ("serve", "ERROR", "failed; the next one was tried")
    assert stand.row_of("steady", answer)["decision"] == "EXECUTE"


def test_limits_count_for_who_answered_and_not_for_who_was_tried_in_vain(stand: Stand) -> None:
    def ask(text: str) -> httpx.Response:
        body = {"model": "x", "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": "Bearer k-talker", "x-tenant": "in-vain"}
        return httpx.post(f"{stand.gateway.url('team')}/v1/chat/completions", json=body, headers=headers, timeout=20)

    before = len(stand.shaky.requests)
    for _ in range(8):
        stand.shaky.fail(500)
        answer = ask("What is the weather forecast, will there be rain?")
        assert (answer.status_code, answer.headers["x-plano-agent"]) == (200, "steady")
    assert len(stand.shaky.requests) == before + 8

    refused = until(lambda: (answer := ask("Tell me a joke about cats")).status_code == 429 and answer, seconds=60)

    assert refused
    assert refused.json()["error"]["message"].startswith("the limit of 8 calls per 600 s of agent 'steady'")
