"""Tools in requests and calls in answers: seen, and taken out, whole and while they stream."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import Forbidden
from plano_extproc.translate.calls import Call, CallStream, Judge, without_calls, without_tools
from tests.translate.facts import values
from tests.translate.golden import ASKS, STREAMS
from tests.translate.invariants import check_stream

Json = dict[str, Any]

WITH_CALLS = [(api, path) for api, path in STREAMS if check_stream(api, path.read_bytes()).calls]


def name_of(one: object) -> str:
    return one.name if isinstance(one, Path) else str(one)


def streamed(api: Api, data: bytes, judge: Judge) -> bytes:
    return CallStream(api, judge).feed(data, end=True)


def keeping(seen: list[Call]) -> Judge:
    def judge(call: Call) -> bool:
        seen.append(call)
        return True

    return judge


def dropping(*names: str) -> Judge:
    return lambda call: call.name not in names


def none(call: Call) -> bool:
    return False


def test_there_are_streams_with_calls_in_every_dialect() -> None:
    assert {api for api, _ in WITH_CALLS} == set(ASKS)


@pytest.mark.parametrize(("api", "path"), STREAMS, ids=name_of)
def test_calls_that_may_stay_arrive_as_they_were(api: Api, path: Path) -> None:
    data = path.read_bytes()
    seen: list[Call] = []

    before, after = check_stream(api, data), check_stream(api, streamed(api, data, keeping(seen)))
    if after.error:
        assert replace(after, calls=before.calls) == before, "a call that broke off may be missing"
    else:
        assert after == before
        assert [one.name for one in seen if one.name in {call["name"] for call in before.calls}] == [
            call["name"] for call in before.calls
        ]


@pytest.mark.parametrize(("api", "path"), WITH_CALLS, ids=name_of)
def test_no_call_passes_that_may_not_and_all_else_does(api: Api, path: Path) -> None:
    data = path.read_bytes()
    before, after = check_stream(api, data), check_stream(api, streamed(api, data, none))

    assert after.calls == []
    assert (after.text, after.thinking, after.refusal) == (before.text, before.thinking, before.refusal)
    assert after.finish not in ("tool_calls", "tool_use")
    for call in before.calls:
        assert orjson.dumps(call["name"]) not in streamed(api, data, none).replace(b" ", b"")


@pytest.mark.parametrize(("api", "path"), WITH_CALLS, ids=name_of)
def test_one_call_of_several_is_taken_out(api: Api, path: Path) -> None:
    data = path.read_bytes()
    before = check_stream(api, data)
    if len({call["name"] for call in before.calls}) < 2:
        return
    gone = before.calls[0]["name"]
    after = check_stream(api, streamed(api, data, dropping(gone)))

    assert after.calls == [call for call in before.calls if call["name"] != gone]
    assert after.finish == before.finish


@pytest.mark.parametrize(("api", "path"), WITH_CALLS, ids=name_of)
def test_bytes_may_be_cut_anywhere(api: Api, path: Path) -> None:
    data = path.read_bytes()
    gone = check_stream(api, data).calls[0]["name"]
    made = streamed(api, data, dropping(gone))
    one_by_one = CallStream(api, dropping(gone))

    pieces = [one_by_one.feed(data[at : at + 1], end=False) for at in range(len(data))]
    assert b"".join(pieces) + one_by_one.feed(b"", end=True) == made


def test_a_judge_that_refuses_ends_the_stream() -> None:
    def refuse(call: Call) -> bool:
        raise Forbidden(call.name)

    api, path = WITH_CALLS[0]
    with pytest.raises(Forbidden):
        streamed(api, path.read_bytes(), refuse)


def chunk(delta: Json, finish: str | None = None) -> bytes:
    return (
        b"data: "
        + orjson.dumps({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        + b"\n\n"
    )


def piece(index: int, **function: str) -> Json:
    return {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}


def test_a_name_in_pieces_is_judged_as_clients_put_it_together() -> None:
    data = chunk(piece(0, name="execute_", arguments="")) + chunk(piece(0, name="shell", arguments="{}"))
    seen: list[Call] = []
    made = values(streamed("openai.chat", data + chunk({}, "tool_calls"), keeping(seen)))

    assert seen == [Call("execute_shell", "{}")]
    assert made[0]["choices"][0]["delta"]["tool_calls"][0]["function"] == {"name": "execute_shell", "arguments": "{}"}


def test_a_name_that_is_repeated_stays_one_name() -> None:
    data = chunk(piece(0, name="look", arguments='{"a"')) + chunk(piece(0, name="look", arguments=":1}"))
    seen: list[Call] = []
    streamed("openai.chat", data + chunk({}, "tool_calls"), keeping(seen))

    assert seen == [Call("look", '{"a":1}')]


def test_calls_left_are_counted_from_nothing() -> None:
    data = chunk(piece(0, name="ssh", arguments="{}")) + chunk(piece(1, name="look", arguments="{}"))
    made = values(streamed("openai.chat", data + chunk({}, "tool_calls"), dropping("ssh")))

    assert [one["index"] for one in made[0]["choices"][0]["delta"]["tool_calls"]] == [0]
    assert made[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_text_goes_on_while_a_call_is_held_back() -> None:
    stream = CallStream("openai.chat", none)

    assert b"hello" in stream.feed(chunk({"content": "hello"}), end=False)
    assert stream.feed(chunk(piece(0, name="ssh", arguments="{}")), end=False) == b""


def test_a_result_goes_with_the_call_of_the_providers_tool() -> None:
    events = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "server_tool_use", "id": "s", "name": "bash"},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "bash_tool_result", "tool_use_id": "s"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
    ]
    data = b"".join(b"event: " + one["type"].encode() + b"\ndata: " + orjson.dumps(one) + b"\n\n" for one in events)  # type: ignore[attr-defined]
    made = values(streamed("anthropic.messages", data, dropping("bash")))

    assert [(one["index"], one["content_block"]["type"]) for one in made] == [(0, "text")]


def test_a_call_of_geminis_in_pieces_is_judged_as_a_whole() -> None:
    def part(call: Json) -> bytes:
        told = {"candidates": [{"content": {"role": "model", "parts": [{"functionCall": call}]}}]}
        return b"data: " + orjson.dumps(told) + b"\n\n"

    data = (
        part({"name": "run", "willContinue": True})
        + part({"partialArgs": [{"jsonPath": "$.c", "stringValue": "rm "}], "willContinue": True})
        + part({"partialArgs": [{"jsonPath": "$.c", "stringValue": "-rf"}]})
    )
    seen: list[Call] = []
    kept = streamed("gemini.generate", data, keeping(seen))

    assert seen == [Call("run", '{"text":"rm -rf"}')]
    assert kept.count(b"functionCall") == 3
    assert b"functionCall" not in streamed("gemini.generate", data, none)


TOOL = {"name": "ssh", "arguments": '{"host": "h"}'}
ANSWERS: dict[Api, tuple[Json, Json]] = {
    "openai.chat": (
        {"x": 1, "choices": [{"message": {"content": "a", "tool_calls": [{"id": "c", "function": TOOL}]},
                              "finish_reason": "tool_calls"}]},
        {"x": 1, "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]},
    ),
    "anthropic.messages": (
        {"content": [{"type": "text", "text": "a"}, {"type": "tool_use", "name": "ssh", "input": {"host": "h"}}],
         "stop_reason": "tool_use"},
        {"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"},
    ),
    "openai.responses": (
        {"output": [{"type": "message", "id": "m"}, {"type": "function_call", **TOOL}]},
        {"output": [{"type": "message", "id": "m"}]},
    ),
    "gemini.generate": (
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "ssh", "args": {"host": "h"}}}]}}]},
        {"candidates": [{"content": {"parts": [{"text": ""}]}}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("api", ASKS)
def test_calls_are_taken_out_of_whole_answers(api: Api) -> None:
    answer, left = ANSWERS[api]
    seen: list[Call] = []

    assert without_calls(api, answer, keeping(seen)) is answer
    assert [(one.name, orjson.loads(one.arguments)) for one in seen] == [("ssh", {"host": "h"})]
    assert without_calls(api, answer, none) == left


@pytest.mark.parametrize("api", ASKS)
@pytest.mark.parametrize(
    "answer", [{}, {"error": {"message": "no"}}, {"choices": 1, "output": 1, "content": 1, "candidates": 1}]
)
def test_what_is_no_answer_stays_as_it_is(api: Api, answer: Json) -> None:
    assert without_calls(api, answer, none) is answer


def test_the_providers_own_tools_are_called_what_their_items_are() -> None:
    output = [{"type": "local_shell_call", "action": {"command": ["rm", "-rf"]}}, {"type": "web_search_call"}]
    seen: list[Call] = []
    without_calls("openai.responses", {"output": output}, keeping(seen))

    assert seen == [Call("local_shell", '{"command":["rm","-rf"]}'), Call("web_search", "")]


FUNCTIONS = [{"name": "ssh"}, {"name": "look"}]
REQUESTS: dict[Api, tuple[Json, Json]] = {
    "openai.chat": (
        {"m": 1, "tools": [{"type": "function", "function": one} for one in FUNCTIONS],
         "tool_choice": {"type": "function", "function": {"name": "ssh"}}},
        {"m": 1, "tools": [{"type": "function", "function": {"name": "look"}}]},
    ),
    "anthropic.messages": (
        {"tools": FUNCTIONS, "tool_choice": {"type": "tool", "name": "ssh"}},
        {"tools": [{"name": "look"}]},
    ),
    "openai.responses": (
        {"tools": [{"type": "function", **one} for one in FUNCTIONS], "tool_choice": "auto"},
        {"tools": [{"type": "function", "name": "look"}], "tool_choice": "auto"},
    ),
    "gemini.generate": (
        {"tools": [{"functionDeclarations": FUNCTIONS}, {"googleSearch": {}}]},
        {"tools": [{"functionDeclarations": [{"name": "look"}]}, {"googleSearch": {}}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("api", ASKS)
def test_tools_are_taken_out_of_requests(api: Api) -> None:
    request, left = REQUESTS[api]

    assert without_tools(api, request, lambda _: True) is request
    assert without_tools(api, request, lambda name: name != "ssh") == left


@pytest.mark.parametrize("api", ASKS)
def test_without_any_tool_nothing_speaks_of_tools(api: Api) -> None:
    request, _ = REQUESTS[api]
    made = without_tools(api, {**request, "parallel_tool_calls": True}, lambda _: False)

    assert set(made) <= {"m"}


def test_tools_of_the_provider_are_offered_by_their_types() -> None:
    tools = [{"type": "web_search_preview"}, {"type": "local_shell"}, {"type": "mcp", "server_label": "box"}]
    names: list[str] = []
    without_tools("openai.responses", {"tools": tools}, lambda name: names.append(name) or True)  # type: ignore[func-returns-value]

    assert names == ["web_search", "local_shell", "box"]
    assert (
        without_tools("gemini.generate", {"tools": [{"codeExecution": {}}]}, lambda name: name != "code_execution")
        == {}
    )


def test_old_functions_count_as_tools() -> None:
    request = {"functions": FUNCTIONS, "function_call": {"name": "ssh"}}

    assert without_tools("openai.chat", request, lambda name: name != "ssh") == {"functions": [{"name": "look"}]}
