"""A stream has begun when the model has said something."""

import gzip

import pytest

from plano_extproc.apis import Api
from plano_extproc.translate.beginning import LONGEST, Beginning

OPENINGS: dict[Api, bytes] = {
    "openai.chat": b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n',
    "anthropic.messages": (
        b"event: message_start\n"
        b'data: {"type":"message_start","message":{"id":"m","model":"x","usage":{"output_tokens":0}}}\n\n'
        b'event: ping\ndata: {"type":"ping"}\n\n'
        b"event: content_block_start\n"
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    ),
}
TOKENS: dict[Api, bytes] = {
    "openai.chat": b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n',
    "anthropic.messages": (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}\n\n'
    ),
}
ERRORS: dict[Api, bytes] = {
    "openai.chat": b'data: {"error":{"message":"Overloaded","type":"server_error","code":null}}\n\n',
    "anthropic.messages": (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    ),
}
DIALECTS = tuple(OPENINGS)


@pytest.mark.parametrize("api", DIALECTS)
def test_an_opening_says_nothing_and_a_token_begins(api: Api) -> None:
    stream = Beginning(api)

    stream.look(OPENINGS[api], end=False)
    assert not stream.is_known
    stream.look(TOKENS[api], end=False)
    assert stream.has_begun
    assert stream.fault is None


@pytest.mark.parametrize("api", DIALECTS)
def test_a_beginning_may_be_cut_anywhere(api: Api) -> None:
    whole = OPENINGS[api] + TOKENS[api]
    stream = Beginning(api)

    for at in range(len(whole)):
        assert not stream.is_known
        stream.look(whole[at : at + 1], end=False)
    assert stream.has_begun


@pytest.mark.parametrize("opening", [False, True])
@pytest.mark.parametrize("api", DIALECTS)
def test_an_error_before_a_token_is_a_fault(api: Api, opening: bool) -> None:
    stream = Beginning(api)

    stream.look((OPENINGS[api] if opening else b"") + ERRORS[api], end=False)
    assert not stream.has_begun
    assert stream.fault is not None
    assert stream.fault.message == "Overloaded"


@pytest.mark.parametrize("api", DIALECTS)
def test_a_stream_without_an_answer_is_a_fault(api: Api) -> None:
    for said in (b"", OPENINGS[api]):
        stream = Beginning(api)
        stream.look(said, end=True)

        assert stream.fault is not None


def test_a_broken_event_is_a_fault() -> None:
    stream = Beginning("openai.chat")
    stream.look(b'data: {"choices": 1}\n\n', end=False)

    assert stream.fault is not None


def test_a_call_of_a_tool_begins() -> None:
    stream = Beginning("openai.chat")
    call = b'{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}'
    stream.look(b'data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[' + call + b"]}}]}\n\n", end=False)

    assert stream.has_begun


def test_an_encoded_stream_is_looked_into() -> None:
    stream = Beginning("openai.chat", b"gzip")
    stream.look(gzip.compress(ERRORS["openai.chat"]), end=True)

    assert stream.fault is not None


def test_what_cannot_be_looked_into_counts_as_begun() -> None:
    assert Beginning("openai.chat", b"br").has_begun


def test_keepalives_do_not_hold_a_stream_for_ever() -> None:
    stream = Beginning("openai.chat")
    while not stream.is_known:
        stream.look(b": still here\n\n" * 1000, end=False)
        assert stream._seen <= LONGEST + 14_000

    assert stream.has_begun
