"""One try of a chain, as a transcript: what Envoy says, and what it is told."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from plano_extproc.gateway import Attempt, Gateway
from plano_extproc.gateway.actions import Continue, PassOver, Piece, Reply
from plano_extproc.gateway.events import Event, RequestBody, RequestHeaders, ResponseBody, ResponseHeaders, Trailers
from plano_extproc.gateway.tries.message import tries
from plano_extproc.gateway.tries.returning import Told
from tests.gateway.support import Call, gateway

CONFIG = """
version: v0.5.0
listeners: [{type: model, name: models, port: 12000}]
model_providers:
  - model: anthropic/first
    access_key: first-key
    timeouts: {first_token: 1s}
    headers: {x-team: blue}
    retry_policy: {fallback_models: [second, third], on_refusals: [context_window]}
  - {model: openai/gpt-4o, name: second, access_key: second-key}
  - {model: openai/last, name: third, access_key: third-key}
cooldown: {after: 1, for: 30s}
"""
PATH = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "anthropic/first", "messages": [{"role": "user", "content": "Hello"}]}
TOO_LONG = {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}}


NOTHING: Mapping[str, str] = {}


class Try:
    """An attempt of a request, told event by event."""

    def __init__(
        self, number: int, said: Mapping[str, str] = NOTHING, *, on: Gateway | None = None, body: Any = HELLO
    ) -> None:
        self.on = on or gateway(CONFIG)
        decided = Call(PATH, on=self.on).ask({**HELLO, "stream": body.get("stream", False)})
        assert isinstance(decided, Continue)
        assert decided.changes is not None
        known = {"x-plano-candidates": decided.changes.metadata["candidates"], "x-plano-attempt": str(number)}
        more = {f"x-plano-{name.replace('_', '-')}": value for name, value in said.items()}
        self.attempt = Attempt(self.on, "models", PATH, tries({**known, **more}))
        self.body = orjson.dumps(body)

    def tell(self, event: Event) -> Told:
        return self.attempt.handle(event)

    def request(self, body: bytes | None = None) -> Told:
        sent = {":path": PATH.encode(), ":method": b"POST", "x-team": b"blue"}
        assert self.tell(RequestHeaders(sent, end_of_stream=False)) == ()
        return self.tell(RequestBody(self.body if body is None else body, end_of_stream=True))

    def answer(self, status: int, kind: str = "application/json", **more: str) -> Told:
        sent = {":status": str(status), "content-type": kind, **{k.replace("_", "-"): v for k, v in more.items()}}
        return self.tell(ResponseHeaders({k: v.encode() for k, v in sent.items()}, end_of_stream=False))

    def piece(self, body: bytes, *, end: bool = False) -> Told:
        return self.tell(ResponseBody(body, end_of_stream=end))

    @property
    def cooling(self) -> frozenset[str]:
        return self.on.candidates.board.cooling(self.on.ports.now())


def status(told: Told) -> bytes | None:
    """Return the status that an answer is given."""
    kind, action = told[0]
    assert kind == "response_headers"
    assert isinstance(action, Continue)
    return dict(action.extra).get(":status")


def pieces(told: Told) -> bytes:
    """Return what goes on of the body."""
    return b"".join(action.body for _, action in told if isinstance(action, Piece))


def test_headers_wait_for_the_body_and_go_on_before_it() -> None:
    attempt = Try(1)
    (first, action), (second, piece) = attempt.request()

    assert (first, second) == ("request_headers", "request_body")
    assert isinstance(action, Continue)
    assert isinstance(piece, Piece)
    assert dict(action.extra)["content-length"] == b"%d" % len(piece.body)
    assert json.loads(piece.body)["model"] == "first"
    assert piece.end


def test_a_body_may_come_in_pieces() -> None:
    attempt = Try(1)
    whole = pieces(attempt.request())
    other = Try(1)
    other.tell(RequestHeaders({":path": PATH.encode()}, end_of_stream=False))

    assert other.tell(RequestBody(other.body[:7], end_of_stream=False)) == ()
    assert pieces(other.tell(RequestBody(other.body[7:], end_of_stream=True))) == whole


def test_trailers_end_a_body() -> None:
    attempt = Try(1)
    attempt.tell(RequestHeaders({":path": PATH.encode()}, end_of_stream=False))
    attempt.tell(RequestBody(attempt.body, end_of_stream=False))
    told = attempt.tell(Trailers(of_request=True))

    assert [kind for kind, _ in told] == ["request_headers", "request_body", "request_trailers"]
    assert told[1][1] == Piece(pieces(told), end=False)


SOUND = {"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}}
SPOKEN = {**HELLO, "messages": [{"role": "user", "content": [SOUND]}]}


def test_a_candidate_that_cannot_take_a_request_is_passed_over() -> None:
    attempt = Try(1, body=SPOKEN)

    assert attempt.request() == (("request_headers", PassOver(503, {"counted": "1"})),)
    assert attempt.attempt.is_done
    assert not attempt.cooling


def test_the_last_candidate_says_why_it_cannot() -> None:
    on = gateway(CONFIG.replace("openai/last", "anthropic/last"))
    ((_, action),) = Try(3, {"counted": "2"}, on=on, body=SPOKEN).request()

    assert isinstance(action, Reply)
    assert action.status == 400


def test_what_an_earlier_candidate_has_set_is_removed() -> None:
    (_, action), _ = Try(2, {"counted": "1"}).request()

    assert isinstance(action, Continue)
    assert action.changes is not None
    assert "x-team" in action.changes.remove
    assert ("authorization", b"Bearer second-key") in action.changes.set


def test_a_failing_answer_is_left_to_envoy_and_counted_at_once() -> None:
    attempt = Try(1)
    attempt.request()
    told = attempt.answer(429, retry_after="20")

    assert told == (("response_headers", Continue(tried={"counted": "1"})),)
    assert attempt.cooling == {"anthropic/first"}


@pytest.mark.parametrize(
    ("said", "cooling"),
    [
        ({"counted": "1"}, set()),
        ({}, {"anthropic/first"}),
        ({"failed_status": "503", "failed_retry_after": "20"}, {"anthropic/first"}),
        ({"failed_status": "404"}, set()),
        ({"failed_status": "-", "failed_retry_after": "-"}, {"anthropic/first"}),
    ],
)
def test_the_try_before_is_counted_by_the_next_unless_it_has_been(said: dict[str, str], cooling: set[str]) -> None:
    assert Try(2, said).cooling == cooling


def test_a_refusal_that_the_file_names_moves_on() -> None:
    attempt = Try(1)
    attempt.request()
    body = orjson.dumps(TOO_LONG)

    assert attempt.answer(400) == ()
    told = attempt.piece(body, end=True)
    assert status(told) == b"503"
    assert not attempt.cooling


def test_another_error_is_the_callers() -> None:
    attempt = Try(1)
    attempt.request()
    attempt.answer(400)
    told = attempt.piece(orjson.dumps({"type": "error", "error": {"type": "x", "message": "No."}}), end=True)

    assert status(told) is None
    assert json.loads(pieces(told))["error"]["message"] == "No."


def test_a_refusal_by_the_last_candidate_is_the_callers() -> None:
    attempt = Try(3, {"counted": "2"})
    attempt.request()
    told = attempt.answer(400)

    assert status(told) is None
    assert pieces(attempt.piece(b'{"error": {"code": "context_length_exceeded"}}', end=True)) == (
        b'{"error": {"code": "context_length_exceeded"}}'
    )


START = b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
TOKEN = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'
FAULT = b'data: {"error":{"message":"Overloaded","type":"server_error"}}\n\n'
STREAM = "text/event-stream"


def streaming(number: int) -> Try:
    attempt = Try(number, {"counted": str(number - 1)}, body={**HELLO, "stream": True})
    attempt.request()
    return attempt


def test_a_watched_stream_goes_on_with_its_first_token() -> None:
    attempt = streaming(2)

    assert attempt.answer(200, STREAM) == ()
    assert attempt.piece(START) == ()
    told = attempt.piece(TOKEN)
    assert [kind for kind, _ in told] == ["response_headers", "response_body"]
    assert pieces(told) == START + TOKEN
    assert pieces(attempt.piece(TOKEN)) == TOKEN
    assert attempt.piece(b"", end=True) == (("response_body", Piece(b"", end=True)),)
    assert attempt.attempt.is_done


@pytest.mark.parametrize("opening", [b"", START])
def test_a_watched_stream_that_begins_with_an_error_moves_on(opening: bytes) -> None:
    attempt = streaming(2)
    attempt.answer(200, STREAM)
    told = attempt.piece(opening + FAULT)

    assert status(told) == b"503"
    assert attempt.cooling == {"second"}


def test_the_last_ones_error_is_told_with_a_status_of_its_own() -> None:
    attempt = streaming(3)
    attempt.answer(200, STREAM)
    told = attempt.piece(FAULT)

    assert status(told) == b"500"
    assert json.loads(pieces(told))["error"]["message"] == "Overloaded"
    assert not attempt.cooling


def test_a_whole_answer_is_let_go_on_once_it_is_as_long_as_it_says() -> None:
    attempt = Try(1)
    attempt.request()
    message = {"id": "m", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn"}
    body = orjson.dumps({**message, "content": [{"type": "text", "text": "Hi"}], "usage": {"output_tokens": 1}})

    assert attempt.answer(200, content_length=str(len(body))) == ()
    assert attempt.piece(body[:9]) == ()
    told = attempt.piece(body[9:])
    assert json.loads(pieces(told))["choices"][0]["message"]["content"] == "Hi"
    assert attempt.attempt.is_done


def test_an_answer_that_makes_no_sense_moves_on() -> None:
    attempt = Try(1)
    attempt.request()
    attempt.answer(200)

    assert status(attempt.piece(b"<html>", end=True)) == b"502"


def test_an_answer_in_an_unknown_encoding_moves_on() -> None:
    attempt = Try(1)
    attempt.request()

    assert status(attempt.answer(200, content_encoding="br")) == b"503"


def test_a_candidate_that_is_gone_from_the_configuration_is_passed_over() -> None:
    attempt = Try(1)
    attempt.attempt._gateway = gateway()

    assert isinstance(attempt.request()[0][1], PassOver)


HEDGED = CONFIG.replace("on_refusals:", "hedge: true, on_refusals:").replace("first_token: 1s", "first_byte: 1s")
NOW = 1_700_000_000.0
IN_TIME, LATE = {"begun": f"{NOW - 0.5:.3f}"}, {"begun": f"{NOW - 2:.3f}"}


def test_all_tries_of_a_hedged_chain_say_where_they_go_and_who_they_are() -> None:
    one = Try(2, IN_TIME, on=gateway(HEDGED))
    (_, sent), _ = one.request()
    assert isinstance(sent, Continue)
    assert sent.changes is not None
    one.answer(200)
    _, told = one.piece(b'{"choices": []}', end=True)[0]

    assert dict(sent.extra)["x-plano-cluster"].startswith(b"provider_")
    assert sent.changes.clear_route
    assert isinstance(told, Continue)
    assert dict(told.extra)["x-plano-attempt"] == b"2"


@pytest.mark.parametrize("said", [IN_TIME, LATE])
def test_a_failure_in_a_hedged_chain_is_counted_by_its_own_attempt(said: Mapping[str, str]) -> None:
    one = Try(1, said, on=gateway(HEDGED))
    one.request()
    one.answer(503)

    assert one.cooling


def test_a_try_in_a_hedged_chain_says_nothing_of_the_one_before() -> None:
    assert not Try(2, IN_TIME, on=gateway(HEDGED)).cooling


@pytest.mark.parametrize(("said", "cools"), [(IN_TIME, False), (LATE, True)])
def test_a_try_that_another_was_faster_than_is_counted_where_it_was_late(said: Mapping[str, str], cools: bool) -> None:
    one = Try(1, said, on=gateway(HEDGED))
    one.request()
    one.attempt.closed()

    assert bool(one.cooling) is cools


def test_a_refusal_that_is_late_is_told_with_a_status_that_others_outdo() -> None:
    one = Try(1, LATE, on=gateway(HEDGED))
    one.request()
    one.answer(400)
    told = one.piece(orjson.dumps(TOO_LONG), end=True)

    assert status(told) == b"503"
    assert isinstance(told[1][1], Piece)
    assert "too long" in json.loads(told[1][1].body)["error"]["message"]
