"""Models that the gateway itself asks for a request, such as a router: the client of the request pays for them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.reply import Usage
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {llm}}}
  - {{type: model, name: mindful, port: {mindful}, memory: {{retrieve: 1, extract: openai/gpt-4.1}}}}
  - type: agent
    name: team
    port: {team}
    agents:
      - {{id: weather, description: "weather forecasts, temperature and rain"}}
      - {{id: flights, description: "flight status, flight bookings, airports"}}
agents:
  - {{id: weather, url: "{agent}"}}
  - {{id: flights, url: "{agent}"}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: k, default: true}}
  - {{model: anthropic/claude-haiku-4-5, base_url: "{router}", access_key: k}}
  - {{model: openai/gpt-4o-mini, base_url: "{moderator}", access_key: k}}
  - {{model: openai/gpt-4.1, base_url: "{memory}", access_key: k}}
routing_preferences:
  - {{name: code, description: writing functions and programs, models: [openai/gpt-4o]}}
  - {{name: poems, description: writing poems and songs, models: [openai/gpt-4o]}}
prompt_guards: {{input_guards: {{moderation: {{model: openai/gpt-4o-mini}}}}}}
overrides:
  llm_routing_model: anthropic/claude-haiku-4-5
  agent_orchestration_model: anthropic/claude-haiku-4-5
  router_timeout: 20s
clients:
  - {{id: plain, key: key-plain}}
  - {{id: mindful, key: key-mindful}}
  - {{id: team, key: key-team}}
  - {{id: broken, key: key-broken}}
  - {{id: curious, key: key-curious}}
  - {{id: asker, key: key-asker, ratelimit: {{requests: 2, per: hour}}}}
  - {{id: few, key: key-few, ratelimit: {{requests: 2, per: hour}}}}
  - {{id: brief, key: key-brief, ratelimit: {{tokens: 5000, per: hour}}}}
  - {{id: poor, key: key-poor, budget: {{usd: 0.0094, per: month}}}}
ratelimits:
  - {{model: openai/gpt-4o, selector: {{key: x-user, value: often}}, limit: {{requests: 2, unit: hour}}}}
"""
HELLO: Any = [{"role": "user", "content": "Write a python function that reverses a list."}]
ROUTED = '{"route": ["code"]}'
HARMLESS = '{"score": 0.0}'


@dataclass(frozen=True, slots=True)
class Stand:
    """A gateway and the models behind it, each at a provider of its own."""

    gateway: Gateway
    chat: ScriptedProvider
    router: ScriptedProvider
    moderator: ScriptedProvider
    memory: ScriptedProvider

    def script(self, *, route: str = ROUTED, read: int = 100) -> None:
        """Prepare one request, whose router reads so many tokens."""
        self.router.say(route, usage=Usage(read, 10))
        self.moderator.say(HARMLESS, usage=Usage(50, 5))
        self.chat.say("Here.", usage=Usage(20, 30))

    def ask(
        self, key: str, *, listener: str = "llm", path: str = "/v1/chat/completions", user: str = ""
    ) -> httpx.Response:
        """Send a request that names no model."""
        headers = {"x-plano-key": f"key-{key}", "x-user": user}
        return httpx.post(self.gateway.url(listener) + path, json={"messages": HELLO}, headers=headers, timeout=60)

    def usage(self, by: str, *, of: str | None = None) -> dict[str, dict[str, float]]:
        """Return the rows of `planoai usage`, of one client where it is named."""
        found = self.gateway.cli("usage", "--by", by, "--json", *(("--client", of) if of else ()))
        assert found.returncode == 0, found.stderr
        return {row[by]: row for row in json.loads(found.stdout)["rows"]}

    def metrics(self) -> str:
        """Return the metrics of all workers."""
        return httpx.get(f"http://127.0.0.1:{self.gateway.status()['ports']['metrics']}/metrics", timeout=20).text


@pytest.fixture(scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with (
        ScriptedProvider("openai.chat", is_strict=False) as chat,
        ScriptedProvider("anthropic.messages", is_strict=False) as router,
        ScriptedProvider("openai.chat", is_strict=False) as moderator,
        ScriptedProvider("openai.chat", is_strict=False) as memory,
    ):
        text = CONFIG.format(
            llm=free_port(),
            mindful=free_port(),
            team=free_port(),
            chat=chat.url,
            router=router.url,
            moderator=moderator.url,
            memory=memory.url,
            agent=f"http://127.0.0.1:{chat.port}",
        )
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("behalf"), workers=2) as gateway:
            yield Stand(gateway, chat, router, moderator, memory)


@pytest.fixture
def stand(_stand: Stand) -> Stand:
    for provider in (_stand.chat, _stand.router, _stand.moderator, _stand.memory):
        provider.clear()
    return _stand


def figures(row: dict[str, float]) -> tuple[float, ...]:
    return row["requests"], row["calls"], row["input_tokens"], row["output_tokens"]


# Dollars for 100 + 10, 50 + 5 and 20 + 30 tokens, by the prices of the three models for a million.
ROUTER_USD, MODERATOR_USD, ANSWER_USD = 150e-6, 10.5e-6, 350e-6


def test_a_client_pays_for_what_is_asked_on_its_behalf(stand: Stand) -> None:
    stand.script()

    assert stand.ask("plain").status_code == 200

    found = until(lambda: (row := stand.usage("client").get("plain")) and row["requests"] and row)
    assert found
    assert figures(found) == (1, 2, 170, 45)
    assert found["usd"] == pytest.approx(ROUTER_USD + MODERATOR_USD + ANSWER_USD)
    purposes = stand.usage("purpose", of="plain")
    assert {name: figures(row) for name, row in purposes.items()} == {
        "request": (1, 0, 20, 30),
        "router": (0, 1, 100, 10),
        "moderation": (0, 1, 50, 5),
    }
    spent = 'plano_cost_usd_total{client="plain",model="claude-haiku-4-5",provider="anthropic"}'
    # A worker counts once a second.
    assert until(
        lambda: any(
            line.startswith(spent) and float(line.rsplit(" ", 1)[1]) == pytest.approx(ROUTER_USD)
            for line in stand.metrics().splitlines()
        )
    )


def test_what_is_remembered_of_a_user_is_charged_after_the_answer(stand: Stand) -> None:
    stand.script()
    stand.memory.say('{"facts": []}', usage=Usage(70, 7))

    assert stand.ask("mindful", listener="mindful").status_code == 200

    found = until(lambda: stand.usage("purpose", of="mindful").get("memory"))
    assert found
    assert figures(found) == (0, 1, 70, 7)


def test_a_model_that_chooses_agents_is_charged(stand: Stand) -> None:
    stand.script(route='{"route": ["flights"]}')

    assert stand.ask("team", listener="team").headers["x-plano-agent"] == "flights"

    found = until(lambda: stand.usage("purpose", of="team").get("router"))
    assert found
    assert figures(found) == (0, 1, 100, 10)


def test_a_router_may_take_as_long_as_the_file_says(stand: Stand) -> None:
    stand.router.after(3)
    stand.script()

    assert stand.ask("plain").headers["x-plano-route"] == "code"


def test_a_call_that_fails_is_counted_and_costs_nothing(stand: Stand) -> None:
    stand.router.fail(503)
    stand.moderator.say(HARMLESS, usage=Usage(50, 5))

    assert stand.ask("broken").status_code == 200

    found = until(lambda: (rows := stand.usage("purpose", of="broken")) and "request" in rows and rows)
    assert found
    assert "router" not in found
    answers = 'brightstaff_llm_upstream_requests_total{error_class="none",model="claude-haiku-4-5",provider="anthropic"'
    assert until(lambda: f'{answers},status_class="5xx"}} 1.0' in stand.metrics())


def test_a_router_spends_the_budget_and_is_not_asked_once_it_is_spent(stand: Stand) -> None:
    """The router costs 9,050 millionths of a dollar and the answer 350, which the budget has room for just once."""
    stand.script(read=9000)

    assert stand.ask("poor").status_code == 200

    def refused() -> httpx.Response | None:
        found = stand.ask("poor")
        return found if found.status_code == 429 else None

    answer = until(refused)
    assert answer is not None
    assert answer.json()["error"]["code"] == "insufficient_quota"
    asked = len(stand.router.requests), len(stand.moderator.requests)
    assert stand.ask("poor").status_code == 429
    assert stand.ask("poor", path="/routing/v1/chat/completions").status_code == 429
    assert (len(stand.router.requests), len(stand.moderator.requests)) == asked


def test_a_routers_tokens_count_against_a_limit_of_tokens(stand: Stand) -> None:
    stand.script(read=6000)

    assert stand.ask("brief").status_code == 200

    assert until(lambda: stand.ask("brief").status_code == 429)


def test_calls_on_behalf_of_a_request_are_no_requests_of_the_client(stand: Stand) -> None:
    statuses = []
    for _ in range(3):
        stand.script()
        statuses.append(stand.ask("few").status_code)

    assert statuses == [200, 200, 429]


def test_a_question_about_routes_is_a_request_and_its_router_is_paid_for(stand: Stand) -> None:
    stand.script()

    assert stand.ask("curious", path="/routing/v1/chat/completions").json()["models"] == ["openai/gpt-4o"]

    found = until(lambda: stand.usage("purpose", of="curious").get("router"))
    assert found
    assert figures(found) == (0, 1, 100, 10)


@pytest.mark.parametrize(("key", "user"), [("asker", ""), ("curious", "often")], ids=["client", "model and header"])
def test_questions_are_limited_like_requests(stand: Stand, key: str, user: str) -> None:
    answers = []
    for _ in range(3):
        stand.script()
        answers.append(stand.ask(key, path="/routing/v1/messages", user=user))

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].json()["error"]["type"] == "rate_limit_error"
    assert int(answers[2].headers["retry-after"]) > 60
    # A limit of the client is known before the router is asked, one of the model only after.
    assert len(stand.router.requests) == (2 if key == "asker" else 3)
