"""What holds for every request, answer and stream that can be made up."""

import contextlib
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, InvalidRequest
from plano_extproc.translate import Profile, Translation, codec
from plano_extproc.translate.accumulate import Accumulator
from plano_extproc.translate.chat import (
    Answer,
    Block,
    CacheMark,
    Citation,
    Finish,
    Image,
    Inline,
    Link,
    Message,
    OutputSchema,
    Reasoning,
    RedactedThinking,
    Refusal,
    Request,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Usage,
)
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.deltas import (
    ArgumentsDelta,
    BlockStart,
    BlockStop,
    CitationDelta,
    Delta,
    Finished,
    RefusalDelta,
    SignatureDelta,
    Start,
    TextDelta,
    ThinkingDelta,
)
from plano_extproc.translate.framing.sse import SseParser
from plano_extproc.translate.losses import Losses
from tests.translate.facts import new_stream
from tests.translate.golden import ASKS, PAIRS
from tests.translate.invariants import check_stream

APIS = pytest.mark.parametrize("api", ASKS)
PAIRED = pytest.mark.parametrize(("client", "provider"), PAIRS)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
ids = st.text("abc.:_-0", min_size=1, max_size=8)
names = st.text("abcxyz_", min_size=1, max_size=70)
objects = st.dictionaries(words, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words, max_size=3)
caches = st.none() | st.builds(CacheMark, st.none() | st.just("1h"))
sources = st.builds(Inline, st.sampled_from(["image/png", "image/gif"]), st.just("AA==")) | st.builds(
    Link, st.just("https://example.com/a.png")
)

texts = st.builds(Text, words, caches)
images = st.builds(Image, sources, st.none(), caches)
signed = st.builds(Thinking, words, words) | st.builds(RedactedThinking, words)
thoughts = st.builds(Thinking, words) | signed
uses = st.builds(ToolUse, ids, names, objects, caches)
results = st.builds(
    ToolResult, ids, st.lists(st.builds(Text, words) | images, max_size=3).map(tuple), st.booleans(), caches
)


def turn(role: Any, blocks: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    return st.builds(Message, st.just(role), st.lists(blocks, max_size=4).map(tuple))


turns = st.lists(
    turn("system", texts) | turn("user", texts | images | results) | turn("assistant", texts | thoughts | uses),
    max_size=6,
).map(tuple)
requests = st.builds(
    Request,
    model=words,
    messages=turns,
    stream=st.booleans(),
    max_tokens=st.none() | st.integers(1, 99999),
    temperature=st.none() | st.floats(0, 1),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(words, max_size=5).map(tuple),
    tools=st.lists(st.builds(Tool, names, st.none() | words, st.none() | objects), max_size=3).map(tuple),
    tool_choice=st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"])),
    parallel_tools=st.none() | st.booleans(),
    output=st.none() | st.builds(OutputSchema, objects, names),
    reasoning=st.none()
    | st.just(Reasoning("off"))
    | st.builds(Reasoning, st.just("on"), st.sampled_from(["low", "high"])),
    user=st.none() | words,
)
pieces = st.builds(Text, words, citations=st.lists(st.builds(Citation, words, words), max_size=2).map(tuple))
answers = st.builds(
    Answer,
    id=ids,
    model=words,
    blocks=st.tuples(
        # Claude signs all of its thinking or none; chat could not tell a mixture apart.
        st.lists(signed, max_size=2) | st.lists(st.builds(Thinking, words), max_size=1),
        st.lists(pieces | uses, max_size=4),
        st.lists(st.builds(Refusal, words), max_size=1),
    ).map(lambda parts: tuple(block for part in parts for block in part)),
    finish=st.sampled_from([Finish.STOP, Finish.LENGTH, Finish.CONTENT_FILTER]),
    usage=st.builds(Usage, *[st.integers(0, 9999)] * 5),
    created=st.just(1),
).map(lambda answer: replace(answer, finish=answer.finish.given(tool_used=calls_tools(answer))))


def calls_tools(answer: Answer) -> bool:
    return any(isinstance(block, ToolUse) for block in answer.blocks)


@APIS
@quick
@given(request=requests)
def test_a_request_is_the_same_after_it_was_written_and_read(api: Api, request: Request) -> None:
    made = codec(api)

    def again(request: Request) -> Request:
        body = made.encode_request(request, Profile(cache_control=True, replay_reasoning=True), Losses({}))
        return made.decode_request(orjson.loads(orjson.dumps(body)), Losses({}))

    once = again(request)
    assert again(once) == once


@APIS
@quick
@given(request=requests)
def test_no_word_of_a_request_is_lost(api: Api, request: Request) -> None:
    body = orjson.dumps(codec(api).encode_request(request, Profile(), Losses({}))).decode()

    for message in request.messages:
        for block in message.blocks:
            if isinstance(block, Text) and block.text.strip():
                assert orjson.dumps(block.text).decode()[1:-1] in body


@APIS
@quick
@given(answer=answers)
def test_an_answer_is_the_same_after_it_was_written_and_read(api: Api, answer: Answer) -> None:
    made = codec(api)

    def again(answer: Answer) -> Answer:
        return made.decode_answer(orjson.loads(orjson.dumps(made.encode_answer(answer, AnswerOptions()))))

    once = again(answer)
    assert (said(again(once), api) == said(once, api)) if api in OPAQUE else (again(once) == once)
    assert said(once, api) == said(answer, api)


@APIS
@quick
@given(answer=answers)
def test_a_streamed_answer_says_what_the_whole_one_says(api: Api, answer: Answer) -> None:
    made = codec(api)
    encoder = made.stream_encoder(AnswerOptions(include_usage=True))
    data = b"".join(encoder.take(delta) for delta in deltas_of(answer))
    check_stream(api, data)
    decoder, collected = made.stream_decoder(), Accumulator()
    for event in SseParser().feed(data):
        for delta in decoder.take(event):
            collected.take(delta)
    for delta in decoder.end() if collected.answer is None else ():
        collected.take(delta)

    assert collected.answer is not None
    whole = made.decode_answer(orjson.loads(orjson.dumps(made.encode_answer(answer, AnswerOptions()))))
    assert said(collected.answer, api) == said(whole, api)
    assert collected.answer.finish == whole.finish
    assert collected.answer.usage == whole.usage


@PAIRED
@quick
@given(chunks=st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_make_a_stream_raise(client: Api, provider: Api, chunks: list[bytes]) -> None:
    stream = new_stream(provider, client=client)
    out = b"".join(stream.feed(chunk, end=False) for chunk in chunks) + stream.feed(b"", end=True)

    assert stream.finished != stream.failed
    check_stream(client, out)


KEYS = (
    "type", "index", "id", "model", "choices", "delta", "content", "role", "finish_reason", "tool_calls", "function",
    "name", "arguments", "usage", "prompt_tokens", "error", "message", "content_block", "text", "thinking", "input",
    "partial_json", "stop_reason", "reasoning_content", "thinking_blocks", "signature", "citation", "url",
    "annotations", "messages", "system", "tools", "tool_choice", "image_url", "source", "stop", "detail", "code",
    "response_format", "json_schema", "schema", "input_schema", "output_config", "effort", "cache_control",
    "candidates", "parts", "thought", "thoughtSignature", "functionCall", "functionResponse", "args", "response",
    "inlineData", "fileData", "fileUri", "mimeType", "data", "finishReason", "promptFeedback", "blockReason",
    "usageMetadata", "promptTokenCount", "contents", "systemInstruction", "generationConfig", "thinkingConfig",
    "functionDeclarations", "toolConfig", "functionCallingConfig", "mode", "parameters", "groundingMetadata",
)  # fmt: skip
VALUES = (
    "text", "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop", "tool_use", "text_delta", "input_json_delta", "thinking_delta", "citations_delta", "stop", "",
    "user", "assistant", "tool", "image", "document", "tool_result", "base64", "url", "image_url", "function",
    "json_schema", "low", "none", "model", "STOP", "SAFETY", "image/png", "ANY", "https://example.com/a.png",
)  # fmt: skip
ENDS = (b"data: [DONE]", b"event: message_stop", b"event: response.completed", b"event: response.incomplete",
        b'"finishReason":')  # fmt: skip
FAILURES = (b'{"error"', b'data: {"error"', b'data: {"type":"error"', b'data: {"type":"response.failed"')
TURNS: dict[Api, str] = {"openai.chat": "messages", "anthropic.messages": "messages", "openai.responses": "input",
                         "gemini.generate": "contents"}  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@PAIRED
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(anything, max_size=5))
def test_no_json_makes_a_stream_raise(client: Api, provider: Api, events: list[Any]) -> None:
    stream = new_stream(provider, client=client)
    out = stream.feed(b"".join(b"data: %b\n\n" % orjson.dumps(event) for event in events), end=True)

    assert stream.finished != stream.failed
    assert sum(out.count(end) for end in ENDS) == int(stream.finished)
    assert out.rstrip().rpartition(b"\n")[2].startswith(FAILURES) == stream.failed


@PAIRED
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(st.sampled_from(KEYS), anything), turns=st.lists(anything, max_size=3))
def test_no_json_makes_a_request_fail_without_a_name_for_it(
    client: Api, provider: Api, body: Any, turns: list[Any]
) -> None:
    raised: InvalidRequest | None = None
    try:
        Translation(client, provider).request({**ASKS[client], **body, TURNS[client]: turns}, "m")
    except InvalidRequest as error:
        raised = error

    assert raised is None or raised.message.startswith(f"{raised.param}: ")


@PAIRED
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=anything | st.dictionaries(st.sampled_from(KEYS), anything))
def test_no_json_makes_an_answer_fail_as_a_bug(client: Api, provider: Api, body: Any) -> None:
    translation = Translation(client, provider)
    assert orjson.loads(translation.error(500, orjson.dumps(body)))["error"]["message"]
    with contextlib.suppress(BadProviderAnswer):
        translation.response(orjson.dumps(body))


OPAQUE: frozenset[Api] = frozenset({"gemini.generate"})
"""Dialects whose clients carry the state of other providers, and whose providers do not read what clients carry."""


def said(answer: Answer, api: Api | None = None) -> tuple[Any, ...]:
    """Return the content of an answer as far as every dialect, and this one, tells it apart."""

    def all_of(kind: type[Text | Thinking | Refusal]) -> str:
        return "".join(block.text for block in answer.blocks if isinstance(block, kind))

    calls = [(len(block.id) > 0, block.name, block.input) for block in answer.blocks if isinstance(block, ToolUse)]
    secrets = [block.data for block in answer.blocks if isinstance(block, RedactedThinking)]
    signed = [(b.text, b.signature) for b in answer.blocks if isinstance(b, Thinking) and b.signature]
    state = () if api in OPAQUE else (secrets, signed)
    return (all_of(Text), all_of(Thinking), all_of(Refusal), calls, *state)


def deltas_of(answer: Answer) -> list[Delta]:
    out: list[Delta] = [Start(answer.id, answer.model, answer.created)]
    for block in answer.blocks:
        out += [*_block(block), BlockStop()]
    return [*out, Finished(answer.finish, usage=answer.usage)]


def _block(block: Block) -> list[Delta]:
    match block:
        case Text(text=text, citations=citations):
            return [BlockStart("text"), *map(TextDelta, _cut(text)), *map(CitationDelta, citations)]
        case Thinking(text=text, signature=signature):
            signed = [SignatureDelta(signature)] if signature else []
            return [BlockStart("thinking"), *map(ThinkingDelta, _cut(text)), *signed]
        case RedactedThinking(data=secret):
            return [BlockStart("redacted_thinking", data=secret)]
        case Refusal(text=text):
            return [BlockStart("refusal"), *map(RefusalDelta, _cut(text))]
        case ToolUse():
            arguments = orjson.dumps(block.input).decode() if block.input else ""
            return [BlockStart("tool_use", block.id, block.name), *map(ArgumentsDelta, _cut(arguments))]
    raise AssertionError(block)


def _cut(text: str) -> list[str]:
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]
