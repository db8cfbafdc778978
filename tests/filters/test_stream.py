"""Output filters on streams: whole events, windows of text, and never a cut byte."""

from typing import Any

import orjson
import pytest

from plano_extproc.errors import BadProviderAnswer, Relayed
from plano_extproc.filters import Filter, Record, Sessions, StreamFilters
from plano_extproc.filters.stream import LONGEST_WINDOW, Held, WholeEvents
from plano_extproc.flow import Callout, CalloutFailed, Reply
from plano_extproc.translate.texts import TextStream
from tests.filters.passing import filter_of, passing
from tests.support.flows import drive, reply

EVENTS = filter_of(id="events", type="http")
TEXT = filter_of(id="text", type="http", stream="text")


def event(text: str) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + orjson.dumps({**chunk, "choices": [{"index": 0, "delta": {"content": text}}]}) + b"\n\n"


END = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
SAID = ["My na", "me is Zoë", "! And my num", "ber is 12", "34. Good", "bye"]
STREAM = b"".join(map(event, SAID)) + END


def make(*filters: Filter, records: list[Record] | None = None, is_sse: bool = True) -> StreamFilters:
    return StreamFilters(
        filters,
        lambda window_for: TextStream("openai.chat", window_for),
        passing(records),
        Sessions(),
        is_sse=is_sse,
    )


def texts_of(stream: bytes) -> str:
    events = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return "".join(orjson.loads(one)["choices"][0]["delta"].get("content", "") for one in events)


def put_through(filters: StreamFilters, answer: Any, cuts: int, stream: bytes = STREAM) -> bytes:
    chunks = [stream[at : at + cuts] for at in range(0, len(stream), cuts)]
    return b"".join(drive(filters.feed(chunk, False), answer) for chunk in chunks) + drive(
        filters.feed(b"", True), answer
    )


@pytest.mark.parametrize("cuts", [1, 2, 7, 50, 10_000])
def test_a_filter_of_events_sees_whole_ones(cuts: int) -> None:
    seen: list[bytes] = []

    def answer(question: Callout) -> Reply:
        seen.append(question.body)
        return reply(question.body.replace(b"Zo\xc3\xab", b"[NAME]"))

    made = put_through(make(EVENTS), answer, cuts)

    assert all(one.startswith(b"data: ") and one.endswith(b"\n\n") for one in seen)
    assert b"".join(seen) == STREAM
    assert texts_of(made) == "My name is [NAME]! And my number is 1234. Goodbye"


@pytest.mark.parametrize("cuts", [1, 3, 64, 10_000])
def test_a_filter_of_text_sees_sentences(cuts: int) -> None:
    seen: list[str] = []

    def answer(question: Callout) -> Reply:
        seen.append(question.body.decode())
        return reply(question.body.replace(b"1234", b"****"), content_type="text/plain")

    made = put_through(make(TEXT), answer, cuts)

    assert seen == ["My name is Zoë! ", "And my number is 1234. ", "Goodbye"]
    assert texts_of(made) == "My name is Zoë! And my number is ****. Goodbye"
    assert made.endswith(b"data: [DONE]\n\n")
    assert made.count(b'"finish_reason":"stop"') == 1


def test_mcp_filters_take_windows_of_text() -> None:
    def answer(question: Callout) -> Reply:
        message = orjson.loads(question.body)
        if "id" not in message:
            return reply(b"", 202)
        if message["method"] == "initialize":
            return reply({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-06-18"}})
        text = message["params"]["arguments"]["body"].upper()
        return reply({"jsonrpc": "2.0", "id": message["id"], "result": {"structuredContent": {"result": text}}})

    made = put_through(make(filter_of()), answer, 9)

    assert texts_of(made) == "MY NAME IS ZOË! AND MY NUMBER IS 1234. GOODBYE"


def test_events_come_before_text_and_both_apply() -> None:
    def answer(question: Callout) -> Reply:
        edits = {"filter events": (b"Zo\xc3\xab", b"Ann"), "filter text": (b"Ann", b"[NAME]")}
        return reply(question.body.replace(*edits[question.what]))

    assert texts_of(put_through(make(TEXT, EVENTS), answer, 20)) == "My name is [NAME]! And my number is 1234. Goodbye"


def test_a_refusal_in_the_middle_is_raised() -> None:
    def answer(question: Callout) -> Reply:
        return reply(b"no numbers", 403) if b"1234" in question.body else reply(question.body)

    with pytest.raises(Relayed, match="no numbers"):
        put_through(make(TEXT), answer, 20)


def test_a_filter_that_fails_is_raised_or_skipped() -> None:
    def answer(_: Callout) -> CalloutFailed:
        return CalloutFailed("reset")

    with pytest.raises(BadProviderAnswer):
        put_through(make(TEXT), answer, 20)

    records: list[Record] = []
    skipping = filter_of(type="http", stream="text", on_error="skip")
    assert texts_of(put_through(make(skipping, records=records), answer, 20)) == "".join(SAID)
    assert {one.outcome for one in records} == {"skipped"}


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
def test_events_are_cut_at_blank_lines_of_every_kind(line: bytes) -> None:
    whole = [b"event: a" + line + b"data: 1" + line * 2, b": hi" + line * 2, b"data: 2" + line * 2]
    stream = b"".join(whole)
    for at in range(len(stream) + 1):
        cut = WholeEvents()
        first = cut.feed(stream[:at], False)

        assert any(first == b"".join(whole[:count]) for count in range(4))
        assert first + cut.feed(stream[at:], True) == stream


def test_an_event_without_end_stops() -> None:
    cut = WholeEvents()

    assert cut.feed(b"x" * 8 * 1024 * 1024, False) == b""
    with pytest.raises(BadProviderAnswer):
        cut.feed(b"x", False)


def test_text_is_held_until_a_sentence_ends_but_not_for_ever() -> None:
    held = Held()

    assert held.feed("A first. And") == "A first. "
    assert held.feed(" then") == ""
    assert held.end() == "And then"
    assert Held().feed("word " * LONGEST_WINDOW) == "word " * LONGEST_WINDOW
    assert Held().feed("x" * (LONGEST_WINDOW + 1)) == "x" * (LONGEST_WINDOW + 1)
