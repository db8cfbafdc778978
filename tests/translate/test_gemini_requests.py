"""Facts about requests to Gemini, among them those in which others are known to fail."""

import orjson
import pytest

from plano_extproc.translate import Profile, Translation
from tests.translate.gemini import HI, NEW, Json, to_gemini

USER = {"role": "user", "content": "hi"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


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
