"""What happens to a request and its answer where the provider speaks the caller's dialect."""

import gzip
import json

import pytest

from plano_extproc import headers
from plano_extproc.gateway.actions import BodyMode, Continue
from tests.gateway.support import Call, edits, error, gateway

MESSAGES = "/v1/messages"
HELLO = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}
SEALED = {"type": "thinking", "thinking": "So.", "signature": "plano:eyJhIjoxfQ"}
TALK = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": [SEALED, {"type": "text", "text": "Hi."}]},
    {"role": "user", "content": "again"},
]
START = b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-sonnet-4-5"}}\n\n'


def test_thoughts_of_another_provider_are_left_out_and_named() -> None:
    call = Call(MESSAGES)
    asked = call.ask(HELLO | {"messages": TALK})

    assert isinstance(asked, Continue)
    sent = json.loads(asked.body or b"")
    assert sent["messages"][1]["content"] == [{"type": "text", "text": "Hi."}]
    assert sent["model"] == "claude-sonnet-4-5"
    assert edits(asked)["content-length"] == str(len(asked.body or b""))
    assert edits(call.answer(200))[headers.DROPPED] == "messages[].content[thinking]"


def test_thoughts_of_another_provider_are_left_out_of_what_is_counted() -> None:
    asked = Call("/v1/messages/count_tokens").ask({"model": "claude-sonnet-4-5", "messages": TALK})

    assert isinstance(asked, Continue)
    assert asked.body is not None
    assert b"plano:" not in asked.body


def test_an_alias_is_put_beside_what_is_left_out() -> None:
    asked = Call(MESSAGES).ask(HELLO | {"model": "anthropic/claude-sonnet-4-5", "messages": TALK})

    assert isinstance(asked, Continue)
    assert json.loads(asked.body or b"")["model"] == "claude-sonnet-4-5"
    assert b"plano:" not in (asked.body or b"")


def test_an_answer_names_the_model_as_a_client_of_anthropics_asked_for_it() -> None:
    call = Call(MESSAGES)
    asked = call.ask(HELLO | {"model": "anthropic/claude-sonnet-4-5"})
    begun = call.answer(200)
    whole = call.body(b'{"type":"message","model":"claude-sonnet-4-5","new": 1}')

    assert edits(asked)["accept-encoding"] == "identity"
    assert isinstance(begun, Continue)
    assert begun.changes is not None
    assert begun.changes.response_body is BodyMode.BUFFERED
    assert isinstance(whole, Continue)
    assert whole.body == b'{"type":"message","model":"anthropic/claude-sonnet-4-5","new": 1}'


def test_a_stream_names_the_model_as_a_client_of_anthropics_asked_for_it() -> None:
    call = Call(MESSAGES)
    call.ask(HELLO | {"model": "anthropic/claude-sonnet-4-5", "stream": True})
    begun = call.answer(200, "text/event-stream")
    first = call.body(START, end=False)

    assert isinstance(begun, Continue)
    assert begun.changes is not None
    assert begun.changes.response_body is BodyMode.STREAMED
    assert isinstance(first, Continue)
    assert first.body == START.replace(b"claude", b"anthropic/claude")
    assert call.exchange.is_done


def test_a_stream_is_read_no_further_than_its_models_name() -> None:
    call = Call(MESSAGES)
    call.ask(HELLO | {"model": "anthropic/claude-sonnet-4-5", "stream": True})
    call.answer(200, "text/event-stream")
    before = call.body(START[:40], end=False)
    not_yet = call.exchange.is_done
    after = call.body(START[40:] + b"event: content_block", end=False)

    assert not not_yet
    assert call.exchange.is_done
    assert isinstance(before, Continue)
    assert isinstance(after, Continue)
    assert after.body is not None
    assert after.body.endswith(b"event: content_block")


def test_a_compressed_stream_is_read_to_its_end() -> None:
    call = Call(MESSAGES)
    call.ask(HELLO | {"model": "anthropic/claude-sonnet-4-5", "stream": True})
    call.answer(200, "text/event-stream", content_encoding="gzip")
    whole = gzip.compress(START + b"event: ping\n\n")
    call.body(whole[:-5], end=False)

    assert not call.exchange.is_done


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (MESSAGES, HELLO),
        ("/v1/chat/completions", {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}),
        ("/v1/messages/count_tokens", HELLO | {"model": "anthropic/claude-sonnet-4-5"}),
    ],
    ids=["same name", "a client that does not mind", "no answer of a model"],
)
def test_other_answers_are_not_read(path: str, body: dict[str, object]) -> None:
    call = Call(path, on=gateway())
    asked = call.ask(body)
    begun = call.answer(200, "text/event-stream")

    assert "accept-encoding" not in edits(asked)
    assert isinstance(begun, Continue)
    assert begun.changes is not None
    assert begun.changes.response_body is None


GEMINI = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: gemini/gemini-2.5-flash, access_key: k}
  - {model: anthropic/claude-sonnet-4-5, access_key: k}
  - model: vertex/claude-opus-4-5@20251101
    base_url: https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5
    access_key: k
"""
FLASH = "/v1beta/models/gemini-2.5-flash"
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
CLAUDE = "/v1/projects/mine/locations/us-east5/publishers/anthropic/models/"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("?alt=sse", "?alt=sse"),
        ("?$alt=sse", "?$alt=sse"),
        ("?alt=json", "?alt=json"),
        ("?alt=sse&key=mine", "?alt=sse"),
    ],
)
def test_a_client_of_geminis_says_how_it_wants_the_stream(query: str, expected: str) -> None:
    asked = Call(f"{FLASH}:streamGenerateContent{query}", on=gateway(GEMINI)).ask(HI)

    assert edits(asked)[":path"] == f"{FLASH}:streamGenerateContent{expected}"


def test_the_body_of_a_client_of_geminis_goes_on_as_it_is() -> None:
    asked = Call("/v1/models/gemini-2.5-flash:generateContent", on=gateway(GEMINI)).ask(HI)

    assert isinstance(asked, Continue)
    assert asked.body is None
    assert edits(asked)[":path"] == f"{FLASH}:generateContent"


@pytest.mark.parametrize(("method", "is_stream"), [("rawPredict", False), ("streamRawPredict", True)])
def test_what_is_sent_as_to_vertex_becomes_a_request_to_anthropic(method: str, is_stream: bool) -> None:
    body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 10, "messages": TALK, "stream": is_stream}
    asked = Call(f"{CLAUDE}claude-sonnet-4-5:{method}", on=gateway(GEMINI)).ask(body)

    assert isinstance(asked, Continue)
    sent = json.loads(asked.body or b"")
    assert (sent["model"], sent["stream"], "anthropic_version" in sent) == ("claude-sonnet-4-5", is_stream, False)
    assert sent["messages"][1]["content"] == [{"type": "text", "text": "Hi."}]
    assert edits(asked)[":path"] == "/v1/messages"


@pytest.mark.parametrize(("method", "is_stream"), [("rawPredict", False), ("streamRawPredict", True)])
def test_what_is_sent_as_to_vertex_goes_to_vertex(method: str, is_stream: bool) -> None:
    body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 10, "messages": HELLO["messages"]}
    asked = Call(f"{CLAUDE}claude-opus-4-5@20251101:{method}", on=gateway(GEMINI)).ask(body)

    assert isinstance(asked, Continue)
    sent = json.loads(asked.body or b"")
    assert (sent["anthropic_version"], sent["stream"], "model" in sent) == ("vertex-2023-10-16", is_stream, False)
    assert edits(asked)[":path"].endswith(f"/publishers/anthropic/models/claude-opus-4-5@20251101:{method}")


def test_tokens_are_counted_for_anthropics_client_of_vertex() -> None:
    body = {"anthropic_version": "vertex-2023-10-16", "model": "claude-sonnet-4-5", "messages": HELLO["messages"]}
    asked = Call(f"{CLAUDE}count-tokens:rawPredict", on=gateway(GEMINI)).ask(body)

    assert isinstance(asked, Continue)
    assert json.loads(asked.body or b"") == {"model": "claude-sonnet-4-5", "messages": HELLO["messages"]}
    assert edits(asked)[":path"] == "/v1/messages/count_tokens"


def test_a_method_that_nobody_has_is_told_in_geminis_words() -> None:
    status, told = error(Call("/v1/models/gemini-2.5-flash:embedContent").begin())

    assert (status, told["error"]["status"]) == (404, "NOT_FOUND")


PASSING = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - {model: gemini/gemini-2.5-flash, passthrough_auth: true}
  - {model: anthropic/claude-sonnet-4-5, passthrough_auth: true}
"""


@pytest.mark.parametrize(
    ("model", "name"), [("gemini-2.5-flash", "x-goog-api-key"), ("claude-sonnet-4-5", "x-api-key")]
)
@pytest.mark.parametrize("is_query", [False, True], ids=["header", "query"])
def test_the_key_of_a_client_of_geminis_is_passed_on(model: str, name: str, is_query: bool) -> None:
    path = f"/v1beta/models/{model}:generateContent"
    sent = {} if is_query else {"x_goog_api_key": "mine"}
    asked = Call(f"{path}?key=mine" if is_query else path, on=gateway(PASSING), **sent).ask(HI)

    assert edits(asked)[name] == "mine"
    assert "mine" not in edits(asked)[":path"]
