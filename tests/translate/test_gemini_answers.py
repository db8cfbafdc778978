"""Facts about answers of Gemini's providers and to its clients, among them those in which others are known to fail."""

from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, Unavailable
from plano_extproc.translate import Profile, StreamTranslation, Translation, codec
from plano_extproc.translate.chat import Answer, Block, Finish, RedactedThinking, Text, Thinking, ToolUse, Usage
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.losses import Losses
from tests.translate.facts import START, answer, call, chat_answer, chunk, event, messages_answer, new_stream, streamed
from tests.translate.gemini import HI, NEW, Json, candidate, contents_of, generated, piece
from tests.translate.invariants import check_stream
from tests.translate.made_up import answers, deltas_of

DONE = b"data: [DONE]\n\n"
SIGNED = {"functionCall": {"name": "now", "args": {}, "id": "8f2b"}, "thoughtSignature": "CpYB+/8="}


def gemini(provider: Api, body: Json, asks: Json | None = None) -> Json:
    """Return a whole answer as a Gemini client gets it."""
    translation = Translation("gemini.generate", provider)
    translation.request({"contents": [HI], **(asks or {})}, "m")
    made: Json = orjson.loads(translation.response(orjson.dumps(body)))
    return made


def parts(body: Json) -> list[Json]:
    found: list[Json] = body["candidates"][0]["content"]["parts"]
    return found


# Of a provider


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"), ("PROHIBITED_CONTENT", "content_filter"), ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"), ("LANGUAGE", "content_filter"), ("MODEL_ARMOR", "content_filter"),
        ("OTHER", "stop"), ("NEW", "stop"), ("FINISH_REASON_UNSPECIFIED", "stop"), (None, "stop"),
    ],
)  # fmt: skip
def test_finish_reasons(raw: str | None, finish: str) -> None:
    assert answer("gemini.generate", generated([{"text": "x"}], raw))["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    "raw",
    ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
     "MALFORMED_RESPONSE"],
)  # fmt: skip
def test_a_call_that_failed_is_an_error_and_no_quiet_end(raw: str) -> None:
    with pytest.raises(BadProviderAnswer, match=f"{raw}: bad call"):
        answer("gemini.generate", generated([], raw, finishMessage="bad call"))
    content = streamed("gemini.generate", piece([{"text": "x"}]), piece([], raw, finishMessage="bad call"))

    assert content.finish is None
    assert content.error is not None
    assert content.error["message"].endswith("bad call")


def test_a_stop_after_calls_is_a_reason_to_run_them_even_in_a_later_event() -> None:
    content = streamed("gemini.generate", piece([SIGNED]), piece([{"text": ""}], "STOP"))

    assert content.finish == "tool_calls"
    assert answer("gemini.generate", generated([SIGNED]))["choices"][0]["finish_reason"] == "tool_calls"


def test_a_signature_travels_in_the_id_of_its_call_to_every_client() -> None:
    carried = "8f2b__thought__CpYB-_8"
    chat = answer("gemini.generate", generated([SIGNED]), "openai.chat")
    messages = answer("gemini.generate", generated([SIGNED]), "anthropic.messages")

    assert chat["choices"][0]["message"]["tool_calls"][0]["id"] == carried
    assert messages["content"][0]["id"] == carried
    assert streamed("gemini.generate", piece([SIGNED], "STOP")).calls[0]["id"] == carried


def test_a_long_signature_is_not_cut() -> None:
    signature = b64encode(bytes(range(256)) * 20).decode()
    part = {**SIGNED, "thoughtSignature": signature}
    shown = answer("gemini.generate", generated([part]), "anthropic.messages")["content"][0]
    content = streamed("gemini.generate", piece([part], "STOP"), client="anthropic.messages")
    turns = [
        {"role": "assistant", "content": [shown]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": shown["id"], "content": "x"}]},
    ]
    out = Translation("anthropic.messages", "gemini.generate", NEW).request({"messages": turns, "max_tokens": 9}, "m")

    assert content.calls[0]["id"] == shown["id"]
    assert orjson.loads(out.body)["contents"][0]["parts"][0]["thoughtSignature"] == signature


def test_a_signature_of_text_is_left_out_so_that_no_turn_ends_in_thinking() -> None:
    said = [{"text": "x"}, {"text": "", "thoughtSignature": "c2ln"}]
    whole = answer("gemini.generate", generated(said), "anthropic.messages")
    out = new_stream("gemini.generate", client="anthropic.messages").feed(piece(said, "STOP"), end=True)

    assert whole["content"] == [{"type": "text", "text": "x"}]
    assert b"thinking" not in out
    assert b"c2ln" not in out


def test_signed_thinking_comes_back_through_clients_of_any_dialect() -> None:
    thought = {"text": "hm", "thought": True, "thoughtSignature": "c2ln"}
    said = answer("gemini.generate", generated([thought, {"text": "x"}]), "anthropic.messages")
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": said["content"]}]
    out = Translation("anthropic.messages", "gemini.generate").request({"messages": turns}, "m")

    assert orjson.loads(out.body)["contents"][1]["parts"] == [thought, {"text": "x"}]


def test_calls_without_ids_get_different_ones_that_stay_the_same() -> None:
    calls = [{"functionCall": {"name": "now"}}, {"functionCall": {"name": "now"}}]
    whole = answer("gemini.generate", generated(calls))["choices"][0]["message"]["tool_calls"]
    content = streamed("gemini.generate", piece(calls[:1]), piece(calls[1:], "STOP"))

    assert [told["id"] for told in content.calls] == [told["id"] for told in whole]
    assert whole[0]["id"] != whole[1]["id"]
    assert [told["arguments"] for told in content.calls] == ["{}", "{}"]


def test_arguments_in_pieces_were_not_asked_for_and_are_not_lost_in_silence() -> None:
    told = {"functionCall": {"name": "now", "partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}]}}

    assert streamed("gemini.generate", piece([told])).error is not None


def test_thoughts_are_counted_as_output_and_cached_tokens_as_read() -> None:
    usage = {
        "promptTokenCount": 100, "cachedContentTokenCount": 60, "toolUsePromptTokenCount": 7,
        "candidatesTokenCount": 5, "thoughtsTokenCount": 30, "totalTokenCount": 142,
    }  # fmt: skip
    stream = new_stream("gemini.generate")
    stream.feed(piece([{"text": "x"}], "STOP", usage=usage), end=True)

    assert stream.usage == Usage(input=47, cache_read=60, output=35, reasoning=30)


def test_the_last_count_of_a_stream_holds_and_none_is_added() -> None:
    stream = new_stream("gemini.generate")
    for count in (1, 2, 9):
        usage = {"promptTokenCount": 10, "candidatesTokenCount": count}
        stream.feed(piece([{"text": "x"}], usage=usage), end=False)

    assert stream.usage == Usage(input=10, output=9)


def test_a_stream_that_tells_its_prompt_early_tells_claudes_clients_early() -> None:
    out = new_stream("gemini.generate", client="anthropic.messages").feed(
        piece([{"text": "x"}], usage={"promptTokenCount": 10}), end=False
    )

    assert b'"input_tokens":10' in out


def test_a_blocked_prompt_is_a_refusal() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}, "responseId": "r"}
    made = answer("gemini.generate", body, "anthropic.messages")
    content = streamed("gemini.generate", b"data: %b\n\n" % orjson.dumps(body), client="anthropic.messages")

    assert (made["stop_reason"], made["stop_details"]["explanation"]) == ("refusal", "No.")
    assert (content.finish, content.refusal) == ("refusal", "No.")


def test_several_candidates_are_several_choices() -> None:
    body = {**generated([{"text": "one"}]), "candidates": [candidate([{"text": "one"}]), candidate([SIGNED], index=1)]}
    choices = answer("gemini.generate", body)["choices"]

    assert [choice["index"] for choice in choices] == [0, 1]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "tool_calls"]
    assert answer("gemini.generate", body, "anthropic.messages")["content"] == [{"type": "text", "text": "one"}]


def test_names_of_tools_are_restored_in_every_candidate() -> None:
    long = "a_tool_whose_name_is_longer_than_google_takes_" * 2
    translation = Translation("openai.chat", "gemini.generate")
    tools = [{"type": "function", "function": {"name": long}}]
    asked = orjson.loads(
        translation.request({"messages": [{"role": "user", "content": "x"}], "tools": tools}, "m").body
    )
    called = {"functionCall": {"name": asked["tools"][0]["functionDeclarations"][0]["name"]}}
    body = {"candidates": [candidate([called]), candidate([called], index=1)]}
    choices = orjson.loads(translation.response(orjson.dumps(body)))["choices"]

    assert [choice["message"]["tool_calls"][0]["function"]["name"] for choice in choices] == [long, long]
    assert len({choice["message"]["tool_calls"][0]["id"] for choice in choices}) == 2


@pytest.mark.parametrize("gap", [b"", b"\r\n", b"\n\n"])
def test_an_error_that_breaks_off_a_stream_keeps_its_message(gap: bytes) -> None:
    told = orjson.dumps({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}, option=2)
    content = streamed("gemini.generate", piece([{"text": "x"}]), told + gap)

    assert content.text == "x"
    assert content.error == {"message": "overloaded", "type": "api_error", "param": None, "code": None}


@pytest.mark.parametrize("body", [b"", b"\n\n", b": only a comment\n\n", b"id: 5\nretry: 9\n\n"])
def test_a_stream_without_an_answer_is_an_error(body: bytes) -> None:
    assert streamed("gemini.generate", body).error is not None


# To a client


@pytest.mark.parametrize(
    ("finish", "raw"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("new", "STOP"), (None, "STOP")],
)
def test_finish_reasons_for_clients(finish: str | None, raw: str) -> None:
    made = gemini("openai.chat", chat_answer({"content": "x"}, finish))

    assert made["candidates"][0]["finishReason"] == raw


def test_calls_are_whole_in_a_stream_and_end_in_stop() -> None:
    content = streamed(
        "openai.chat", chunk(call(0, '{"a":', "c1", "f")), chunk(call(0, "1}")), chunk(call(1, "", "c2", "g")),
        chunk({}, "tool_calls"), DONE, client="gemini.generate",
    )  # fmt: skip

    assert [(told["name"], told["arguments"]) for told in content.calls] == [("f", '{"a":1}'), ("g", "{}")]
    assert content.finish == "STOP"


def test_thinking_is_shown_only_to_a_client_that_asks_for_it() -> None:
    body = messages_answer([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "x"}])
    shown = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    said = [
        event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
        event("content_block_stop", index=0), event("message_delta", delta={"stop_reason": "end_turn"}),
        event("message_stop"),
    ]  # fmt: skip

    assert [part["text"] for part in parts(gemini("anthropic.messages", body))] == ["x"]
    assert [part["text"] for part in parts(gemini("anthropic.messages", body, shown))] == ["hm", "x"]
    for asks, thought in (({}, ""), (shown, "hm")):
        request = {"contents": [HI], **asks}
        content = streamed("anthropic.messages", START, *said, request=request, client="gemini.generate")
        assert content.thinking == thought


def test_a_refusal_is_told_beside_the_reason() -> None:
    made = gemini("openai.chat", chat_answer({"content": None, "refusal": "I will not."}))["candidates"][0]

    assert (made["finishReason"], made["finishMessage"]) == ("SAFETY", "I will not.")
    assert made["content"]["parts"] == [{"text": ""}]


def test_counts_for_clients_tell_thoughts_apart() -> None:
    usage = {
        "prompt_tokens": 100, "completion_tokens": 30, "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }  # fmt: skip
    made = gemini("openai.chat", chat_answer({"content": "x"}, usage=usage))

    assert made["usageMetadata"] == {
        "promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 10, "thoughtsTokenCount": 20,
        "totalTokenCount": 130,
    }  # fmt: skip


def test_several_choices_are_several_candidates() -> None:
    body = chat_answer({"content": "one"})
    body["choices"].append({"index": 1, "message": {"content": "two"}, "finish_reason": "length"})
    made = gemini("openai.chat", body)["candidates"]

    assert [(told["index"], told["content"]["parts"][0]["text"], told["finishReason"]) for told in made] == [
        (0, "one", "STOP"), (1, "two", "MAX_TOKENS"),
    ]  # fmt: skip


def test_a_stream_to_google_clients_holds_no_comment() -> None:
    stream = new_stream("openai.chat", client="gemini.generate")

    assert stream.feed(b": ping\n\n", end=False) == b""


def test_an_error_stands_bare_in_a_stream_as_googles_clients_look_for_it() -> None:
    out = new_stream("openai.chat", client="gemini.generate").feed(chunk({"content": "x"}), end=True)

    assert out.splitlines()[-2].startswith(b'{"error":{"code":502,')


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("overloaded_error", 529, "UNAVAILABLE"),
        ("rate_limit_error", 429, "RESOURCE_EXHAUSTED"),
        ("invalid_request_error", 400, "INVALID_ARGUMENT"),
        ("api_error", 500, "INTERNAL"),
    ],
)
def test_an_error_in_a_stream_has_the_code_of_its_kind(kind: str, code: int, status: str) -> None:
    told = event("error", error={"type": kind, "message": "x"})
    content = streamed("anthropic.messages", START, told, client="gemini.generate")

    assert content.error == {"code": code, "message": "x", "status": status}


def listed(provider: Api = "openai.chat") -> StreamTranslation:
    translation = Translation("gemini.generate", provider, is_stream=True, framing="array")
    translation.request({"contents": [HI]}, "m")
    return translation.stream()


def test_a_stream_without_alt_sse_is_one_json_list() -> None:
    data = chunk({"content": "a"}) + chunk({"content": "b"}) + chunk({}, "stop") + DONE
    whole = listed().feed(data, end=True)
    stream = listed()
    made = b"".join(stream.feed(data[i : i + 1], end=False) for i in range(len(data))) + stream.feed(b"", end=True)

    assert [told["candidates"][0]["content"]["parts"][0]["text"] for told in orjson.loads(whole)] == ["a", "b", ""]
    assert made == whole
    assert check_stream("gemini.generate", whole).text == "ab"


@pytest.mark.parametrize("data", [b"", chunk({"content": "a"}), chunk({"content": "a"}) + b"data: {broken\n\n"])
def test_a_list_that_fails_is_complete_json_all_the_same(data: bytes) -> None:
    made = orjson.loads(listed().feed(data, end=True))

    assert made[-1]["error"]["code"] == 502
    assert len(made) == 1 + (b"content" in data)


def test_an_error_from_elsewhere_closes_the_list() -> None:
    stream = listed()
    made = stream.feed(chunk({"content": "a"}), end=False) + stream.fail(Unavailable("gone"))

    assert orjson.loads(made)[-1]["error"] == {"code": 503, "message": "gone", "status": "UNAVAILABLE"}


def test_the_media_type_of_a_stream_is_that_of_its_framing() -> None:
    assert Translation("gemini.generate", "openai.chat").stream_type == "text/event-stream"
    assert Translation("gemini.generate", "openai.chat", framing="array").stream_type == "application/json"
    assert Translation("openai.chat", "gemini.generate").stream_type == "text/event-stream"


# What a client is given, it gives back


def history(contents: list[Json]) -> tuple[Block, ...]:
    """Return a turn of the model as it is read, from a client that writes base64 in Google's Python client's way."""
    for content in contents:
        for part in content["parts"]:
            if "thoughtSignature" in part:
                part["thoughtSignature"] = urlsafe_b64encode(b64decode(part["thoughtSignature"])).decode()
    request = codec("gemini.generate").decode_request({"contents": [HI, *contents]}, Losses({}))
    return request.messages[1].blocks if len(request.messages) > 1 else ()


def kept(blocks: tuple[Block, ...]) -> list[Any]:
    return [(b.id, b.name, b.input) if isinstance(b, ToolUse) else b for b in blocks if _must_come_back(b)]


def _must_come_back(block: Block) -> bool:
    return isinstance(block, RedactedThinking | ToolUse) or (isinstance(block, Thinking) and bool(block.signature))


@pytest.mark.parametrize("include_thoughts", [True, False])
@settings(max_examples=100, deadline=None)
@given(answer=answers)
def test_what_another_model_wants_back_comes_back(include_thoughts: bool, answer: Answer) -> None:
    options = AnswerOptions(include_thoughts=include_thoughts)
    made = codec("gemini.generate")
    whole = orjson.loads(orjson.dumps(made.encode_answer(answer, options)))
    encoder = made.stream_encoder(options)
    stream = b"".join(encoder.take(delta) for delta in deltas_of(answer))

    said = "".join(block.text for block in answer.blocks if isinstance(block, Text))
    for contents in ([told["content"] for told in whole["candidates"]], contents_of(stream)):
        blocks = history(contents)
        assert kept(blocks) == kept(answer.blocks)
        assert "".join(block.text for block in blocks if isinstance(block, Text)) == said


def test_signed_thinking_comes_back_before_its_call_from_a_client_that_forgets_thoughts() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
    ]
    told = parts(gemini("anthropic.messages", messages_answer(content, "tool_use")))
    contents = [HI, {"role": "model", "parts": told}]
    out = Translation("gemini.generate", "anthropic.messages").request({"contents": contents}, "m")

    assert len(told) == 1
    assert orjson.loads(out.body)["messages"][1]["content"] == content


def test_unsigned_thinking_comes_back_with_a_call_for_models_that_want_it() -> None:
    calls = [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]
    told = parts(gemini("openai.chat", chat_answer({"reasoning_content": "hm", "tool_calls": calls})))
    contents = [HI, {"role": "model", "parts": told}]
    out = Translation("gemini.generate", "openai.chat", Profile(replay_reasoning=True)).request(
        {"contents": contents}, "m"
    )

    assert orjson.loads(out.body)["messages"][1]["reasoning_content"] == "hm"


def test_unsigned_thinking_is_not_carried_with_text() -> None:
    told = parts(gemini("openai.chat", chat_answer({"reasoning_content": "hm", "content": "x"})))

    assert told == [{"text": "x"}]


@pytest.mark.parametrize("carried", [b"plano:", b"plano:[5]", b"plano:[{}]", b'plano:[{"thinking":1}]', b"plano:5"])
def test_a_broken_signature_is_taken_for_one_of_geminis(carried: bytes) -> None:
    part = {"functionCall": {"name": "f", "id": "1"}, "thoughtSignature": b64encode(carried).decode()}

    assert history([{"role": "model", "parts": [part]}]) == (ToolUse("1", "f", {}),)


def test_an_answer_is_neutral_about_what_it_is() -> None:
    made = codec("gemini.generate").decode_answer(generated([{"text": "a"}, {"text": "b"}], "MAX_TOKENS"))

    assert (made.blocks, made.finish, made.raw_finish) == ((Text("ab"),), Finish.LENGTH, "MAX_TOKENS")
