"""A whole answer of OpenAI's chat, both ways; and what its stream shares with it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.chat import (
    Answer,
    Block,
    Citation,
    Finish,
    Json,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolUse,
    Usage,
)
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.faults import fault_in
from plano_extproc.translate.logprobs import read_tokens, write_tokens
from plano_extproc.translate.names import derived_id
from plano_extproc.translate.reading import arguments_of, count_of, name_of, span_in, text_of


def decode_answer(body: Json) -> Answer:
    """Return what the provider said."""
    if not body.get("choices"):
        if body.get("error"):
            raise BadProviderAnswer(fault_in(body).message)
        raise BadProviderAnswer("the provider's answer has no choices")
    first, *others = (_choice(body, choice) for choice in body["choices"])
    return replace(first, others=tuple(others))


def _choice(body: Json, choice: Json) -> Answer:
    message = choice["message"]
    answer_id = text_of(body.get("id"))
    blocks = [*_thinking(message), *_content(message, tokens_of(choice))]
    if refusal := text_of(message.get("refusal")):
        blocks.append(Refusal(refusal))
    for position, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        call_id = text_of(call.get("id")) or derived_id("call_", answer_id, *_place(choice), position)
        blocks.append(ToolUse(call_id, name_of(function), arguments_of(arguments_text(function.get("arguments")))))
    raw = choice.get("finish_reason")
    tool_used = any(isinstance(block, ToolUse) for block in blocks)
    return Answer(
        id=answer_id,
        model=text_of(body.get("model")),
        blocks=tuple(blocks),
        finish=read_finish(raw).given(tool_used=tool_used),
        raw_finish=raw if isinstance(raw, str) else None,
        usage=read_usage(body.get("usage") or choice.get("usage"), body.get("service_tier")),
        created=count_of(body, "created"),
    )


def _place(choice: Json) -> tuple[int, ...]:
    index = count_of(choice, "index")
    return (index,) if index else ()


def _thinking(message: Json) -> list[Block]:
    blocks: list[Block] = []
    for block in message.get("thinking_blocks") or ():
        if block.get("type") == "redacted_thinking":
            blocks.append(RedactedThinking(text_of(block.get("data"))))
        else:
            blocks.append(Thinking(text_of(block.get("thinking")), text_of(block.get("signature")) or None))
    if not blocks and (thought := reasoning_of(message)):
        blocks.append(Thinking(thought))
    return blocks


def tokens_of(choice: Json) -> tuple[Token, ...]:
    """Return the tokens of a choice's content, where the request asked how likely they were."""
    told = choice.get("logprobs")
    return read_tokens(told.get("content")) if isinstance(told, dict) else ()


def _content(message: Json, tokens: tuple[Token, ...]) -> list[Block]:
    blocks: list[Block] = []
    citations = tuple(read_annotations(message.get("annotations") or ()))
    for is_thought, text in pieces_of(message.get("content")):
        if is_thought:
            blocks.append(Thinking(text))
        else:
            blocks.append(Text(text, citations=citations, tokens=tokens))
            citations, tokens = (), ()
    return blocks


def read_annotations(annotations: Iterable[Json]) -> list[Citation]:
    """Return the pages that a text rests on."""
    found = (told.get("url_citation") or {} for told in annotations)
    return [
        Citation(text_of(page["url"]), text_of(page.get("title")), span_in(page)) for page in found if page.get("url")
    ]


def reasoning_of(message: Json) -> str:
    """Return reasoning that is shown; DeepSeek and its kin call it one way, OpenRouter and vLLM another."""
    return text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))


def pieces_of(content: Any) -> list[tuple[bool, str]]:
    """Return the content in pieces that are not empty, each with whether it is thought; Mistral sends lists."""
    if not isinstance(content, list):
        text = text_of(content)
        return [(False, text)] if text else []
    pieces: list[tuple[bool, str]] = []
    for part in content:
        if part.get("type") == "thinking":
            pieces += [(True, text) for _, text in pieces_of(part.get("thinking"))]
        elif text := text_of(part.get("text")):
            pieces.append((False, text))
    return pieces


def arguments_text(value: Any) -> str:
    """Return arguments as JSON text; some servers send the object itself."""
    return orjson.dumps(value).decode() if isinstance(value, dict) else text_of(value)


def read_finish(raw: Any) -> Finish:
    """Return the neutral reason for a `finish_reason`."""
    return _FINISHES.get(raw, Finish.OTHER) if isinstance(raw, str) else Finish.OTHER


def write_finish(finish: Finish) -> str:
    """Return the `finish_reason` for a neutral reason."""
    return _FINISH_REASONS.get(finish, "stop")


def read_usage(usage: Json | None, tier: Any = None) -> Usage | None:
    """Return token counts; chat counts cached tokens as part of the prompt, and tells the service tier beside them."""
    if not usage:
        return None
    prompt = usage.get("prompt_tokens_details") or {}
    # DeepSeek, and gateways in front of Claude, put the counts of the cache beside the others.
    read = count_of(prompt, "cached_tokens") or count_of(usage, "prompt_cache_hit_tokens")
    written = count_of(prompt, "cache_write_tokens") or count_of(prompt, "cache_creation_tokens")
    return Usage(
        input=max(0, count_of(usage, "prompt_tokens") - read - written),
        cache_read=read,
        cache_write=written,
        output=count_of(usage, "completion_tokens"),
        reasoning=count_of(usage.get("completion_tokens_details") or {}, "reasoning_tokens"),
        tier=tier if isinstance(tier, str) else None,
    )


def write_usage(usage: Usage) -> Json:
    """Return token counts as chat reports them."""
    made: Json = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
    if usage.cache_write:
        made["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write
    return made


def encode_answer(answer: Answer, options: AnswerOptions) -> Json:
    """Return the answer as chat has it: its texts are one text, and its thinking stands beside."""
    choices = [
        {
            "index": index,
            "message": _message(one),
            "finish_reason": write_finish(one.finish),
            "logprobs": _logprobs(one),
        }
        for index, one in enumerate((answer, *answer.others))
    ]
    body: Json = {
        "id": answer.id or options.id,
        "object": "chat.completion",
        "created": answer.created or options.created,
        "model": answer.model or options.model,
        "choices": choices,
    }
    if answer.usage:
        body["usage"] = write_usage(answer.usage)
        if answer.usage.tier:
            body["service_tier"] = answer.usage.tier
    return body


def _logprobs(answer: Answer) -> Json | None:
    tokens = [token for block in answer.blocks if isinstance(block, Text) for token in block.tokens]
    return write_logprobs(tokens) if tokens else None


def write_logprobs(tokens: Iterable[Token]) -> Json:
    """Return how likely the tokens of the content were."""
    return {"content": write_tokens(tokens), "refusal": None}


def _message(answer: Answer) -> Json:
    words = [block.text for block in answer.blocks if isinstance(block, Text)]
    calls = [block for block in answer.blocks if isinstance(block, ToolUse)]
    refusal = "".join(block.text for block in answer.blocks if isinstance(block, Refusal)) or None
    content = "".join(words) if words or not (calls or refusal) else None
    message: Json = {"role": "assistant", "content": content, "refusal": refusal}
    thought = "".join(block.text for block in answer.blocks if isinstance(block, Thinking))
    if thought:
        message["reasoning_content"] = thought
    if any(
        isinstance(block, RedactedThinking) or (isinstance(block, Thinking) and block.signature)
        for block in answer.blocks
    ):
        message["thinking_blocks"] = [made for block in answer.blocks if (made := thinking_block(block))]
    if annotations := write_annotations(answer.blocks):
        message["annotations"] = annotations
    if calls:
        message["tool_calls"] = [_tool_call(call) for call in calls]
    return message


def _tool_call(call: ToolUse) -> Json:
    arguments = orjson.dumps(call.input).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def thinking_block(block: Block) -> Json | None:
    """Return thinking as its provider wants it back, in the form that several gateways and their clients pass on."""
    if isinstance(block, RedactedThinking):
        return {"type": "redacted_thinking", "data": block.data}
    if isinstance(block, Thinking):
        return {"type": "thinking", "thinking": block.text, "signature": block.signature}
    return None


def write_annotations(blocks: tuple[Block, ...]) -> list[Json]:
    """Return the sources of the texts, each with the stretch of the whole text that rests on it."""
    made: list[Json] = []
    start = 0
    for block in blocks:
        if isinstance(block, Text):
            made += [annotation(citation, start, len(block.text)) for citation in block.citations]
            start += len(block.text)
    return made


def annotation(citation: Citation, start: int, length: int) -> Json:
    """Return one source of a text of a length, which starts at a place of the whole."""
    first, last = citation.span or (0, length)
    page = {"url": citation.url, "title": citation.title, "start_index": start + first, "end_index": start + last}
    return {"type": "url_citation", "url_citation": page}


_FINISHES: Final[Mapping[str, Finish]] = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_USE,
    "function_call": Finish.TOOL_USE,
    "content_filter": Finish.CONTENT_FILTER,
}
_FINISH_REASONS: Final[Mapping[Finish, str]] = {
    Finish.LENGTH: "length",
    Finish.CONTEXT_WINDOW: "length",
    Finish.TOOL_USE: "tool_calls",
    Finish.CONTENT_FILTER: "content_filter",
}
