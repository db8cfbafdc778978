"""Mistakes in other gateways that translate, which taught their users most (B1 to B15), and how it is here.

Most facts have further cases beside the code that they are about; here each has one test under its number. Those that
are differences from the peer too (B1, B3, B6, B14, B15) stand in `test_differences`.
"""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import profile_for
from tests.translate.bedrock import BEDROCK, CLAUDE
from tests.translate.facts import CHAT_USES, HI, USES, event, new_stream, request_to, streamed, to_chat, to_messages
from tests.translate.gemini import piece
from tests.translate.invariants import check_stream

Json = dict[str, Any]


def told_as(kind: str, **fields: Any) -> bytes:
    return event(kind, sequence_number=0, **fields)


ITEM = {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": ""}
CREATED = told_as("response.created", response={"id": "r1", "model": "m", "output": []})
COMPLETED = told_as("response.completed", response={"id": "r1", "model": "m", "status": "completed", "output": []})


def test_arguments_that_come_only_at_the_end_are_found_once() -> None:
    """B2: and the reason to stop is derived from what was seen, since the last event lists nothing."""
    item = {**ITEM, "arguments": '{"a":1}'}
    told = streamed(
        "openai.responses", CREATED, told_as("response.output_item.added", output_index=0, item=ITEM),
        told_as("response.function_call_arguments.done", output_index=0, item_id="fc_1", arguments='{"a":1}'),
        told_as("response.output_item.done", output_index=0, item=item), COMPLETED,
    )  # fmt: skip

    assert (told.calls[0]["arguments"], told.finish) == ('{"a":1}', "tool_calls")


def test_only_the_last_event_ends_an_answer_of_the_responses_api() -> None:
    """B4: the end of an item is not the end of the answer."""
    second = {**ITEM, "id": "fc_2", "call_id": "b", "arguments": "{}"}
    told = streamed(
        "openai.responses", CREATED, told_as("response.output_item.added", output_index=0, item=ITEM),
        told_as("response.output_item.done", output_index=0, item={**ITEM, "arguments": "{}"}),
        told_as("response.output_item.added", output_index=1, item={**second, "arguments": ""}),
        told_as("response.output_item.done", output_index=1, item=second), COMPLETED,
    )  # fmt: skip

    assert [one["id"] for one in told.calls] == ["a", "b"]


def test_a_block_is_closed_once() -> None:
    """B5: Claude Code runs a tool once for each end of its block."""
    done = told_as("response.output_item.done", output_index=0, item={**ITEM, "arguments": "{}"})
    message = {"type": "message", "id": "msg_1", "content": []}
    made = new_stream("openai.responses", client="anthropic.messages").feed(
        CREATED + told_as("response.output_item.added", output_index=0, item=ITEM) + done + done
        + told_as("response.output_item.done", output_index=1, item=message) + COMPLETED, end=True,
    )  # fmt: skip

    assert len(check_stream("anthropic.messages", made).calls) == 1
    assert made.count(b'"type":"content_block_stop"') == 1


@pytest.mark.parametrize(
    "end",
    [
        told_as("response.failed", response={"error": {"code": "insufficient_quota", "message": "Quota."}}),
        b"",
    ],
    ids=["told", "untold"],
)
def test_a_failure_after_status_200_is_no_end_of_the_turn(end: bytes) -> None:
    """B7: it is one error, also where the stream just stops."""
    made = new_stream("openai.responses", client="anthropic.messages").feed(CREATED + end, end=True)

    assert check_stream("anthropic.messages", made).error is not None
    assert b"end_turn" not in made


@pytest.mark.parametrize("provider", ["anthropic.messages", "gemini.generate", BEDROCK])
def test_results_are_merged_once_and_adjacent(provider: Api) -> None:
    """B8: one message directly behind the calls, each call answered once, whatever was wedged in between."""
    told = [{"role": "tool", "tool_call_id": i, "content": i} for i in "aab"]
    body, dropped = request_to(provider, "openai.chat", {"messages": [HI, CHAT_USES, told[0], HI, *told[1:]]}, CLAUDE)
    turns = body.get("messages") or body["contents"]
    first, second, last = (orjson.dumps(block).decode() for block in turns[2].get("content") or turns[2]["parts"])

    assert len(turns) == 3
    assert all("tool_result" in told or "toolResult" in told or "functionResponse" in told for told in (first, second))
    assert "hi" in last
    assert dropped == ()


def test_signed_thinking_goes_back_though_it_says_nothing() -> None:
    """B9: a client of chat keeps the signature, and it is never made up."""
    blocks = [{"type": "thinking", "thinking": "", "signature": "c2ln"}]
    turn = {"role": "assistant", "content": "x", "thinking_blocks": blocks}
    body, _ = to_messages({"messages": [HI, turn, HI]})
    unsigned, _ = to_messages({"messages": [HI, {**turn, "thinking_blocks": [{**blocks[0], "signature": ""}]}, HI]})

    assert body["messages"][1]["content"][0] == blocks[0]
    assert unsigned["messages"][1]["content"] == [{"type": "text", "text": "x"}]


def test_reasoning_goes_back_where_the_provider_wants_it_and_nowhere_else() -> None:
    """B10: DeepSeek and Kimi refuse a turn without it; others refuse the field."""
    turn = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm.", "signature": ""}, *USES["content"]],
    }
    results = [{"type": "tool_result", "tool_use_id": i, "content": i} for i in "ab"]
    asked_for = {"max_tokens": 9, "messages": [HI, turn, {"role": "user", "content": results}]}
    wanted, _ = to_chat(asked_for, profile_for("openai.chat", "deepseek-v3.2"))
    other, _ = to_chat(asked_for, profile_for("openai.chat", "gpt-5.2"))

    assert wanted["messages"][1]["reasoning_content"] == "Hm."
    assert "Hm." not in orjson.dumps(other).decode()


def test_geminis_signature_survives_a_client_that_keeps_only_ids() -> None:
    """B11: it goes back to Gemini, and no other provider sees it."""
    part = {"functionCall": {"name": "now", "args": {}}, "thoughtSignature": "c2lnbmF0dXJl"}
    call_id = streamed("gemini.generate", piece([part], "STOP"), client="openai.chat").calls[0]["id"]
    use = {"id": call_id, "type": "function", "function": {"name": "now", "arguments": "{}"}}
    turns = [HI, {"role": "assistant", "tool_calls": [use]}, {"role": "tool", "tool_call_id": call_id, "content": "12"}]
    back, _ = request_to("gemini.generate", "openai.chat", {"messages": turns})
    claude, _ = request_to("anthropic.messages", "openai.chat", {"messages": turns})

    assert back["contents"][1]["parts"][0]["thoughtSignature"] == "c2lnbmF0dXJl"
    assert "c2lnbmF0dXJl" not in orjson.dumps(claude).decode()


@pytest.mark.parametrize("provider", ["openai.chat", "openai.responses", "gemini.generate", BEDROCK])
def test_system_messages_within_a_conversation_stay_instructions(provider: Api) -> None:
    """B12: Claude Code sends them; they are neither lost nor the assistant's words."""
    turns = [HI, {"role": "assistant", "content": "Hello."}, {"role": "system", "content": "Be brief."}, HI]
    body, dropped = request_to(provider, "anthropic.messages", {"max_tokens": 9, "messages": turns}, CLAUDE)
    said = [str(turn) for turn in (body.get("messages") or body.get("input") or body["contents"])]

    assert "Be brief." in orjson.dumps(body).decode()
    assert all("Be brief." not in turn for turn in said if "assistant" in turn or "'model'" in turn)
    assert dropped == ()


def test_ids_of_other_providers_are_fitted_alike_in_call_and_result() -> None:
    """B13: `functions.Bash:0` is refused by Anthropic; two ids never become one."""
    ids = ["functions.Bash:0", "functions.Bash.0", "toolu_1"]
    uses = [{"id": i, "type": "function", "function": {"name": "now", "arguments": "{}"}} for i in ids]
    results = [{"role": "tool", "tool_call_id": i, "content": "x"} for i in ids]
    body, _ = to_messages({"messages": [HI, {"role": "assistant", "tool_calls": uses}, *results]})
    called = [block["id"] for block in body["messages"][1]["content"]]

    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == called
    assert len(set(called)) == 3
    assert called[2] == "toolu_1"
    assert all(one.replace("_", "").replace("-", "").isalnum() for one in called)
