"""Facts about the answers of Bedrock's Converse, among them those in which others are known to fail."""

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import Translation
from tests.translate import eventstream
from tests.translate.bedrock import BEDROCK, HI, METADATA, SECRET, START, delta, stop, streamed, tool_start
from tests.translate.facts import new_stream
from tests.translate.invariants import check_stream


@pytest.mark.parametrize(
    ("raw", "finish", "stop_reason"),
    [
        ("end_turn", "stop", "end_turn"),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", "max_tokens"),
        ("guardrail_intervened", "content_filter", "refusal"),
        ("content_filtered", "content_filter", "refusal"),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("malformed_model_output", "stop", "end_turn"),
        ("malformed_tool_use", "stop", "end_turn"),
        ("new", "stop", "end_turn"),
        (None, "stop", "end_turn"),
    ],
)
def test_stop_reasons(raw: str | None, finish: str, stop_reason: str) -> None:
    body = orjson.dumps({"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": raw})
    chat = orjson.loads(Translation("openai.chat", BEDROCK).response(body))
    messages = orjson.loads(Translation("anthropic.messages", BEDROCK).response(body))

    assert chat["choices"][0]["finish_reason"] == finish
    assert messages["stop_reason"] == stop_reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":{"content":"x"}}}',
        b'{"output":{"message":{"content":[1]}}}',
        b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","input":{}}}]}}}',
        b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"n","input":[1]}}]}}}',
        b'{"output":{"message":{"content":[]}},"usage":{"inputTokens":"many"}}',
    ],
)
def test_an_answer_that_makes_no_sense_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(BadProviderAnswer, match="provider"):
        Translation("openai.chat", BEDROCK).response(body)


def test_answers_are_told_to_be_streamed_by_their_own_media_type() -> None:
    translation = Translation("openai.chat", BEDROCK)
    translation.request({"messages": [HI], "stream": True}, "m")

    assert translation.is_stream(b"application/vnd.amazon.eventstream")
    assert not translation.is_stream(b"text/event-stream")
    assert not translation.is_stream(b"application/json")


def test_blocks_open_with_their_first_piece() -> None:
    content = streamed(START, delta(0, text="a"), delta(0, text="b"), delta(1, text="c"), stop(), METADATA)

    assert (content.text, content.finish) == ("abc", "end_turn")
    assert (content.usage or {})["input_tokens"] == 3


def test_calls_are_counted_by_themselves_and_not_by_the_block() -> None:
    call = '{"city":"' + "x" * 550 + '"}'
    frames = (
        START, delta(0, text="a"), tool_start(1), delta(1, toolUse={"input": call}), delta(2, text="b"),
        tool_start(3), stop("tool_use"), METADATA,
    )  # fmt: skip
    chat = streamed(*frames, client="openai.chat")

    assert [(one["id"], one["arguments"]) for one in chat.calls] == [("t1", call), ("t3", "{}")]
    assert (chat.text, chat.finish) == ("ab", "tool_calls")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttlingException", "rate_limit_error"),
        ("validationException", "invalid_request_error"),
        ("internalServerException", "api_error"),
        ("serviceUnavailableException", "api_error"),
        ("modelStreamErrorException", "api_error"),
        ("modelTimeoutException", "timeout_error"),
        ("newException", "api_error"),
    ],
)
@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_an_exception_is_told_once_and_ends_the_stream(client: Api, kind: str, error: str) -> None:
    told = eventstream.exception(kind, {"message": "what went wrong"})
    stream = new_stream(BEDROCK, client=client)
    out = stream.feed(START + delta(0, text="a") + told + stop() + METADATA, end=True)
    content = check_stream(client, out)

    assert content.error is not None
    assert (content.error["message"], content.error["type"]) == ("what went wrong", error)
    assert out.count(b"what went wrong") == 1
    assert (stream.failed, stream.finished) == (True, False)


def test_an_exception_without_json_is_told_in_its_words() -> None:
    told = eventstream.frame({":message-type": "exception", ":exception-type": "x"}, b"out of order")

    assert (streamed(START, told).error or {})["message"] == "out of order"


@pytest.mark.parametrize(
    "frames",
    [
        (),
        (START,),
        (START, delta(0, text="a")),
        (START, METADATA),
        (START, delta(0, text="a"), stop()[:-1]),
        (delta(0, text="a"), stop(), METADATA),
        (START, delta(0, toolUse={"input": "{}"}), stop(), METADATA),
        (START, eventstream.event("contentBlockDelta", {"delta": {"text": "a"}}), stop()),
        (START, eventstream.event("contentBlockDelta", []), stop()),
        (START, eventstream.event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {}}}), stop()),
        (START, SECRET, SECRET, stop()),
        (START, delta(0, text="a")[:-1] + b"?", stop(), METADATA),
        (b"data: {}\n\n",),
    ],
)  # fmt: skip
@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_a_stream_that_breaks_off_or_makes_no_sense_ends_in_one_error(client: Api, frames: tuple[bytes, ...]) -> None:
    assert streamed(*frames, client=client).error is not None


def test_an_end_without_counts_is_an_end() -> None:
    content = streamed(START, delta(0, text="a"), stop())

    assert (content.text, content.finish, content.error) == ("a", "end_turn", None)


@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_words_after_the_reason_belong_to_the_answer(client: Api) -> None:
    content = streamed(START, delta(0, text="a"), stop(), delta(1, text="b"), METADATA, client=client)

    assert (content.text, content.error) == ("ab", None)


@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_a_broken_frame_takes_nothing_with_it_that_came_before(client: Api) -> None:
    broken = bytearray(stop())
    broken[-1] ^= 1
    content = streamed(START, delta(0, text="a"), bytes(broken), client=client)

    assert content.text == "a"
    assert content.error is not None


def test_events_that_are_not_known_are_skipped() -> None:
    news = eventstream.event("news", {"contentBlockIndex": 0})

    assert streamed(news, START, news, delta(0, text="a"), delta(0, news={}), stop(), METADATA).text == "a"
