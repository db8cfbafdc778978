"""Transcripts: events in, actions out, without Envoy."""

import json
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from plano_extproc.config import load
from plano_extproc.gateway import Exchange, Gateway, Ports
from plano_extproc.gateway import gateway as assembled
from plano_extproc.gateway.actions import Action, Continue, Reply
from plano_extproc.gateway.events import RequestBody, RequestHeaders, ResponseBody, ResponseHeaders
from plano_extproc.providers.authorizers import Authorizers
from plano_extproc.providers.chatgpt import ChatGptToken, Store

CONFIG = """
version: v0.5.0
listeners:
  - {type: model, name: models, port: 12000}
  - {type: agent, name: agents, port: 8001, agents: [{id: weather, description: weather, default: true}]}
  - {type: unified, name: both, port: 8002, agents: [{id: weather, description: weather, default: true}]}
agents:
  - {id: weather, url: "http://127.0.0.1:10510"}
filters:
  - {id: pii, type: http, url: "https://filters.example.com/pii?key=secret"}
  - {id: rules, type: mcp, url: "http://[::1]:8000/mcp"}
model_providers:
  - {model: openai/gpt-4o, access_key: $OPENAI_API_KEY, default: true}
  - {model: anthropic/claude-sonnet-4-5, access_key: $ANTHROPIC_API_KEY}
  - {model: groq/*, passthrough_auth: true}
  - {model: amazon_bedrock/nova, base_url: "https://bedrock-runtime.us-east-1.amazonaws.com", access_key: k}
model_aliases:
  fast: {target: gpt-4o}
"""

ENVIRON = {"OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-ant"}


AUTHORIZERS = Authorizers(ChatGptToken(Store(Path("/nonexistent"))))


class Counts:
    """Metrics that remember what they were told."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, str, str, int]] = []
        self.counted: list[tuple[Counter, tuple[str, ...]]] = []

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        self.answers.append((listener, client_api, model, way, status))

    def decided(self, listener: str, way: str, seconds: float) -> None:
        assert seconds >= 0

    def count(self, figure: Counter, labels: tuple[str, ...], amount: float = 1) -> None:
        assert amount > 0
        self.counted.append((figure, labels))

    def change(self, figure: Gauge, labels: tuple[str, ...], by: float) -> None:
        assert by

    def observe(self, figure: Histogram, labels: tuple[str, ...], value: float) -> None:
        assert value >= 0


def gateway(text: str = CONFIG, *, generation: int = 1, **given: Any) -> Gateway:
    """Return a gateway; `given` are ports of its own."""
    loaded = load(text, environ=ENVIRON)
    assert loaded.config is not None, "\n".join(map(str, loaded.problems))
    ticks = iter(range(1_000_000))
    ports = Ports(
        clock=lambda: next(ticks) / 1000,
        now=lambda: 1_700_000_000.0,
        metrics=Counts(),
        exposition=lambda: b"figures",
        authorizer=AUTHORIZERS,
        **given,
    )
    return assembled(loaded.config, generation=generation, ports=ports)


class Call:
    """One exchange, told event by event."""

    def __init__(self, path: str, *, listener: str = "models", on: Gateway | None = None, **headers: str) -> None:
        self.gateway = on or gateway()
        self.exchange = Exchange(self.gateway, listener)
        sent = {":path": path, ":method": "POST"} | {k.replace("_", "-"): v for k, v in headers.items()}
        self.headers = {k: v.encode() for k, v in sent.items()}

    def begin(self) -> Action:
        return self.exchange.handle(RequestHeaders(self.headers, end_of_stream=False))

    def ask(self, body: Any) -> Action:
        """Send headers and a body, given as JSON or as bytes."""
        self.begin()
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.exchange.handle(RequestBody(raw, end_of_stream=True))

    def answer(self, status: int, content_type: str = "application/json", **headers: str) -> Action:
        sent = {":status": str(status), "content-type": content_type} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.exchange.handle(ResponseHeaders({k: v.encode() for k, v in sent.items()}, end_of_stream=False))

    def body(self, chunk: bytes, *, end: bool = True) -> Action:
        return self.exchange.handle(ResponseBody(chunk, end_of_stream=end))


def edits(action: Action) -> dict[str, str]:
    """Return what an action sets, shared edits and its own."""
    assert isinstance(action, Continue), action
    shared = action.changes.set if action.changes else ()
    return {name: value.decode() for name, value in (*shared, *action.extra)}


def error(action: Action) -> tuple[int, dict[str, Any]]:
    """Return status and body of an error reply."""
    assert isinstance(action, Reply), action
    assert action.details.startswith("plano_")
    return action.status, json.loads(action.body)
