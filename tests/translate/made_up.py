"""What can be made up: requests, answers and JSON, and what an answer says in every dialect."""

from dataclasses import replace
from typing import Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from plano_extproc.apis import Api
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


def inline(request: Request) -> Request:
    """Return the request with its pictures sent rather than named."""
    return replace(request, messages=tuple(replace(one, blocks=_inline(one.blocks)) for one in request.messages))


def _inline(blocks: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        replace(block, source=Inline("image/png", "AA==")) if isinstance(block, Image)
        else replace(block, content=_inline(block.content)) if isinstance(block, ToolResult)
        else block
        for block in blocks
    )  # fmt: skip


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
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)

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
