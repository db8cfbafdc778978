import pytest

from plano_extproc.apis import Api
from plano_extproc.routing.turns import Conversation, Turn, conversation

CALL = {"type": "function", "id": "1", "function": {"name": "f", "arguments": "{}"}}
REQUESTS: dict[Api, dict[str, object]] = {
    "openai.chat": {
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "be"}, {"type": "text", "text": "short"}]},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "1", "content": "sun"},
        ],
    },
    "anthropic.messages": {
        "tools": [{"name": "f"}, {"name": "g"}],
        "system": [{"type": "text", "text": "be"}, {"type": "text", "text": "short"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image", "source": {}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "sun"}]},
        ],
    },
    "openai.responses": {
        "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}, {"type": "web_search"}],
        "instructions": "be\nshort",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image"}]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "sun"},
        ],
    },
    "gemini.generate": {
        "tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}],
        "systemInstruction": {"parts": [{"text": "be"}, {"text": "short"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
        ],
    },
    "bedrock.converse": {
        "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"toolSpec": {"name": "g"}}]},
        "system": [{"text": "be"}, {"text": "short"}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}, {"image": {}}]},
            {"role": "assistant", "content": [{"toolUse": {"name": "f"}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": []}}]},
        ],
    },
}


@pytest.mark.parametrize("api", REQUESTS)
def test_every_dialect_says_the_same(api: Api) -> None:
    found = conversation(api, REQUESTS[api])

    assert (found.system, found.first_user, found.tools) == ("be\nshort", "hi", ("f", "g"))
    assert [turn.role for turn in found.turns] == ["system", "user", "assistant", "tool"]
    assert found.turns[1].has_other
    assert not found.is_users_turn


@pytest.mark.parametrize(
    ("turn", "is_users"),
    [
        (Turn("user", "go on"), True),
        (Turn("user", " \n"), False),
        (Turn("user", "", has_other=True), True),
        (Turn("tool", "sun"), False),
        (Turn("assistant", "well"), False),
        (Turn("user", "<system-reminder>todo</system-reminder>\n"), False),
        (Turn("user", "<system-reminder>a</system-reminder> go <system-reminder>b</system-reminder>"), True),
        (Turn("user", "<user-prompt-submit-hook>x</user-prompt-submit-hook>"), False),
        (Turn("user", "<system-reminder>never closed, go on"), False),
    ],
)
def test_whose_turn_it_is(turn: Turn, is_users: bool) -> None:
    assert Conversation((turn,)).is_users_turn is is_users


def test_an_empty_conversation_is_nobodys_turn() -> None:
    assert not Conversation(()).is_users_turn


def test_a_result_with_words_beside_it_is_the_users_turn() -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "sun"}
    content = [result, {"type": "text", "text": "go on"}]

    assert conversation("anthropic.messages", {"messages": [{"role": "user", "content": content}]}).is_users_turn


def test_text_in_place_of_a_list_is_the_user_speaking() -> None:
    assert conversation("openai.responses", {"input": "hi"}).turns == (Turn("user", "hi"),)
    assert conversation("anthropic.messages", {"messages": [{"role": "user", "content": "hi"}]}).turns == (
        Turn("user", "hi"),
    )


@pytest.mark.parametrize("odd", [None, 7, [], {}, "x"], ids=repr)
@pytest.mark.parametrize("field", ["role", "type"])
@pytest.mark.parametrize(("api", "turns"), [("openai.chat", "messages"), ("openai.responses", "input")])
def test_a_turn_that_says_oddly_whose_it_is_is_the_assistants(api: Api, turns: str, field: str, odd: object) -> None:
    request = {turns: [{"content": "hi", field: odd}]}

    assert [turn.role for turn in conversation(api, request).turns] == ["assistant"]


def test_tokens_are_estimated() -> None:
    assert Conversation((Turn("user", "x" * 401),)).tokens == 100
