"""What an answer cost that the sidecar does not see: Envoy reads it, and tells at the end."""

import json
from collections.abc import Iterator
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


def usage(gateway: Gateway) -> dict[str, dict[str, float]]:
    found = gateway.cli("usage", "--by", "client", "--json")
    assert found.returncode == 0, found.stderr
    return {row["client"]: row for row in json.loads(found.stdout)["rows"]}
