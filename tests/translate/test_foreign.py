"""What clients give back of another provider's, in requests that stay in their own dialect."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import Translation
from plano_extproc.translate.foreign import UNSIGNED, without_foreign
from tests.translate.facts import chat_answer, messages_answer

USER = {"role": "user", "content": "hi"}
CALL = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
OWN = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}


def kept(api: Api, body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    made, lost = without_foreign(api, orjson.dumps(body))
    return orjson.loads(made), lost


def turn(*content: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"messages": [USER, {"role": "assistant", "content": list(content)}, USER], "max_tokens": 9, **more}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "thinking", "thinking": "Hm."} | {"signature": None},
        {"type": "thinking", "thinking": "Hm.", "signature": "plano:gemini.generate:x"},
        {"type": "redacted_thinking", "data": "plano:openai.responses:rs_1:x"},
    ],
)
def test_thinking_that_claude_did_not_sign_is_left_out(block: dict[str, Any]) -> None:
    body, lost = kept("anthropic.messages", turn(block, CALL))

    assert body == turn(CALL)
    assert lost == (f"messages[].content[{block['type']}]",)


def test_a_turn_of_nothing_else_is_left_out() -> None:
    body, _ = kept("anthropic.messages", turn({"type": "thinking", "thinking": "Hm.", "signature": ""}))

    assert body["messages"] == [USER, USER]


@pytest.mark.parametrize(
    "thinking", [{"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}], ids=["budget", "adaptive"]
)
def test_a_budget_goes_where_a_call_has_lost_its_thinking(thinking: dict[str, Any]) -> None:
    foreign = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    body, lost = kept("anthropic.messages", turn(foreign, CALL, thinking=thinking))

    assert ("thinking" in body) == (thinking["type"] == "adaptive") == ("thinking" not in lost)


def test_a_budget_stays_where_the_last_call_has_its_own_thinking() -> None:
    foreign = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    body = turn(foreign, CALL, thinking={"type": "enabled", "budget_tokens": 1024})
    body["messages"] += turn(OWN, CALL)["messages"][1:]

    assert "thinking" in kept("anthropic.messages", body)[0]


def test_sources_that_anthropic_did_not_find_are_left_out() -> None:
    answer = {"annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}]}
    told = Translation("anthropic.messages", "openai.chat").response(
        orjson.dumps(chat_answer({"content": "a fact", **answer}))
    )
    body, lost = kept("anthropic.messages", turn(*orjson.loads(told)["content"]))

    assert body == turn({"type": "text", "text": "a fact"})
    assert lost == ("messages[].content[].citations",)


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "text", "text": "x"}],
        [{"type": "redacted_thinking", "data": "plano:openai.responses:rs_1:x"}, {"type": "text", "text": "x"}],
    ],
)
def test_reasoning_that_openai_did_not_encrypt_is_left_out(content: list[dict[str, Any]]) -> None:
    told = Translation("openai.responses", "anthropic.messages").response(orjson.dumps(messages_answer(content)))
    thought, said = orjson.loads(told)["output"]
    body, lost = kept("openai.responses", {"input": [thought, said]})

    assert body == {"input": [said]}
    assert lost == ("input[reasoning]",)


def test_reasoning_with_an_id_that_the_gateway_made_is_left_out() -> None:
    told = Translation("openai.responses", "openai.chat").response(
        orjson.dumps(chat_answer({"reasoning_content": "Hm.", "content": "x"}))
    )
    thought, said = orjson.loads(told)["output"]

    assert kept("openai.responses", {"input": [thought, said]})[0] == {"input": [said]}


def test_reasoning_that_openai_keeps_itself_stays() -> None:
    item = {"type": "reasoning", "id": "rs_" + 25 * "0a", "summary": []}
    made = {"type": "reasoning", "id": "rs_" + 12 * "0a", "summary": [], "encrypted_content": "gAAA"}

    assert kept("openai.responses", {"input": [item, made]}) == ({"input": [item, made]}, ())


def test_a_signature_that_carries_anothers_thinking_is_not_given_to_gemini() -> None:
    content: list[dict[str, Any]] = [OWN, CALL]
    told = Translation("gemini.generate", "anthropic.messages").response(orjson.dumps(messages_answer(content)))
    parts = orjson.loads(told)["candidates"][0]["content"]["parts"]
    body, lost = kept("gemini.generate", {"contents": [{"role": "model", "parts": parts}]})

    assert [part["thoughtSignature"] for part in body["contents"][0]["parts"] if "thoughtSignature" in part] == [
        UNSIGNED
    ]
    assert lost == ("contents[].parts[].thoughtSignature",)


@pytest.mark.parametrize("api", ["openai.chat", "openai.responses", "anthropic.messages", "gemini.generate"])
@pytest.mark.parametrize("body", [b'{"a": "plano:x"}', b'["plano:"]', b'"plano:', b'{"signature": ""}', b"{}"])
def test_a_body_of_another_shape_goes_out_as_it_came(api: Api, body: bytes) -> None:
    assert without_foreign(api, body) == (body, ())


def test_a_conversation_of_ones_own_is_not_read() -> None:
    body = b'{"messages": [{"role":"assistant", "content" : [{"type":"thinking","thinking":"x","signature":"c2ln"}]}]}'

    assert without_foreign("anthropic.messages", body)[0] is body
