"""Streams of several answers, between the dialects that have them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.apis import Api
from plano_extproc.translate import Translation
from tests.translate.facts import DONE
from tests.translate.made_up import anything, quick

Json = dict[str, Any]
ASKS: dict[Api, Json] = {
    "openai.chat": {"messages": [{"role": "user", "content": "hi"}], "n": 2, "stream_options": {"include_usage": True}},
    "gemini.generate": {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"candidateCount": 2}},
}


def candidate(index: int, text: str, finish: str | None = None) -> Json:
    told = {"index": index, "content": {"role": "model", "parts": [{"text": text}]}}
    return {**told, "finishReason": finish} if finish else told


def generated(*candidates: Json, usage: Json | None = None) -> bytes:
    told: Json = {"candidates": list(candidates), "responseId": "r1", "modelVersion": "m"}
    return b"data: " + orjson.dumps({**told, "usageMetadata": usage} if usage else told) + b"\r\n\r\n"


def chunk(*choices: Json, **more: Any) -> bytes:
    told = {"id": "c1", "created": 1, "model": "m", "choices": list(choices), **more}
    return b"data: " + orjson.dumps(told) + b"\n\n"


def choice(index: int, finish: str | None = None, **delta: Any) -> Json:
    return {"index": index, "delta": delta, "finish_reason": finish}


COUNTS = {"promptTokenCount": 3, "candidatesTokenCount": 8, "totalTokenCount": 11}
CALL = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"index":0}'}}
GEMINI = (
    generated(candidate(0, "He"), candidate(1, "Good"))
    + generated(candidate(1, " day", "MAX_TOKENS"))
    + generated(candidate(0, "llo", "STOP"), usage=COUNTS)
)
CHAT = (
    chunk(choice(0, role="assistant", content=""))
    + chunk(choice(1, role="assistant", content="Good"))
    + chunk(choice(0, content="Hello"))
    + chunk(choice(1, tool_calls=[CALL]))
    + chunk(choice(0, "stop"), choice(1, "tool_calls"))
    + chunk(usage={"prompt_tokens": 3, "completion_tokens": 8})
    + DONE
)
STREAMS: dict[Api, bytes] = {"openai.chat": CHAT, "gemini.generate": GEMINI}
OTHER: dict[Api, Api] = {"openai.chat": "gemini.generate", "gemini.generate": "openai.chat"}


def asking(client: Api, **more: Any) -> Translation:
    translation = Translation(client, OTHER[client], created=1, answer_id="answer_1", is_stream=True, **more)
    out = translation.request(ASKS[client], "m")
    assert out.dropped == ()
    return translation


def told(client: Api, data: bytes) -> list[Json]:
    stream = asking(client).stream()
    made = stream.feed(data, end=True)
    return [orjson.loads(line[6:]) for line in made.split(b"\n\n") if line.startswith(b"data: {")]


def test_choices_of_chat_come_from_candidates() -> None:
    made = asking("openai.chat").stream().feed(GEMINI, end=True)
    chunks = told("openai.chat", GEMINI)
    texts = {0: "", 1: ""}
    for one in chunks[:-1]:
        texts[one["choices"][0]["index"]] += one["choices"][0]["delta"].get("content", "")
    finishes = {c["index"]: c["finish_reason"] for one in chunks for c in one["choices"] if c["finish_reason"]}

    assert texts == {0: "Hello", 1: "Good day"}
    assert finishes == {0: "stop", 1: "length"}
    assert chunks[-1]["usage"]["completion_tokens"] == 8
    assert len({one["id"] for one in chunks}) == 1
    assert made.endswith(b"\n\ndata: [DONE]\n\n")
    assert made.count(b"[DONE]") == made.count(b'"choices":[]') == 1


def test_candidates_come_from_choices() -> None:
    events = [one["candidates"][0] for one in told("gemini.generate", CHAT)]
    parts = {index: [p for e in events if e["index"] == index for p in e["content"]["parts"]] for index in (0, 1)}

    assert "".join(part.get("text", "") for part in parts[0]) == "Hello"
    assert [part["functionCall"]["args"] for part in parts[1] if "functionCall" in part] == [{"index": 0}]
    assert {e["index"] for e in events if e.get("finishReason")} == {0, 1}


def test_candidates_may_come_as_one_list() -> None:
    made = asking("gemini.generate", framing="array").stream().feed(CHAT, end=True)

    assert {one["candidates"][0]["index"] for one in orjson.loads(made)} == {0, 1}


@pytest.mark.parametrize("client", ASKS)
def test_the_stream_is_the_same_however_it_is_cut(client: Api) -> None:
    data = STREAMS[OTHER[client]]
    whole = asking(client).stream().feed(data, end=True)
    for cut in range(len(data)):
        stream = asking(client).stream()

        assert stream.feed(data[:cut], end=False) + stream.feed(data[cut:], end=True) == whole
        assert stream.finished
        assert stream.usage is not None


@pytest.mark.parametrize("client", ASKS)
@pytest.mark.parametrize(
    "broken",
    [b"data: {broken\n\n", b"data: []\n\n", b'data: {"error":{"message":"Overloaded","code":503}}\n\n', b""],
    ids=["no JSON", "no object", "told", "early end"],
)
def test_a_failure_is_told_once(client: Api, broken: bytes) -> None:
    data = STREAMS[OTHER[client]]
    stream = asking(client).stream()
    made = stream.feed(data[: data.index(b"data: ", 10)] + broken, end=True)

    assert stream.failed
    assert made.count(b'"error"') == 1
    assert b"[DONE]" not in made
    assert stream.feed(data, end=True) == b""


def test_a_provider_may_give_fewer_than_were_asked_for() -> None:
    chunks = told("openai.chat", generated(candidate(0, "Hello", "STOP"), usage=COUNTS))

    assert {c["index"] for one in chunks for c in one["choices"]} == {0}
    assert chunks[-1]["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize("client", ASKS)
@quick
@given(events=st.lists(anything | st.fixed_dictionaries({"choices": anything, "candidates": anything}), max_size=5))
def test_no_json_makes_it_raise(client: Api, events: list[Any]) -> None:
    stream = asking(client).stream()
    stream.feed(b"".join(b"data: %b\n\n" % orjson.dumps(event) for event in events), end=True)

    assert stream.finished != stream.failed
