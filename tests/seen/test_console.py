"""The console's questions to a running gateway: a prompt to every kind of listener, and how it is decided."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from planoai.console.app import app
from planoai.console.playground import APIS
from planoai.console.watch import Watch
from planoai.home import Home
from planoai.state import load
from tests.seen.stand import Seen

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]

TOKEN = "the-token"
ASKED = {
    "llm": ("Write a poem about autumn leaves", {}),
    "filtered": ("Hello", {}),
    "keyed": ("Hello", {"key": "team-b-key"}),
    "travel": ("What is the weather in Rome?", {}),
    "prompts": ("Where is order 12?", {}),
}
"""A prompt for each listener, and what else is typed in."""


@pytest.fixture(scope="module")
def client(seen: Seen) -> TestClient:
    watch = Watch(Home(seen.gateway.home), seen.collector, lambda provider, model: None, seen.gateway.environ)
    watch.state = load(watch.home)
    return TestClient(app(watch, TOKEN, seen.gateway.environ), base_url="http://127.0.0.1")


def sent(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/try", json=asked, headers={"x-console-token": TOKEN})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("listener", ASKED)
def test_a_prompt_is_sent_to_every_listener_in_every_dialect(
    client: TestClient, listener: str, api: str, stream: bool
) -> None:
    prompt, more = ASKED[listener]
    lines = sent(client, listener=listener, api=api, prompt=prompt, model="gpt-4o", stream=stream, **more)
    by_type = {line["type"]: line for line in lines}
    said = "".join(line["text"] for line in lines if line["type"] == "text")

    assert by_type["status"]["status"] == 200, lines
    assert "Hello from the provider." in said
    assert {"x-request-id", "x-plano-attempts"} <= by_type["status"]["headers"].keys()
    assert lines[-1]["type"] == "end"


def test_a_clients_key_is_sent_where_one_is_typed(client: TestClient) -> None:
    refused = sent(client, listener="keyed", prompt="Hello", model="gpt-4o")

    assert [line["status"] for line in refused if line["type"] == "status"] == [401]
    assert "missing" in "".join(line["text"] for line in refused if line["type"] == "text")


@pytest.mark.parametrize(
    ("listener", "told"),
    [
        ("llm", {"route": "poems", "model": "openai/gpt-4o-mini"}),
        ("travel", {"agent": "weather"}),
        ("prompts", {"target": "order_status"}),
    ],
)
def test_a_decision_is_explained_without_a_call(
    client: TestClient, seen: Seen, listener: str, told: dict[str, str]
) -> None:
    before = [len(one.requests) for one in (seen.chat, seen.messages, seen.weather, seen.flights)]
    asked = {"listener": listener, "prompt": ASKED[listener][0]}
    found = client.post("/api/explain", json=asked, headers={"x-console-token": TOKEN}).json()

    assert {key: found[key] for key in told} == told
    assert found["reason"]
    assert [len(one.requests) for one in (seen.chat, seen.messages, seen.weather, seen.flights)] == before


def test_a_listener_that_is_not_there_is_an_error_in_words(client: TestClient) -> None:
    answer = client.post("/api/try", json={"listener": "nobody", "prompt": "Hi"}, headers={"x-console-token": TOKEN})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("name a listener that runs: llm, ")
