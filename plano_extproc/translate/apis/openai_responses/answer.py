"""A whole answer of OpenAI's Responses, both ways; and what its stream shares with it."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.openai_responses.items import (
    call_item,
    call_prefix,
    custom_input,
    echo,
    ending,
    item_id,
    message_item,
    reasoning_item,
    refusal_part,
    response_id,
    seed,
    text_part,
    tier,
    write_usage,
)
from plano_extproc.translate.apis.openai_responses.reasoning import (
    thought,
    words_of,
    write_redacted,
    write_signature,
)
from plano_extproc.translate.apis.openai_responses.tools import CUSTOM_INPUT, Names
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
    ToolUse,
    Usage,
)
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.faults import Fault, fault_in
from plano_extproc.translate.joined import joined_answer
from plano_extproc.translate.logprobs import read_tokens
from plano_extproc.translate.names import derived_id
from plano_extproc.translate.reading import arguments_of, count_of, name_of, span_in, text_of


def parse_answer(body: bytes) -> Any:
    """Return the JSON of an answer; some providers stream it even to those who asked for a whole one.

    Raises the `GatewayError` for a failure that such a stream tells.
    """
    return orjson.loads(body) if body.lstrip()[:1] in (b"", b"{", b"[") else joined_answer(body)


def decode_answer(body: Json) -> Answer:
    """Return what the provider said. Items of tools that it ran itself are left out: its text has their result."""
    status = body.get("status")
    if body.get("error") or status in _FAILED:
        raise BadProviderAnswer(fault_of(body).message)
    output = body["output"]
    if not isinstance(output, list):
        raise BadProviderAnswer("the provider's answer has no list of items")
    answer_id = text_of(body.get("id"))
    blocks = [block for position, item in enumerate(output) for block in read_item(item, answer_id, position)]
    finish, raw = read_ending(body)
    return Answer(
        id=answer_id,
        model=text_of(body.get("model")),
        blocks=tuple(blocks),
        finish=finish.given(tool_used=any(isinstance(block, ToolUse) for block in blocks)),
        raw_finish=raw,
        usage=read_usage(body.get("usage"), body.get("service_tier")),
        created=read_created(body),
    )


def read_item(item: Json, answer_id: str, position: int) -> list[Block]:
    """Return what one item of the output says."""
    match item.get("type"):
        case "message":
            return [block for part in item.get("content") or () if (block := _part(part)) is not None]
        case "reasoning":
            told = thought(words_of(item), text_of(item.get("id")), text_of(item.get("encrypted_content")))
            return [] if told is None else [told]
        case "function_call":
            return [ToolUse(read_call_id(item, answer_id, position), name_of(item), arguments_of(read_arguments(item)))]
        case "custom_tool_call":
            text = text_of(item.get("input"))
            return [ToolUse(read_call_id(item, answer_id, position), name_of(item), {CUSTOM_INPUT: text})]
        case _:
            return []


def _part(part: Json) -> Block | None:
    match part.get("type"):
        case "output_text":
            return Text(
                text_of(part.get("text")),
                citations=tuple(read_citations(part)),
                tokens=read_tokens(part.get("logprobs")),
            )
        case "refusal":
            return Refusal(text_of(part.get("refusal")))
        case _:
            return None


def read_citations(part: Json) -> list[Citation]:
    """Return the pages on the web that a text rests on; other sources have no word in other dialects."""
    found = (read_citation(told) for told in part.get("annotations") or ())
    return [citation for citation in found if citation is not None]


def read_citation(told: Json) -> Citation | None:
    """Return one source, if it is a page on the web."""
    url = told.get("url")
    return Citation(url, text_of(told.get("title")), span_in(told)) if isinstance(url, str) and url else None


def read_call_id(item: Json, answer_id: str, position: int) -> str:
    """Return the id by which a result is matched to a call."""
    return text_of(item.get("call_id")) or text_of(item.get("id")) or derived_id("call_", answer_id, position)


def read_arguments(item: Json) -> str:
    """Return a call's arguments as JSON text; some servers send the object itself."""
    held = item.get("arguments")
    return orjson.dumps(held).decode() if isinstance(held, dict) else text_of(held)


def read_ending(body: Json) -> tuple[Finish, str | None]:
    """Return why an answer ended, and the provider's own word for it."""
    reason = (body.get("incomplete_details") or {}).get("reason")
    raw: Any = reason or body.get("status")
    return _FINISHES.get(raw, Finish.OTHER) if isinstance(raw, str) else Finish.OTHER, raw


def read_usage(usage: Json | None, tier: Any = None) -> Usage | None:
    """Return token counts; this API counts cached tokens as part of the input, and tells the tier beside them."""
    if not usage:
        return None
    details = usage.get("input_tokens_details") or {}
    read, written = count_of(details, "cached_tokens"), count_of(details, "cache_write_tokens")
    return Usage(
        input=max(0, count_of(usage, "input_tokens") - read - written),
        cache_read=read,
        cache_write=written,
        output=count_of(usage, "output_tokens"),
        reasoning=count_of(usage.get("output_tokens_details") or {}, "reasoning_tokens"),
        tier=tier if isinstance(tier, str) else None,
    )


def read_created(body: Json) -> int | None:
    """Return when the answer was made; it may have fractions of a second."""
    held = body.get("created_at")
    return int(held) if isinstance(held, int | float) and 0 <= held < 2**53 else None


def fault_of(body: Json) -> Fault:
    """Return why a response failed; its code tells which status it would have had."""
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if not error:
        return Fault(f"the provider's answer is {body.get('status') or 'broken'}", 502)
    return fault_in({"error": error}, _STATUS_OF_CODES.get(code, 0) if isinstance(code, str) else 0)


def encode_answer(answer: Answer, options: AnswerOptions) -> Json:
    """Return the answer as this API has it: texts in a row are the parts of one message."""
    answer_id = response_id(answer.id or options.id)
    status, incomplete = ending(answer.finish)
    return {
        "id": answer_id,
        "object": "response",
        "created_at": answer.created or options.created,
        "status": status,
        "error": None,
        "incomplete_details": incomplete,
        "model": answer.model or options.model,
        "output": _output(answer, seed(answer_id, options.id), Names(options.asked), status),
        "usage": write_usage(answer.usage),
        "service_tier": tier(answer.usage, options),
        **echo(options),
    }


def _output(answer: Answer, origin: str, names: Names, status: str) -> list[Json]:
    output: list[Json] = []
    parts: list[Json] | None = None
    for block in answer.blocks:
        position = len(output)
        if isinstance(block, Text | Thinking | Refusal) and not (block.text or getattr(block, "signature", None)):
            continue
        if isinstance(block, Text | Refusal):
            if isinstance(block, Text):
                part = text_part(block.text, block.citations, block.tokens)
            else:
                part = refusal_part(block.text)
            if parts is None:
                item = message_item(item_id("msg", origin, position), (), "completed")
                parts = item["content"]
                output.append(item)
            parts.append(part)
            continue
        parts = None
        match block:
            case Thinking():
                signature = write_signature(block.signature) if block.signature else ""
                output.append(reasoning_item(item_id("rs", origin, position), block.text, signature))
            case RedactedThinking():
                output.append(reasoning_item(item_id("rs", origin, position), "", write_redacted(block.data)))
            case ToolUse():
                output.append(_call(block, item_id(call_prefix(names, block.name), origin, position), names))
            case _:
                # Models answer with nothing else.
                pass
    if output and "status" in output[-1]:
        output[-1]["status"] = status
    return output


def _call(block: ToolUse, made_id: str, names: Names) -> Json:
    is_custom = names.origin(block.name).is_custom
    arguments = custom_input(block.input) if is_custom else orjson.dumps(block.input).decode()
    return call_item(names, made_id, block.id, block.name, arguments, "completed")


_FAILED: Final = ("failed", "cancelled")
_FINISHES: Final[Mapping[str, Finish]] = {
    "completed": Finish.STOP,
    "max_output_tokens": Finish.LENGTH,
    "content_filter": Finish.CONTENT_FILTER,
}
_STATUS_OF_CODES: Final[Mapping[str, int]] = {
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_prompt": 400,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "server_is_overloaded": 529,
    "slow_down": 529,
}
