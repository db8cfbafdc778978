"""An answer that is read: whether the client got all of it."""

from collections.abc import Generator

import pytest

from plano_extproc.gateway.actions import Continue
from plano_extproc.gateway.answer import Answer
from plano_extproc.translate import Completions, Renamed, Translation

STREAM = {"content-type": b"text/event-stream"}
BEGUN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}'
    b'\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
)
FAILED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
ENDED = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":5}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def translation(body: dict[str, object] | None = None) -> Translation:
    made = Translation("openai.chat", "anthropic.messages")
    made.request(
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}], **(body or {})}, "claude"
    )
    return made


def told(answer: Answer, *chunks: bytes) -> bytes:
    """Return what the client gets for the chunks, the last of which ends the answer."""
    made = b""
    for place, chunk in enumerate(chunks, 1):
        action = answer.take(chunk, place == len(chunks))
        assert not isinstance(action, Generator)
        assert isinstance(action, Continue)
        made += action.body or b""
    return made


def test_a_stream_that_was_told_to_its_end_is_complete() -> None:
    answer = Answer("openai.chat", translation(), 200, STREAM)

    assert told(answer, BEGUN, ENDED, b"").endswith(b"data: [DONE]\n\n")
    assert answer.is_complete


@pytest.mark.parametrize(
    "rest",
    [(FAILED, b""), (b"event: nonsense\ndata: {]\n\n", b""), (b"",)],
    ids=["the provider gives up", "nonsense", "an early end"],
)
def test_a_stream_that_ends_with_an_error_is_not_complete(rest: tuple[bytes, ...]) -> None:
    answer = Answer("openai.chat", translation(), 200, STREAM)

    assert b'"error"' in told(answer, BEGUN, *rest)
    assert not answer.is_complete


def test_a_stream_of_completions_that_breaks_off_is_not_complete() -> None:
    answer = Answer("openai.chat", translation(), 200, STREAM, last=Completions(None))

    assert b'"error"' in told(answer, BEGUN, FAILED, b"")
    assert not answer.is_complete


def test_a_stream_whose_encoding_is_broken_is_not_complete() -> None:
    answer = Answer("openai.chat", Renamed("openai.chat", "m"), 200, {**STREAM, "content-encoding": b"gzip"})

    assert b'"error"' in told(answer, b"this is no gzip", b"")
    assert not answer.is_complete
