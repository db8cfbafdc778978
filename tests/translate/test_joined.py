"""Streams of the responses dialect, joined into whole answers."""

from typing import Any

import orjson
import pytest
from openai.types.responses import Response

from plano_extproc.errors import (
    BadProviderAnswer,
    Forbidden,
    GatewayError,
    InvalidRequest,
    RateLimited,
    Unavailable,
)
from plano_extproc.translate.joined import Joining, joined, joined_answer
from tests.support import responses_api
from tests.support.reply import Reply, ToolCall, Usage

Json = dict[str, Any]
REQUEST: Json = {"model": "gpt-5.5", "instructions": "Be brief.", "input": "hi", "store": False}
REPLIES = {
    "text": Reply("Bonjour à tous 🎉", usage=Usage(input=5, cached=3, reasoning=2)),
    "tools": Reply("", calls=(ToolCall("add", {"a": 1}), ToolCall("now"))),
    "all": Reply("So:", thinking="Let me see.", calls=(ToolCall("add", {"a": "é"}),)),
    "cut": Reply("Bonj", finish="length"),
    "refusal": Reply("", refusal="No.", finish="refusal"),
    "nothing": Reply(""),
}


def events(reply: Reply) -> list[Json]:
    return [orjson.loads(piece.partition(b"data: ")[2]) for piece in responses_api.stream(reply, REQUEST)]


def sse(*told: Json) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (one["type"].encode(), orjson.dumps(one)) for one in told)


@pytest.mark.parametrize("name", REPLIES)
def test_a_joined_stream_is_the_whole_answer(name: str) -> None:
    stream = b"".join(responses_api.stream(REPLIES[name], REQUEST))

    answer = joined_answer(stream)

    assert answer == responses_api.whole(REPLIES[name], REQUEST)
    Response.model_validate(answer | {"usage": None})


@pytest.mark.parametrize("output", [[], None, "absent"])
@pytest.mark.parametrize("name", REPLIES)
def test_items_that_the_last_event_leaves_out_are_put_back_in_order(name: str, output: object) -> None:
    *before, last = events(REPLIES[name])
    last["response"]["output"] = output
    if output == "absent":
        del last["response"]["output"]

    assert joined_answer(sse(*before, last)) == responses_api.whole(REPLIES[name], REQUEST)


def test_items_are_ordered_by_their_place_not_by_their_end() -> None:
    *before, last = events(REPLIES["all"])
    last["response"]["output"] = []

    assert joined_answer(sse(*reversed(before), last)) == responses_api.whole(REPLIES["all"], REQUEST)


def test_arguments_and_texts_that_only_their_own_events_tell_are_put_back() -> None:
    told = events(REPLIES["all"])
    for event in told:
        if event["type"] == "response.output_item.done":
            key = "arguments" if event["item"]["type"] == "function_call" else "content"
            event["item"] |= {key: "" if key == "arguments" else []} if event["item"]["type"] != "reasoning" else {}
    told[-1]["response"]["output"] = []

    answer = joined_answer(sse(*told))

    assert answer["output"][2]["arguments"] == '{"a":"é"}'
    assert answer["output"][1]["content"] == [{"type": "output_text", "text": "So:", "annotations": []}]
    Response.model_validate(answer | {"usage": None})


def test_items_that_only_this_dialect_knows_stay_as_they_came() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "x": 1}}
    *before, last = events(REPLIES["nothing"])
    last["response"]["output"] = []
    done = {"type": "response.output_item.done", "output_index": 0, "item": search}

    assert joined_answer(sse(*before, done, last))["output"] == [search]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_line_ends_comments_and_a_foreign_end_do_not_matter(end: bytes) -> None:
    stream = b": hello\n\n" + b"".join(responses_api.stream(REPLIES["text"], REQUEST)) + b"data: [DONE]\n\n"

    assert joined_answer(stream.replace(b"\n", end)) == responses_api.whole(REPLIES["text"], REQUEST)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"data: [DONE]\n\n",
        b"".join(list(responses_api.stream(REPLIES["text"], REQUEST))[:-1]),
        b"data: {\n\n",
        b"data: []\n\n",
        sse({"type": "response.completed"}),
        sse({"type": "response.completed", "response": None}),
    ],
)
def test_a_stream_that_breaks_off_is_the_providers_fault(stream: bytes) -> None:
    with pytest.raises(BadProviderAnswer):
        joined(stream)


@pytest.mark.parametrize(
    ("told", "kind", "message"),
    [
        (
            {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}},
            RateLimited,
            "slow",
        ),
        (
            {"type": "response.failed", "response": {"error": {"code": "context_length_exceeded", "message": "long"}}},
            InvalidRequest,
            "long",
        ),
        (
            {"type": "response.failed", "response": {"error": {"code": "server_is_overloaded", "message": "busy"}}},
            Unavailable,
            "busy",
        ),
        (
            {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "oops"}}},
            BadProviderAnswer,
            "oops",
        ),
        ({"type": "response.failed", "response": {"error": None}}, BadProviderAnswer, "no message"),
        ({"type": "response.failed"}, BadProviderAnswer, "no message"),
        ({"type": "error", "code": "insufficient_quota", "message": "pay", "param": None}, RateLimited, "pay"),
        ({"type": "error", "error": {"type": "usage_limit_reached", "message": "later"}}, RateLimited, "later"),
        ({"type": "error", "error": {"type": "usage_not_included", "message": "plan"}}, Forbidden, "plan"),
        ({"type": "error", "message": "odd"}, BadProviderAnswer, "odd"),
    ],
)
def test_a_failure_in_the_stream_is_an_error_with_its_status(
    told: Json, kind: type[GatewayError], message: str
) -> None:
    begun = events(REPLIES["text"])[:5]

    with pytest.raises(GatewayError) as caught:
        joined(sse(*begun, told))

    assert type(caught.value) is kind
    assert message in caught.value.message


def test_joining_reads_the_answer_whole_and_puts_errors_into_the_dialect() -> None:
    joining = Joining()
    stream = b"".join(responses_api.stream(REPLIES["text"], REQUEST))

    assert not joining.is_stream(b"text/event-stream")
    assert orjson.loads(joining.response(stream))["status"] == "completed"
    assert orjson.loads(joining.error(400, b'{"detail":"Unsupported parameter: top_p"}'))["error"] == {
        "message": "Unsupported parameter: top_p",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
