"""What users have said is brought to mind in later conversations, in every dialect."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.reply import Reply
from tests.support.scripted import ScriptedProvider

pytestmark = pytest.mark.envoy
Json = dict[str, Any]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}, memory: {{retrieve: 3}}}}
  - {{type: model, name: plain, port: {plain}}}
  - {{type: model, name: asking, port: {asking}, memory: {{extract: house/extractor}}}}
  - type: agent
    name: desk
    port: {desk}
    agents: [{{id: helper, description: helps, memory: {{}}}}]
agents:
  - {{id: helper, url: "{agent}"}}
model_providers:
  - {{model: groq/chatty, base_url: "{chat}", access_key: $KEY, default: true}}
  - {{model: house/extractor, base_url: "{extractor}", access_key: $KEY, provider_interface: openai, api: openai.chat}}
clients:
  - {{id: one, key: key-one}}
  - {{id: two, key: key-two}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    gateway: Gateway
    chat: ScriptedProvider
    extractor: ScriptedProvider
    agent: ScriptedProvider

    def say(self, text: str, user: str | None = "ada", listener: str = "llm", key: str = "key-one") -> str:
        """Say something in a new conversation, and return what the provider was told beside it."""
        body: Json = {"model": "chatty", "messages": [{"role": "user", "content": text}]}
        return self.post("/v1/chat/completions", body | ({"user": user} if user else {}), listener, key)

    def post(self, path: str, body: Json, listener: str = "llm", key: str = "key-one") -> str:
        answer = httpx.post(
            self.gateway.url(listener) + path, json=body, headers={"authorization": f"Bearer {key}"}, timeout=20
        )
        assert answer.status_code == 200, answer.text
        messages = self.chat.last.json()["messages"]
        return "\n".join(str(one["content"]) for one in messages if one["role"] == "system")

    def remembered(self, *arguments: str) -> list[str]:
        found = json.loads(self.gateway.cli("memory", "list", "--json", *arguments).stdout)
        return [row["text"] for row in found["memories"]]

    def waits_for(self, *texts: str) -> None:
        """Wait until so much is remembered: it is, once an exchange is over."""
        assert until(lambda: self.remembered() == list(texts)), self.remembered()


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        chat = stack.enter_context(ScriptedProvider("openai.chat", key="sk"))
        extractor = stack.enter_context(ScriptedProvider("openai.chat", key="sk"))
        agent = stack.enter_context(ScriptedProvider("openai.chat", is_strict=False))
        text = CONFIG.format(
            port=free_port(),
            plain=free_port(),
            asking=free_port(),
            desk=free_port(),
            agent=agent.url.removesuffix("/v1"),
            chat=chat.url,
            extractor=extractor.url,
        )
        home = tmp_path_factory.mktemp("memory")
        gateway = stack.enter_context(running_gateway(text, environ={"KEY": "sk"}, home=home, workers=2))
        yield Place(gateway, chat, extractor, agent)


@pytest.fixture
def place(_place: Place) -> Place:
    _place.chat.clear()
    _place.extractor.clear()
    _place.gateway.cli("memory", "delete", "--all")
    return _place


def test_what_was_said_comes_to_mind_in_another_conversation(place: Place) -> None:
    assert place.say("My name is Ada. I love green tea. What is the capital of France?") == ""
    place.waits_for("My name is Ada", "I love green tea")
    told = place.say("Which tea should I buy?")
    assert "- My name is Ada" in told
    assert "- I love green tea" in told
    assert "tea" not in place.say("What is the capital of Norway?")
    assert place.say("Which tea should I buy?", user="bob") == ""
    assert place.say("Which tea should I buy?", key="key-two") == ""
    assert place.say("Which tea should I buy?", listener="plain") == ""
    assert place.chat.refused == []


def test_every_dialect_is_told(place: Place) -> None:
    place.say("My name is Ada.", user=None)
    place.waits_for("My name is Ada")
    asked: list[tuple[str, Json]] = [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hello there"}]}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "hello there"}], "max_tokens": 9}),
        ("/v1/responses", {"input": "hello there"}),
        ("/v1beta/models/chatty:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}),
    ]
    for path, body in asked:
        named = body if "v1beta" in path else {"model": "chatty", **body}
        assert "My name is Ada" in place.post(path, named), path


def test_what_is_to_be_forgotten_is(place: Place) -> None:
    place.say("My name is Ada. I live in Oslo.")
    place.waits_for("My name is Ada", "I live in Oslo")
    place.say("Forget that I live in Oslo.")
    place.waits_for("My name is Ada")
    place.say("Please forget everything you know about me.")
    place.waits_for()


def test_secrets_and_failed_requests_leave_nothing(place: Place) -> None:
    place.chat.fail(400)
    httpx.post(
        place.gateway.url() + "/v1/chat/completions",
        json={"model": "chatty", "messages": [{"role": "user", "content": "I live in Rome."}]},
        headers={"authorization": "Bearer key-one"},
        timeout=20,
    )
    place.say("Remember that my card is 4111 1111 1111 1111.")
    place.say("I live in Oslo.")
    place.waits_for("I live in Oslo")


def test_a_model_finds_what_is_worth_remembering(place: Place) -> None:
    place.extractor.reply(Reply(text=orjson.dumps({"facts": ["The user has a boat"]}).decode()))
    place.say("I sailed my boat today, what a wind", listener="asking")
    place.waits_for("The user has a boat")

    assert place.extractor.last.json()["messages"][-1]["content"] == "I sailed my boat today, what a wind"
    assert "The user has a boat" in place.say("How do I clean a boat?")


def test_an_agent_remembers_for_itself(place: Place) -> None:
    def told(text: str) -> str:
        body = {"model": "any", "input": text, "user": "ada"}
        sent = {"authorization": "Bearer key-one"}
        answer = httpx.post(place.gateway.url("desk") + "/v1/responses", json=body, headers=sent, timeout=20)
        assert answer.status_code == 200, answer.text
        return str(place.agent.last.json()["messages"])

    assert "Ada" not in told("What is my name?")
    told("My name is Ada.")
    place.waits_for("My name is Ada")
    assert "- My name is Ada" in told("What is my name?")


def test_memories_outlast_the_gateway_and_are_deleted_by_command(place: Place) -> None:
    place.say("My name is Ada.")
    place.waits_for("My name is Ada")
    assert place.remembered("--client", "one", "--user", "ada") == ["My name is Ada"]
    assert place.gateway.cli("memory", "delete", "--user", "ada").returncode == 0

    assert place.say("hello there") == ""
