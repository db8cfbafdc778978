"""Which model serves, event by event: sessions, pools and preferences without Envoy."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import orjson
import pytest

from plano_extproc.gateway import Exchange
from plano_extproc.gateway import gateway as assembled
from plano_extproc.gateway.actions import Action, Continue, Reply
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.drive import run
from plano_extproc.gateway.events import RequestBody, RequestHeaders, ResponseHeaders
from plano_extproc.gateway.routing import step as route
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.tries.chain import Chain
from plano_extproc.gateway.work import Work
from plano_extproc.stores import MemoryStore, SharedStore, StoreError
from plano_extproc.telemetry import figures
from tests.gateway.support import Counts, gateway

CONFIG = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: openai/small, access_key: a, default: true}
  - {model: openai/large, access_key: a}
  - {model: openai/large, access_key: b, name: second, weight: 3}
  - {model: groq/large, access_key: c}
  - {model: anthropic/claude, access_key: d}
  - {model: openai/private, access_key: e, name: mine}
model_aliases: {quick: {target: openai/small}}
routing_preferences:
  - {name: code, description: 'writing functions, such as "write a python function"', models: [mine, openai/small]}
  - {name: poems, description: 'writing poems, such as "write a poem"', models: [anthropic/claude]}
"""
CODE, POEM = "Write a python function.", "Write a poem."
Json = dict[str, Any]


class Broken(MemoryStore):
    """A store that is away."""

    async def get(self, key: str) -> bytes | None:
        raise StoreError("away")


class Place:
    """A gateway whose background work is done at once, at a time that the test sets."""

    def __init__(self, text: str = CONFIG, *, store: SharedStore | None = None) -> None:
        self.store = store or MemoryStore(now=lambda: self.now)
        self.now = 1_700_000_000.0
        self.draw = 0.0
        self.counts = Counts()
        made = gateway(text)
        ports = replace(
            made.ports,
            metrics=self.counts,
            bindings=lambda _: self.store,
            background=_done,
            now=lambda: self.now,
            random=lambda: self.draw,
        )
        self.gateway = assembled(made.config, generation=1, ports=ports)

    def ask(self, *said: Json | str, status: int = 200, attempts: int = 1, **sent: Any) -> dict[str, str]:
        """Ask for an answer, and return the headers that explain it; `status` 0 is no answer yet."""
        headers = {":path": b"/v1/chat/completions", ":method": b"POST"}
        names = [name for name in sent if name.startswith("x_")]
        headers |= {name.replace("_", "-"): sent.pop(name).encode() for name in names}
        messages = [{"role": "user", "content": one} if isinstance(one, str) else one for one in said]
        exchange = Exchange(self.gateway, "models")
        _now(exchange.handle(RequestHeaders(headers, end_of_stream=False)))
        body = orjson.dumps({"messages": messages, **sent})
        action = _now(exchange.handle(RequestBody(body, end_of_stream=True)))
        if isinstance(action, Reply):
            exchange.closed()
            return {"status": str(action.status), "message": orjson.loads(action.body)["error"]["message"]}
        answered = {":status": b"%d" % status, "x-plano-attempts": b"%d" % attempts}
        explained = _now(exchange.handle(ResponseHeaders(answered, end_of_stream=False)))
        exchange.closed()
        assert isinstance(explained, Continue)
        set_ = explained.changes.set if explained.changes else ()
        return {name: value.decode() for name, value in (*set_, *explained.extra)}

    def served(self, *said: Json | str, **sent: Any) -> str:
        """Ask, and return who answered."""
        return self.ask(*said, **sent)["x-plano-model"]

    def tried(self, model: str, session: str) -> list[str]:
        """Ask in a session, and return the accounts in the order in which they would be tried."""
        ask = Ask("models", Surface("openai.chat"), {"x-model-affinity": session.encode()}, "")
        work = Work(ask, b"", {"model": model, "messages": [{"role": "user", "content": "hi"}]})

        async def waited(question: Any) -> Any:
            return await question.make()

        plans = asyncio.run(run(route.model(self.gateway, work), waited))
        assert isinstance(plans, Chain)
        return [plan.choice.provider.headers["x-account"] for plan in plans.tries]

    def counted(self, outcome: str) -> int:
        """Return how often sessions were looked up with an outcome."""
        return self.counts.counted.count((figures.SESSION_CACHE, (outcome,)))


def _done(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def _now(action: Any) -> Action:
    if not isinstance(action, (Continue, Reply)):
        action = asyncio.run(_awaited(action))
    assert isinstance(action, (Continue, Reply))
    return action


async def _awaited(action: Any) -> Action:
    found: Action = await action
    return found


def test_a_session_keeps_its_place_in_a_pool() -> None:
    place = Place(CONFIG.partition("routing_preferences")[0])
    first = {name: place.served("hi", model="large", x_model_affinity=name) for name in map(str, range(40))}
    place.draw = 0.99

    assert set(first.values()) == {"openai/large", "groq/large"}
    assert {name: place.served("hi", model="large", x_model_affinity=name) for name in first} == first


TWINS = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: openai/large, access_key: a, headers: {x-account: one}}
  - {model: openai/large, access_key: b, headers: {x-account: two}}
  - {model: groq/large, access_key: c, headers: {x-account: three}}
"""


def test_a_session_keeps_its_account_and_has_the_pool_behind_it() -> None:
    place = Place(TWINS)
    first = {name: place.tried("large", name) for name in map(str, range(12))}
    again = {name: place.tried("large", name) for name in first}

    assert {order[0] for order in first.values()} == {"one", "two", "three"}
    assert {name: order[0] for name, order in again.items()} == {name: order[0] for name, order in first.items()}
    assert all(sorted(order) == ["one", "three", "two"] for order in (*first.values(), *again.values()))


def test_an_entry_with_a_name_of_its_own_is_kept_by_that() -> None:
    place = Place()
    answers = [place.ask(CODE, x_model_affinity="s"), place.ask(POEM, x_model_affinity="s")]

    assert [one["x-plano-model"] for one in answers] == ["openai/private"] * 2
    assert [one["x-plano-route"] for one in answers] == ["code"] * 2


def test_a_lane_is_the_model_that_is_meant_by_any_of_its_names() -> None:
    place = Place()
    place.ask(CODE, model="quick", x_model_affinity="s")

    assert place.served(POEM, model="openai/small", x_model_affinity="s") == "openai/private"
    assert place.served(POEM, model="groq/large", x_model_affinity="s") == "anthropic/claude"


def test_a_session_that_was_idle_too_long_begins_anew() -> None:
    place = Place()
    place.ask(CODE, x_model_affinity="s")
    place.now += 599
    kept = place.ask(POEM, x_model_affinity="s")
    place.now += 601

    assert kept["x-plano-route-reason"] == "session: pinned"
    assert place.ask(POEM, x_model_affinity="s")["x-plano-route-reason"].endswith("session: cold")


def test_a_model_that_cools_down_is_left() -> None:
    place = Place()
    place.ask(CODE, x_model_affinity="s")
    for _ in range(3):
        place.ask(CODE, status=500, x_model_affinity="s")
    left = place.ask(POEM, x_model_affinity="s")

    assert left["x-plano-model"] == "anthropic/claude"
    assert left["x-plano-route-reason"].endswith("session: unavailable")


TOOL = {"role": "tool", "tool_call_id": "1", "content": "42"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


def test_a_tools_answer_repeats_the_decision_of_the_users_turn() -> None:
    place = Place(CONFIG + "routing: {route_on_user_only: true}\n")
    place.ask(CODE)
    loop = place.ask(CODE, CALL, TOOL)
    reminded = place.ask(CODE, CALL, TOOL, "<system-reminder>mind the poem</system-reminder>")
    spoken = place.ask(CODE, CALL, TOOL, POEM)

    assert [one["x-plano-model"] for one in (loop, reminded)] == ["openai/private"] * 2
    assert loop["x-plano-route-reason"] == "session: not_user_turn"
    assert spoken["x-plano-model"] == "anthropic/claude"


def test_an_answer_that_failed_leaves_the_session_as_it_was() -> None:
    place = Place()
    place.ask(CODE, status=400, x_model_affinity="s")

    assert place.served(POEM, x_model_affinity="s") == "openai/private"


def test_a_store_that_is_away_is_counted_and_stops_nobody() -> None:
    place = Place(store=Broken())

    assert [place.served(text, x_model_affinity="s") for text in (CODE, POEM)] == ["openai/private", "anthropic/claude"]
    assert place.counted("error") == 2


def test_a_store_that_is_away_refuses_where_the_file_says_so() -> None:
    place = Place(CONFIG + "routing: {session_cache: {type: memory, on_error: closed}}\n", store=Broken())
    refused = place.ask(CODE, x_model_affinity="s")

    assert refused["status"] == "503"
    assert "store of sessions" in refused["message"]
    assert place.served(CODE) == "openai/private"


@pytest.mark.parametrize("given", ["-1", "100.1", "nan", "many", ""])
def test_a_percentage_that_is_none_is_refused(given: str) -> None:
    refused = Place().ask(CODE, x_plano_max_switch_spend_pct=given)

    assert refused["status"] == "400"
    assert "between 0 and 100" in refused["message"]


def test_a_name_that_no_header_can_hold_is_made_one() -> None:
    preference = {"name": "gödel\r\nx: y", "description": 'logic, such as "is it true"', "models": ["quick"]}
    answer = Place().ask("Is it true?", routing_preferences=[preference])

    assert answer["x-plano-route"] == "g?del??x: y"
    assert all(" " <= letter <= "~" for value in answer.values() for letter in value)


def test_what_stands_behind_a_session_is_its_route() -> None:
    place = Place()
    place.ask(CODE, x_model_affinity="s")
    answer = place.ask(POEM, attempts=2, x_model_affinity="s")

    assert answer["x-plano-model"] == "openai/small"
    assert place.served(POEM, x_model_affinity="s") == "openai/small"


CLIENTS = """
clients:
  - {id: team, key: key-team, models: ["openai/small", "anthropic/*"]}
"""


def test_a_client_gets_of_a_route_what_it_may_use() -> None:
    place = Place(CONFIG + CLIENTS)
    own = {"name": "sums", "description": 'adding, such as "add 1 and 2"', "models": ["groq/large"]}

    assert place.served(CODE, x_api_key="key-team") == "openai/small"
    refused = place.ask("add 1 and 2", routing_preferences=[own], x_api_key="key-team")
    assert refused["status"] == "403"
    assert "may not use model 'groq/large'" in refused["message"]


def test_a_question_leaves_no_trace_where_it_found_nothing() -> None:
    place = Place()
    exchange = Exchange(place.gateway, "models")
    headers = {":path": b"/routing/v1/chat/completions", ":method": b"POST", "x-model-affinity": b"s"}
    _now(exchange.handle(RequestHeaders(headers, end_of_stream=False)))
    body = orjson.dumps({"model": "nobody", "messages": [{"role": "user", "content": "Who won in 1998?"}]})
    told = _now(exchange.handle(RequestBody(body, end_of_stream=True)))

    assert isinstance(told, Reply)
    assert orjson.loads(told.body)["models"] == ["none"]
    assert orjson.loads(told.body)["reasons"][-1] == "session: no_route"
    assert asyncio.run(place.store.get("plano:affinity:s")) is None
