"""What an answer cost that the sidecar does not see: Envoy reads it, and tells at the end."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.http_server import Data, End, Head, Hold
from tests.support.ports import free_port
from tests.support.reply import Reply, Usage
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/chat, base_url: "{chat}", access_key: $KEY}}
  - {{model: anthropic/messages, base_url: "{messages}", access_key: $KEY}}
  - {{model: openai/responses, base_url: "{responses}", access_key: $KEY}}
  - {{model: openai/first, base_url: "{chat}", access_key: $KEY, retry_policy: {{fallback_models: [openai/chat]}}}}
clients:
  - {{id: chat, key: key-chat}}
  - {{id: chat-stream, key: key-chat-stream}}
  - {{id: messages, key: key-messages}}
  - {{id: messages-stream, key: key-messages-stream}}
  - {{id: responses, key: key-responses}}
  - {{id: responses-stream, key: key-responses-stream}}
  - {{id: chain, key: key-chain}}
  - {{id: chain-stream, key: key-chain-stream}}
  - {{id: hasty, key: key-hasty}}
  - {{id: chat-done, key: key-chat-done}}
  - {{id: messages-done, key: key-messages-done}}
  - {{id: responses-done, key: key-responses-done}}
  - {{id: chain-done, key: key-chain-done}}
  - {{id: leaving, key: key-leaving}}
"""
HELLO: Any = [{"role": "user", "content": "Hello"}]
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat/completions", {"model": "openai/chat", "messages": HELLO}),
    "messages": ("messages", {"model": "anthropic/messages", "messages": HELLO, "max_tokens": 9}),
    "responses": ("responses", {"model": "openai/responses", "input": "Hello"}),
    "chain": ("chat/completions", {"model": "openai/first", "messages": HELLO}),
}


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, ScriptedProvider]]:
    with (
        ScriptedProvider("openai.chat", key="k") as chat,
        ScriptedProvider("anthropic.messages", key="k") as messages,
        ScriptedProvider("openai.responses", key="k") as responses,
    ):
        yield {"chat": chat, "messages": messages, "responses": responses, "chain": chat}


@pytest.fixture(scope="module")
def gateway(providers: dict[str, ScriptedProvider], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), **{name: one.url for name, one in providers.items()})
    with running_gateway(text, environ={"KEY": "k"}, home=tmp_path_factory.mktemp("passing"), workers=2) as running:
        yield running


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("what", ASKED)
def test_envoy_tells_what_an_answer_cost(
    gateway: Gateway, providers: dict[str, ScriptedProvider], what: str, is_stream: bool
) -> None:
    cached = {"cached": 30, "written": 10} if what == "messages" else {"cached": 30}
    providers[what].say("one two three", usage=Usage(input=60, output=17, **cached))
    path, body = ASKED[what]
    body = body | {"stream": is_stream}
    if is_stream and path == "chat/completions":
        body["stream_options"] = {"include_usage": True}
    key = what + ("-stream" if is_stream else "")
    answer = httpx.post(f"{gateway.url()}/v1/{path}", json=body, headers={"x-plano-key": f"key-{key}"}, timeout=20)
    assert answer.status_code == 200
    assert "one" in answer.text
    assert not [name for name in answer.headers if "trailer" in name]
    seen = dict(providers[what].last.headers)
    assert "x-plano-usage" not in seen

    row = until(lambda: usage(gateway).get(key)) or {}
    prompt = 60 + sum(cached.values())
    assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"]) == (prompt, 17, 30)
    entry = gateway.logged(lambda one: one["status"] == 200 and one["path"] == f"/v1/{path}")
    assert entry["way"] in ("bypass", "chain")


def test_a_client_does_not_have_all_of_an_answer_before_its_cost_is_told(
    gateway: Gateway, providers: dict[str, ScriptedProvider]
) -> None:
    """One that had it might leave before a slow worker hears of the cost."""
    chat = providers["chat"]
    gate = chat.gate()
    body = orjson.dumps(chat.dialect.whole(Reply(text="one two three", usage=Usage(60, 17)), ASKED["chat"][1]))
    length = ("content-length", str(len(body)))
    chat.raw(Head(200, (("content-type", "application/json"), length)), Hold(gate), Data(body), End())
    keyed = {"x-plano-key": "key-hasty"}
    with (
        httpx.Client(timeout=20) as client,
        client.stream("POST", f"{gateway.url()}/v1/chat/completions", json=ASKED["chat"][1], headers=keyed) as answer,
        ThreadPoolExecutor(1) as pool,
    ):
        with stopped(gateway):
            gate.set()
            reading = pool.submit(answer.read)
            wait((reading,), timeout=0.5)
            had_all = reading.done()
        assert reading.result() == body
    assert not had_all

    row = until(lambda: usage(gateway).get("hasty")) or {}
    assert (row["input_tokens"], row["output_tokens"]) == (60, 17)


@pytest.mark.parametrize("what", ["chat", "messages", "responses", "chain"])
def test_a_client_that_hangs_up_at_the_last_event_pays_what_it_cost(
    gateway: Gateway, providers: dict[str, ScriptedProvider], what: str
) -> None:
    """OpenAI's SDK and Codex do, and many a provider ends its answer later than that."""
    provider = providers[what]
    path, body = ASKED[what]
    body = body | {"stream": True}
    if path == "chat/completions":
        body["stream_options"] = {"include_usage": True}
    events = list(provider.dialect.stream(Reply(text="one two three", usage=Usage(60, 17)), body))
    provider.stream(events, end="stall")
    url, keyed = f"{gateway.url()}/v1/{path}", {"x-plano-key": f"key-{what}-done"}
    with httpx.stream("POST", url, json=body, headers=keyed, timeout=20) as answer:
        seen = b""
        for piece in answer.iter_bytes():
            seen += piece
            if seen.count(b"data:") == len(events):
                break

    row = until(lambda: usage(gateway).get(f"{what}-done")) or {}
    assert (row["input_tokens"], row["output_tokens"]) == (60, 17)
    entry = gateway.logged(lambda one: one["client_id"] == f"{what}-done")
    assert entry["flags"] == "DC"
    assert entry["output_tokens"] == 17
    port = gateway.status()["ports"]["metrics"]
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    assert 'error="stream"' not in figures


def test_a_client_that_hangs_up_before_the_cost_is_told_pays_by_the_time_it_took(
    gateway: Gateway, providers: dict[str, ScriptedProvider]
) -> None:
    messages = providers["messages"]
    # Under its own name, or its answer would be read to put the asked one in.
    body = ASKED["messages"][1] | {"model": "messages", "stream": True, "max_tokens": 900}
    events = list(messages.dialect.stream(Reply(text="one two three", usage=Usage(60, 17)), body))
    messages.stream(events[:-2], pause=0.2, end="stall")
    url, keyed = f"{gateway.url()}/v1/messages", {"x-plano-key": "key-leaving"}
    with httpx.stream("POST", url, json=body, headers=keyed, timeout=20) as answer:
        next(chunk for chunk in answer.iter_text() if "thre" in chunk)

    row = until(lambda: usage(gateway).get("leaving")) or {}
    assert row["input_tokens"] > 0
    assert 40 <= row["output_tokens"] <= 900


@contextmanager
def stopped(gateway: Gateway) -> Iterator[None]:
    """Hold all workers up for a while."""
    workers = gateway.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def usage(gateway: Gateway) -> dict[str, dict[str, float]]:
    found = gateway.cli("usage", "--by", "client", "--json")
    assert found.returncode == 0, found.stderr
    return {row["client"]: row for row in json.loads(found.stdout)["rows"]}
