"""Facts about answers, whole and streamed, among them those in which others are known to fail."""

import orjson
import pytest

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import Profile, Translation
from plano_extproc.translate.chat import Usage
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

LONG = "mcp__a_server_with_quite_a_long_name__a_tool_with_an_even_longer_name_than_that"


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("new", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_finish_reason_becomes_stop_reason(finish: str | None, stop: str) -> None:
    assert answer("openai.chat", chat_answer({"content": "x"}, finish))["stop_reason"] == stop


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("refusal", "content_filter"), ("new", "stop"),
    ],
)  # fmt: skip
def test_stop_reason_becomes_finish_reason(stop: str, finish: str) -> None:
    made = answer("anthropic.messages", messages_answer([{"type": "text", "text": "x"}], stop))

    assert made["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call", None])
def test_an_answer_that_calls_tools_stops_to_have_them_run(finish: str | None) -> None:
    calls = [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]

    assert answer("openai.chat", chat_answer({"tool_calls": calls}, finish))["stop_reason"] == "tool_use"


def test_a_truncated_call_is_no_reason_to_run_it() -> None:
    calls = [{"id": "c", "function": {"name": "f", "arguments": '{"a'}}]

    assert answer("openai.chat", chat_answer({"tool_calls": calls}, "length"))["stop_reason"] == "max_tokens"


def test_cached_tokens_are_told_apart_from_input_and_back() -> None:
    usage = {
        "prompt_tokens": 4017,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4004, "cache_write_tokens": 10},
    }
    made = answer("openai.chat", chat_answer({"content": "x"}, usage=usage))
    back = answer("anthropic.messages", made)

    assert made["usage"] == {
        "input_tokens": 3,
        "cache_read_input_tokens": 4004,
        "cache_creation_input_tokens": 10,
        "output_tokens": 9,
    }
    assert back["usage"]["prompt_tokens"] == 4017
    assert back["usage"]["prompt_tokens_details"] == {"cached_tokens": 4004, "cache_write_tokens": 10}


def test_more_cached_than_read_is_no_negative_count() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 9}}

    assert answer("openai.chat", chat_answer({"content": "x"}, usage=usage))["usage"]["input_tokens"] == 0


def test_reports_of_usage_are_set_and_not_added() -> None:
    delta = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7})
    again = event("message_delta", delta={}, usage={"output_tokens": 9, "cache_read_input_tokens": 4})
    stream = new_stream("anthropic.messages")
    stream.feed(START + delta + again + event("message_stop"), end=True)

    assert stream.usage == Usage(input=25, output=9, cache_read=4)


def test_usage_after_the_reason_reaches_the_client() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    tail = b"data: " + orjson.dumps({"id": "c1", "choices": [], "usage": usage}) + b"\n\n"
    content = streamed("openai.chat", chunk({"content": "x"}), chunk({}, "stop"), tail, DONE)

    assert content.usage == {
        "input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 3,
    }


def test_usage_in_a_choice_is_found() -> None:
    part = (
        b'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":2}}]}\n\n'
    )

    assert (streamed("openai.chat", part, DONE).usage or {})["input_tokens"] == 2


def test_usage_is_shown_only_to_a_client_that_asked() -> None:
    asked = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    content = streamed("anthropic.messages", START, event("message_stop"), request=asked)

    assert content.finish == "stop"
    assert content.usage is None


def test_blocks_are_counted_over_text_and_tools() -> None:
    content = streamed(
        "openai.chat", chunk({"content": "x"}), chunk(call(0, "{}", "a", "f")), chunk(call(1, "{}", "b", "g")),
        chunk({"content": "y"}), chunk({}, "tool_calls"), DONE,
    )  # fmt: skip

    assert content.text == "xy"
    assert [told["id"] for told in content.calls] == ["a", "b"]


def test_arguments_beside_the_name_are_not_lost() -> None:
    content = streamed("openai.chat", chunk(call(0, '{"a":1}', "a", "f")), chunk({}, "stop"), DONE)

    assert content.calls == [{"id": "a", "name": "f", "arguments": '{"a":1}'}]
    assert content.finish == "tool_use"


def test_calls_without_an_index_are_told_apart() -> None:
    content = streamed(
        "openai.chat", chunk(call(None, '{"a":', "a", "f")), chunk(call(None, "1}")),
        chunk(call(None, "{}", "b", "g")), chunk({}, "stop"), DONE,
    )  # fmt: skip

    assert [(told["name"], told["arguments"]) for told in content.calls] == [("f", '{"a":1}'), ("g", "{}")]


def test_name_and_id_told_again_are_the_same_call() -> None:
    content = streamed(
        "openai.chat", chunk(call(0, '{"a":', "a", "f")), chunk(call(0, "1}", "a", "f")), chunk(call(0, "", "a", "f")),
        chunk({}, "stop"), DONE,
    )  # fmt: skip

    assert content.calls == [{"id": "a", "name": "f", "arguments": '{"a":1}'}]


def test_arguments_told_as_an_object_are_understood() -> None:
    told = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": 1}}}]}

    assert streamed("openai.chat", chunk(told), chunk({}, "stop"), DONE).calls[0]["arguments"] == '{"a":1}'


def test_reasoning_becomes_thinking_and_never_text() -> None:
    content = streamed("openai.chat", chunk({"reasoning": "hm"}), chunk({"content": "x"}), chunk({}, "stop"), DONE)
    pieces = [
        event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("content_block_stop", index=0),
    ]
    back = streamed("anthropic.messages", START, *pieces, event("message_stop"))

    assert (content.thinking, content.text) == ("hm", "x")
    assert (back.thinking, back.text) == ("hm", "")


def test_other_choices_are_left_out() -> None:
    second = b'data: {"id":"c1","choices":[{"index":1,"delta":{"content":"no"}}]}\n\n'

    assert streamed("openai.chat", chunk({"content": "yes"}), second, chunk({}, "stop"), DONE).text == "yes"


def test_long_tool_names_come_back_whole() -> None:
    request = {"messages": [{"role": "user", "content": "hi"}], "tools": [{"name": LONG, "input_schema": {}}]}
    translation = Translation("anthropic.messages", "openai.chat")
    sent = orjson.loads(translation.request(request, "m").body)["tools"][0]["function"]["name"]
    calls = [{"id": "c", "function": {"name": sent, "arguments": "{}"}}]
    whole = orjson.loads(translation.response(orjson.dumps(chat_answer({"tool_calls": calls}))))
    content = streamed("openai.chat", chunk(call(0, "{}", "c", sent)), chunk({}, "stop"), DONE, request=request)

    assert len(sent) <= 64
    assert whole["content"][0]["name"] == LONG
    assert content.calls[0]["name"] == LONG


def test_names_that_fit_are_not_changed() -> None:
    request = {"messages": [{"role": "user", "content": "hi"}], "tools": [{"name": "x" * 64, "input_schema": {}}]}
    body = orjson.loads(Translation("anthropic.messages", "openai.chat").request(request, "m").body)

    assert body["tools"][0]["function"]["name"] == "x" * 64


STRUCTURED = {
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
    "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object"}}},
}


def test_forced_tool_call_comes_back_as_text() -> None:
    translation = Translation("openai.chat", "anthropic.messages", Profile(json_schema=False))
    translation.request(STRUCTURED, "m")
    use = {"type": "tool_use", "id": "t", "name": "json_tool_call", "input": {"a": 1}}
    choice = orjson.loads(translation.response(orjson.dumps(messages_answer([use], "tool_use"))))["choices"][0]

    assert choice["message"]["content"] == '{"a":1}'
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"


def test_forced_tool_call_streams_as_text() -> None:
    block = {"type": "tool_use", "id": "t", "name": "json_tool_call", "input": {}}
    content = streamed(
        "anthropic.messages", START, event("content_block_start", index=0, content_block=block),
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"a":'}),
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "1}"}),
        event("content_block_stop", index=0), event("message_delta", delta={"stop_reason": "tool_use"}),
        event("message_stop"), request=STRUCTURED, profile=Profile(json_schema=False),
    )  # fmt: skip

    assert (content.text, content.calls, content.finish) == ('{"a":1}', [], "stop")


def test_a_swallowed_chunk_is_empty_and_not_the_providers_bytes() -> None:
    stream = new_stream("anthropic.messages")
    stream.feed(START, end=False)

    assert (
        stream.feed(event("content_block_start", index=0, content_block={"type": "text", "text": ""}), end=False) == b""
    )
    assert stream.feed(b"event: content_bl", end=False) == b""


def test_a_stream_that_failed_stays_silent() -> None:
    stream = new_stream("openai.chat")
    first = stream.feed(chunk({"content": "x"}) + b"data: {broken\n\n", end=False)

    assert first.count(b"event: error") == 1
    assert stream.failed
    assert stream.feed(chunk({"content": "y"}) + chunk({}, "stop") + DONE, end=False) == b""
    assert stream.feed(b"", end=True) == b""
    assert not stream.finished


def test_an_error_of_the_provider_is_told_once() -> None:
    told = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    out = new_stream("anthropic.messages").feed(START + told, end=True)

    assert out.count(b'"error"') == 1
    assert b"Overloaded" in out
    assert b"[DONE]" not in out


def test_an_event_over_the_limit_fails_the_stream() -> None:
    stream = new_stream("openai.chat")
    assert stream.feed(b"data: " + b"x" * (8 * 1024 * 1024 - 6), end=False) == b""
    out = stream.feed(b"x", end=False)

    assert b"more than" in out
    assert stream.failed


def test_an_error_from_elsewhere_ends_the_stream_once() -> None:
    stream = new_stream("openai.chat")
    stream.feed(chunk({"content": "x"}), end=False)
    error = BadProviderAnswer("the provider's compressed answer is broken")

    assert b"compressed answer is broken" in stream.fail(error)
    assert stream.fail(error) == b""
    assert stream.feed(chunk({}, "stop") + DONE, end=True) == b""


def test_an_answer_nested_beyond_reason_is_the_providers_fault() -> None:
    arguments = '{"a":' * 500 + "1" + "}" * 500
    calls = [{"id": "c", "function": {"name": "f", "arguments": arguments}}]

    with pytest.raises(BadProviderAnswer):
        answer("openai.chat", chat_answer({"tool_calls": calls}))


@pytest.mark.parametrize("asked", ["smart", "openai/gpt-4o"])
def test_anthropics_clients_are_told_the_name_that_they_asked_for(asked: str) -> None:
    translation = Translation("anthropic.messages", "openai.chat")
    translation.request({"model": asked, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}, "gpt-4o")
    whole = orjson.loads(translation.response(orjson.dumps(chat_answer({"content": "x"}))))
    begun = translation.stream().feed(chunk({"content": "x"}), end=False)

    assert whole["model"] == asked
    assert f'"model":"{asked}"'.encode() in begun
