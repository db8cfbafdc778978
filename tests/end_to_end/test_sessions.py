"""Sessions through a real gateway: kept by two workers in a Redis, over faults of it, and where prompts are cached."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis
import yaml

from tests.end_to_end.two import KEYS, chat, chat_provider, messages, messages_provider
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
  - {{model: openai/large, base_url: "{chat}", access_key: $CHAT_KEY}}
  - {{model: anthropic/claude, base_url: "{messages}", access_key: $MESSAGES_KEY}}
routing_preferences:
  - name: code
    description: writing functions, classes and programs, such as "write a python function"
    models: [openai/large, openai/small]
  - name: poems
    description: writing poems and songs, such as "write a poem about autumn"
    models: [anthropic/claude]
{more}
"""
CODE = "Write a python function that reverses a linked list."
POEM = "Write a poem about autumn leaves."
Json = dict[str, Any]


def _running(
    chat: ScriptedProvider, messages: ScriptedProvider, more: str, factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), chat=chat.url, messages=messages.url, more=more)
    with running_gateway(text, environ=KEYS, home=factory.mktemp("sessions"), workers=2) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def shared(
    chat_provider: ScriptedProvider,
    messages_provider: ScriptedProvider,
    redis_server: RedisServer,  # noqa: F811 - as pytest names fixtures
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """Two workers that keep their sessions in a Redis, with a budget for switches only by header."""
    more = f"routing: {{session_cache: {{type: redis, url: '{redis_server.url}', tenant_header: x-tenant}}}}"
    yield from _running(chat_provider, messages_provider, more, tmp_path_factory)


@pytest.fixture(scope="module")
def implicit(
    chat_provider: ScriptedProvider, messages_provider: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Two workers that share the memory of their node, with sessions that nobody names."""
    more = (
        "prompt_caching: {enabled: true}\nrouting: {route_on_user_only: true}\n"
        "model_metrics_sources: [{type: cost, provider: file, path: prices.yaml}]"
    )
    yield from _running(chat_provider, messages_provider, more, tmp_path_factory)


@pytest.fixture(scope="module")
def budgeted(
    chat_provider: ScriptedProvider,
    messages_provider: ScriptedProvider,
    redis_server: RedisServer,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """Two workers that share a Redis; reading a conversation from the cache costs half of what the other one takes."""
    prices = tmp_path_factory.mktemp("prices") / "prices.yaml"
    prices.write_text(
        "openai/large: {input: 10, output: 0, cache_read: 1}\nanthropic/claude: {input: 2, output: 0, cache_read: 2}\n"
    )
    more = (
        f"routing: {{session_cache: {{type: redis, url: '{redis_server.url}'}},"
        " routing_budget: {max_switch_spend_pct: 20, on_unknown_price: closed}}\n"
        f"model_metrics_sources: [{{type: cost, provider: file, path: {prices}}}]"
    )
    yield from _running(chat_provider, messages_provider, more, tmp_path_factory)


def ask(gateway: Gateway, *said: Json | str, path: str = "/v1/chat/completions", **headers: str) -> httpx.Response:
    turns = [{"role": "user", "content": one} if isinstance(one, str) else one for one in said]
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{gateway.url()}{path}", json={"messages": turns}, headers=sent, timeout=20)


def served(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["x-plano-model"]


def metric(gateway: Gateway, name: str, **labels: str) -> float:
    """Return the sum of the figures of a name that have these labels."""
    port = gateway.status()["ports"]["metrics"]
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text.splitlines()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith(f"{name}{{") and all(w in line for w in wanted)
    )


def test_a_named_session_keeps_its_model_over_both_workers(
    shared: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    first = ask(shared, CODE, x_model_affinity="s-1")
    later = [ask(shared, POEM, x_model_affinity="s-1") for _ in range(8)]

    assert served(first) == "openai/large"
    assert first.headers["x-plano-route-reason"].endswith("; session: cold")
    assert {served(one) for one in later} == {"openai/large"}
    assert {one.headers["x-plano-route-reason"] for one in later} == {"session: pinned"}
    assert {one.headers["x-plano-route"] for one in later} == {"code"}
    assert served(ask(shared, POEM)) == "anthropic/claude"


def test_what_is_kept_has_the_peers_form(
    shared: Gateway,
    chat: ScriptedProvider,
    redis_server: RedisServer,  # noqa: F811
) -> None:
    ask(shared, CODE, x_model_affinity="s-2", x_tenant="acme")
    client = redis.Redis.from_url(redis_server.url)
    raw = until(lambda: client.get("plano:affinity:acme:s-2"))

    assert isinstance(raw, bytes)
    kept = json.loads(raw)
    assert (kept["anchor_model"], kept["route_name"], kept["requested_model"]) == (
        "openai/large",
        "code",
        "openai/small",
    )
    assert 0 < client.ttl("plano:affinity:acme:s-2") <= 600


def test_a_session_that_plano_has_begun_goes_on(
    shared: Gateway,
    messages: ScriptedProvider,
    redis_server: RedisServer,  # noqa: F811
) -> None:
    begun = {
        "anchor_model": "anthropic/claude",
        "default_model": "anthropic/claude",
        "requested_model": "openai/small",
        "route_name": "poems",
        "cached_tokens": 2000,
        "baseline_usd": 0.0,
        "switch_spend_usd": 0.0,
        "switches": 0,
        "last_used": int(time.time()),
        "history": [],
        "session_cost_usd": 0.0,
    }
    redis.Redis.from_url(redis_server.url).set("plano:affinity:s-9", json.dumps(begun), ex=300)
    answer = ask(shared, CODE, x_model_affinity="s-9")

    assert (served(answer), answer.headers["x-plano-route"]) == ("anthropic/claude", "poems")


def test_tenants_do_not_share_a_session(shared: Gateway, chat: ScriptedProvider, messages: ScriptedProvider) -> None:
    ask(shared, CODE, x_model_affinity="s-3", x_tenant="one")

    assert served(ask(shared, POEM, x_model_affinity="s-3", x_tenant="two")) == "anthropic/claude"
    assert served(ask(shared, POEM, x_model_affinity="s-3", x_tenant="one")) == "openai/large"


def test_a_session_goes_on_with_the_model_that_answered(
    shared: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    chat.fail(503)
    first = ask(shared, CODE, x_model_affinity="s-4")

    assert (served(first), first.headers["x-plano-attempts"]) == ("openai/small", "2")
    assert until(lambda: served(ask(shared, CODE, x_model_affinity="s-4")) == "openai/small")


def test_a_header_may_say_what_switches_may_cost(
    shared: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    wrong = ask(shared, CODE, x_plano_max_switch_spend_pct="101")
    unpriced = [ask(shared, text, x_model_affinity="s-5", x_plano_max_switch_spend_pct="20") for text in (CODE, POEM)]

    assert wrong.status_code == 400
    assert wrong.json()["error"]["code"] == "invalid_header"
    assert "between 0 and 100" in wrong.json()["error"]["message"]
    assert served(unpriced[1]) == "anthropic/claude"
    assert unpriced[1].headers["x-plano-route-reason"].endswith("session: no_pricing")


def test_a_question_about_routes_decides_for_the_next_request(
    shared: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    told = ask(shared, CODE, path="/routing/v1/chat/completions", x_model_affinity="s-6").json()
    again = ask(shared, POEM, path="/routing/v1/chat/completions", x_model_affinity="s-6").json()

    assert told["models"] == ["openai/large", "openai/small"]
    assert (told["route"], told["session_id"], told["pinned"], told["switched"]) == ("code", "s-6", False, False)
    assert told["reasons"][0].startswith("lexical 'code'")
    assert told["scores"]["code"] > 0.5
    assert (again["models"], again["pinned"], again["reasons"]) == (["openai/large"], True, ["session: pinned"])
    assert served(ask(shared, POEM, x_model_affinity="s-6")) == "openai/large"
    assert (len(chat.requests), len(messages.requests)) == (1, 0)


def test_a_redis_that_goes_away_and_returns_stops_nobody(
    shared: Gateway,
    chat: ScriptedProvider,
    messages: ScriptedProvider,
    redis_server: RedisServer,  # noqa: F811
) -> None:
    before = metric(shared, "brightstaff_session_cache_events_total", outcome="error")
    redis_server.stop()
    try:
        lost = [served(ask(shared, text, x_model_affinity="s-7")) for text in (CODE, POEM, CODE, POEM)]
    finally:
        redis_server.start()

    assert lost == ["openai/large", "anthropic/claude"] * 2
    assert until(lambda: metric(shared, "brightstaff_session_cache_events_total", outcome="error") - before >= 4)
    assert until(
        lambda: served(ask(shared, CODE, x_model_affinity="s-8")) == served(ask(shared, POEM, x_model_affinity="s-8"))
    )


def test_a_conversation_that_nobody_names_is_known_by_its_beginning(
    implicit: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    system = {"role": "system", "content": "Be brief."}
    answer = {"role": "assistant", "content": "def f(): ..."}
    first = ask(implicit, system, CODE)
    second = [ask(implicit, system, CODE, answer, POEM) for _ in range(4)]
    without = ask(implicit, system, CODE, answer, POEM, x_plano_cache="off")

    assert served(first) == "openai/large"
    assert {served(one) for one in second} == {"openai/large"}
    assert served(without) == "anthropic/claude"


def test_marks_are_placed_for_the_one_who_serves(
    implicit: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    system = {"role": "system", "content": "You write poems. " * 400}

    assert served(ask(implicit, system, POEM)) == "anthropic/claude"
    assert served(ask(implicit, system, CODE)) == "openai/large"
    ask(implicit, system, POEM, x_plano_cache="off")
    marked, off = (one.json() for one in messages.requests)
    assert marked["system"][-1]["cache_control"] == {"type": "ephemeral"}
    assert marked["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert b"cache_control" not in json.dumps(off).encode()
    assert b"cache_control" not in chat.last.body


def test_a_candidate_behind_the_first_gets_its_marks_too(
    implicit: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    preference = {"name": "code", "description": "writing functions", "models": ["openai/large", "anthropic/claude"]}
    said = [{"role": "system", "content": "You write code. " * 400}, {"role": "user", "content": CODE}]
    body = {"messages": said, "routing_preferences": [preference]}
    for cache in ("on", "off"):
        chat.fail(503)
        answer = httpx.post(
            f"{implicit.url()}/v1/chat/completions", json=body, headers={"x-plano-cache": cache}, timeout=20
        )
        assert served(answer) == "anthropic/claude"

    assert b"cache_control" in messages.requests[0].body
    assert b"cache_control" not in messages.requests[1].body


def thousand(chat: ScriptedProvider, times: int) -> None:
    """Have the next answers say that their prompts had a thousand tokens."""
    for _ in range(times):
        chat.say("Fine.", usage=Usage(input=1000, output=1))


def reason(answer: httpx.Response) -> str:
    """Return what the session decided."""
    return answer.headers["x-plano-route-reason"].rpartition("; session: ")[2]


def test_a_switch_waits_until_the_budget_covers_it(
    budgeted: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    thousand(chat, 5)
    answers = [ask(budgeted, CODE, x_model_affinity="b-1")]
    for _ in range(5):
        assert until(lambda: kept(budgeted, "b-1")["cached_tokens"] == 1000)
        answers.append(ask(budgeted, POEM, x_model_affinity="b-1"))

    assert [reason(one) for one in answers] == ["cold", *["over_cap"] * 4, "within_cap"]
    assert [served(one) for one in answers] == [*["openai/large"] * 5, "anthropic/claude"]
    assert kept(budgeted, "b-1")["switch_spend_usd"] == pytest.approx(0.001)


def test_turns_at_once_are_all_counted(budgeted: Gateway, chat: ScriptedProvider, messages: ScriptedProvider) -> None:
    thousand(chat, 9)
    ask(budgeted, CODE, x_model_affinity="b-2")
    assert until(lambda: kept(budgeted, "b-2")["cached_tokens"] == 1000)

    with ThreadPoolExecutor(8) as pool:
        turns = [
            pool.submit(ask, budgeted, POEM, x_model_affinity="b-2", x_plano_max_switch_spend_pct="0") for _ in range(8)
        ]
        reasons = {reason(turn.result()) for turn in turns}

    assert reasons == {"over_cap"}
    assert kept(budgeted, "b-2")["baseline_usd"] == pytest.approx(8 * 0.001)


def test_a_closed_budget_refuses_switches_without_a_price(
    budgeted: Gateway, chat: ScriptedProvider, messages: ScriptedProvider
) -> None:
    preference = {"name": "sums", "description": 'adding numbers, such as "add 1 and 2"', "models": ["openai/small"]}
    ask(budgeted, CODE, x_model_affinity="b-3")
    body = {"messages": [{"role": "user", "content": "add 1 and 2"}], "routing_preferences": [preference]}
    answer = httpx.post(
        f"{budgeted.url()}/v1/chat/completions", json=body, headers={"x-model-affinity": "b-3"}, timeout=20
    )

    assert (served(answer), reason(answer)) == ("openai/large", "no_pricing")


def kept(gateway: Gateway, session: str) -> Json:
    """Return what the Redis holds of a session."""
    url = yaml.safe_load(gateway.file.read_text())["routing"]["session_cache"]["url"]
    raw = redis.Redis.from_url(url).get(f"plano:affinity:{session}")
    assert isinstance(raw, bytes)
    found: Json = json.loads(raw)
    return found
