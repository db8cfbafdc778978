"""The list of models, in the words of each SDK."""

import json
from typing import Any

import pytest

from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.events import RequestHeaders
from tests.gateway.support import Call, error, gateway

CONFIG = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: openai/gpt-4o, access_key: k, default: true}
  - {model: gemini/gemini-2.5-pro, access_key: k}
model_aliases: {fast: {target: gpt-4o}}
clients: [{id: team, key: team-key, models: ["gemini/*"]}, {id: all, key: all-key}]
"""
NAMES = ["openai/gpt-4o", "gemini/gemini-2.5-pro", "fast"]
PROJECT = "/v1beta1/projects/p/locations/l"


@pytest.fixture(scope="module")
def on() -> Gateway:
    return gateway(CONFIG)


def get(on: Gateway, path: str, key: str = "all-key", **headers: str) -> Reply:
    call = Call(path, on=on, x_goog_api_key=key, **headers)
    action = call.exchange.handle(RequestHeaders({**call.headers, ":method": b"GET"}, end_of_stream=True))
    assert isinstance(action, Reply)
    return action


def told(reply: Reply) -> Any:
    assert reply.status == 200, reply
    return json.loads(reply.body)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/v1beta/models?pageSize=50", {}), ("/v1alpha/models", {}), ("/v1/models", {"x_goog_api_client": "genai"})],
)
def test_google_lists_models_by_the_names_of_their_paths(on: Gateway, path: str, headers: dict[str, str]) -> None:
    models = told(get(on, path, **headers))["models"]
    gemini = models[1]

    assert [model["name"] for model in models] == [f"models/{name}" for name in NAMES]
    assert (gemini["displayName"], gemini["inputTokenLimit"]) == ("gemini/gemini-2.5-pro", 1048576)
    assert {"generateContent", "countTokens"} <= set(gemini["supportedGenerationMethods"])


@pytest.mark.parametrize("path", ["/v1beta1/publishers/google/models", "/v1/publishers/google/models"])
def test_vertex_lists_models_with_their_publishers(on: Gateway, path: str) -> None:
    models = told(get(on, path))["publisherModels"]

    assert [model["name"] for model in models] == [
        "publishers/openai/models/gpt-4o",
        "publishers/gemini/models/gemini-2.5-pro",
        "publishers/google/models/fast",
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1beta/models/openai/gpt-4o", "models/openai/gpt-4o"),
        ("/v1beta/models/openai%2Fgpt-4o", "models/openai/gpt-4o"),
        ("/v1beta/models/fast", "models/fast"),
        ("/v1beta1/publishers/openai/models/gpt-4o", "publishers/openai/models/gpt-4o"),
        (f"{PROJECT}/publishers/google/models/fast", "publishers/google/models/fast"),
    ],
)
def test_one_model_is_shown_under_the_name_that_is_asked_for(on: Gateway, path: str, name: str) -> None:
    assert told(get(on, path))["name"] == name


@pytest.mark.parametrize("path", ["/v1beta/models/none", "/v1beta1/publishers/google/models/none"])
def test_an_unknown_model_is_told_in_googles_words(on: Gateway, path: str) -> None:
    status, body = error(get(on, path))

    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")
    assert "'none'" in body["error"]["message"]


def test_a_client_sees_the_models_that_it_may_use(on: Gateway) -> None:
    assert [model["name"] for model in told(get(on, "/v1beta/models", "team-key"))["models"]] == [f"models/{NAMES[1]}"]
    assert get(on, "/v1beta/models/openai/gpt-4o", "team-key").status == 404
    assert get(on, "/v1beta/models", "nobody's").status == 401


def test_the_other_sdks_have_their_own_words(on: Gateway) -> None:
    assert [model["id"] for model in told(get(on, "/v1/models"))["data"]] == NAMES
    assert told(get(on, "/v1/models", anthropic_version="2023-06-01"))["first_id"] == NAMES[0]


@pytest.mark.parametrize("path", ["/v1beta1/projects/p/locations/l/models", "/v1beta/modelsx", "/v1/publishers/google"])
def test_other_lists_are_not_served(on: Gateway, path: str) -> None:
    assert error(get(on, path))[0] == 404
