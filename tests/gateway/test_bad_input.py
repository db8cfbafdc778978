"""Whatever a client sends, in whatever dialect: it is served, or refused with a status below 500 and a reason."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.gateway.actions import Continue, Reply
from plano_extproc.gateway.build import Gateway
from tests.gateway.support import Call, gateway
from tests.translate.made_up import anything

CONFIG = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: openai/chat, access_key: k, api: openai.chat, default: true}
  - {model: openai/responses, access_key: k, api: openai.responses}
  - {model: anthropic/claude-sonnet-4-5, access_key: k}
  - {model: gemini/gemini-3-pro, access_key: k}
  - {model: amazon_bedrock/nova, base_url: "https://bedrock-runtime.us-east-1.amazonaws.com", access_key: k}
"""
MODELS = (
    "openai/chat",
    "openai/responses",
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-3-pro",
    "amazon_bedrock/nova",
)
FIELDS = {
    "/v1/chat/completions": "messages",
    "/v1/messages": "messages",
    "/v1/responses": "input",
    "/v1beta/models/{model}:generateContent": "contents",
    "/v1/projects/p/locations/l/publishers/anthropic/models/{model}:rawPredict": "messages",
    "/v1/messages/count_tokens": "messages",
    "/v1/completions": "prompt",
}
MORE = ("tools", "system", "stream", "stop", "tool_choice", "generationConfig", "reasoning", "response_format")


@pytest.fixture(scope="module")
def on() -> Gateway:
    return gateway(CONFIG)


def send(on: Gateway, path: str, model: str, body: Any) -> Continue | Reply:
    path = path.format(model=model.replace("/", "%2F"))
    action = Call(path, on=on).ask(body)
    assert isinstance(action, Continue | Reply)
    return action


def refusal(action: Continue | Reply) -> tuple[int, str]:
    assert isinstance(action, Reply), action
    told = json.loads(action.body)
    return action.status, told["error"]["message"]


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe{}", "JSON"),
        (b'{"a": NaN}', "JSON"),
        (b'{"a": "\xed\xa0\x80"}', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "object"),
        (b"7", "object"),
        (b"null", "object"),
    ],
    ids=["empty", "cut", "not UTF-8", "NaN", "a lone surrogate", "nested", "a list", "a number", "null"],
)
def test_what_is_no_object_is_refused(on: Gateway, path: str, body: bytes, named: str) -> None:
    status, message = refusal(send(on, path, MODELS[0], body))

    assert status == 400
    assert named in message


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("wrong", [None, [], {}, 7, True, ""], ids=repr)
def test_a_conversation_that_is_none_is_refused_by_name(on: Gateway, path: str, wrong: Any) -> None:
    if path == "/v1beta/models/{model}:generateContent" and wrong == {}:
        pytest.skip("Google's API takes one object for a list of one")
    model = "anthropic/claude-sonnet-4-5"
    status, message = refusal(send(on, path, model, {"model": model, "max_tokens": 9, FIELDS[path]: wrong}))

    assert status == 400
    assert FIELDS[path] in message


@pytest.mark.parametrize("path", [path for path in FIELDS if "{model}" not in path])
@pytest.mark.parametrize("wrong", [7, [], {}, True], ids=repr)
def test_a_model_that_is_no_name_is_refused_by_its_field(on: Gateway, path: str, wrong: Any) -> None:
    body = {"model": wrong, "max_tokens": 9, FIELDS[path]: [{"role": "user", "content": "hi"}]}
    status, message = refusal(send(on, path, "", body))

    assert status == 400
    assert "model" in message


@pytest.mark.parametrize("path", FIELDS)
def test_what_is_nested_deeply_is_served_or_refused(on: Gateway, path: str) -> None:
    nested = b'[{"content": ' * 480 + b'"hi"' + b"}]" * 480
    for model in MODELS:
        turn = b'{"role": "user", "content": %b, "parts": %b}' % (nested, nested)
        body = b'{"model": "%b", "max_tokens": 9, "%b": [%b]}' % (model.encode(), FIELDS[path].encode(), turn)
        action = send(on, path, model, body)

        assert isinstance(action, Continue) or action.status < 500


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("path", FIELDS)
def test_no_body_is_a_bug(on: Gateway, path: str, data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(MODELS))
    turns = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": anything}))
    body = data.draw(st.fixed_dictionaries({FIELDS[path]: anything | turns}, optional=dict.fromkeys(MORE, anything)))
    action = send(on, path, model, {"model": model, "max_tokens": 9, **body})

    if isinstance(action, Reply):
        status, message = (200, "counted") if action.status == 200 else refusal(action)
        assert status < 500
        assert message
