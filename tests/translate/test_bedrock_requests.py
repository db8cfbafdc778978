"""Facts about requests to Bedrock's Converse, among them those in which others are known to fail."""

import re

import orjson
import pytest

from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Profile, Translation, profile_for
from tests.translate.bedrock import (
    BEDROCK,
    CLAUDE,
    CLAUDE_3,
    HI,
    PDF,
    TOOL,
    USE,
    Json,
    from_chat,
    from_messages,
    user,
)


def test_neither_the_model_nor_the_wish_for_a_stream_is_in_the_body() -> None:
    body, dropped = from_chat({"model": "smart", "stream": True})

    assert body == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    assert dropped == ()


def test_results_of_one_turns_calls_share_one_message_and_come_first() -> None:
    calls = [{"id": i, "type": "function", "function": {"name": "now", "arguments": ""}} for i in "ab"]
    told = [{"role": "tool", "tool_call_id": i, "content": i} for i in "ab"]
    body, _ = from_chat({"messages": [HI, {"role": "assistant", "tool_calls": calls}, told[0], HI, told[1]]})

    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [next(iter(block)) for block in body["messages"][2]["content"]] == ["toolResult", "toolResult", "text"]


def test_a_call_is_answered_once() -> None:
    told = {"role": "tool", "tool_call_id": "a", "content": "1"}
    same, nothing = from_chat({"messages": [told, told]})
    other, dropped = from_chat({"messages": [told, {**told, "content": "2"}]})

    assert len(same["messages"][0]["content"]) == 1
    assert nothing == ()
    assert other["messages"] == same["messages"]
    assert dropped == ("messages[].content[tool_result]",)


def test_instructions_within_the_conversation_are_kept_apart_in_order() -> None:
    turns = [{"role": "system", "content": "b"}, HI, {"role": "system", "content": "c"}]
    body, _ = from_messages({"system": "a", "messages": turns})

    assert body["system"] == [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    assert len(body["messages"]) == 1


def test_an_image_is_its_format_and_its_bytes() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/"}}
    body, _ = from_messages({"messages": [user(image)]})

    assert body["messages"][0]["content"] == [{"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}}]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "send it as base64"),
        ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}}, "not image/tiff"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "uploaded to another"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AA=="}}, "no application/zip"),
        ({"type": "image_url", "image_url": {"url": "s3://bucket/a"}}, "takes png"),
    ],
)
def test_content_that_it_cannot_take_is_refused_by_its_place(part: Json, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as raised:
        from_chat({"messages": [HI, user({"type": "text", "text": "x"}, part)]})

    assert raised.value.param == "messages[1].content[1]"


def test_pictures_of_the_system_and_of_the_assistant_are_refused() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}

    for role in ("system", "assistant"):
        with pytest.raises(InvalidRequest, match=re.escape("messages[0].content[0]")):
            from_messages({"messages": [{"role": role, "content": [image]}, HI]})


def test_a_sound_in_the_result_of_a_tool_is_refused() -> None:
    sound = {"type": "input_audio", "input_audio": {"format": "wav", "data": "AA=="}}

    with pytest.raises(InvalidRequest, match="no sounds"):
        from_chat({"messages": [{"role": "tool", "tool_call_id": "a", "content": [sound]}]})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report"),
        ("John's  r\u00e9port #2.pdf", "John s r port 2"),
        ("\u5206\u671f.pdf", "document"),
        (".pdf", "document"),
        ("a(1)[2]-b.pdf", "a(1)[2]-b"),
        ("x" * 300, "x" * 180),
        (None, "document"),
    ],
)
def test_names_of_documents_have_only_characters_that_are_taken(given: str | None, name: str) -> None:
    part = {"type": "file", "file": {**PDF["file"], **({"filename": given} if given else {})}}  # type: ignore[dict-item]
    body, _ = from_chat({"messages": [user({"type": "text", "text": "x"}, part)]})

    assert body["messages"][0]["content"][1]["document"]["name"] == name


def test_no_two_documents_have_the_same_name() -> None:
    body, _ = from_chat({"messages": [user(PDF, PDF), {"role": "assistant", "content": "x"}, user(PDF)]})
    blocks = [block for message in body["messages"] for block in message["content"] if "document" in block]

    assert [block["document"]["name"] for block in blocks] == ["document", "document 2", "document 3"]


def test_a_document_is_never_without_words() -> None:
    body, _ = from_chat({"messages": [user(PDF)]})

    assert body["messages"][0]["content"][1] == {"text": "[document]"}


def test_blank_texts_are_left_out_and_empty_results_say_so() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": " "}
    body, _ = from_messages({"messages": [user({"type": "text", "text": " \n"}, result)]})

    told = {"toolUseId": "a", "content": [{"text": "(no output)"}], "status": "error"}
    assert body["messages"][0]["content"] == [{"toolResult": told}]


def test_thinking_goes_back_to_claude_with_its_signature_even_if_empty() -> None:
    blocks = [
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "redacted_thinking", "data": "ZA=="},
        USE,
    ]
    body, dropped = from_messages({"messages": [HI, {"role": "assistant", "content": blocks}]})

    assert body["messages"][1]["content"][:2] == [
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "ZA=="}},
    ]
    assert dropped == ()


def test_thinking_goes_to_no_other_family() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "ZA=="}]
    turn = {"role": "assistant", "content": [*blocks, {"type": "text", "text": "x"}]}
    body, dropped = from_messages({"messages": [HI, turn]}, profile_for(BEDROCK, "amazon.nova-pro-v1:0"))

    assert body["messages"][1]["content"] == [{"text": "x"}]
    assert dropped == ("messages[].content[thinking]", "messages[].content[redacted_thinking]")


def test_unsigned_reasoning_goes_only_where_it_must() -> None:
    turn = {"role": "assistant", "content": "x", "reasoning_content": "hm"}

    assert from_chat({"messages": [HI, turn]})[1] == ("messages[].reasoning_content",)
    body, _ = from_chat({"messages": [HI, turn]}, Profile(replay_reasoning=True))
    assert body["messages"][1]["content"][0] == {"reasoningContent": {"reasoningText": {"text": "hm"}}}


def test_cache_markers_are_elements_of_their_own() -> None:
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    asked = {
        "system": [{"type": "text", "text": "s", **mark}],
        "messages": [user({"type": "text", "text": "x", **mark})],
        "tools": [{"name": "now", "input_schema": {"type": "object"}, **mark}],
    }
    body, dropped = from_messages(asked)
    older, lost = from_messages(asked, CLAUDE_3)
    other, all_lost = from_messages(asked, profile_for(BEDROCK, "amazon.nova-pro-v1:0"))

    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["system"][1] == body["messages"][0]["content"][1] == body["toolConfig"]["tools"][1] == point
    assert older["system"][1] == {"cachePoint": {"type": "default"}}
    assert b"cachePoint" not in orjson.dumps(other)
    assert (dropped, lost, all_lost) == ((), ("cache_control.ttl",), ("cache_control",))


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        ("auto", None),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "now"}}, {"tool": {"name": "now"}}),
    ],
)
def test_tool_choice(choice: object, written: object) -> None:
    assert from_chat({"tools": [TOOL], "tool_choice": choice})[0]["toolConfig"].get("toolChoice") == written


def test_no_tools_stand_for_the_choice_of_none() -> None:
    body, dropped = from_chat({"tools": [TOOL], "tool_choice": "none"})

    assert "toolConfig" not in body
    assert dropped == ()


def test_tools_stay_where_they_were_called_even_for_the_choice_of_none() -> None:
    turns = [HI, {"role": "assistant", "content": [USE]}, user({"type": "tool_result", "tool_use_id": "a"})]
    tool = {"name": "now", "input_schema": {"type": "object"}}
    body, dropped = from_messages({"messages": turns, "tools": [tool], "tool_choice": {"type": "none"}})

    assert [made["toolSpec"]["name"] for made in body["toolConfig"]["tools"]] == ["now"]
    assert dropped == ("tool_choice",)


def test_tools_that_were_called_are_described_though_none_is_offered() -> None:
    turns = [HI, {"role": "assistant", "content": [USE]}, user({"type": "tool_result", "tool_use_id": "a"})]
    body, _ = from_messages({"messages": turns, "tool_choice": {"type": "any"}})
    alone, _ = from_messages({"messages": turns[2:]})

    (tool,) = body["toolConfig"]["tools"]
    assert tool["toolSpec"]["name"] == "now"
    assert "toolChoice" not in body["toolConfig"]
    assert len(alone["toolConfig"]["tools"]) == 1


def test_a_model_that_cannot_be_forced_is_not() -> None:
    llama = profile_for(BEDROCK, "us.meta.llama3-3-70b-instruct-v1:0")
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    body, dropped = from_chat({"tools": [TOOL], "tool_choice": "required"}, llama)
    forced, lost = from_chat({"response_format": schema}, llama)

    assert "toolChoice" not in body["toolConfig"]
    assert "toolChoice" not in forced["toolConfig"]
    assert (dropped, lost) == (("tool_choice",), ("response_format",))


def test_single_calls_cannot_be_asked_for() -> None:
    assert from_chat({"tools": [TOOL], "parallel_tool_calls": False})[1] == ("parallel_tool_calls",)
    assert from_chat({"tools": [TOOL], "parallel_tool_calls": True})[1] == ()


def test_names_of_tools_that_it_refuses_come_back_whole() -> None:
    name = "server.tool/" + "x" * 80
    translation = Translation("anthropic.messages", BEDROCK, CLAUDE)
    tool = {"name": name, "input_schema": {"type": "object"}}
    body = orjson.loads(translation.request({"messages": [HI], "tools": [tool]}, "m").body)
    sent = body["toolConfig"]["tools"][0]["toolSpec"]["name"]
    message = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": sent, "input": {}}}]}
    back = orjson.loads(translation.response(orjson.dumps({"output": {"message": message}, "stopReason": "tool_use"})))

    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", sent)
    assert back["content"][0]["name"] == name


def test_a_schema_is_a_tool_that_must_be_called_where_the_model_cannot_be_held_to_it() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    translation = Translation("openai.chat", BEDROCK, CLAUDE_3)
    body = orjson.loads(translation.request({"messages": [HI], "response_format": schema}, "m").body)
    use = {"toolUse": {"toolUseId": "t", "name": "json_tool_call", "input": {"a": 1}}}
    answer = {"output": {"message": {"content": [use]}}, "stopReason": "tool_use"}
    (choice,) = orjson.loads(translation.response(orjson.dumps(answer)))["choices"]

    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "json_tool_call"}}
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"a":1}', "stop")


def test_a_schema_joins_the_effort_in_claudes_own_words() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    asked = {"response_format": schema, "reasoning_effort": "low"}
    body, _ = from_chat(asked, profile_for(BEDROCK, "anthropic.claude-opus-5"))

    told = {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}},
    }
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}, "output_config": told}
    assert "outputConfig" not in body


@pytest.mark.parametrize(
    ("model", "effort", "fields", "dropped"),
    [
        ("anthropic.claude-sonnet-4-5", "low", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, ()),
        ("anthropic.claude-3-5-haiku", "low", None, ("reasoning_effort",)),
        ("anthropic.claude-v2:1", "low", None, ("reasoning_effort",)),
        ("anthropic.claude-opus-5", "none", {"thinking": {"type": "disabled"}}, ()),
        (
            "amazon.nova-2-lite-v1:0",
            "minimal",
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            (),
        ),
        ("amazon.nova-2-lite-v1:0", "none", {"reasoningConfig": {"type": "disabled"}}, ()),
        ("amazon.nova-pro-v1:0", "low", None, ("reasoning_effort",)),
        ("amazon.nova-pro-v1:0", "none", None, ()),
        ("openai.gpt-oss-120b-1:0", "max", {"reasoning_effort": "high"}, ()),
        ("openai.gpt-5.6", "none", {"reasoning": {"effort": "none"}}, ()),
        ("openai.gpt-5.6", "minimal", {"reasoning": {"effort": "low"}}, ()),
        ("meta.llama3-3-70b-instruct-v1:0", "low", None, ("reasoning_effort",)),
        ("meta.llama3-3-70b-instruct-v1:0", "none", None, ()),
    ],
)
def test_each_family_is_told_in_its_own_words_how_much_to_think(
    model: str, effort: str, fields: Json | None, dropped: tuple[str, ...]
) -> None:
    body, lost = from_chat({"reasoning_effort": effort}, profile_for(BEDROCK, model))

    assert body.get("additionalModelRequestFields") == fields
    assert lost == dropped


def test_nova_that_thinks_hard_sets_its_own_limits() -> None:
    nova = profile_for(BEDROCK, "amazon.nova-2-lite-v1:0")
    body, dropped = from_chat({"reasoning_effort": "high", "max_tokens": 9, "temperature": 1, "top_p": 1}, nova)

    assert "inferenceConfig" not in body
    assert sorted(dropped) == ["max_tokens", "temperature", "top_p"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [("anthropic.claude-3-haiku", {"top_k": 4}), ("amazon.nova-lite-v1:0", {"inferenceConfig": {"topK": 4}})],
)
def test_top_k_stands_where_the_family_wants_it(model: str, fields: Json) -> None:
    body, dropped = from_messages({"top_k": 4}, profile_for(BEDROCK, model))

    assert (body["additionalModelRequestFields"], dropped) == (fields, ())


@pytest.mark.parametrize(
    "model", ["openai.gpt-oss-20b-1:0", "mistral.mistral-large-2407-v1:0", "anthropic.claude-opus-5"]
)
def test_top_k_is_named_as_lost_where_it_is_refused(model: str) -> None:
    assert from_messages({"top_k": 4}, profile_for(BEDROCK, model))[1] == ("top_k",)


def test_sampling_that_a_model_refuses_is_named_as_lost() -> None:
    both = {"temperature": 0.5, "top_p": 0.9}
    older, nothing = from_chat(both, CLAUDE_3)
    one, lost = from_chat(both)
    none, all_lost = from_chat(both, profile_for(BEDROCK, "anthropic.claude-opus-5"))

    assert older["inferenceConfig"] == {"temperature": 0.5, "topP": 0.9}
    assert one["inferenceConfig"] == {"temperature": 0.5}
    assert "inferenceConfig" not in none
    assert (nothing, lost, all_lost) == ((), ("top_p",), ("temperature", "top_p"))


def test_a_temperature_that_it_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="0 to 1") as raised:
        from_chat({"temperature": 1.5})

    assert raised.value.param == "temperature"


@pytest.mark.parametrize(
    ("asked", "written", "dropped"),
    [
        ({"metadata": {"a": "b"}, "user": "u"}, {"a": "b", "user": "u"}, ()),
        ({"metadata": {"user": "own"}, "user": "u"}, {"user": "own"}, ()),
        ({"metadata": {"a": 1}}, None, ("metadata",)),
        ({"metadata": {"a": "x" * 300}}, None, ("metadata",)),
        ({"metadata": {str(i): "" for i in range(16)}, "user": "u"}, {str(i): "" for i in range(16)}, ("user",)),
        ({"user": "{json}"}, None, ("user",)),
    ],
)
def test_metadata_is_kept_where_it_fits(asked: Json, written: Json | None, dropped: tuple[str, ...]) -> None:
    body, lost = from_chat(asked)

    assert (body.get("requestMetadata"), lost) == (written, dropped)


@pytest.mark.parametrize(
    ("tier", "written", "dropped"),
    [
        ("flex", {"type": "flex"}, ()),
        ("auto", None, ()),
        ("scale", None, ("service_tier",)),
        ([], None, ("service_tier",)),
    ],
)
def test_service_tier_is_kept_where_it_is_known(tier: object, written: object, dropped: tuple[str, ...]) -> None:
    body, lost = from_chat({"service_tier": tier})

    assert (body.get("serviceTier"), lost) == (written, dropped)
