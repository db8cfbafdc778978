"""Errors of providers, by golden files, and errors of our own."""

from pathlib import Path

import orjson
import pytest
from anthropic.types import ErrorResponse

from plano_extproc import apis, errors
from plano_extproc.apis import Api
from plano_extproc.translate import Translation, error_body, error_event
from tests.translate.golden import Check, beside, check, paired, pretty

__all__ = ["check"]


@pytest.mark.parametrize(("client", "provider", "path"), paired("errors"))
def test_error(client: Api, provider: Api, path: Path, check: Check) -> None:
    status = path.name.split(".")[1]
    made = orjson.loads(Translation(client, provider).error(int(status), path.read_bytes()))

    check(beside(path, client, status, "json"), pretty(made))
    if client == "anthropic.messages":
        ErrorResponse.model_validate({"request_id": None, **made}, strict=True)
    elif client.startswith("openai."):
        assert made["error"].keys() == {"message", "type", "param", "code"}
    elif client == "gemini.generate":
        assert made["error"].keys() == {"code", "message", "status"}
        assert made["error"]["code"] == int(status)


def test_our_own_error_is_told_in_every_dialect() -> None:
    error = errors.NotFound("model 'x' is not configured", param="model", code="model_not_found")
    told = {api: orjson.loads(error_body(api, error)) for api in apis.ALL}

    openai = {"message": error.message, "type": "not_found_error", "param": "model", "code": "model_not_found"}
    assert told == {
        "openai.chat": {"error": openai},
        "openai.responses": {"error": openai},
        "anthropic.messages": {"type": "error", "error": {"type": "not_found_error", "message": error.message}},
        "bedrock.converse": {"message": error.message},
        "gemini.generate": {"error": {"code": 404, "message": error.message, "status": "NOT_FOUND"}},
    }


@pytest.mark.parametrize("api", apis.ALL)
def test_an_error_event_is_one_event(api: Api) -> None:
    event = error_event(api, errors.Unavailable("nobody is there"))

    assert event.endswith(b"\n\n")
    assert event.count(b"\n\n") == 1
    assert event.startswith(b"{") == (api == "gemini.generate"), "only Google's errors stand bare in a stream"
    assert b"nobody is there" in event


def test_an_error_event_is_named_where_the_dialect_names_events() -> None:
    error = errors.Unavailable("nobody is there")

    assert error_event("anthropic.messages", error).startswith(b"event: error\ndata: {")
    assert error_event("openai.chat", error).startswith(b'data: {"error":')


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"just words"}', "just words"),
        (b'[{"error":{"code":400,"message":"Google\'s list","status":"INVALID_ARGUMENT"}}]', "Google's list"),
        (b'{"message":"Amazon\'s"}', "Amazon's"),
        (b'"a string"', "a string"),
        (b"null", "the provider answered with status 418 and no message"),
        (b"  ", "the provider answered with status 418 and no message"),
        (b"<html><body>x</body>", "the provider answered with status 418 and a web page"),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
        (b"x" * 9000, "x" * 500),
    ],
)
def test_any_error_body_gives_a_message(body: bytes, message: str) -> None:
    made = orjson.loads(Translation("openai.chat", "anthropic.messages").error(418, body))

    assert made["error"]["message"] == message
