"""Texts in requests, answers and streams: found, replaced, and edited while they stream."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.texts import (
    Chain,
    Channel,
    JsonWindow,
    TextStream,
    Window,
    answer_places,
    replaced,
    replaced_answer,
    request_places,
    whole,
)
from tests.translate.facts import values
from tests.translate.golden import ASKS, ROOT, STREAMS
from tests.translate.invariants import check_stream


class Same:
    """Changes nothing."""

    def feed(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


class Held:
    """Holds back everything, and writes it anew."""

    def __init__(self, edit: Callable[[str], str] = lambda text: text) -> None:
        self._text = ""
        self._edit = edit

    def feed(self, text: str) -> str:
        self._text += text
        return ""

    def end(self) -> str:
        return self._edit(self._text)


def same(channel: Channel) -> Window:
    return Same()


def held(channel: Channel) -> Window:
    return Held()


def upper(channel: Channel) -> Window:
    return Held(str.upper)


def streamed(api: Api, data: bytes, window: Any, framing: Literal["sse", "array"] = "sse") -> bytes:
    return TextStream(api, window, framing=framing).feed(data, end=True)


@pytest.mark.parametrize(("api", "path"), STREAMS, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_windows_that_change_nothing_leave_every_event_as_it_was(api: Api, path: Path) -> None:
    data = path.read_bytes()

    assert values(streamed(api, data, same)) == values(data)


@pytest.mark.parametrize(("api", "path"), STREAMS, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_text_that_is_held_back_arrives_before_its_channel_ends(api: Api, path: Path) -> None:
    data = path.read_bytes()

    assert check_stream(api, streamed(api, data, held)) == check_stream(api, data)


@pytest.mark.parametrize(("api", "path"), STREAMS, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_bytes_may_come_one_by_one(api: Api, path: Path) -> None:
    data = path.read_bytes()
    stream = TextStream(api, upper)
    made = b"".join(stream.feed(data[at : at + 1], end=False) for at in range(len(data)))

    assert made + stream.feed(b"", end=True) == streamed(api, data, upper)


CUT = [(api, path) for api, path in STREAMS if path.parent.name in ("openai.chat", "bedrock.converse")]


@pytest.mark.parametrize(("api", "path"), CUT, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_bytes_may_be_cut_anywhere(api: Api, path: Path) -> None:
    data = path.read_bytes()
    made = streamed(api, data, upper)
    for cut in range(len(data)):
        stream = TextStream(api, upper)

        assert stream.feed(data[:cut], end=False) + stream.feed(data[cut:], end=True) == made


OWN = [
    (api, path)
    for api in ASKS
    for path in sorted(ROOT.glob(f"streams/{api}/*.sse"))
    if path.name.count(".") == 1 and path.stem != "logprobs"
]


@pytest.mark.parametrize(("api", "path"), OWN, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_streams_of_providers_stay_what_they_were(api: Api, path: Path) -> None:
    data = path.read_bytes()
    if (api, path.stem) == ("openai.chat", "web_page"):
        assert streamed(api, data, same) == b""
        return
    if path.stem in ("garbage", "cut_in_an_event") or (api, path.stem) == ("gemini.generate", "web_page"):
        with pytest.raises(BadProviderAnswer):
            streamed(api, data, same)
        return

    assert values(streamed(api, data, same)) == values(data)


def chat_chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return b"data: " + orjson.dumps({"id": "c", "x": 1, "choices": [choice]}) + b"\n\n"


def test_text_in_the_last_chunk_of_a_choice_goes_before_it() -> None:
    made = values(streamed("openai.chat", chat_chunk({"content": "a"}) + chat_chunk({"content": "b"}, "stop"), upper))

    assert [one["choices"][0]["delta"] for one in made] == [{"content": ""}, {"content": "AB"}, {"content": ""}]
    assert [one["choices"][0]["finish_reason"] for one in made] == [None, None, "stop"]
    assert all(one["x"] == 1 for one in made)


def test_log_probabilities_go_where_the_text_changes() -> None:
    logprobs = {"content": [{"token": "a"}]}
    made = values(streamed("openai.chat", chat_chunk({"content": "a"}, logprobs=logprobs), upper))

    assert made[0]["choices"][0]["logprobs"] is None


def test_arguments_are_seen_text_by_text_and_stay_json() -> None:
    piece = {"tool_calls": [{"index": 0, "function": {"arguments": '{"to":"a\\"b","n":1234567}'}}]}
    made = values(streamed("openai.chat", chat_chunk(piece) + chat_chunk({}, "tool_calls"), upper))
    arguments = "".join(
        call["function"]["arguments"] for one in made for call in one["choices"][0]["delta"].get("tool_calls", ())
    )

    assert arguments == '{"TO":"A\\"B","N":1234567}'


def test_stream_without_an_end_gives_out_what_it_held() -> None:
    made = values(streamed("openai.chat", chat_chunk({"content": "abc"}), upper))

    assert made[-1]["choices"][0]["delta"] == {"content": "ABC"}


def test_copies_in_responses_become_what_the_deltas_became() -> None:
    data = (ROOT / "streams/openai.chat/reasoning.openai.responses.sse").read_bytes()
    made = values(streamed("openai.responses", data, upper))
    texts = [one["text"] for one in made if one["type"] == "response.output_text.done"]
    items = [part["text"] for one in made if "response" in one for item in one["response"]["output"]
             if item["type"] == "message" for part in item["content"]]  # fmt: skip

    assert texts == items
    assert texts[-1] == texts[-1].upper()
    assert [one["sequence_number"] for one in made] == list(range(len(made)))


def gemini(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0, **more}], "responseId": "r"}


def test_parts_of_gemini_keep_their_order() -> None:
    events = [
        gemini([{"text": "think", "thought": True}]),
        gemini([{"text": "say"}, {"functionCall": {"name": "f", "args": {"a": "b"}}}]),
        gemini([{"text": "end"}], finishReason="STOP"),
    ]
    data = b"[" + b",\r\n".join(map(orjson.dumps, events)) + b"]"
    made = orjson.loads(streamed("gemini.generate", data, upper, "array"))
    parts = [part for one in made for part in one["candidates"][0]["content"]["parts"] if part.get("text") != ""]

    assert parts == [
        {"text": "THINK", "thought": True},
        {"text": "SAY"},
        {"functionCall": {"name": "f", "args": {"a": "B"}}},
        {"text": "END"},
    ]


def test_list_of_gemini_may_be_cut_anywhere() -> None:
    events = [gemini([{"text": 'a"}\\{'}]), gemini([{"text": "é\\"}], finishReason="STOP")]
    data = b"[" + b",\n".join(map(orjson.dumps, events)) + b"\n]"
    for cut in range(len(data)):
        stream = TextStream("gemini.generate", same, framing="array")

        assert orjson.loads(stream.feed(data[:cut], end=False) + stream.feed(data[cut:], end=True)) == events
    assert streamed("gemini.generate", b"[]", same, "array") == b"[]"


JSONS = [
    '{"a":"b\\u00e9\\n\\ud83d\\ude00 c","n":[1,-2.5e3,true,null],"\\/":""}',
    '"\\ud83d x"',
    '{"broken": nope',
    "[]",
    "",
]


@pytest.mark.parametrize("text", JSONS)
def test_json_window_keeps_the_meaning_at_every_cut(text: str) -> None:
    for cut in range(len(text)):
        window = Chain([JsonWindow(Same), JsonWindow(Held)])
        made = window.feed(text[:cut]) + window.feed(text[cut:]) + window.end()

        assert made == whole(JsonWindow(Held), text)
    try:
        meant = orjson.loads(text) if "ud83d x" not in text else None
    except orjson.JSONDecodeError:
        assert whole(JsonWindow(Held), text) == text
    else:
        assert meant is None or orjson.loads(whole(JsonWindow(Held), text)) == meant


def test_number_that_is_changed_becomes_a_string() -> None:
    window = JsonWindow(lambda: Held(lambda text: text.replace("4111111111111111", "[CARD]")))

    assert whole(window, '{"n":4111111111111111}') == '{"n":"[CARD]"}'


REQUESTS: dict[Api, dict[str, Any]] = {
    "openai.chat": {
        "tools": [{"type": "function", "function": {"name": "f", "description": "t1", "parameters": {}}}],
        "messages": [
            {"role": "developer", "content": "t2"},
            {"role": "user", "content": [{"type": "text", "text": "t3"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "1", "function": {"name": "f", "arguments": '{"a":"t4","b":[{"c":"t5"}]}'}}]},
            {"role": "tool", "tool_call_id": "1", "content": "t6"},
        ],
    },
    "openai.responses": {
        "tools": [{"type": "function", "name": "f", "description": "t1", "parameters": {}}],
        "instructions": "t2",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "t3"}]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":"t4","b":"t5"}'},
            {"type": "function_call_output", "call_id": "1", "output": "t6"},
        ],
    },
    "anthropic.messages": {
        "tools": [{"name": "f", "description": "t1", "input_schema": {}}],
        "system": [{"type": "text", "text": "t2"}],
        "messages": [
            {"role": "user", "content": "t3"},
            {"role": "assistant", "content": [{"type": "tool_use", "input": {"a": "t4", "b": ["t5"]}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "t6"}]}]},
        ],
    },
    "gemini.generate": {
        "tools": [{"functionDeclarations": [{"name": "f", "description": "t1"}]}],
        "systemInstruction": {"parts": [{"text": "t2"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "t3"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": "t4", "b": "t5"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"r": "t6"}}}]},
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("api", REQUESTS)
def test_every_text_of_a_request_is_found_in_order(api: Api) -> None:
    places = list(request_places(api, REQUESTS[api]))

    assert [place.text for place in places] == ["t1", "t2", "t3", "t4", "t5", "t6"]
    assert [place.role for place in places] == ["system", "system", "user", "assistant", "assistant", "tool"]
    assert [place.kind for place in places] == ["definition", "text", "text", "arguments", "arguments", "result"]


@pytest.mark.parametrize("api", REQUESTS)
def test_texts_are_replaced_in_a_copy(api: Api) -> None:
    before = orjson.dumps(REQUESTS[api])
    made = replaced(REQUESTS[api], {place.path: place.text + '"x' for place in request_places(api, REQUESTS[api])})

    assert [place.text for place in request_places(api, made)] == [f't{n}"x' for n in range(1, 7)]
    assert orjson.dumps(REQUESTS[api]) == before


def golden_files(folder: str) -> Iterator[tuple[Api, Path]]:
    for api in ASKS:
        for path in sorted(ROOT.glob(f"{folder}/{api}/*.json")):
            if path.name.count(".") == 1:
                yield api, path


@pytest.mark.parametrize(
    ("api", "path"), list(golden_files("requests")), ids=lambda one: one.name if isinstance(one, Path) else one
)
def test_goldens_with_the_same_texts_put_back_are_the_same(api: Api, path: Path) -> None:
    request = orjson.loads(path.read_bytes())
    places = list(request_places(api, request))

    assert places
    assert replaced(request, {place.path: place.text for place in places if "INSIDE" not in str(place.path)}) == request


@pytest.mark.parametrize(
    ("api", "path"), list(golden_files("responses")), ids=lambda one: one.name if isinstance(one, Path) else one
)
def test_answers_with_the_same_texts_put_back_are_the_same(api: Api, path: Path) -> None:
    answer = orjson.loads(path.read_bytes())

    assert replaced(
        answer, {place.path: place.text for place in answer_places(api, answer)}
    ) == answer or "INSIDE" in str([place.path for place in answer_places(api, answer)])


def test_answer_forgets_the_probabilities_of_what_was_replaced() -> None:
    answer = {"choices": [{"message": {"content": "a"}, "logprobs": {"content": []}}]}
    made = replaced_answer("openai.chat", answer, {("choices", 0, "message", "content"): "b"})

    assert made == {"choices": [{"message": {"content": "b"}, "logprobs": None}]}
    assert answer["choices"][0]["logprobs"] == {"content": []}


@pytest.mark.parametrize("api", ASKS)
@pytest.mark.parametrize("wrong", [None, 1, "x", [1], {"a": 1}, [[{}]], [{"content": 5, "parts": 3, "role": []}]])
def test_wrong_shapes_have_no_texts_and_are_no_errors(api: Api, wrong: Any) -> None:
    for key in ("messages", "input", "contents", "tools", "system", "systemInstruction", "prompt", "instructions"):
        list(request_places(api, {key: wrong}))
    for key in ("choices", "output", "content", "candidates"):
        list(answer_places(api, {key: wrong}))
