"""What holds for every request, answer and stream that can be made up."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, InvalidRequest
from plano_extproc.translate import Profile, Translation, codec
from plano_extproc.translate.accumulate import Accumulator
from plano_extproc.translate.chat import (
    Answer,
    Request,
    Text,
)
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.framing.sse import SseParser
from plano_extproc.translate.losses import Losses
from tests.translate.facts import new_stream
from tests.translate.golden import ASKS, PAIRS
from tests.translate.invariants import check_stream
from tests.translate.made_up import KEYS, OPAQUE, answers, anything, deltas_of, quick, requests, said

APIS = pytest.mark.parametrize("api", ASKS)
PAIRED = pytest.mark.parametrize(("client", "provider"), PAIRS)
ENDS = (b"data: [DONE]", b"event: message_stop", b"event: response.completed", b"event: response.incomplete",
        b'"finishReason":')  # fmt: skip
FAILURES = (b'{"error"', b'data: {"error"', b'data: {"type":"error"', b'data: {"type":"response.failed"')
TURNS: dict[Api, str] = {"openai.chat": "messages", "anthropic.messages": "messages", "openai.responses": "input",
                         "gemini.generate": "contents"}  # fmt: skip


@APIS
@quick
@given(request=requests)
def test_a_request_is_the_same_after_it_was_written_and_read(api: Api, request: Request) -> None:
    made = codec(api)

    def again(request: Request) -> Request:
        body = made.encode_request(request, Profile(cache_control=True, replay_reasoning=True), Losses({}))
        return made.decode_request(orjson.loads(orjson.dumps(body)), Losses({}))

    once = again(request)
    assert again(once) == once


@APIS
@quick
@given(request=requests)
def test_no_word_of_a_request_is_lost(api: Api, request: Request) -> None:
    body = orjson.dumps(codec(api).encode_request(request, Profile(), Losses({}))).decode()

    for message in request.messages:
        for block in message.blocks:
            if isinstance(block, Text) and block.text.strip():
                assert orjson.dumps(block.text).decode()[1:-1] in body


@APIS
@quick
@given(answer=answers)
def test_an_answer_is_the_same_after_it_was_written_and_read(api: Api, answer: Answer) -> None:
    made = codec(api)

    def again(answer: Answer) -> Answer:
        return made.decode_answer(orjson.loads(orjson.dumps(made.encode_answer(answer, AnswerOptions()))))

    once = again(answer)
    assert (said(again(once), api) == said(once, api)) if api in OPAQUE else (again(once) == once)
    assert said(once, api) == said(answer, api)


@APIS
@quick
@given(answer=answers)
def test_a_streamed_answer_says_what_the_whole_one_says(api: Api, answer: Answer) -> None:
    made = codec(api)
    encoder = made.stream_encoder(AnswerOptions(include_usage=True))
    data = b"".join(encoder.take(delta) for delta in deltas_of(answer))
    check_stream(api, data)
    decoder, collected = made.stream_decoder(), Accumulator()
    for event in SseParser().feed(data):
        for delta in decoder.take(event):
            collected.take(delta)
    for delta in decoder.end() if collected.answer is None else ():
        collected.take(delta)

    assert collected.answer is not None
    whole = made.decode_answer(orjson.loads(orjson.dumps(made.encode_answer(answer, AnswerOptions()))))
    assert said(collected.answer, api) == said(whole, api)
    assert collected.answer.finish == whole.finish
    assert collected.answer.usage == whole.usage


@PAIRED
@quick
@given(chunks=st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_make_a_stream_raise(client: Api, provider: Api, chunks: list[bytes]) -> None:
    stream = new_stream(provider, client=client)
    out = b"".join(stream.feed(chunk, end=False) for chunk in chunks) + stream.feed(b"", end=True)

    assert stream.finished != stream.failed
    check_stream(client, out)


@PAIRED
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(anything, max_size=5))
def test_no_json_makes_a_stream_raise(client: Api, provider: Api, events: list[Any]) -> None:
    stream = new_stream(provider, client=client)
    out = stream.feed(b"".join(b"data: %b\n\n" % orjson.dumps(event) for event in events), end=True)

    assert stream.finished != stream.failed
    assert sum(out.count(end) for end in ENDS) == int(stream.finished)
    assert out.rstrip().rpartition(b"\n")[2].startswith(FAILURES) == stream.failed


@PAIRED
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(st.sampled_from(KEYS), anything), turns=st.lists(anything, max_size=3))
def test_no_json_makes_a_request_fail_without_a_name_for_it(
    client: Api, provider: Api, body: Any, turns: list[Any]
) -> None:
    raised: InvalidRequest | None = None
    try:
        Translation(client, provider).request({**ASKS[client], **body, TURNS[client]: turns}, "m")
    except InvalidRequest as error:
        raised = error

    assert raised is None or raised.message.startswith(f"{raised.param}: ")


@PAIRED
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=anything | st.dictionaries(st.sampled_from(KEYS), anything))
def test_no_json_makes_an_answer_fail_as_a_bug(client: Api, provider: Api, body: Any) -> None:
    translation = Translation(client, provider)
    assert orjson.loads(translation.error(500, orjson.dumps(body)))["error"]["message"]
    with contextlib.suppress(BadProviderAnswer):
        translation.response(orjson.dumps(body))
