"""Facts about answers of OpenAI's Responses, whole and streamed, to its clients and from its providers."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, RateLimited
from plano_extproc.translate import Profile, Translation
from plano_extproc.translate.chatgpt import fitted
from tests.translate.facts import (
    DONE,
    START,
    answer,
    call,
    chat_answer,
    chunk,
    event,
    messages_answer,
    new_stream,
    streamed,
)
from tests.translate.golden import ASKS
from tests.translate.invariants import check_responses

Json = dict[str, Any]
CLIENT: Api = "openai.responses"
READ = {"type": "function", "name": "read", "parameters": {"type": "object"}, "strict": False}
TOOLS = [
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "mcp__files", "description": "Files", "tools": [READ]},
    {"type": "namespace", "name": "functions", "description": "", "tools": [{"type": "custom", "name": "exec"}]},
]
ASKED = {"input": "hi", "stream": True, "tools": TOOLS}


def use(name: str, arguments: Json) -> Json:
    return {"id": "c", "function": {"name": name, "arguments": orjson.dumps(arguments).decode()}}


def asked(body: Json, **request: Any) -> Json:
    """Return a whole answer of a chat provider as a client of Responses gets it."""
    translation = Translation(CLIENT, "openai.chat", created=5)
    translation.request({"input": "hi", **request}, "m")
    made: Json = orjson.loads(translation.response(orjson.dumps(body)))
    return made


def said(*chunks: bytes, request: Json | None = None) -> list[Json]:
    """Return the events that a client of Responses reads in the stream of a chat provider."""
    data = new_stream("openai.chat", request or ASKED, client=CLIENT).feed(b"".join(chunks), end=True)
    check_responses(data)
    return [orjson.loads(line[6:]) for line in data.split(b"\n") if line.startswith(b"data: ")]


def kinds(events: list[Json]) -> list[str]:
    return [told["type"].removeprefix("response.") for told in events]


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("new", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_finish_reason_becomes_a_status(finish: str, status: str, reason: str | None) -> None:
    made = answer("openai.chat", chat_answer({"content": "x"}, finish), CLIENT)
    last = said(chunk({"content": "x"}), chunk({}, finish), DONE)[-1]

    for response in (made, last["response"]):
        assert response["status"] == response["output"][0]["status"] == status
        assert response["incomplete_details"] == ({"reason": reason} if reason else None)
    assert last["type"] == f"response.{status}"


def test_a_truncated_call_is_marked_and_not_complete() -> None:
    last = said(chunk(call(0, '{"a', "c", "f")), chunk({}, "length"), DONE)[-1]

    assert last["response"]["output"][0]["status"] == "incomplete"


def test_usage_waits_for_the_chunk_after_the_reason() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    tail = b"data: " + orjson.dumps({"id": "c1", "choices": [], "usage": usage}) + b"\n\n"
    last = said(chunk({"content": "x"}), chunk({}, "stop"), tail, DONE)[-1]

    assert last["response"]["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 13,
    }


def test_cached_tokens_are_told_apart_from_input_and_back() -> None:
    details = {"cached_tokens": 4004, "cache_write_tokens": 10}
    usage = {"input_tokens": 4017, "output_tokens": 9, "input_tokens_details": details}
    made = answer(CLIENT, {"output": [], "status": "completed", "usage": usage}, "anthropic.messages")
    back = answer("anthropic.messages", made, CLIENT)

    assert made["usage"]["input_tokens"] == 3
    assert (back["usage"]["input_tokens"], back["usage"]["input_tokens_details"]) == (4017, details)


def test_the_life_of_every_item_is_told_in_order() -> None:
    events = said(
        chunk({"reasoning_content": "hm"}), chunk({"content": "x"}), chunk(call(0, '{"a":1}', "c", "f")),
        chunk({}, "tool_calls"), DONE,
    )  # fmt: skip

    assert kinds(events) == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip


def test_an_answer_that_only_calls_tools_has_no_message() -> None:
    events = said(chunk({"content": ""}), chunk(call(0, "{}", "c", "f")), chunk({}, "tool_calls"), DONE)
    bare = said(chunk({}, "stop"), DONE)

    assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call"]
    assert kinds(bare) == ["created", "in_progress", "completed"]


def test_words_after_a_call_are_another_message() -> None:
    events = said(
        chunk({"content": "x"}), chunk(call(0, "{}", "c", "f")), chunk({"content": "y"}), chunk({}, "stop"), DONE
    )
    output = events[-1]["response"]["output"]

    assert [item["type"] for item in output] == ["message", "function_call", "message"]
    assert output[0]["id"] != output[2]["id"]


def test_texts_in_a_row_are_parts_of_one_message() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    (message,) = answer("anthropic.messages", messages_answer(content), CLIENT)["output"]

    assert [part["text"] for part in message["content"]] == ["a", "b"]


def test_a_call_of_a_custom_tool_comes_back_as_its_text() -> None:
    made = asked(chat_answer({"tool_calls": [use("patch", {"input": 'say "x"'})]}), tools=TOOLS)
    (item,) = made["output"]
    events = said(chunk(call(0, '{"input":', "c", "patch")), chunk(call(0, '"a\\nb"}')), chunk({}, "stop"), DONE)

    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "patch", 'say "x"')
    assert item["id"].startswith("ctc_")
    assert kinds(events)[2:6] == [
        "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done"
    ]  # fmt: skip
    assert events[5]["item"]["input"] == "a\nb"


@pytest.mark.parametrize(
    ("arguments", "text"), [('{"input":"x"}', "x"), ('{"patch":"x"}', '{"patch":"x"}'), ("raw", "raw"), ("", "")]
)
def test_a_model_that_calls_a_custom_tool_in_its_own_way_is_understood(arguments: str, text: str) -> None:
    events = said(chunk(call(0, arguments, "c", "patch")), chunk({}, "stop"), DONE)

    assert events[-1]["response"]["output"][0]["input"] == text


def test_a_call_of_a_tool_in_a_namespace_finds_its_way_back() -> None:
    calls = [use("mcp__files__read", {}), {**use("exec", {"input": "ls"}), "id": "d"}]
    read, run = asked(chat_answer({"tool_calls": calls}), tools=TOOLS)["output"]
    events = said(chunk(call(0, "{}", "c", "mcp__files__read")), chunk({}, "stop"), DONE)

    assert (read["namespace"], read["name"]) == ("mcp__files", "read")
    assert (run["type"], run["namespace"], run["name"], run["input"]) == ("custom_tool_call", "functions", "exec", "ls")
    assert events[-1]["response"]["output"] == [{**read, "id": events[-1]["response"]["output"][0]["id"]}]


def test_a_tool_with_a_long_name_in_a_namespace_finds_its_way_back() -> None:
    long = "a_tool_with_a_name_that_no_provider_takes_because_it_is_too_long"
    tools = [{"type": "namespace", "name": "mcp__server", "tools": [{"type": "function", "name": long}]}]
    translation = Translation(CLIENT, "openai.chat")
    sent = orjson.loads(translation.request({"input": "hi", "tools": tools}, "m").body)
    name = sent["tools"][0]["function"]["name"]
    made = orjson.loads(translation.response(orjson.dumps(chat_answer({"tool_calls": [use(name, {})]}))))

    assert len(name) <= 64
    assert (made["output"][0]["namespace"], made["output"][0]["name"]) == ("mcp__server", long)


def test_an_answer_repeats_the_request() -> None:
    request = {"instructions": "Be brief.", "temperature": 0.5, "metadata": {"a": "b"}, "text": {"verbosity": "low"}}
    whole = asked(chat_answer({"content": "x"}), **request, tools=TOOLS, store=True)
    first, *_, last = said(chunk({}, "stop"), DONE, request={**ASKED, **request})

    for response in (whole, first["response"], last["response"]):
        assert (response["instructions"], response["temperature"]) == ("Be brief.", 0.5)
        assert response["tools"] == TOOLS
        assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
        assert response["tool_choice"] == "auto"
        assert response["store"] is False


def test_thinking_of_claude_survives_the_way_to_a_client_and_back() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "text", "text": "x"},
    ]
    output = answer("anthropic.messages", messages_answer(content), CLIENT)["output"]
    request = {"input": [{"role": "user", "content": "hi"}, *output]}
    sent = orjson.loads(Translation(CLIENT, "anthropic.messages").request(request, "m").body)

    assert sent["messages"][1]["content"] == content


@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_reasoning_of_openai_survives_the_way_to_a_client_and_back(client: Api) -> None:
    summary = [{"type": "summary_text", "text": "hm"}]
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
    ]
    made = answer(CLIENT, {"id": "resp_1", "model": "m", "status": "completed", "output": output}, client)
    turn = made["choices"][0]["message"] if client == "openai.chat" else {"role": "assistant", **made}
    kept = {key: turn[key] for key in ("role", "content", "thinking_blocks") if key in turn}
    request = {"messages": [{"role": "user", "content": "hi"}, kept]}
    sent = Translation(client, CLIENT, Profile(replay_reasoning=True)).request(request, "m")

    assert orjson.loads(sent.body)["input"][1] == output[0]


def test_unsigned_thinking_has_no_state() -> None:
    (item, _) = answer("openai.chat", chat_answer({"reasoning_content": "hm", "content": "x"}), CLIENT)["output"]

    assert "encrypted_content" not in item


def test_a_source_is_told_with_the_text_that_rests_on_it() -> None:
    cited = {"type": "web_search_result_location", "url": "https://example.com", "title": "A"}
    content: list[Json] = [{"type": "text", "text": "a "}, {"type": "text", "text": "fact", "citations": [cited]}]
    (message,) = answer("anthropic.messages", messages_answer(content), CLIENT)["output"]

    expected = {"type": "url_citation", "url": "https://example.com", "title": "A", "start_index": 0, "end_index": 4}
    assert [part["annotations"] for part in message["content"]] == [[], [expected]]


def test_failure_in_the_middle_is_a_failed_response_with_what_was_done() -> None:
    told = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    begun = START + event("content_block_start", index=0, content_block=block)
    data = new_stream("anthropic.messages", client=CLIENT).feed(begun + told, end=True)
    last = orjson.loads(data.rstrip().rpartition(b"data: ")[2])

    assert check_responses(data).error == {"code": "server_error", "message": "Overloaded"}
    assert (last["type"], last["response"]["output"]) == ("response.failed", [])


def test_failure_before_the_answer_is_told_as_one() -> None:
    data = new_stream("openai.chat", client=CLIENT).feed(b'data: {"error":{"message":"no","code":429}}\n\n', end=True)
    events = [orjson.loads(line[6:]) for line in data.split(b"\n") if line.startswith(b"data: ")]

    assert kinds(events) == ["created", "in_progress", "failed"]
    assert events[-1]["response"]["error"] == {"code": "rate_limit_exceeded", "message": "no"}


# What providers tell.


def told(kind: str, **fields: Any) -> bytes:
    return event(f"response.{kind}", sequence_number=0, **fields)


CREATED = told("created", response={"id": "resp_1", "model": "m", "created_at": 1.5})
COMPLETED = told("completed", response={"id": "resp_1", "status": "completed"})


def function(call_id: str, arguments: str = "", **more: Any) -> Json:
    return {"type": "function_call", "id": f"fc_{call_id}", "call_id": call_id, "name": "f", "arguments": arguments,
            **more}  # fmt: skip


def heard(*events: bytes, client: Api = "openai.chat") -> Any:
    return streamed(CLIENT, CREATED, *events, client=client)


@pytest.mark.parametrize("where", ["delta", "done", "item", "all"])
def test_arguments_are_found_wherever_they_are_told_and_once(where: str) -> None:
    whole = '{"a":1}'
    events = [told("output_item.added", output_index=0, item=function("c"))]
    if where in ("delta", "all"):
        events += [told("function_call_arguments.delta", output_index=0, delta=part) for part in ('{"a"', ":1}")]
    if where in ("done", "all"):
        events.append(told("function_call_arguments.done", output_index=0, arguments=whole))
    events.append(
        told("output_item.done", output_index=0, item=function("c", whole if where in ("item", "all") else ""))
    )
    content = heard(*events, COMPLETED)

    assert content.calls == [{"id": "c", "name": "f", "arguments": whole}]
    assert content.finish == "tool_calls"


def test_the_end_of_an_item_is_not_the_end_of_the_answer() -> None:
    message = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    content = heard(
        told("output_item.done", output_index=0, item=message),
        told("output_item.done", output_index=1, item=function("a", "{}")),
        told("output_item.done", output_index=2, item=function("b", "{}")),
        COMPLETED,
    )

    assert (content.text, [made["id"] for made in content.calls]) == ("x", ["a", "b"])


def test_an_item_that_ends_twice_runs_its_tool_once() -> None:
    done = told("output_item.done", output_index=0, item=function("a", "{}"))
    content = heard(told("output_item.added", output_index=0, item=function("a")), done, done, COMPLETED,
                    client="anthropic.messages")  # fmt: skip

    assert [made["id"] for made in content.calls] == ["a"]


def test_ids_that_change_from_event_to_event_are_no_other_items() -> None:
    content = heard(
        told("output_item.added", output_index=0, item=function("a")),
        told("function_call_arguments.delta", output_index=0, item_id="x", delta="{"),
        told("function_call_arguments.delta", output_index=0, item_id="y", delta="}"),
        told("output_item.done", output_index=0, item={**function("a", "{}"), "id": "z"}),
        COMPLETED,
    )

    assert content.calls == [{"id": "a", "name": "f", "arguments": "{}"}]


def test_items_without_an_index_are_told_apart_by_their_id() -> None:
    content = heard(
        told("output_item.added", item=function("a")),
        told("output_item.added", item=function("b")),
        told("function_call_arguments.delta", item_id="fc_b", delta='{"b":1}'),
        told("function_call_arguments.delta", item_id="fc_a", delta='{"a":1}'),
        COMPLETED,
    )

    assert [(made["id"], made["arguments"]) for made in content.calls] == [("a", '{"a":1}'), ("b", '{"b":1}')]


def test_a_message_told_again_under_another_id_is_not_said_twice() -> None:
    message = {"type": "message", "id": "other", "content": [{"type": "output_text", "text": "hello"}]}
    content = heard(
        told("output_text.delta", output_index=0, item_id="m", delta="hel"),
        told("output_text.delta", output_index=0, item_id="m", delta="lo"),
        told("output_item.done", item=message),
        COMPLETED,
    )

    assert content.text == "hello"


def test_announced_reasoning_that_says_nothing_is_no_empty_thinking() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    data = new_stream(CLIENT, client="anthropic.messages").feed(
        CREATED + told("output_item.added", output_index=0, item=item)
        + told("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="")
        + told("output_item.done", output_index=0, item=item) + COMPLETED, end=True,
    )  # fmt: skip

    assert b"content_block" not in data


def test_parts_of_a_summary_are_paragraphs() -> None:
    content = heard(
        told("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
        told("reasoning_summary_text.done", output_index=0, summary_index=0, text="a"),
        told("reasoning_summary_text.done", output_index=0, summary_index=1, text="b"),
        told("output_item.done", output_index=0, item={"type": "reasoning", "summary": [{"text": "a"}]}),
        COMPLETED,
    )

    assert content.thinking == "a\n\nb"


@pytest.mark.parametrize(
    ("status", "reason", "finish", "stop"),
    [
        ("completed", None, "stop", "end_turn"),
        ("incomplete", "max_output_tokens", "length", "max_tokens"),
        ("incomplete", "content_filter", "content_filter", "refusal"),
        ("incomplete", "steered", "stop", "end_turn"),
    ],
)
def test_status_becomes_a_reason(status: str, reason: str | None, finish: str, stop: str) -> None:
    response = {"id": "r", "status": status, "incomplete_details": reason and {"reason": reason}}
    end = told(status, response=response)
    text = told("output_text.delta", output_index=0, delta="x")

    assert heard(text, end).finish == finish
    assert heard(text, end, client="anthropic.messages").finish == stop


def test_a_limit_goes_before_a_refusal() -> None:
    part = {"type": "refusal", "refusal": "no"}
    body = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
            "output": [{"type": "message", "content": [part]}]}  # fmt: skip

    assert answer(CLIENT, body, "anthropic.messages")["stop_reason"] == "max_tokens"
    refused = answer(CLIENT, {"status": "completed", "output": [{"type": "message", "content": [part]}]},
                     "anthropic.messages")  # fmt: skip
    assert (refused["stop_reason"], refused["stop_details"]["explanation"]) == ("refusal", "no")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("rate_limit_exceeded", "rate_limit_error"),
        ("insufficient_quota", "rate_limit_error"),
        ("server_is_overloaded", "overloaded_error"),
        ("context_length_exceeded", "invalid_request_error"),
        ("new_trouble", "api_error"),
    ],
)
def test_failure_after_status_200_is_told_with_its_kind(code: str, kind: str) -> None:
    failed = told("failed", response={"status": "failed", "error": {"code": code, "message": "no"}})
    nested = event("error", error={"code": code, "message": "no"})
    flat = event("error", code=code, message="no", param=None)

    for end in (failed, nested, flat):
        content = heard(told("output_text.delta", output_index=0, delta="x"), end, client="anthropic.messages")
        assert content.error == {"type": kind, "message": "no"}


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_failed_answer_is_the_providers_fault(status: str) -> None:
    with pytest.raises(BadProviderAnswer, match=r"provider's answer is|no luck"):
        answer(
            CLIENT, {"status": status, "output": [], "error": {"message": "no luck"} if status == "failed" else None}
        )


def test_an_answer_that_is_streamed_unasked_is_put_together() -> None:
    stream = (
        CREATED + told("output_item.done", output_index=0, item=function("a", "{}"))
        + told("completed", response={"id": "resp_1", "model": "m", "status": "completed", "output": []})
    )  # fmt: skip
    translation = Translation("openai.chat", CLIENT, Profile(fit=fitted))
    translation.request(ASKS["openai.chat"], "m")
    choice = orjson.loads(translation.response(stream))["choices"][0]

    assert not translation.is_stream(b"text/event-stream")
    assert choice["message"]["tool_calls"][0]["id"] == "a"
    assert choice["finish_reason"] == "tool_calls"
    with pytest.raises(RateLimited, match="too many"):
        translation.response(told("failed", response={"error": {"code": "rate_limit_exceeded", "message": "too many"}}))


def test_a_stream_that_was_asked_for_is_one() -> None:
    translation = Translation("openai.chat", CLIENT, Profile(fit=fitted))
    translation.request({**ASKS["openai.chat"], "stream": True}, "m")

    assert translation.is_stream(b"text/event-stream; charset=utf-8")
