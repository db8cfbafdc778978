"""A gateway that keeps conversations, over providers of every dialect, for OpenAI's own client."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

Json = dict[str, Any]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
  - {{type: agent, name: agents, port: {agents}, agents: [{{id: helper, description: helps, default: true}}]}}
  - type: unified
    name: platform
    port: {platform}
    prompt_targets:
      - name: fetch_fields
        description: Fetch the fields of an application
        auto_llm_dispatch_on_response: false
        parameters: [{{name: application, type: str, required: true, enum: [CUSTOMER, ACCOUNT]}}]
        endpoint: {{name: server, path: /fields}}
    agents: [{{id: helper, description: general conversation, default: true}}]
endpoints:
  server: {{endpoint: "127.0.0.1:{api}"}}
agents:
  - {{id: helper, url: "{agent}"}}
model_providers:
  - {{model: groq/chatty, base_url: "{chat}", access_key: $KEY, default: true}}
  - {{model: anthropic/claude, base_url: "{messages}", access_key: $KEY}}
  - {{model: openai/native, base_url: "{responses}", access_key: $KEY}}
  - {{model: openai/other, base_url: "{responses}", access_key: $KEY, name: other}}
clients:
  - {{id: one, key: key-one}}
  - {{id: two, key: key-two}}
overrides: {{function_calling_model: local/lexical, agent_orchestration_model: local/lexical}}
state_storage: {state}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway, and the providers behind it."""

    gateway: Gateway
    chat: ScriptedProvider
    messages: ScriptedProvider
    responses: ScriptedProvider
    agent: ScriptedProvider
    asked: list[str]
    stack: ExitStack

    def client(self, key: str = "key-one", listener: str = "llm") -> openai.OpenAI:
        return self.stack.enter_context(
            openai.OpenAI(base_url=f"{self.gateway.url(listener)}/v1", api_key=key, max_retries=0, timeout=60)
        )

    def clear(self) -> None:
        for provider in (self.chat, self.messages, self.responses, self.agent):
            provider.clear()
        self.asked.clear()


def running(state: str, home: Path, stack: ExitStack) -> Place:
    chat = stack.enter_context(ScriptedProvider("openai.chat", key="sk"))
    messages = stack.enter_context(ScriptedProvider("anthropic.messages", key="sk"))
    responses = stack.enter_context(ScriptedProvider("openai.responses", key="sk"))
    agent = stack.enter_context(ScriptedProvider("openai.chat", is_strict=False))
    asked: list[str] = []
    api = HttpServer(lambda request: _told(request, asked))
    stack.callback(api.close)
    text = CONFIG.format(
        port=free_port(), agents=free_port(), platform=free_port(), api=api.port,
        agent=agent.url.removesuffix("/v1"), chat=chat.url, messages=messages.url, responses=responses.url, state=state,
    )  # fmt: skip
    gateway = stack.enter_context(running_gateway(text, environ={"KEY": "sk"}, home=home, workers=2))
    return Place(gateway, chat, messages, responses, agent, asked, stack)


def _told(request: Recorded, asked: list[str]) -> list[Action]:
    """Answer as an API that tells what it was asked."""
    asked.append(request.target)
    raw = b'{"fields": ["name", "street"]}'
    return [Head(200, (("content-type", "application/json"), ("content-length", str(len(raw))))), Data(raw), End()]


@pytest.fixture(scope="module")
def running_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        yield running("{type: sqlite}", tmp_path_factory.mktemp("state"), stack)


@pytest.fixture
def place(running_place: Place) -> Place:
    running_place.clear()
    return running_place


def said(body: Json) -> list[str]:
    """Return the texts of a request in any dialect, in their order."""
    found: list[str] = []
    held = body.get("messages") or body["input"]
    for item in [{"content": held}] if isinstance(held, str) else held:
        content = item.get("content")
        found += [content] if isinstance(content, str) else [part.get("text", "") for part in content or ()]
    return found


def streamed(place: Place, body: Json) -> list[str]:
    """Return the types of a stream's events."""
    with httpx.stream(
        "POST",
        f"{place.gateway.url()}/v1/responses",
        json=body | {"stream": True},
        headers={"authorization": "Bearer key-one"},
        timeout=60,
    ) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("event: ")]
    return [line.removeprefix("event: ") for line in lines]
