"""Facts about requests, among them those in which others are known to fail."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Profile, Translation
from tests.translate.facts import to_chat, to_messages
from tests.translate.golden import ASKS, PAIRS

HI = {"role": "user", "content": "hi"}
NOW = {"type": "function", "function": {"name": "now", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "now"}}


def test_every_system_message_is_kept() -> None:
    body, _ = to_messages(
        {"messages": [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, HI,
                      {"role": "system", "content": "c"}]}
    )  # fmt: skip

    assert [block["text"] for block in body["system"]] == ["a", "b", "c"]


@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}", None])
def test_tool_call_without_arguments_becomes_empty_object(arguments: str | None) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": arguments}}
    body, _ = to_messages({"messages": [HI, {"role": "assistant", "tool_calls": [call]}]})

    assert body["messages"][1]["content"][0]["input"] == {}


def test_results_of_parallel_calls_share_one_turn_and_come_first() -> None:
    calls = [{**NOW, "id": "a"}, {**NOW, "id": "b"}]
    body, _ = to_messages(
        {"messages": [HI, {"role": "assistant", "tool_calls": calls},
                      {"role": "tool", "tool_call_id": "a", "content": "1"}, {"role": "user", "content": "wait"},
                      {"role": "tool", "tool_call_id": "b", "content": "2"}, HI]}
    )  # fmt: skip

    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in body["messages"][2]["content"]] == [
        "tool_result", "tool_result", "text", "text"
    ]  # fmt: skip


def test_marker_on_a_tool_message_goes_before_those_of_its_parts() -> None:
    parts = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    turn = {"role": "tool", "tool_call_id": "a", "content": parts}
    alone, _ = to_messages({"messages": [HI, turn]})
    both, _ = to_messages({"messages": [HI, {**turn, "cache_control": {"type": "ephemeral"}}]})

    assert alone["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert both["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert both["messages"][0]["content"][0]["content"] == "x"


def test_foreign_call_ids_are_mapped_alike_in_call_and_result() -> None:
    def mapped(call_id: str) -> tuple[str, str]:
        body, _ = to_messages(
            {"messages": [HI, {"role": "assistant", "tool_calls": [{**NOW, "id": call_id}]},
                          {"role": "tool", "tool_call_id": call_id, "content": "x"}]}
        )  # fmt: skip
        return body["messages"][1]["content"][0]["id"], body["messages"][2]["content"][0]["tool_use_id"]

    used, answered = mapped("functions.now:0")
    assert used == answered
    assert set(used) <= set("abcdefghijklmnopqrstuvwxyz_0123456789")
    assert mapped("functions.now:0") == (used, answered)
    assert mapped("functions:now.0")[0] != used
    assert mapped("call_1") == ("call_1", "call_1")


def test_call_ids_that_openai_refuses_are_shortened_alike() -> None:
    long = "toolu_" + "x" * 60
    body, _ = to_chat(
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": long, "name": "f", "input": {}}]},
                      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": long, "content": "x"}]}]}
    )  # fmt: skip

    used = body["messages"][0]["tool_calls"][0]["id"]
    assert len(used) <= 40
    assert body["messages"][1]["tool_call_id"] == used


def test_stop_may_be_a_string_or_a_list() -> None:
    assert to_messages({"messages": [HI], "stop": "x"})[0]["stop_sequences"] == ["x"]
    assert to_messages({"messages": [HI], "stop": ["x", "y"]})[0]["stop_sequences"] == ["x", "y"]


def test_settings_that_ask_for_nothing_are_no_loss() -> None:
    _, dropped = to_messages(
        {"messages": [HI], "n": 1, "logprobs": False, "store": False, "seed": None, "metadata": {}, "stop": None,
         "service_tier": "auto", "logit_bias": {}, "new": None, "presence_penalty": 0.0}
    )  # fmt: skip

    assert dropped == ()


def test_every_lost_setting_is_named_once() -> None:
    _, dropped = to_messages(
        {"messages": [{**HI, "name": "a"}, {**HI, "name": "b"}], "seed": 1, "n": 2, "prompt_cache_key": "k", "new": 1}
    )

    assert sorted(dropped) == ["messages[].name", "n", "new", "prompt_cache_key", "seed"]


def test_user_becomes_metadata_and_back() -> None:
    assert to_messages({"messages": [HI], "user": "u"})[0]["metadata"] == {"user_id": "u"}
    assert to_messages({"messages": [HI], "safety_identifier": "s"})[0]["metadata"] == {"user_id": "s"}
    assert to_chat({"messages": [HI], "metadata": {"user_id": "u"}})[0]["user"] == "u"


def test_a_long_user_id_stays_one_of_a_kind() -> None:
    one, _ = to_chat({"messages": [HI], "metadata": {"user_id": "x" * 80 + "1"}})
    other, _ = to_chat({"messages": [HI], "metadata": {"user_id": "x" * 80 + "2"}})

    assert len(one["user"]) == 64
    assert one["user"] != other["user"]


def test_default_limit_is_the_profiles() -> None:
    body, _ = to_messages({"messages": [HI]}, Profile(default_max_tokens=99))

    assert body["max_tokens"] == 99


def test_max_completion_tokens_goes_before_max_tokens() -> None:
    assert to_messages({"messages": [HI], "max_tokens": 5, "max_completion_tokens": 7})[0]["max_tokens"] == 7
    assert to_messages({"messages": [HI], "max_tokens": 5, "max_completion_tokens": None})[0]["max_tokens"] == 5


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "now"}}, {"type": "tool", "name": "now"}),
    ],
)
def test_tool_choice(choice: object, written: object) -> None:
    assert to_messages({"messages": [HI], "tools": [TOOL], "tool_choice": choice})[0]["tool_choice"] == written


def test_a_choice_between_no_tools_is_left_out() -> None:
    assert "tool_choice" not in to_messages({"messages": [HI], "tool_choice": "auto", "parallel_tool_calls": False})[0]
    assert "tool_choice" not in to_chat({"messages": [HI], "tool_choice": {"type": "any"}})[0]


def test_single_calls_need_a_choice_to_say_so() -> None:
    body, _ = to_messages({"messages": [HI], "tools": [TOOL], "parallel_tool_calls": False})

    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_allowed_tools_are_the_only_ones_offered() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "now"}}]}
    body, _ = to_messages(
        {"messages": [HI], "tools": [TOOL, other], "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}}
    )

    assert [tool["name"] for tool in body["tools"]] == ["now"]
    assert body["tool_choice"] == {"type": "any"}


def test_schemas_of_tools_are_not_touched() -> None:
    schema = {"type": "object", "properties": {}, "$defs": {"a": {"minLength": 1}}, "additionalProperties": {"x": None}}
    chat, _ = to_chat({"messages": [HI], "tools": [{"type": "custom", "name": "f", "input_schema": schema}]})
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    messages, _ = to_messages({"messages": [HI], "tools": [tool]})

    assert chat["tools"][0]["function"]["parameters"] == schema
    assert messages["tools"][0]["input_schema"] == schema


def test_usage_is_always_asked_for_in_a_stream() -> None:
    assert to_chat({"messages": [HI], "stream": True})[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in to_chat({"messages": [HI]})[0]


def test_limit_goes_into_the_field_that_the_provider_knows() -> None:
    assert to_chat({"messages": [HI], "max_tokens": 5})[0]["max_completion_tokens"] == 5
    assert to_chat({"messages": [HI], "max_tokens": 5}, Profile(max_tokens_field="max_tokens"))[0]["max_tokens"] == 5


@pytest.mark.parametrize(
    ("budget", "effort"),
    [
        (0, "minimal"),
        (1023, "minimal"),
        (1024, "low"),
        (2048, "medium"),
        (4096, "high"),
        (8192, "xhigh"),
        (16384, "max"),
    ],
)
def test_thinking_budget_becomes_an_effort(budget: int, effort: str) -> None:
    body, _ = to_chat({"messages": [HI], "thinking": {"type": "enabled", "budget_tokens": budget}})

    assert body["reasoning_effort"] == effort


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "adaptive"}}, "medium"),
        ({"thinking": {"type": "between_tools"}}, "medium"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "low"}}, "low"),
        ({"output_config": {"effort": "high"}}, "high"),
    ],
)
def test_other_ways_to_think_become_an_effort(fields: dict[str, object], effort: str) -> None:
    assert to_chat({"messages": [HI], **fields})[0]["reasoning_effort"] == effort


@pytest.mark.parametrize(
    ("effort", "budget"), [("minimal", 1024), ("low", 1024), ("medium", 2048), ("high", 4096), ("max", 16384)]
)
def test_effort_becomes_a_budget_beyond_the_default_limit(effort: str, budget: int) -> None:
    body, _ = to_messages({"messages": [HI], "reasoning_effort": effort})

    assert body["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert body["max_tokens"] == 4096 + budget


def test_effort_stays_within_the_callers_limit() -> None:
    tight, _ = to_messages({"messages": [HI], "reasoning_effort": "high", "max_completion_tokens": 2000})
    hopeless, dropped = to_messages({"messages": [HI], "reasoning_effort": "high", "max_completion_tokens": 500})

    assert (tight["max_tokens"], tight["thinking"]["budget_tokens"]) == (2000, 1999)
    assert "thinking" not in hopeless
    assert (hopeless["max_tokens"], dropped) == (500, ("reasoning_effort",))


def test_effort_none_turns_thinking_off_where_it_is_on_by_default() -> None:
    assert "thinking" not in to_messages({"messages": [HI], "reasoning_effort": "none"})[0]
    adaptive = Profile(adaptive_thinking=True)
    body, _ = to_messages({"messages": [HI], "reasoning_effort": "none"}, adaptive)
    assert body["thinking"] == {"type": "disabled"}


def test_unsigned_thinking_is_not_given_back_to_claude() -> None:
    turn = {"role": "assistant", "content": "x", "reasoning_content": "hm", "thinking_blocks": [{"type": "thinking"}]}
    body, dropped = to_messages({"messages": [HI, turn]})

    assert body["messages"][1]["content"] == [{"type": "text", "text": "x"}]
    assert dropped == ("messages[].reasoning_content",)


def test_thinking_with_an_empty_text_and_a_signature_is_given_back() -> None:
    block = {"type": "thinking", "thinking": "", "signature": "s"}
    body, _ = to_messages({"messages": [HI, {"role": "assistant", "content": [block, {"type": "text", "text": "x"}]}]})

    assert body["messages"][1]["content"][0] == block


def test_blank_texts_are_left_out() -> None:
    body, _ = to_messages({"messages": [HI, {"role": "assistant", "content": " \n"}, {"role": "user", "content": "x"}]})

    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "x"}]}
    ]


def test_json_mode_without_a_schema_is_named_as_lost() -> None:
    assert to_messages({"messages": [HI], "response_format": {"type": "json_object"}})[1] == ("response_format",)
    assert to_messages({"messages": [HI], "response_format": {"type": "text"}})[1] == ()


def test_system_between_call_and_result_waits() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    body, _ = to_chat(
        {"messages": [{"role": "assistant", "content": [use]}, {"role": "system", "content": "s"},
                      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r"}]}]}
    )  # fmt: skip

    assert [message["role"] for message in body["messages"]] == ["assistant", "tool", "system"]


def test_what_waits_for_a_result_that_never_comes_is_not_lost() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    body, _ = to_chat(
        {"messages": [{"role": "assistant", "content": [use]}, {"role": "user", "content": "stop"},
                      {"role": "assistant", "content": "ok"}, {"role": "user", "content": "thanks"}]}
    )  # fmt: skip

    assert [message["content"] for message in body["messages"]] == [None, "stop", "ok", "thanks"]


def test_failed_tool_says_so_in_chat() -> None:
    def told(text: str) -> str:
        result = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": text}
        content: str = to_chat({"messages": [{"role": "user", "content": [result]}]})[0]["messages"][0]["content"]
        return content

    assert told("no network") == "Error: no network"
    assert told("Error: no network") == "Error: no network"
    assert told('{"error": "no network"}') == '{"error": "no network"}'
    assert told("") == "Error"


def test_failed_tool_is_marked_for_claude() -> None:
    def is_error(text: str) -> object:
        turn = {"role": "tool", "tool_call_id": "a", "content": text}
        return to_messages({"messages": [turn]})[0]["messages"][0]["content"][0].get("is_error")

    assert is_error('{"error": "no network"}') is True
    assert is_error('{"error": null, "ok": 1}') is None
    assert is_error('the word "error" in a text') is None


def test_images_of_a_tool_reach_the_model() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [image]}
    body, _ = to_chat({"messages": [{"role": "user", "content": [result]}]})

    assert body["messages"][0]["role"] == "tool"
    assert body["messages"][0]["content"]
    assert body["messages"][1]["role"] == "user"
    assert body["messages"][1]["content"][1] == {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def test_images_in_a_chat_tool_message_reach_claude() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}}]
    body, _ = to_messages({"messages": [{"role": "tool", "tool_call_id": "a", "content": parts}]})

    source = {"type": "base64", "media_type": "image/gif", "data": "R0lG"}
    assert body["messages"][0]["content"][0]["content"] == [{"type": "image", "source": source}]


def test_data_uri_without_a_type_is_a_jpeg() -> None:
    parts = [{"type": "image_url", "image_url": "data:;base64,AA=="}]
    body, _ = to_messages({"messages": [{"role": "user", "content": parts}]})

    assert body["messages"][0]["content"][0]["source"]["media_type"] == "image/jpeg"


def test_text_file_becomes_a_text_document() -> None:
    part = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}}
    body, _ = to_messages({"messages": [{"role": "user", "content": [part]}]})

    source = {"type": "text", "media_type": "text/plain", "data": "hi"}
    assert body["messages"][0]["content"] == [{"type": "document", "source": source, "title": "a.txt"}]


def test_reasoning_is_replayed_where_the_provider_wants_it() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    turns = {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, use]}]}
    bare = {"messages": [{"role": "assistant", "content": [use]}]}
    replay = Profile(replay_reasoning=True)

    assert to_chat(turns, replay)[0]["messages"][0]["reasoning_content"] == "hm"
    assert to_chat(bare, replay)[0]["messages"][0]["reasoning_content"] == " "
    assert "reasoning_content" not in to_chat(turns)[0]["messages"][0]
    assert to_chat(turns)[1] == ("messages[].content[thinking]",)


def test_both_generations_of_anthropic_clients_are_understood() -> None:
    older, _ = to_chat({"system": "s", "messages": [HI], "temperature": 0.5, "top_p": 0.9})
    newer, _ = to_chat({"messages": [{"role": "system", "content": "s"}, HI]})

    assert older["messages"] == newer["messages"]
    assert (older["temperature"], older["top_p"]) == (0.5, 0.9)


def test_settings_of_anthropic_alone_are_named_as_lost() -> None:
    _, dropped = to_chat(
        {"messages": [HI], "top_k": 5, "container": "c", "speed": "fast", "cache_control": {"type": "x"}}
    )

    assert sorted(dropped) == ["cache_control", "container", "speed", "top_k"]


def test_refused_fields_are_left_out_and_named() -> None:
    profile = Profile(refused=frozenset({"temperature", "max_tokens"}))
    body, dropped = to_chat({"messages": [HI], "temperature": 0.5, "max_tokens": 5}, profile)

    assert "temperature" not in body
    assert body["max_completion_tokens"] == 5
    assert dropped == ("temperature",)


def test_names_of_lost_fields_are_fit_for_a_header() -> None:
    fields = {"a\r\nx-evil: 1, b": 1, "ü": 1, "x" * 999: 1, **{f"f{i}": 1 for i in range(99)}}
    _, dropped = to_messages({"messages": [HI], **fields})

    assert dropped[:2] == ("a??x-evil:?1??b", "?")
    assert len(dropped) == 40
    assert max(map(len, dropped)) == 80


def test_a_request_nested_beyond_reason_is_refused() -> None:
    schema: dict[str, object] = {"type": "object"}
    for _ in range(400):
        schema = {"type": "object", "properties": {"a": schema}}
    document: dict[str, object] = {"type": "text", "text": "x"}
    for _ in range(600):
        document = {"type": "document", "source": {"type": "content", "content": [document]}}

    with pytest.raises(InvalidRequest, match="nested too deeply"):
        to_chat({"messages": [HI], "tools": [{"name": "f", "input_schema": schema}]})
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        to_chat({"messages": [{"role": "user", "content": [document]}]})


def test_temperature_out_of_range_is_refused_unless_it_is_left_out_anyway() -> None:
    profile = Profile(refused=frozenset({"temperature"}))

    with pytest.raises(InvalidRequest, match="temperature: this provider takes 0 to 1"):
        to_messages({"messages": [HI], "temperature": 1.2})
    assert to_messages({"messages": [HI], "temperature": 1.2}, profile)[1] == ("temperature",)


@pytest.mark.parametrize("provider", ["anthropic.messages", "gemini.generate", "bedrock.converse"])
def test_instructions_alone_are_what_the_user_says(provider: Api) -> None:
    asked = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "Say hello."}]}
    made = orjson.loads(Translation("openai.chat", provider).request(asked, "m").body)
    turns = made.get("messages") or made["contents"]

    assert [turn["role"] for turn in turns] == ["user"]
    assert "Say hello." in str(turns)
    assert "Be brief." in str(made.get("system") or made["systemInstruction"])


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_a_conversation_that_says_nothing_is_refused_by_name(client: Api, provider: Api) -> None:
    field = {"openai.responses": "input", "gemini.generate": "contents"}.get(client, "messages")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    empty: dict[str, Any] = {"role": "assistant", "content": [thought]}
    turns = {"openai.chat": [{**empty, "content": None}], "openai.responses": [], "anthropic.messages": [empty],
             "gemini.generate": [{"role": "model", "parts": [{"text": "Hm.", "thought": True}]}]}  # fmt: skip
    asked = {**ASKS[client], field: turns[client]}
    with pytest.raises(InvalidRequest) as refused:
        Translation(client, provider).request(asked, "m")

    assert refused.value.param == field
