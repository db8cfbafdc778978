"""What holds for every request to Bedrock's Converse, and every answer of it, that can be made up."""

import re
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate import Profile, Translation
from plano_extproc.translate.accumulate import Accumulator
from plano_extproc.translate.apis.bedrock_converse import CODEC
from plano_extproc.translate.chat import (
    Answer,
    Block,
    Finish,
    RedactedThinking,
    Request,
    Text,
    Thinking,
    ToolUse,
    Usage,
)
from plano_extproc.translate.losses import Losses
from tests.translate import eventstream
from tests.translate.bedrock import (
    BEDROCK,
    START,
    Json,
    delta,
    stop,
)
from tests.translate.facts import new_stream
from tests.translate.golden import PAIRS
from tests.translate.invariants import check_stream
from tests.translate.made_up import anything, inline, pieces, quick, requests, said, signed, thoughts, uses


@quick
@given(request=requests.map(inline))
def test_every_request_keeps_to_the_rules_of_the_api(request: Request) -> None:
    body = CODEC.encode_request(request, Profile(cache_control=True, replay_reasoning=True), Losses({}))
    turns = body["messages"]

    assert all(one["role"] != other["role"] for one, other in pairwise(turns))
    has_tools = False
    for turn in turns:
        kinds = [next(iter(block)) for block in turn["content"]]
        assert all(len(block) == 1 for block in turn["content"])
        assert kinds, "no turn is empty"
        points_aside = [kind == "toolResult" for kind in kinds if kind != "cachePoint"]
        assert points_aside == sorted(points_aside, reverse=True), "results come first"
        answered = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        assert len(set(answered)) == len(answered)
        has_tools |= "toolResult" in kinds or "toolUse" in kinds
        assert all(block.get("text", "x").strip() for block in turn["content"])
        for block in turn["content"]:
            for one in (block.get("toolUse"), block.get("toolResult")):
                assert one is None or re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one["toolUseId"])
            assert block.get("toolResult", {"content": [1]})["content"]
    assert not has_tools or body["toolConfig"]["tools"]


def whole(answer: Answer) -> Json:
    return {
        "output": {"message": {"role": "assistant", "content": [_written(block) for block in answer.blocks]}},
        "stopReason": answer.raw_finish,
        "usage": _counts(answer.usage or Usage()),
    }


def _counts(usage: Usage) -> Json:
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.cache_write,
    }


def _written(block: Block) -> Json:
    match block:
        case Text(text=text, citations=citations) if citations:
            sources = [{"title": one.title, "location": {"web": {"url": one.url}}} for one in citations]
            return {"citationsContent": {"content": [{"text": text}], "citations": sources}}
        case Text(text=text):
            return {"text": text}
        case Thinking(text=text, signature=signature):
            return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
        case RedactedThinking(data=secret):
            return {"reasoningContent": {"redactedContent": secret}}
        case ToolUse():
            return {"toolUse": {"toolUseId": block.id, "name": block.name, "input": block.input}}
    raise AssertionError(block)


def frames_of(answer: Answer) -> bytes:
    out = [START]
    for index, block in enumerate(answer.blocks):
        match block:
            case Text(text=text, citations=citations):
                cited = [
                    delta(index, citation={"title": c.title, "location": {"web": {"url": c.url}}}) for c in citations
                ]
                out += [delta(index, text=text), *cited]
            case Thinking(text=text, signature=signature):
                out += [
                    delta(index, reasoningContent={"text": text}),
                    delta(index, reasoningContent={"signature": signature}),
                ]
            case RedactedThinking(data=secret):
                out.append(delta(index, reasoningContent={"redactedContent": secret}))
            case ToolUse():
                start = {"toolUse": {"toolUseId": block.id, "name": block.name}}
                out.append(eventstream.event("contentBlockStart", {"contentBlockIndex": index, "start": start}))
                out.append(delta(index, toolUse={"input": orjson.dumps(block.input).decode() if block.input else ""}))
        out.append(eventstream.event("contentBlockStop", {"contentBlockIndex": index}))
    counts = eventstream.event("metadata", {"usage": _counts(answer.usage or Usage())})
    return b"".join((*out, stop(answer.raw_finish or ""), counts))


answers = st.builds(
    Answer,
    id=st.just(""),
    model=st.just(""),
    blocks=st.lists(thoughts | signed | pieces | uses, max_size=6).map(tuple),
    finish=st.just(Finish.STOP),
    raw_finish=st.sampled_from(["end_turn", "max_tokens", "content_filtered", "tool_use"]),
    usage=st.builds(Usage, *[st.integers(0, 9999)] * 4),
)


@quick
@given(answer=answers)
def test_a_streamed_answer_says_what_the_whole_one_says(answer: Answer) -> None:
    told = CODEC.decode_answer(whole(answer))
    parser, decoder, collected = CODEC.frames(), CODEC.stream_decoder(), Accumulator()
    for event in parser.feed(frames_of(answer)):
        for one in decoder.take(event):
            collected.take(one)

    assert collected.answer is not None
    assert said(collected.answer) == said(told) == said(answer)
    assert (collected.answer.finish, collected.answer.usage) == (told.finish, told.usage)
    assert told.usage == answer.usage


KINDS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "x")
KEYS = (
    "contentBlockIndex", "delta", "start", "text", "toolUse", "toolUseId", "name", "input", "reasoningContent",
    "signature", "redactedContent", "citation", "location", "web", "url", "stopReason", "usage", "inputTokens",
    "additionalModelResponseFields", "stop_sequence", "output", "message", "content", "citationsContent", "citations",
)  # fmt: skip
odd = st.recursive(
    st.none() | st.integers(-1, 2) | st.sampled_from(["text", "", "tool_use", "end_turn"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)
often = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("client", [client for client, provider in PAIRS if provider == BEDROCK])
@often
@given(events=st.lists(st.tuples(st.sampled_from(KINDS), odd), max_size=5), is_begun=st.booleans())
def test_no_events_make_a_stream_raise(client: Api, events: list[tuple[str, Any]], is_begun: bool) -> None:
    stream = new_stream(BEDROCK, client=client)
    frames = b"".join(eventstream.event(kind, told) for kind, told in events)
    out = stream.feed(START + frames if is_begun else frames, end=True)

    assert stream.finished != stream.failed
    check_stream(client, out)


@often
@given(body=odd | anything | odd.map(lambda message: {"output": {"message": {"content": [message]}}}))
def test_no_json_makes_an_answer_fail_as_a_bug(body: Any) -> None:
    translation = Translation("openai.chat", BEDROCK)
    try:
        translation.response(orjson.dumps(body))
    except BadProviderAnswer as error:
        assert "provider" in error.message  # noqa: PT017
