"""Facts about requests of Gemini's clients, among them those in which others are known to fail."""

import base64
from typing import Any

import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Profile, request_shape
from plano_extproc.translate.apis.gemini_generate.schema import json_schema
from tests.translate.gemini import HI, Json, from_gemini

USER = {"role": "user", "content": "hi"}


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
