"""Tokens are counted by a provider that counts, and estimated for others, in the words of who asks."""

import json
from typing import Any

import pytest

from plano_extproc import headers
from plano_extproc.config.models_catalogue import offers
from plano_extproc.gateway.actions import Continue, Reply
from plano_extproc.gateway.build import Gateway
from tests.gateway.support import Call, edits, error, gateway

CONFIG = """
version: v0.5.0
listeners:
  - {type: model, name: models, port: 12000}
  - {type: agent, name: agents, port: 8001, agents: [{id: weather, description: weather, default: true}]}
agents: [{id: weather, url: "http://127.0.0.1:10510"}]
model_providers:
  - {model: openai/gpt-4o, access_key: k, default: true}
  - {model: gemini/gemini-3-pro, access_key: k}
  - {model: anthropic/claude-sonnet-4-5, access_key: k}
  - {model: vertex/*, access_key: k, base_url: "https://us-aiplatform.googleapis.com/v1/projects/p/locations/us"}
clients: [{id: team, key: team-key, models: ["gemini/*", "openai/gpt-4o"]}]
"""
GEMINI = "/v1beta/models/{model}:countTokens"
VERTEX = "/v1beta1/projects/p/locations/l/publishers/google/models/{model}:countTokens"
HI: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hello " * 100}]}]}
MORE = {**HI, "systemInstruction": {"parts": [{"text": "Be brief."}]}}
ENVELOPE = {"generateContentRequest": {"model": "models/smart", **MORE}}


@pytest.fixture(scope="module")
def on() -> Gateway:
    return gateway(CONFIG)


def ask(on: Gateway, path: str, model: str, body: Any) -> Continue | Reply:
    action = Call(path.format(model=model.replace("/", "%2F")), on=on, x_goog_api_key="team-key").ask(body)
    assert isinstance(action, Continue | Reply)
    return action


@pytest.mark.parametrize("path", [GEMINI, VERTEX])
@pytest.mark.parametrize("body", [HI, MORE, ENVELOPE], ids=["contents", "whole", "envelope"])
def test_a_client_of_geminis_gets_an_estimate_for_a_model_of_another_kind(on: Gateway, path: str, body: Any) -> None:
    reply = ask(on, path, "openai/gpt-4o", body)

    assert isinstance(reply, Reply)
    assert reply.status == 200
    assert dict(reply.headers)[headers.ESTIMATE] in {b"o200k_base", b"characters"}
    assert 100 <= json.loads(reply.body)["totalTokens"] <= 170


def test_a_picture_counts_as_google_counts_one_and_not_as_its_bytes(on: Gateway) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "A" * 100_000}}
    reply = ask(on, GEMINI, "openai/gpt-4o", {"contents": [{"role": "user", "parts": [picture]}]})

    assert isinstance(reply, Reply)
    assert json.loads(reply.body) == {"totalTokens": 4 + 258}


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (HI, HI),
        (MORE, {"generateContentRequest": {"model": "models/gemini-3-pro", **MORE}}),
        (ENVELOPE, {"generateContentRequest": {"model": "models/gemini-3-pro", **MORE}}),
    ],
    ids=["contents", "whole", "envelope"],
)
def test_google_counts_for_its_own_model(on: Gateway, body: Any, sent: Any) -> None:
    action = ask(on, GEMINI, "gemini/gemini-3-pro", body)

    assert isinstance(action, Continue)
    assert edits(action)[":path"] == "/v1beta/models/gemini-3-pro:countTokens"
    assert edits(action)["x-goog-api-key"] == "k"
    assert json.loads(action.body or json.dumps(body)) == sent


@pytest.mark.parametrize("body", [MORE, ENVELOPE], ids=["whole", "envelope"])
def test_vertex_counts_what_is_not_in_an_envelope(body: Any) -> None:
    on = gateway(CONFIG.replace("clients:", "#"))
    action = ask(on, VERTEX, "vertex/gemini-3-pro", body)

    assert isinstance(action, Continue)
    assert edits(action)[":path"] == "/v1/projects/p/locations/us/publishers/google/models/gemini-3-pro:countTokens"
    assert edits(action)["authorization"] == "Bearer k"
    assert json.loads(action.body or b"") == MORE


@pytest.mark.parametrize(
    ("model", "is_passed"),
    [("anthropic/claude-sonnet-4-5", True), ("vertex/claude-sonnet-4-5", True), ("vertex/gemini-3-pro", False)],
)
def test_anthropics_count_is_asked_of_its_own_models_only(model: str, is_passed: bool) -> None:
    on = gateway(CONFIG.replace("clients:", "#"))
    request = {"model": model, "messages": [{"role": "user", "content": "hello"}]}

    assert isinstance(Call("/v1/messages/count_tokens", on=on).ask(request), Continue if is_passed else Reply)


@pytest.mark.parametrize("path", [GEMINI, "/v1/messages/count_tokens"])
def test_a_model_that_a_client_may_not_use_is_not_counted_for_it(on: Gateway, path: str) -> None:
    body = {**HI, "messages": [{"role": "user", "content": "hello"}], "model": "vertex/gemini-3-pro"}
    reply = ask(on, path, "vertex/gemini-3-pro", body)

    assert isinstance(reply, Reply)
    assert reply.status == 403


@pytest.mark.parametrize(
    ("body", "named"),
    [(b"{", "JSON"), (b"[]", "object"), ({}, "contents"), ({"generateContentRequest": {}}, "contents")],
)
def test_what_cannot_be_counted_is_refused_by_name(on: Gateway, body: Any, named: str) -> None:
    status, told = error(ask(on, GEMINI, "openai/gpt-4o", body))

    assert (status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert named in told["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [GEMINI.format(model="gpt-4o"), "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict"],
)
def test_agents_count_nothing(on: Gateway, path: str) -> None:
    status, told = error(Call(path, listener="agents", on=on, x_goog_api_key="team-key").begin())

    assert status == 404
    assert path in told["error"]["message"]


def test_prices_are_read_before_the_first_request() -> None:
    offers.cache_clear()
    gateway(CONFIG)

    assert offers.cache_info().currsize == 1
