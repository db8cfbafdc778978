"""Governed agents through a real Envoy, two workers, and a real Redis: each rule, for who serves and for who calls."""

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
import redis

from tests.support.clients import anthropic_client, openai_client
from tests.support.gateway import Gateway, everywhere, running_gateway, until
from tests.support.openai_api import stream as chat_stream
from tests.support.ports import free_port
from tests.support.reply import Reply, ToolCall, Usage
from tests.support.scripted import ScriptedProvider
from tests.support.servers import RedisServer, redis_server, running_redis

__all__ = ["redis_server"]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {models}}}
  - type: agent
    name: team
    port: {team}
    agents:
      - {{id: planner, description: "plans and deployment of services"}}
      - {{id: general, description: "anything else", default: true}}
  - type: agent
    name: alone
    port: {alone}
    agents: [{{id: planner, description: "plans"}}]
agents:
  - {{id: planner, url: "{planner}"}}
  - {{id: general, url: "{general}"}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: sk-1, default: true}}
  - {{model: anthropic/claude-sonnet-4-5, base_url: "{messages}", access_key: sk-2}}
clients:
  - {{id: planner-key, key: k-planner}}
  - {{id: counted-key, key: k-counted}}
  - {{id: limited-key, key: k-limited}}
  - {{id: team, key: k-team}}
  - {{id: blue, key: k-blue, tenant: blue}}
governance:
  store: {store}
  tenant_header: x-tenant
  cut_streams: true
  on_forbidden: {on_forbidden}
  ledger: {{mode: {mode}}}
  tiers:
    - tier: 0
      forbidden_actions: [ssh, execute_shell, {{tool: "*", arguments: "rm -rf"}}]
  agents:
    - {{id: planner, tier: 0, client: planner-key, confidence_threshold: 0.5, error_budget: {{errors: 50, per: 10m}}}}
    - {{id: counted, tier: 1, client: counted-key, error_budget: {{errors: 3, per: 10m}}}}
    - {{id: limited, tier: 1, client: limited-key, limits: [{{calls: 2, per: 10m}}]}}
"""
PLAN = [{"role": "user", "content": "Make a deployment plan for the service."}]
WEATHER = [{"role": "user", "content": "Tell me a story about a fox."}]
PLANNER, TEAM, COUNTED, LIMITED, BLUE = "k-planner", "k-team", "k-counted", "k-limited", "k-blue"


@dataclass(frozen=True, slots=True)
class Scripted:
    planner: ScriptedProvider
    general: ScriptedProvider
    chat: ScriptedProvider
    messages: ScriptedProvider


@pytest.fixture(scope="module")
def services() -> Iterator[Scripted]:
    with (
        ScriptedProvider("openai.chat", is_strict=False) as planner,
        ScriptedProvider("openai.chat", is_strict=False) as general,
        ScriptedProvider("openai.chat", is_strict=False) as chat,
        ScriptedProvider("anthropic.messages", is_strict=False) as messages,
    ):
        yield Scripted(planner, general, chat, messages)


def config(scripted: Scripted, store: str, *, on_forbidden: str = "block", mode: str = "batched") -> str:
    return CONFIG.format(
        models=free_port(), team=free_port(), alone=free_port(), planner=scripted.planner.url,
        general=scripted.general.url, chat=scripted.chat.url, messages=scripted.messages.url, store=store,
        on_forbidden=on_forbidden, mode=mode,
    )  # fmt: skip


@pytest.fixture(scope="module")
def gateway(
    services: Scripted, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    text = config(services, redis_server.url)
    with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("governed"), workers=2) as running:
        yield running


@pytest.fixture
def scripted(services: Scripted, gateway: Gateway, redis_server: RedisServer) -> Scripted:
    """The scripted services, with every agent as if nothing had happened."""
    with redis.Redis.from_url(redis_server.url) as server:
        server.flushdb()
    for key in (PLANNER, COUNTED):
        assert soon(lambda key=key: everywhere(lambda: ask(gateway, "llm", key).status_code) == {200})  # type: ignore[misc]
    for one in (services.planner, services.general, services.chat, services.messages):
        one.clear()
    return services


def soon(happens: Callable[[], bool]) -> bool:
    """Whether it happens, however busy the machine is."""
    return until(happens, seconds=60)


def refuses(asked: Callable[[], httpx.Response]) -> bool:
    """Whether every worker refuses it, which each learns for itself several times a second."""
    return everywhere(lambda: asked().status_code) == {403}


def serves(gateway: Gateway) -> set[str | None]:
    """Return the agents that serve the team, at every worker."""
    return everywhere(lambda: ask(gateway, "team", TEAM).headers.get("x-plano-agent"))


def ask(
    gateway: Gateway, listener: str, key: str, messages: Any = PLAN, tenant: str | None = None, **fields: Any
) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} | ({"x-tenant": tenant} if tenant else {})
    body = {"model": "gpt-4o", "messages": messages, **fields}
    return httpx.post(f"{gateway.url(listener)}/v1/chat/completions", json=body, headers=headers, timeout=20)


def revoke(gateway: Gateway, agent: str, *options: str) -> None:
    result = gateway.cli("agents", "revoke", agent, *options)
    assert result.returncode == 0, result.stderr


def ledger(gateway: Gateway, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gateway.cli("ledger", "--json", "--limit", "5000", *options).stdout)
    return found


def recorded(gateway: Gateway, answers: Iterable[httpx.Response], *options: str) -> list[dict[str, Any]]:
    """Return the rows of some answers, once there are some of each: workers write theirs a moment later."""
    wanted = {answer.headers["x-request-id"] for answer in answers}

    def found() -> list[dict[str, Any]]:
        rows = [row for row in ledger(gateway, *options) if row["request_id"] in wanted]
        return rows if {row["request_id"] for row in rows} == wanted else []

    rows = until(found, seconds=60)
    assert rows, "no such rows"
    return rows


def test_a_revoked_agent_gets_no_request_and_the_default_serves(gateway: Gateway, scripted: Scripted) -> None:
    assert ask(gateway, "team", TEAM).headers["x-plano-agent"] == "planner"
    revoke(gateway, "planner", "--reason", "test")

    assert soon(lambda: serves(gateway) == {"general"})
    scripted.planner.requests.clear()
    served = [ask(gateway, "team", TEAM) for _ in range(10)]
    assert {answer.headers["x-plano-agent"] for answer in served} == {"general"}
    assert scripted.planner.requests == []

    assert gateway.cli("agents", "restore", "planner").returncode == 0
    assert soon(lambda: serves(gateway) == {"planner"})
    skipped = recorded(gateway, served, "--agent", "planner", "--decision", "SKIP")
    assert {(row["action"], row["reason"]) for row in skipped} == {("serve", "agent_revoked")}


def test_a_revoked_agent_that_was_the_only_one_is_a_403(gateway: Gateway, scripted: Scripted) -> None:
    revoke(gateway, "planner")

    assert soon(lambda: refuses(lambda: ask(gateway, "alone", TEAM)))
    assert ask(gateway, "alone", TEAM).json()["error"]["code"] == "agent_revoked"
    with anthropic_client(gateway.url("alone"), key=TEAM) as client, pytest.raises(anthropic.PermissionDeniedError):
        client.messages.create(model="x", max_tokens=5, messages=PLAN)  # type: ignore[arg-type]


def test_a_revoked_agents_own_calls_are_refused_by_its_key_alone(gateway: Gateway, scripted: Scripted) -> None:
    assert ask(gateway, "llm", PLANNER).status_code == 200
    revoke(gateway, "planner")

    assert soon(lambda: refuses(lambda: ask(gateway, "llm", PLANNER)))
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-plano-agent": "planner"}
    other = httpx.post(
        f"{gateway.url('llm')}/v1/chat/completions",
        json={"model": "gpt-4o", "messages": PLAN},
        headers={"authorization": f"Bearer {TEAM}", **trace},
        timeout=20,
    )
    assert other.status_code == 200, "nothing but the key says who calls"


def test_a_revocation_holds_after_a_restart(gateway: Gateway, scripted: Scripted) -> None:
    revoke(gateway, "planner")
    for pid in gateway.workers():
        os.kill(pid, signal.SIGKILL)

    assert soon(lambda: _is_served(gateway))
    assert everywhere(lambda: ask(gateway, "llm", PLANNER).status_code) == {403}


def _is_served(gateway: Gateway) -> bool:
    try:
        return gateway.seen_healthy() == 2 and everywhere(lambda: ask(gateway, "llm", TEAM).status_code) == {200}
    except httpx.HTTPError:
        return False


def test_a_moving_stream_gets_the_error_event_of_its_dialect(gateway: Gateway, scripted: Scripted) -> None:
    chunks = list(chat_stream(Reply(text="on and on " * 300), {"model": "m", "stream": True}))
    scripted.planner.stream(chunks, pause=0.1)
    revoking = threading.Thread(target=revoke, args=(gateway, "planner"))
    seen = 0

    def read() -> None:
        nonlocal seen
        with openai_client(gateway.url("alone"), key=TEAM) as client:
            for chunk in client.chat.completions.create(model="x", messages=PLAN, stream=True):  # type: ignore[call-overload]
                if not seen:
                    revoking.start()
                seen += len(chunk.choices)

    with pytest.raises(openai.APIError, match="is revoked"):
        read()
    revoking.join()

    assert 0 < seen < len(chunks) - 20, "long before the agent had said everything"
    assert soon(lambda: [row["reason"][:3] for row in ledger(gateway, "--agent", "planner")[-1:]] == ["cut"])


def test_a_silent_stream_is_aborted(gateway: Gateway, scripted: Scripted) -> None:
    gate = scripted.planner.gate()
    scripted.planner.stream(chat_stream(Reply(text="one two three"), {"model": "m", "stream": True}), gate=gate)
    body = {"model": "x", "messages": PLAN, "stream": True}
    with httpx.stream(
        "POST",
        f"{gateway.url('alone')}/v1/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {TEAM}"},
        timeout=20,
    ) as answer:
        assert answer.status_code == 200
        chunks = answer.iter_bytes()
        assert next(chunks)
        revoke(gateway, "planner")
        with pytest.raises(httpx.RemoteProtocolError):
            list(chunks)
    gate.set()
    (row,) = recorded(gateway, [answer], "--agent", "planner", "--decision", "ERROR")
    assert row["reason"].startswith("cut")


def test_forbidden_calls_are_blocked_in_whole_answers_and_streams(gateway: Gateway, scripted: Scripted) -> None:
    answers = []
    for listener, key, provider in (("llm", PLANNER, scripted.chat), ("alone", TEAM, scripted.planner)):
        provider.call_tools(ToolCall("executeShell", {"command": "ls"}))
        answer = ask(gateway, listener, key)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "action_forbidden"
        provider.call_tools(ToolCall("look", {"path": "rm -rf /"}), text="I look.")
        streamed = ask(gateway, listener, key, stream=True)
        assert "may not call tool 'look'" in streamed.text
        assert "rm -rf" not in streamed.text
        answers += [answer, streamed]

    rows = recorded(gateway, answers, "--agent", "planner", "--decision", "SKIP")
    assert [row["action"] for row in rows] == ["tool:executeShell", "tool:look"] * 2


def test_a_tool_that_is_forbidden_is_not_offered_either(gateway: Gateway, scripted: Scripted) -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("ssh", "look")]
    answer = ask(gateway, "llm", PLANNER, tools=tools, tool_choice="auto")
    assert answer.status_code == 200
    assert [tool["function"]["name"] for tool in scripted.chat.last.json()["tools"]] == ["look"]
    assert ask(gateway, "llm", TEAM, tools=tools).status_code == 200
    assert len(scripted.chat.last.json()["tools"]) == 2, "another client's tools are its own"

    with anthropic_client(gateway.url("llm"), key=PLANNER) as client:
        client.messages.create(
            model="anthropic/claude-sonnet-4-5",
            max_tokens=10,
            messages=PLAN,  # type: ignore[arg-type]
            tools=[{"name": "ssh", "input_schema": {"type": "object"}}],
        )
    assert "tools" not in scripted.messages.last.json()
    assert [row["reason"] for row in recorded(gateway, [answer], "--agent", "planner")] == ["not offered: ssh"]


def test_a_spent_error_budget_suspends_until_it_is_restored(gateway: Gateway, scripted: Scripted) -> None:
    for _ in range(3):
        scripted.chat.fail(500)
        assert ask(gateway, "llm", COUNTED).status_code == 500

    assert soon(lambda: refuses(lambda: ask(gateway, "llm", COUNTED)))
    assert ask(gateway, "llm", COUNTED).json()["error"]["code"] == "agent_suspended"
    assert ask(gateway, "llm", COUNTED, tenant="red").status_code == 200, "another tenant's budget is whole"
    row = next(
        row for row in json.loads(gateway.cli("agents", "--json").stdout)
        if (row["agent"], row["tenant"]) == ("counted", None)
    )  # fmt: skip
    assert (row["standing"], row["errors"]) == ("suspended", 3)
    assert row["heartbeat"] is not None
    assert gateway.cli("agents", "restore", "counted").returncode == 0
    assert soon(lambda: everywhere(lambda: ask(gateway, "llm", COUNTED).status_code) == {200})


def test_low_confidence_is_an_error_and_escalates(gateway: Gateway, scripted: Scripted) -> None:
    said = {"action": "plan", "decision": "EXECUTE", "confidence": 0.2, "side_effects": ["generate_plan"]}
    before, answers = errors_of(gateway, "planner"), []
    for is_stream in (False, True):
        scripted.planner.say(json.dumps(said))
        answers.append(ask(gateway, "alone", TEAM, stream=is_stream))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert soon(lambda: errors_of(gateway, "planner") == before + 2)
    for row in recorded(gateway, answers, "--agent", "planner"):
        assert (row["decision"], row["confidence"], row["side_effects"]) == ("ESCALATE", 0.2, ["generate_plan"])


def errors_of(gateway: Gateway, agent: str) -> int:
    rows = json.loads(gateway.cli("agents", "--json").stdout)
    return int(next(row["errors"] for row in rows if row["agent"] == agent and row["tenant"] is None))


def test_limits_are_an_agents_own_and_a_tenants_own(gateway: Gateway, scripted: Scripted) -> None:
    statuses = [ask(gateway, "llm", LIMITED, tenant="green").status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    refused = ask(gateway, "llm", LIMITED, tenant="green")
    assert "the limit of 2 calls per 600 s of agent 'limited'" in refused.json()["error"]["message"]
    assert ask(gateway, "llm", LIMITED, tenant="yellow").status_code == 200


def test_tenants_never_mix(gateway: Gateway, scripted: Scripted) -> None:
    revoke(gateway, "planner", "--tenant", "blue")

    assert soon(lambda: refuses(lambda: ask(gateway, "alone", BLUE)))
    assert {ask(gateway, "alone", TEAM).status_code for _ in range(4)} == {200}
    assert {ask(gateway, "alone", TEAM, tenant="blue").status_code for _ in range(4)} == {403}
    assert soon(lambda: bool(ledger(gateway, "--tenant", "blue")))
    wrong = ask(gateway, "alone", BLUE, tenant="red")
    assert wrong.json()["error"]["code"] == "wrong_tenant", "a key's own tenant cannot be left"
    assert {row["tenant"] for row in ledger(gateway, "--tenant", "blue")} == {"blue"}
    assert "blue" not in {row["tenant"] for row in ledger(gateway, "--tenant", "")}


def test_a_row_says_who_did_what_and_what_it_cost(gateway: Gateway, scripted: Scripted) -> None:
    scripted.chat.say("Hi.", usage=Usage(input=1000, output=100))
    answer = httpx.post(
        f"{gateway.url('llm')}/v1/chat/completions",
        json={"model": "gpt-4o", "messages": PLAN},
        headers={
            "authorization": f"Bearer {PLANNER}",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
        timeout=20,
    )
    (row,) = recorded(gateway, [answer], "--agent", "planner")

    assert (row["action"], row["decision"], row["client"]) == ("call_model", "EXECUTE", "planner-key")
    assert (row["model"], row["status"], row["tier"]) == ("openai/gpt-4o", 200, 0)
    assert (row["input_tokens"], row["output_tokens"]) == (1000, 100)
    assert row["usd"] == pytest.approx(1000 * 2.5e-6 + 100 * 10e-6)
    assert row["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def metrics(gateway: Gateway) -> dict[str, float]:
    port = gateway.status()["ports"]["metrics"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("plano_govern"))
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize("mode", ["strict", "batched"])
def test_a_file_is_a_store_for_all_workers_too(services: Scripted, tmp_path: Path, mode: str) -> None:
    text = config(services, "sqlite", on_forbidden="strip", mode=mode)
    for one in (services.planner, services.general, services.chat):
        one.clear()
    with running_gateway(text, environ={}, home=tmp_path / "home", workers=2) as running:
        services.chat.call_tools(ToolCall("ssh"), ToolCall("look"), text="Both.")
        with openai_client(running.url("llm"), key=PLANNER) as client:
            answer = client.chat.completions.create(model="gpt-4o", messages=PLAN)  # type: ignore[arg-type]
        message = answer.choices[0].message
        assert message.content == "Both."
        assert [call.function.name for call in message.tool_calls or ()] == ["look"]  # type: ignore[union-attr]
        count = 1 + sum(ask(running, "llm", PLANNER, stream=at % 2 == 1).status_code == 200 for at in range(20))
        if mode == "strict":
            # Each row was there before its answer had ended.
            with sqlite3.connect(running.home / "state" / "ledger.sqlite") as db:
                assert db.execute("SELECT count(*) FROM ledger WHERE action = 'call_model'").fetchone() == (count,)
        revoke(running, "planner")
        assert soon(lambda: refuses(lambda: ask(running, "llm", PLANNER)))
        assert running.cli("down", "--drain-seconds", "5").returncode == 0

        rows = [
            json.loads(line)
            for line in running.cli("ledger", "export", "--file", str(running.file)).stdout.splitlines()
        ]
        assert sum(row["status"] == 200 for row in rows) >= count, "a stop loses nothing"
        assert [row["action"] for row in rows if row["action"].startswith("tool:")] == ["tool:ssh"]
        assert running.cli("ledger", "verify", "--file", str(running.file)).returncode == 0


@pytest.mark.parametrize("is_open", [False, True])
def test_a_store_that_is_away_means_what_the_file_says(services: Scripted, tmp_path: Path, is_open: bool) -> None:
    with running_redis() as server:
        text = config(services, server.url)
        if is_open:
            text = text.replace("  tenant_header", "  on_store_error: open\n  tenant_header")
        with running_gateway(text, environ={}, home=tmp_path / "home", workers=2) as running:
            assert ask(running, "llm", PLANNER).status_code == 200
            server.stop()
            assert soon(lambda: metrics(running).get('plano_governance_store_failures_total{what="store"}', 0) > 0)
            expected = {200} if is_open else {503}
            assert soon(lambda: everywhere(lambda: ask(running, "llm", PLANNER).status_code) == expected)
            assert everywhere(lambda: ask(running, "llm", PLANNER).status_code) == expected
            if not is_open:
                assert ask(running, "llm", PLANNER).json()["error"]["code"] == "governance_store_unavailable"
            assert ask(running, "llm", TEAM).status_code == 200, "who is not governed asks no store"
            server.start()
            assert soon(lambda: everywhere(lambda: ask(running, "llm", PLANNER).status_code) == {200})


@pytest.mark.timeout(300)
def test_a_thousand_requests_add_up_with_the_metrics(
    services: Scripted, tmp_path: Path, redis_server: RedisServer
) -> None:
    for one in (services.planner, services.general, services.chat):
        one.clear()
    text = config(services, redis_server.url.replace("/0", "/1"), on_forbidden="strip")
    with running_gateway(text, environ={}, home=tmp_path / "home", workers=2) as running:
        headers = {"authorization": f"Bearer {PLANNER}"}
        statuses = []

        def run(number: int) -> None:
            with httpx.Client(headers=headers, timeout=60) as client:
                for at in range(250):
                    body = {"model": "gpt-4o", "messages": PLAN, "stream": at % 3 == 0}
                    listener = "alone" if at % 5 == 0 else "llm"
                    answer = client.post(f"{running.url(listener)}/v1/chat/completions", json=body)
                    statuses.append(answer.status_code)

        for number in range(900, 1000, 7):
            services.chat.call_tools(ToolCall("ssh", {"host": str(number)}))
        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 1000
        # On the agents' listener the planner's key calls and the planner serves: two rows. And 15 calls are refused.
        assert soon(lambda: len(running.cli("ledger", "export").stdout.splitlines()) >= 1215)
        rows = [json.loads(line) for line in running.cli("ledger", "export").stdout.splitlines()]
        answers = [row for row in rows if not row["action"].startswith("tool:")]
        assert len(answers) == 1200
        assert soon(lambda: sum(v for k, v in metrics(running).items() if "decisions_total" in k) == len(rows))
        counted = metrics(running)

        def figure(name: str, **labels: str) -> float:
            wanted = [f'{key}="{value}"' for key, value in labels.items()]
            return sum(v for k, v in counted.items() if k.startswith(name) and all(one in k for one in wanted))

        for action in ("serve", "call_model"):
            for decision in ("EXECUTE", "SKIP", "ERROR"):
                found = [row for row in rows if row["action"] == action and row["decision"] == decision]
                assert figure("plano_governed_decisions_total", action=action, decision=decision) == len(found)
        assert figure("plano_governed_decisions_total", action="tool") == len(rows) - len(answers) == 15
        assert figure("plano_governed_tokens_total", kind="prompt") == sum(row["input_tokens"] for row in rows)
        assert figure("plano_governed_tokens_total", kind="completion") == sum(row["output_tokens"] for row in rows)
        spent = sum(row["nanos"] or 0 for row in rows)
        assert spent > 0
        assert round(figure("plano_governed_cost_usd_total") * 1e9) == spent
        assert running.cli("ledger", "verify").returncode == 0
