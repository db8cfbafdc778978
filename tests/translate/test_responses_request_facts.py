"""Facts about requests of OpenAI's Responses, from its clients and to its providers."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import Profile, Translation, profile_for
from plano_extproc.translate.chatgpt import fitted
from plano_extproc.translate.sealed import seal
from tests.support import codex_backend, responses_strict

Json = dict[str, Any]
HI = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "a", "name": "now", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "a", "output": "noon"}
NOW = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}}


def read(provider: Api = "openai.chat", profile: Profile | None = None, **body: Any) -> tuple[Json, tuple[str, ...]]:
    """Return the request that a provider gets from a client of Responses, and what it does not get."""
    out = Translation("openai.responses", provider, profile or Profile()).request({"input": "hi", **body}, "m")
    return orjson.loads(out.body), out.dropped


def written(body: Json, client: Api = "openai.chat", profile: Profile | None = None) -> tuple[Json, tuple[str, ...]]:
    """Return the request that a provider of Responses gets, and what it does not get."""
    out = Translation(client, "openai.responses", profile or Profile()).request(body, "m")
    made = orjson.loads(out.body)
    responses_strict.check(made)
    return made, out.dropped


@pytest.mark.parametrize("held", ["hi", HI, [HI], [{"type": "message", **HI}]])
def test_input_may_be_a_text_an_item_or_items(held: object) -> None:
    assert read(input=held)[0]["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt", "background"])
def test_what_only_the_provider_has_stored_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Translation("openai.responses", "openai.chat").request({"input": "hi", field: True}, "m")

    assert caught.value.param == field


def test_state_that_is_not_asked_for_is_no_reason_to_refuse() -> None:
    assert read(previous_response_id=None, conversation=None, background=False)[1] == ()


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}, {"type": "compaction"}])
def test_an_item_that_cannot_be_read_here_is_refused_by_its_place(item: Json) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(input=[HI, item])

    assert caught.value.param == "input[1]"


def test_an_item_that_nobody_knows_is_lost_by_name() -> None:
    assert read(input=[HI, {"type": "ghost"}])[1] == ("input[ghost]",)


def test_what_the_assistant_did_in_a_row_is_one_turn() -> None:
    items = [HI, {"role": "assistant", "content": "I look."}, CALL, {**CALL, "call_id": "b"}, RESULT,
             {**RESULT, "call_id": "b"}, {**CALL, "call_id": "c"}, {**RESULT, "call_id": "c"}]  # fmt: skip
    messages = read(input=items)[0]["messages"]

    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant", "tool"]
    assert messages[1]["content"] == "I look."
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["a", "b"]


@pytest.mark.parametrize("role", ["user", "developer", "assistant"])
def test_a_result_goes_directly_behind_its_call(role: str) -> None:
    between = {"role": role, "content": "wait"}
    messages = read(input=[HI, CALL, between, RESULT])[0]["messages"]

    assert messages[2] == {"role": "tool", "tool_call_id": "a", "content": "noon"}
    assert "wait" in [message["content"] for message in messages]


def test_a_late_result_of_parallel_calls_goes_to_its_turn() -> None:
    items = [
        CALL,
        {**CALL, "call_id": "b"},
        RESULT,
        {"role": "assistant", "content": "one"},
        {**RESULT, "call_id": "b"},
    ]
    messages = read("anthropic.messages", input=[HI, *items])[0]["messages"]

    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
    assert [block["tool_use_id"] for block in messages[2]["content"]] == ["a", "b"]


def test_a_result_that_nobody_called_for_stays_where_it_is() -> None:
    messages = read(input=[HI, RESULT, HI])[0]["messages"]

    assert [message["role"] for message in messages] == ["user", "tool", "user"]


def test_a_tool_that_answers_with_an_error_object_failed() -> None:
    made, _ = read("anthropic.messages", input=[HI, CALL, {**RESULT, "output": '{"error":"no clock"}'}])

    assert made["messages"][2]["content"][0]["is_error"] is True


def test_a_picture_from_a_tool_reaches_the_model() -> None:
    output = [{"type": "input_image", "image_url": "data:image/gif;base64,R0lG"}]
    made, _ = read("anthropic.messages", input=[HI, CALL, {**RESULT, "output": output}])

    source = {"type": "base64", "media_type": "image/gif", "data": "R0lG"}
    assert made["messages"][2]["content"][0]["content"] == [{"type": "image", "source": source}]


def test_a_custom_tool_becomes_a_function_with_one_text() -> None:
    called = {"type": "custom_tool_call", "call_id": "a", "name": "patch", "input": 'say "x"'}
    answered = {"type": "custom_tool_call_output", "call_id": "a", "output": "ok"}
    made, _ = read(tools=[{"type": "custom", "name": "patch"}], input=[HI, called, answered])

    function = made["tools"][0]["function"]
    assert function["parameters"]["required"] == ["input"]
    assert orjson.loads(made["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"input": 'say "x"'}
    assert made["messages"][2] == {"role": "tool", "tool_call_id": "a", "content": "ok"}


def test_tools_of_namespaces_get_names_of_their_own() -> None:
    tools = [
        {"type": "namespace", "name": "mcp__files__", "tools": [NOW]},
        {"type": "namespace", "name": "mcp__files", "tools": [NOW]},
        {"type": "namespace", "name": "functions", "tools": [{**NOW, "name": "exec"}]},
        {**NOW, "name": "mcp__files__now"},
        NOW,
    ]
    made, _ = read(tools=tools, input=[HI, {**CALL, "namespace": "mcp__files"}, RESULT])

    names = [tool["function"]["name"] for tool in made["tools"]]
    assert names == ["mcp__files__now_2", "mcp__files__now_3", "exec", "mcp__files__now", "now"]
    assert made["messages"][1]["tool_calls"][0]["function"]["name"] == "mcp__files__now_3"


def test_a_namespace_in_a_namespace_is_refused() -> None:
    inner = {"type": "namespace", "name": "b", "tools": []}
    with pytest.raises(InvalidRequest) as caught:
        read(tools=[{"type": "namespace", "name": "a", "tools": [inner]}])

    assert caught.value.param == "tools[0].tools[0]"


def test_tools_may_come_with_the_conversation() -> None:
    made, dropped = read(input=[HI, {"type": "additional_tools", "role": "developer", "tools": [NOW]}])

    assert [tool["function"]["name"] for tool in made["tools"]] == ["now"]
    assert dropped == ()


def test_tools_in_the_form_of_chat_are_understood() -> None:
    tools = [{"type": "function", "function": {"name": "now", "strict": True}}]
    choice = {"type": "function", "function": {"name": "now"}}
    made, _ = read(tools=tools, tool_choice=choice)

    assert made["tools"][0]["function"]["strict"] is True
    assert made["tool_choice"] == choice


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "now"}, {"type": "function", "function": {"name": "now"}}),
        ({"type": "custom", "name": "note"}, {"type": "function", "function": {"name": "note"}}),
    ],
)
def test_tool_choice(choice: object, written: object) -> None:
    assert read(tools=[NOW, {"type": "custom", "name": "note"}], tool_choice=choice)[0]["tool_choice"] == written


def test_allowed_tools_are_the_only_ones_offered() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "now"}]}
    made, _ = read(tools=[NOW, {**NOW, "name": "other"}], tool_choice=allowed)

    assert [tool["function"]["name"] for tool in made["tools"]] == ["now"]
    assert made["tool_choice"] == "required"


def test_to_force_a_tool_of_the_provider_is_lost_by_name() -> None:
    made, dropped = read(tools=[NOW, {"type": "code_interpreter"}], tool_choice={"type": "code_interpreter"})

    assert "tool_choice" not in made
    assert dropped == ("tools[code_interpreter]", "tool_choice")


def test_summaries_of_reasoning_are_no_loss() -> None:
    made, dropped = read(reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"])

    assert made["reasoning_effort"] == "low"
    assert dropped == ()


def test_storing_is_a_loss_only_where_it_was_asked_for() -> None:
    assert read(store=True)[1] == ("store",)
    assert read(store=False)[1] == read()[1] == ()


def test_json_without_a_schema_is_asked_for_where_the_provider_can() -> None:
    form = {"format": {"type": "json_object"}}

    assert read("anthropic.messages", text=form)[1] == ("text.format",)
    assert written({"messages": [HI], "response_format": {"type": "json_object"}})[1] in ((), ("response_format",))


def test_state_of_openai_is_not_given_to_claude() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    made, dropped = read("anthropic.messages", input=[HI, thought, {"role": "assistant", "content": "x"}])

    assert made["messages"][1]["content"] == [{"type": "text", "text": "x"}]
    assert dropped == ("input[reasoning]",)


def test_nothing_is_stored_at_the_provider_unless_the_caller_wants_it() -> None:
    assert written({"messages": [HI]})[0]["store"] is False
    assert written({"messages": [HI], "store": True})[0]["store"] is True


def test_tools_are_not_strict_unless_the_caller_says_so() -> None:
    function = {"name": "now", "parameters": {"type": "object", "properties": {}}}
    loose, _ = written({"messages": [HI], "tools": [{"type": "function", "function": function}]})
    tight, _ = written({"messages": [HI], "tools": [{"type": "function", "function": {**function, "strict": True}}]})

    assert loose["tools"] == [{"type": "function", **function, "strict": False}]
    assert tight["tools"][0]["strict"] is True


def test_a_limit_below_the_least_is_raised_to_it() -> None:
    assert written({"messages": [HI], "max_tokens": 1})[0]["max_output_tokens"] == 16
    assert written({"messages": [HI], "max_tokens": 17})[0]["max_output_tokens"] == 17


def test_the_first_system_message_becomes_the_instructions() -> None:
    rules = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]
    made, _ = written({"messages": [*rules, HI]})

    assert made["instructions"] == "a"
    assert [item["role"] for item in made["input"]] == ["developer", "user"]


def test_instructions_alone_are_an_input() -> None:
    made, _ = written({"messages": [{"role": "system", "content": "a"}]})

    assert "instructions" not in made
    assert len(made["input"]) == 1


def test_what_stands_between_a_call_and_its_result_waits() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "r"}
    turns = [HI, {"role": "assistant", "content": [use]}, {"role": "system", "content": "s"},
             {"role": "user", "content": [{"type": "text", "text": "t"}, result]}]  # fmt: skip
    made, _ = written({"messages": turns}, "anthropic.messages")

    assert [item["type"] for item in made["input"]] == [
        "message", "function_call", "function_call_output", "message", "message"
    ]  # fmt: skip


def test_settings_without_a_word_are_named_as_the_caller_knows_them() -> None:
    assert written({"messages": [HI], "stop": "x", "seed": 1})[1] == ("stop", "seed")
    assert written({"messages": [HI], "stop_sequences": ["x"], "top_k": 1}, "anthropic.messages")[1] == (
        "top_k",
        "stop_sequences",
    )


def test_thinking_is_shown_to_callers_whose_dialect_shows_it() -> None:
    def summary(display: Json) -> object:
        thinking = {"type": "enabled", "budget_tokens": 5000, **display}
        return written({"messages": [HI], "thinking": thinking}, "anthropic.messages")[0]["reasoning"].get("summary")

    assert summary({}) == "auto"
    assert summary({"display": "omitted"}) is None
    assert "summary" not in written({"messages": [HI], "reasoning_effort": "low"})[0]["reasoning"]


REPLAY = Profile(replay_reasoning=True)
KEPT = seal("openai.responses", "rs_1:gAAA")


def test_reasoning_goes_back_to_the_provider_that_sealed_it() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": KEPT}, {"type": "text", "text": "x"}]
    turns = [HI, {"role": "assistant", "content": blocks}, HI]
    made, dropped = written({"messages": turns}, "anthropic.messages", REPLAY)

    summary = [{"type": "summary_text", "text": "hm"}]
    assert made["input"][1] == {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"}
    assert made["include"] == ["reasoning.encrypted_content"]
    assert dropped == ()


def test_silent_reasoning_goes_back_through_chat_too() -> None:
    blocks = [{"type": "redacted_thinking", "data": KEPT}]
    turns = [HI, {"role": "assistant", "content": "x", "thinking_blocks": blocks}, HI]
    made, _ = written({"messages": turns}, profile=REPLAY)

    assert made["input"][1] == {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


@pytest.mark.parametrize("signature", ["EqQB", seal("gemini.generate", "x")])
def test_thinking_of_another_model_is_not_given_to_openai(signature: str) -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": signature}, {"type": "text", "text": "x"}]
    made, dropped = written({"messages": [HI, {"role": "assistant", "content": blocks}]}, "anthropic.messages", REPLAY)

    assert [item["type"] for item in made["input"]] == ["message", "message"]
    assert dropped == ("messages[].content[thinking]",)


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": KEPT}]
    made, dropped = written({"messages": [HI, {"role": "assistant", "content": blocks}]}, "anthropic.messages", REPLAY)

    assert [item["type"] for item in made["input"]] == ["message"]
    assert dropped == ("messages[].content[thinking]",)


def test_models_that_do_not_think_are_not_asked_for_it() -> None:
    assert "include" not in written({"messages": [HI]}, profile=profile_for("openai.responses", "gpt-4o"))[0]
    assert "include" in written({"messages": [HI]}, profile=profile_for("openai.responses", "gpt-5.2-codex"))[0]


@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_a_translated_request_can_be_fitted_to_the_backend_of_chatgpt(client: Api) -> None:
    body = {"messages": [{"role": "system", "content": "Be brief."}, HI], "max_tokens": 500, "temperature": 0.5}
    made, dropped = written(body, client, Profile(fit=fitted))

    codex_backend.check_body(made)
    assert made["instructions"] == "Be brief."
    assert made["stream"] is True
    assert set(dropped) == {"max_tokens", "temperature"}
