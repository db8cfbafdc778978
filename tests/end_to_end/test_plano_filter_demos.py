"""A file in the form of Plano's demos of filters, with scripted services in the place of the real ones."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from tests.support.clients import anthropic_client, openai_client
from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.3.0
agents:
  - {{id: rag_agent, url: "http://127.0.0.1:{agent}"}}
filters:
  - {{id: input_guards, url: "http://127.0.0.1:{service}", type: http}}
  - {{id: query_rewriter, url: "http://127.0.0.1:{service}/rewrite", type: http}}
  - {{id: context_builder, url: "http://127.0.0.1:{mcp}/mcp"}}
  - {{id: pii_anonymizer, url: "http://127.0.0.1:{service}/anonymize", type: http}}
  - {{id: pii_restorer, url: "http://127.0.0.1:{service}/restore", type: http}}
model_providers:
  - {{model: openai/gpt-4o-mini, access_key: $OPENAI_API_KEY, default: true, base_url: "{chat}"}}
  - {{model: anthropic/claude-anonymous, access_key: $ANTHROPIC_API_KEY, base_url: "{messages}"}}
model_aliases:
  fast-llm: {{target: gpt-4o-mini}}
listeners:
  - type: model
    name: models
    address: 127.0.0.1
    port: {models}
    input_filters: [input_guards, pii_anonymizer]
    output_filters: [pii_restorer]
  - type: agent
    name: rag
    address: 127.0.0.1
    port: {rag}
    router: plano_orchestrator_v1
    agents:
      - id: rag_agent
        description: virtual assistant for retrieval augmented generation tasks
        input_filters: [input_guards, query_rewriter, context_builder]
tracing: {{random_sampling: 100}}
"""
ADDRESS = "jane.doe@example.com"


class Service:
    """The HTTP filters: a guard, a rewriter, and an anonymizer that remembers by the request's id."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self.pieces: list[bytes] = []

    def answer(self, request: Recorded) -> Sequence[Action]:
        ident = request.header("x-request-id") or ""
        if request.path.startswith("/rewrite/"):
            return _body(request.body.replace(b"wifi", b"wireless network"))
        if request.path.startswith("/anonymize/"):
            found = re.search(rb"[\w.]+@[\w.]+\w", request.body)
            self._kept[ident] = found[0] if found else b""
            return _body(request.body.replace(found[0], b"[EMAIL_0]") if found else request.body)
        if request.path.startswith("/restore/"):
            self.pieces.append(request.body)
            return _body(request.body.replace(b"[EMAIL_0]", self._kept[ident]))
        if b"poem" in request.body:
            return _body(b'{"error": "out of scope", "detail": "Only questions about the product."}', 400)
        return _body(request.body)


def context_builder(request: Recorded) -> Sequence[Action]:
    """An MCP server with one tool, which adds what it knows and answers with events."""
    asked = request.json()
    ident = asked.get("id")
    if asked["method"] == "initialize":
        result: Any = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "c"}}
        told = orjson.dumps({"jsonrpc": "2.0", "id": ident, "result": result})
        return _body(told, more=(("mcp-session-id", "s-1"),))
    if ident is None:
        return [Head(202, (("content-length", "0"),)), End()]
    assert request.header("mcp-session-id") == "s-1"
    assert asked["params"]["name"] == "context_builder"
    body = asked["params"]["arguments"]["body"]
    body["messages"][-1]["content"] += " Context: the box blinks."
    content = [{"type": "text", "text": orjson.dumps(body).decode()}]
    raw = orjson.dumps({"jsonrpc": "2.0", "id": ident, "result": {"content": content}})
    return _body(b"event: message\ndata: " + raw + b"\n\n", kind="text/event-stream")


def _body(
    raw: bytes, status: int = 200, more: tuple[tuple[str, str], ...] = (), kind: str = "application/json"
) -> list[Action]:
    return [Head(status, (("content-type", kind), ("content-length", str(len(raw))), *more)), Data(raw), End()]


@dataclass(frozen=True)
class Stand:
    """A gateway, and what is behind it."""

    gateway: Gateway
    chat: ScriptedProvider
    messages: ScriptedProvider
    agent: ScriptedProvider
    service: Service


@pytest.fixture(scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    service = Service()
    with (
        ScriptedProvider("openai.chat", key="sk-test") as chat,
        ScriptedProvider("anthropic.messages", key="sk-ant") as messages,
        ScriptedProvider("openai.chat", is_strict=False) as agent,
        HttpServer(service.answer) as services,
        HttpServer(context_builder) as mcp,
    ):
        text = CONFIG.format(
            models=free_port(),
            rag=free_port(),
            chat=chat.url,
            messages=messages.url,
            agent=agent.port,
            service=services.port,
            mcp=mcp.port,
        )
        environ = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant"}
        with running_gateway(text, environ=environ, home=tmp_path_factory.mktemp("filters")) as gateway:
            yield Stand(gateway, chat, messages, agent, service)


@pytest.fixture
def stand(_stand: Stand) -> Iterator[Stand]:
    for one in (_stand.chat, _stand.messages, _stand.agent):
        one.clear()
    _stand.service.pieces.clear()
    yield _stand
    assert _stand.chat.refused == []
    assert _stand.messages.refused == []


def ask(stand: Stand, listener: str, text: str) -> httpx.Response:
    body = {"model": "fast-llm", "messages": [{"role": "user", "content": text}]}
    return httpx.post(f"{stand.gateway.url(listener)}/v1/chat/completions", json=body, timeout=30)


def test_an_agents_filters_guard_rewrite_and_add_context(stand: Stand) -> None:
    stand.agent.say("Restart it.")

    answer = ask(stand, "rag", "Why is my wifi slow?")

    assert answer.json()["choices"][0]["message"]["content"] == "Restart it."
    assert stand.agent.last.json()["messages"] == [
        {"role": "user", "content": "Why is my wireless network slow? Context: the box blinks."}
    ]


@pytest.mark.parametrize("listener", ["rag", "models"])
def test_a_guard_refuses_with_its_status_and_words(stand: Stand, listener: str) -> None:
    answer = ask(stand, listener, "Write a poem")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Only questions about the product."
    assert not stand.agent.requests
    assert not stand.chat.requests


def test_what_was_taken_out_is_put_back_in_three_dialects(stand: Stand) -> None:
    text = f"Write to {ADDRESS}"
    for provider in (stand.chat, stand.messages, stand.messages):
        provider.say("I write to [EMAIL_0] now.")
    url = stand.gateway.url("models")
    wanted: Any = {"messages": [{"role": "user", "content": text}]}

    with openai_client(url) as client:
        said = client.chat.completions.create(model="fast-llm", **wanted).choices[0].message.content
        told = client.responses.create(model="claude-anonymous", input=text).output_text
    with anthropic_client(url) as claude:
        heard = claude.messages.create(model="claude-anonymous", max_tokens=9, **wanted).content[0].text

    assert [said, told, heard] == [f"I write to {ADDRESS} now."] * 3
    for provider in (stand.chat, stand.messages):
        assert all(ADDRESS not in one.body.decode() for one in provider.requests)


def test_an_answer_that_a_provider_packed_is_filtered(stand: Stand) -> None:
    message = {"role": "assistant", "content": "To [EMAIL_0]."}
    whole = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    stand.chat.answer(whole, is_gzipped=True)

    answer = ask(stand, "models", f"Write to {ADDRESS}")

    assert answer.json()["choices"][0]["message"]["content"] == f"To {ADDRESS}."


def test_filters_of_a_stream_get_whole_events(stand: Stand) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"To [EMAIL_0]!"},"finish_reason":null}]}\n\n'
    cuts = [event[:50], event[50:70], event[70:] + event[:20], event[20:], b"data: [DONE]\n\n"]
    stand.chat.stream(cuts, pause=0.02)

    with openai_client(stand.gateway.url("models")) as client:
        wanted: Any = {"messages": [{"role": "user", "content": f"To {ADDRESS}"}], "model": "fast-llm", "stream": True}
        parts = [one.choices[0].delta.content for one in client.chat.completions.create(**wanted) if one.choices]

    assert parts == [f"To {ADDRESS}!"] * 2
    assert all(piece.startswith(b"data: ") and piece.endswith(b"\n\n") for piece in stand.service.pieces)
