"""Facts about requests of Gemini's clients and to its providers, among them those in which others are known to fail."""

import base64
from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Profile, Translation, request_shape
from plano_extproc.translate.apis.gemini_generate.schema import json_schema
from tests.translate.gemini import HI, NEW, Json, from_gemini, to_gemini

USER = {"role": "user", "content": "hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


# To a provider


def test_the_body_names_neither_model_nor_stream() -> None:
    body, dropped = to_gemini({"messages": [USER], "stream": True})

    assert body == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert dropped == ()


@pytest.mark.parametrize(("body", "is_stream"), [({}, False), ({"stream": True}, True), ({"stream": False}, False)])
def test_the_path_learns_from_the_translation_whether_to_stream(body: Json, is_stream: bool) -> None:
    out = Translation("openai.chat", "gemini.generate").request({"messages": [USER], **body}, "m")

    assert out.is_stream == is_stream


def test_the_path_of_a_client_says_whether_to_stream() -> None:
    for is_stream in (True, False):
        out = Translation("gemini.generate", "openai.chat", is_stream=is_stream).request({"contents": [HI]}, "m")

        assert out.is_stream == is_stream
        assert ("stream" in orjson.loads(out.body)) == is_stream


def test_every_instruction_stands_apart_in_its_order() -> None:
    body, _ = to_gemini({"messages": [{"role": "system", "content": "a"}, USER, {"role": "developer", "content": "b"}]})

    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert len(body["contents"]) == 1


def test_a_signature_in_the_id_of_a_call_goes_back_to_its_part() -> None:
    call = {**CALL, "id": "8f2b1c3d__thought__CpYBAdHtim9-_w"}
    body, _ = to_gemini(
        {"messages": [USER, {"role": "assistant", "tool_calls": [call]}, {**RESULT, "tool_call_id": call["id"]}]}, NEW
    )

    assert body["contents"][1]["parts"] == [
        {"functionCall": {"name": "now", "args": {}, "id": "8f2b1c3d"}, "thoughtSignature": "CpYBAdHtim9+/w=="}
    ]
    assert body["contents"][2]["parts"][0]["functionResponse"]["id"] == "8f2b1c3d"


def test_the_first_call_of_another_model_is_marked_and_the_parallel_ones_are_not() -> None:
    calls = [CALL, {**CALL, "id": "call_2"}]
    body, _ = to_gemini({"messages": [USER, {"role": "assistant", "content": "x", "tool_calls": calls}]}, NEW)

    signatures = [part.get("thoughtSignature") for part in body["contents"][1]["parts"]]
    assert signatures == [None, "skip_thought_signature_validator", None]


def test_each_step_of_a_turn_is_marked_on_its_own() -> None:
    turn = {"role": "assistant", "tool_calls": [CALL]}
    again = {"role": "assistant", "tool_calls": [{**CALL, "id": "call_2"}]}
    body, _ = to_gemini({"messages": [USER, turn, RESULT, again, {**RESULT, "tool_call_id": "call_2"}]}, NEW)

    assert [
        part["thoughtSignature"] for content in body["contents"] for part in content["parts"] if "functionCall" in part
    ] == ["skip_thought_signature_validator"] * 2


def test_older_models_get_neither_ids_nor_marks() -> None:
    body, _ = to_gemini({"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, RESULT]})

    assert body["contents"][1]["parts"] == [{"functionCall": {"name": "now", "args": {}}}]
    assert body["contents"][2]["parts"] == [{"functionResponse": {"name": "now", "response": {"output": "noon"}}}]


def test_thinking_of_gemini_goes_back_with_its_signature_and_any_other_does_not() -> None:
    blocks = [
        {"type": "thinking", "thinking": "own", "signature": "plano:gemini.generate:c2ln"},
        {"type": "thinking", "thinking": "Claude's", "signature": "c2ln"},
        {"type": "thinking", "thinking": "GPT's", "signature": "plano:openai.responses:c2ln"},
    ]
    body, dropped = to_gemini({"messages": [USER, {"role": "assistant", "content": "x", "thinking_blocks": blocks}]})

    assert body["contents"][1]["parts"] == [
        {"text": "own", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "x"},
    ]
    assert dropped == ("messages[].reasoning_content",)


def test_thinking_of_gemini_is_not_given_to_claude() -> None:
    block = {"type": "thinking", "thinking": "own", "signature": "plano:gemini.generate:c2ln"}
    turn = {"role": "assistant", "content": "x", "thinking_blocks": [block]}
    out = Translation("openai.chat", "anthropic.messages").request({"messages": [USER, turn]}, "m")

    assert b"c2ln" not in out.body


def test_results_come_first_and_in_one_turn_whatever_stands_between() -> None:
    calls = {"role": "assistant", "tool_calls": [CALL, {**CALL, "id": "call_2"}]}
    body, _ = to_gemini(
        {"messages": [USER, calls, RESULT, {"role": "system", "content": "s"}, {"role": "user", "content": "wait"},
                      {**RESULT, "tool_call_id": "call_2"}]}
    )  # fmt: skip

    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert [[*part] for part in body["contents"][2]["parts"]] == [["functionResponse"], ["functionResponse"], ["text"]]


def test_a_result_without_its_call_is_told_as_text() -> None:
    body, _ = to_gemini({"messages": [USER, RESULT]})

    assert body["contents"][0]["parts"][1] == {"text": "Result of the tool call call_1:\nnoon"}


def test_a_failed_tool_is_told_as_an_error() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": "no network"}
    body, _ = to_gemini(
        {"messages": [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]},
        client="anthropic.messages",
    )

    assert body["contents"][1]["parts"][0]["functionResponse"]["response"] == {"error": "no network"}


def test_json_in_a_result_stays_text_so_that_no_reference_in_it_is_followed() -> None:
    result = {**RESULT, "content": '{"$ref":"#/$defs/A"}'}
    body, _ = to_gemini({"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, result]})

    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": '{"$ref":"#/$defs/A"}'}


def test_schemas_of_tools_are_not_touched() -> None:
    schema = {"type": "object", "properties": {"a_b": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": ["x", "null"]}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    body, _ = to_gemini({"messages": [USER], "tools": [tool]})

    assert body["tools"] == [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}]


@pytest.mark.parametrize("schema", [None, {}])
def test_a_tool_without_parameters_has_no_schema(schema: object) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    assert to_gemini({"messages": [USER], "tools": [tool]})[0]["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


def test_parameters_are_an_object_at_the_top() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}
    declared = to_gemini({"messages": [USER], "tools": [tool]})[0]["tools"][0]["functionDeclarations"][0]

    assert declared["parametersJsonSchema"] == {"type": "object", "properties": {}}


def test_names_of_tools_begin_with_a_letter_and_come_back() -> None:
    tool = {"type": "function", "function": {"name": "2nd_tool"}}
    translation = Translation("openai.chat", "gemini.generate")
    body = orjson.loads(translation.request({"messages": [USER], "tools": [tool]}, "m").body)
    name = body["tools"][0]["functionDeclarations"][0]["name"]
    answer = {"candidates": [{"content": {"parts": [{"functionCall": {"name": name}}]}, "finishReason": "STOP"}]}
    made = orjson.loads(translation.response(orjson.dumps(answer)))

    assert name.startswith("_2nd_tool")
    assert made["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "2nd_tool"


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "now"}}, {"mode": "ANY", "allowedFunctionNames": ["now"]}),
    ],
)
def test_tool_choice(choice: object, written: object) -> None:
    body, _ = to_gemini({"messages": [USER], "tools": [TOOL], "tool_choice": choice})

    assert body["toolConfig"] == {"functionCallingConfig": written}


def test_a_choice_between_no_tools_is_left_out() -> None:
    assert "toolConfig" not in to_gemini({"messages": [USER], "tool_choice": "auto"})[0]


def test_the_web_is_searched_where_no_function_is_offered() -> None:
    alone, _ = to_gemini({"messages": [USER], "web_search_options": {}})
    both, dropped = to_gemini({"messages": [USER], "web_search_options": {}, "tools": [TOOL]})

    assert alone["tools"] == [{"googleSearch": {}}]
    assert both["tools"] == to_gemini({"messages": [USER], "tools": [TOOL]})[0]["tools"]
    assert dropped == ("web_search_options",)


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("none", 0), ("minimal", 512), ("low", 1024), ("medium", 2048), ("high", 4096), ("max", 16384)],
)
def test_effort_becomes_a_budget_for_older_models(effort: str, budget: int) -> None:
    config = to_gemini({"messages": [USER], "reasoning_effort": effort})[0]["generationConfig"]["thinkingConfig"]

    assert config["thinkingBudget"] == budget
    assert config.get("includeThoughts", False) == (effort != "none")


def test_a_model_that_always_thinks_thinks_least() -> None:
    pro = Profile(efforts=("minimal", "low", "medium", "high"))
    config = to_gemini({"messages": [USER], "reasoning_effort": "none"}, pro)[0]["generationConfig"]["thinkingConfig"]

    assert config == {"thinkingBudget": 512}


@pytest.mark.parametrize(
    ("thinking", "level"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "LOW"),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, "HIGH"),
        ({"thinking": {"type": "disabled"}}, "LOW"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"output_config": {"effort": "medium"}}, "MEDIUM"),
    ],
)
def test_newer_models_think_by_levels_and_never_by_a_budget(thinking: Json, level: str | None) -> None:
    body, _ = to_gemini({"messages": [USER], "max_tokens": 9, **thinking}, NEW, "anthropic.messages")
    config = body["generationConfig"]["thinkingConfig"]

    assert config.get("thinkingLevel") == level
    assert "thinkingBudget" not in config


def test_a_budget_is_no_larger_than_every_model_takes() -> None:
    thinking = {"type": "enabled", "budget_tokens": 32000}
    body, _ = to_gemini({"messages": [USER], "max_tokens": 64000, "thinking": thinking}, None, "anthropic.messages")

    assert body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 24576


def test_reasoning_of_a_model_that_does_not_think_is_lost_unless_it_is_unwanted() -> None:
    plain = Profile(efforts=())

    assert to_gemini({"messages": [USER], "reasoning_effort": "high"}, plain)[1] == ("reasoning_effort",)
    assert to_gemini({"messages": [USER], "reasoning_effort": "none"}, plain)[1] == ()


def test_answers_are_held_to_a_schema_or_to_json() -> None:
    schema = {"type": "object", "properties": {"a": {"minLength": 1}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    held, _ = to_gemini({"messages": [USER], "response_format": form})
    loose, dropped = to_gemini({"messages": [USER], "response_format": {"type": "json_object"}})

    assert held["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": schema}
    assert loose["generationConfig"] == {"responseMimeType": "application/json"}
    assert dropped == ()


def test_a_schema_beside_tools_becomes_a_tool_where_the_model_takes_only_one_of_them() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    body, _ = to_gemini(
        {"messages": [USER], "response_format": form, "tools": [TOOL]}, Profile(json_schema_beside_tools=False)
    )

    assert "generationConfig" not in body
    assert [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] == ["now", "json_tool_call"]


def test_images_of_one_detail_ask_for_one_resolution() -> None:
    def images(*details: str | None) -> tuple[object, tuple[str, ...]]:
        parts = [{"type": "image_url", "image_url": {"url": "https://e.com/a.webp", "detail": d}} for d in details]
        body, dropped = to_gemini({"messages": [{"role": "user", "content": parts}]})
        return body.get("generationConfig", {}).get("mediaResolution"), dropped

    assert images("low", "low") == ("MEDIA_RESOLUTION_LOW", ())
    assert images("high") == ("MEDIA_RESOLUTION_HIGH", ())
    assert images("auto", None) == (None, ())
    assert images("low", "high") == (None, ("messages[].content[].image_url.detail",))


@pytest.mark.parametrize(
    ("url", "media_type"),
    [
        ("https://e.com/a.PNG?x=1", "image/png"),
        ("https://e.com/a", "image/jpeg"),
        ("gs://bucket/a.webp", "image/webp"),
    ],
)
def test_an_address_is_sent_with_a_media_type(url: str, media_type: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    body, _ = to_gemini({"messages": [{"role": "user", "content": [part]}]})

    assert body["contents"][0]["parts"] == [{"fileData": {"mimeType": media_type, "fileUri": url}}]


def test_sounds_are_sent_inline() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    body, _ = to_gemini({"messages": [{"role": "user", "content": [part]}]})

    assert body["contents"][0]["parts"] == [{"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}]


def test_settings_that_gemini_knows_are_kept_and_others_named() -> None:
    body, dropped = to_gemini(
        {"messages": [USER], "seed": 1, "n": 2, "presence_penalty": 0.1, "service_tier": "flex", "user": "u",
         "logit_bias": {"1": 1}, "top_k": 5, "stop": ["a", "b", "c", "d", "e", "f"]}
    )  # fmt: skip

    assert body["generationConfig"] == {
        "seed": 1, "candidateCount": 2, "presencePenalty": 0.1, "topK": 5, "stopSequences": ["a", "b", "c", "d", "e"],
    }  # fmt: skip
    assert body["serviceTier"] == "flex"
    assert sorted(dropped) == ["logit_bias", "stop", "user"]


def test_a_stream_may_be_of_several_answers() -> None:
    body, dropped = to_gemini({"messages": [USER], "n": 2, "stream": True})

    assert body["generationConfig"] == {"candidateCount": 2}
    assert dropped == ()


@pytest.mark.parametrize("tier", [["flex"], {"a": 1}, 5])
def test_a_setting_of_the_wrong_type_is_named_and_no_bug(tier: object) -> None:
    assert to_gemini({"messages": [USER], "service_tier": tier})[1] == ("service_tier",)


# From a client


def test_model_and_stream_from_the_path_are_no_unknown_fields() -> None:
    for is_stream in (True, False):
        body, dropped = from_gemini({"model": "gpt-5", "stream": is_stream}, "openai.chat")

        assert ("stream" in body) == is_stream
        assert dropped == ()


def test_one_content_passes_for_a_list_of_one_in_googles_dialect_only() -> None:
    assert request_shape("gemini.generate", {"contents": HI})
    with pytest.raises(InvalidRequest, match="contents: a list"):
        request_shape("gemini.generate", {"contents": "hi"})
    with pytest.raises(InvalidRequest, match="messages: a list"):
        request_shape("openai.chat", {"messages": {"role": "user"}})


def test_names_may_be_in_snake_case_and_one_object_may_stand_for_a_list() -> None:
    body, dropped = from_gemini(
        {"contents": {"role": "USER", "parts": {"text": "hi"}}, "system_instruction": {"parts": {"text": "s"}},
         "generation_config": {"max_output_tokens": 5, "stop_sequences": ["x"]}},
        "openai.chat",
    )  # fmt: skip

    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}],
        "max_completion_tokens": 5,
        "stop": ["x"],
    }
    assert dropped == ()


def test_base64_of_googles_python_client_is_put_into_the_usual_alphabet() -> None:
    data = base64.urlsafe_b64encode(b"\xfb\xff\xfe\x00").decode().rstrip("=")
    body, _ = from_gemini(
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]}, "anthropic.messages"
    )

    assert body["messages"][0]["content"][0]["source"]["data"] == "+//+AA=="


def test_results_without_ids_find_their_calls_by_name_and_order() -> None:
    def call(name: str, number: int) -> Json:
        return {"functionCall": {"name": name, "args": {"n": number}}}

    def result(name: str, text: str) -> Json:
        return {"functionResponse": {"name": name, "response": {"output": text}}}

    contents = [
        HI, {"role": "model", "parts": [call("a", 1), call("b", 2), call("a", 3)]},
        {"role": "function", "parts": [result("b", "two"), result("a", "one"), result("a", "three")]},
    ]  # fmt: skip
    body, _ = from_gemini({"contents": contents}, "openai.chat")
    called = {call["id"]: call["function"]["arguments"] for call in body["messages"][1]["tool_calls"]}

    assert len(called) == 3
    assert [(called[turn["tool_call_id"]], turn["content"]) for turn in body["messages"][2:]] == [
        ('{"n":2}', "two"), ('{"n":1}', "one"), ('{"n":3}', "three"),
    ]  # fmt: skip


def test_ids_of_calls_are_the_same_in_the_next_turn() -> None:
    turns = [HI, {"role": "model", "parts": [{"functionCall": {"name": "a"}}]}]
    result = {"role": "user", "parts": [{"functionResponse": {"name": "a", "response": {}}}]}

    def called(contents: list[Json]) -> Any:
        return from_gemini({"contents": contents}, "openai.chat")[0]["messages"][1]["tool_calls"][0]["id"]

    assert called([*turns, result]) == called([*turns, result, *turns])


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "x"}, "x", False),
        ({"result": {"a": 1}}, '{"a":1}', False),
        ({"error": "no"}, "no", True),
        ({"a": 1, "error": "no"}, '{"a":1,"error":"no"}', False),
        ({}, None, False),
    ],
)
def test_the_result_of_a_tool(response: Json, text: str | None, is_error: bool) -> None:
    contents = [
        {"role": "model", "parts": [{"functionCall": {"name": "a", "id": "1"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "a", "id": "1", "response": response}}]},
    ]
    block = from_gemini({"contents": contents}, "anthropic.messages")[0]["messages"][1]["content"][0]

    assert (block.get("content"), block.get("is_error", False)) == (text, is_error)


def test_contents_of_one_role_are_one_turn_since_clients_keep_each_chunk_of_a_stream() -> None:
    contents = [HI, *({"role": "model", "parts": [{"text": word}]} for word in ("a", "b")), HI]
    body, _ = from_gemini({"contents": contents}, "openai.chat")

    assert [turn["content"] for turn in body["messages"]] == ["hi", "ab", "hi"]


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({"thinkingBudget": 0}, {"reasoning_effort": "none"}),
        ({"thinkingBudget": -1}, {"reasoning_effort": "medium"}),
        ({"thinkingBudget": 4096}, {"reasoning_effort": "high"}),
        ({"thinkingLevel": "LOW"}, {"reasoning_effort": "low"}),
        ({"thinkingLevel": "minimal"}, {"reasoning_effort": "minimal"}),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, {}),
        ({"includeThoughts": True}, {"reasoning_effort": "medium"}),
        ({"includeThoughts": False}, {}),
        ({}, {}),
    ],
)
def test_how_much_to_think(config: Json, fields: Json) -> None:
    body, dropped = from_gemini({"generationConfig": {"thinkingConfig": config}}, "openai.chat")

    assert {key: body[key] for key in body.keys() - {"model", "messages"}} == fields
    assert dropped == ()


def test_the_tools_that_may_be_called_are_the_only_ones_offered() -> None:
    tools = [{"functionDeclarations": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}]
    calling = {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}
    body, _ = from_gemini({"tools": tools, "toolConfig": {"functionCallingConfig": calling}}, "anthropic.messages")

    assert [tool["name"] for tool in body["tools"]] == ["a", "b"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("mode", "choice"), [("AUTO", "auto"), ("validated", "auto"), ("NONE", "none"), ("ANY", "any")]
)
def test_modes_of_calling(mode: str, choice: str) -> None:
    config = {"functionCallingConfig": {"mode": mode}}
    body, _ = from_gemini(
        {"tools": [{"functionDeclarations": [{"name": "a"}]}], "toolConfig": config}, "anthropic.messages"
    )

    assert body["tool_choice"] == {"type": choice}


def test_googles_schemas_become_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "nullable": True,
        "properties": {
            "type": {"type": "STRING", "nullable": True, "enum": ["a"], "max_length": "5", "example": "a"},
            "any_of": {"anyOf": [{"type": "INTEGER"}, {"type": "NULL"}], "nullable": False},
            "either": {"anyOf": [{"type": "INTEGER"}], "nullable": True},
            "free": {"type": "TYPE_UNSPECIFIED"},
            "list": {"type": "ARRAY", "items": {"ref": "#/$defs/A"}, "minItems": "1"},
        },
        "defs": {"A": {"type": "BOOLEAN"}},
        "required": ["type"],
        "propertyOrdering": ["type"],
    }

    assert json_schema(schema) == {
        "type": ["object", "null"],
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["a", None], "maxLength": 5, "examples": ["a"]},
            "any_of": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "free": {},
            "list": {"type": "array", "items": {"$ref": "#/$defs/A"}, "minItems": 1},
        },
        "$defs": {"A": {"type": "boolean"}},
        "required": ["type"],
    }
    assert json_schema(json_schema(schema)) == json_schema(schema)


def test_a_schema_counts_only_where_json_is_asked_for() -> None:
    schema = {"responseJsonSchema": {"type": "object"}}
    asked, _ = from_gemini({"generationConfig": {"responseMimeType": "application/json", **schema}}, "openai.chat")
    plain, _ = from_gemini({"generationConfig": schema}, "openai.chat")
    _, dropped = from_gemini({"generationConfig": {"responseMimeType": "text/x.enum", **schema}}, "openai.chat")

    assert asked["response_format"]["type"] == "json_schema"
    assert "response_format" not in plain
    assert dropped == ("generationConfig.responseMimeType",)


def test_what_only_google_knows_is_named_as_lost() -> None:
    _, dropped = from_gemini(
        {"safetySettings": [{"category": "x"}], "labels": {"a": "b"}, "tools": [{"urlContext": {}}],
         "generationConfig": {"speechConfig": {"a": 1}, "seed": 5, "responseModalities": ["AUDIO"]}},
        "anthropic.messages",
    )  # fmt: skip

    assert sorted(dropped) == [
        "generationConfig.responseModalities", "generationConfig.seed", "generationConfig.speechConfig", "labels",
        "safetySettings", "tools[urlContext]",
    ]  # fmt: skip


def test_signatures_of_gemini_reach_no_other_provider() -> None:
    part = {"functionCall": {"name": "a", "id": "1"}, "thoughtSignature": "c2ln"}
    thought = {"text": "hm", "thought": True, "thoughtSignature": "c2ln"}
    contents = [HI, {"role": "model", "parts": [thought, part]}]
    providers: tuple[Api, ...] = ("openai.chat", "anthropic.messages")

    for provider in providers:
        body, _ = from_gemini({"contents": contents}, provider, Profile(replay_reasoning=True))
        assert "c2ln" not in str(body)


WRONG: list[tuple[Json, str]] = [
    ({"contents": None}, "contents"),
    ({"contents": "hi"}, "contents"),
    ({"contents": [5]}, "contents[0]"),
    ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
    ({"contents": [{"parts": "hi"}]}, "contents[0].parts"),
    ({"contents": [{"parts": [5]}]}, "contents[0].parts[0]"),
    ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
    ({"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]}, "contents[0].parts[0]"),
    ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
    ({"contents": [{"parts": [{"inlineData": {"data": ""}}]}]}, "contents[0].parts[0].inlineData.mimeType"),
    ({"contents": [{"parts": [{"fileData": {}}]}]}, "contents[0].parts[0].fileData.fileUri"),
    (
        {"contents": [{"parts": [{"fileData": {"fileUri": "https://e.com/v", "mimeType": "video/mp4"}}]}]},
        "contents[0].parts[0]",
    ),
    (
        {"contents": [{"parts": [{"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}}]}]},
        "contents[0].parts[0]",
    ),
    ({"contents": [{"parts": [{"functionCall": {"name": "a"}}]}]}, "contents[0].parts[0].functionCall"),
    ({"contents": [{"role": "model", "parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
    (
        {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "a", "args": []}}]}]},
        "contents[0].parts[0].functionCall.args",
    ),
    (
        {"contents": [{"role": "model", "parts": [{"functionResponse": {"name": "a"}}]}]},
        "contents[0].parts[0].functionResponse",
    ),
    (
        {"contents": [{"parts": [{"functionResponse": {"name": "a", "parts": [{}]}}]}]},
        "contents[0].parts[0].functionResponse.parts[0]",
    ),
    ({"systemInstruction": 5}, "systemInstruction"),
    ({"cachedContent": "cachedContents/1"}, "cachedContent"),
    ({"generationConfig": []}, "generationConfig"),
    ({"generationConfig": {"maxOutputTokens": -1}}, "generationConfig.maxOutputTokens"),
    ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
    ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
    ({"generationConfig": {"stopSequences": "x"}}, "generationConfig.stopSequences"),
    (
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HUGE"}}},
        "generationConfig.thinkingConfig.thinkingLevel",
    ),
    (
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": -5}}},
        "generationConfig.thinkingConfig.thinkingBudget",
    ),
    ({"tools": [5]}, "tools[0]"),
    ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "toolConfig.functionCallingConfig.mode"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_a_wrong_shape_names_the_field(body: Json, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        from_gemini(body, "openai.chat")

    assert caught.value.param == field
    assert caught.value.message.startswith(f"{field}: ")
