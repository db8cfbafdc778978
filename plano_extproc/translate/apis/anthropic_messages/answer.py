"""A whole answer of Anthropic's Messages, both ways; and what its stream shares with it."""

from collections.abc import Mapping
from typing import Any, Final

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
    ToolUse,
    Usage,
)
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.faults import fault_in
from plano_extproc.translate.names import fitted
from plano_extproc.translate.reading import count_of, name_of, text_of
from plano_extproc.translate.sealed import NO_INDEX

SHOWN_ID_LIMIT: Final = 1 << 16
"""Clients keep an id of any length, and one that carries a signature of Gemini's is long."""


def decode_answer(body: Json) -> Answer:
    """Return what the provider said. Blocks of tools that it ran itself are left out: its text has their result."""
    if body.get("type") == "error":
        raise BadProviderAnswer(fault_in(body).message)
    content = body["content"]
    if not isinstance(content, list):
        raise BadProviderAnswer("the provider's answer has no list of blocks")
    blocks = [made for block in content if (made := _block(block)) is not None]
    if explanation := explanation_of(body):
        blocks.append(Refusal(explanation))
    raw = body.get("stop_reason")
    tool_used = any(isinstance(block, ToolUse) for block in blocks)
    return Answer(
        id=text_of(body.get("id")),
        model=text_of(body.get("model")),
        blocks=tuple(blocks),
        finish=read_finish(raw).given(tool_used=tool_used),
        raw_finish=raw if isinstance(raw, str) else None,
        stop_sequence=text_of(body.get("stop_sequence")) or None,
        usage=merge_usage(None, body.get("usage")),
    )


def _block(block: Json) -> Block | None:
    match block.get("type"):
        case "text":
            sources = [source for cited in block.get("citations") or () if (source := citation_of(cited))]
            return Text(text_of(block.get("text")), citations=tuple(sources))
        case "thinking":
            return Thinking(text_of(block.get("thinking")), text_of(block.get("signature")) or None)
        case "redacted_thinking":
            return RedactedThinking(text_of(block.get("data")))
        case "tool_use":
            arguments = block.get("input") or {}
            if not isinstance(arguments, dict):
                raise BadProviderAnswer("the provider's answer calls a tool with something else than an object")
            return ToolUse(text_of(block.get("id")), name_of(block), arguments)
        case _:
            return None


def citation_of(cited: Json) -> Citation | None:
    """Return a source on the web; sources in the request's own documents have no word in other dialects."""
    url, source = cited.get("url"), cited.get("source")
    if isinstance(source, str) and source.startswith(("https://", "http://")):
        # A search result that the request held, by its address.
        url = url or source
    if not isinstance(url, str) or not url:
        return None
    return Citation(url, text_of(cited.get("title")), quote=text_of(cited.get("cited_text")))


def write_citation(citation: Citation) -> Json:
    """Return a source. The token of Anthropic's own search is marked as none, and must never reach Anthropic."""
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "encrypted_index": NO_INDEX,
        "cited_text": citation.quote,
    }


def explanation_of(body: Json) -> str:
    """Return why the model refused, if it says so."""
    details = body.get("stop_details")
    return text_of(details.get("explanation")) if isinstance(details, dict) else ""


def read_finish(raw: Any) -> Finish:
    """Return the neutral reason for a `stop_reason`."""
    return _FINISHES.get(raw, Finish.OTHER) if isinstance(raw, str) else Finish.OTHER


def write_finish(finish: Finish, *, refused: bool) -> str:
    """Return the `stop_reason` for a neutral reason, and whether the model said that it refuses."""
    if refused and finish in (Finish.STOP, Finish.OTHER):
        return "refusal"
    return _STOP_REASONS[finish]


def merge_usage(known: Usage | None, told: Json | None) -> Usage | None:
    """Return the counts after one more report: reports are totals, and what one leaves out stays as it was."""
    if not told:
        return known
    known = known or Usage()
    details = told.get("output_tokens_details") or {}

    def count(counts: Json, key: str, before: int) -> int:
        return before if counts.get(key) is None else count_of(counts, key)

    return Usage(
        input=count(told, "input_tokens", known.input),
        cache_read=count(told, "cache_read_input_tokens", known.cache_read),
        cache_write=count(told, "cache_creation_input_tokens", known.cache_write),
        output=count(told, "output_tokens", known.output),
        reasoning=count(details, "thinking_tokens", known.reasoning),
        tier=_TIERS.get(told.get("service_tier"), known.tier),
    )


def write_usage(usage: Usage) -> Json:
    """Return token counts as Anthropic reports them."""
    made: Json = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if usage.reasoning:
        made["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.tier in _TIER_WORDS:
        made["service_tier"] = _TIER_WORDS[usage.tier]
    return made


def write_stop(finish: Finish, stop_sequence: str | None, refusal: str) -> Json:
    """Return the fields that tell why an answer ended."""
    made: Json = {"stop_reason": write_finish(finish, refused=bool(refusal)), "stop_sequence": stop_sequence}
    if refusal:
        made["stop_details"] = {"type": "refusal", "category": None, "explanation": refusal}
    return made


def encode_answer(answer: Answer, options: AnswerOptions) -> Json:
    """Return the answer as Anthropic has it. A refusal is no text there: it is told beside the content."""
    refusal = "".join(block.text for block in answer.blocks if isinstance(block, Refusal))
    return {
        "id": answer.id or options.id,
        "type": "message",
        "role": "assistant",
        "model": named(options, answer.model),
        "content": [made for block in answer.blocks if (made := _written(block)) is not None],
        **write_stop(answer.finish, answer.stop_sequence, refusal),
        "usage": write_usage(answer.usage or Usage()),
    }


def named(options: AnswerOptions, model: str) -> str:
    """Return the name of the model as the client asked for it: Claude Code drops the thinking of any other model."""
    asked = options.asked.get("model")
    return asked if isinstance(asked, str) and asked else model or options.model


def _written(block: Block) -> Json | None:
    match block:
        case Text():
            made: Json = {"type": "text", "text": block.text}
            if block.citations:
                made["citations"] = [write_citation(citation) for citation in block.citations]
            return made if block.text else None
        case Thinking():
            # A signature is never made up; clients send an empty one back, and it is then left out.
            return {"type": "thinking", "thinking": block.text, "signature": block.signature or ""}
        case RedactedThinking():
            return {"type": "redacted_thinking", "data": block.data}
        case ToolUse():
            return {
                "type": "tool_use",
                "id": fitted(block.id, SHOWN_ID_LIMIT),
                "name": block.name,
                "input": block.input,
            }
        case _:
            return None


_TIERS: Final[Mapping[Any, str]] = {"standard": "default", "priority": "priority"}
_TIER_WORDS: Final[Mapping[str | None, str]] = {tier: word for word, tier in _TIERS.items()}
_FINISHES: Final[Mapping[str, Finish]] = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "max_tokens": Finish.LENGTH,
    "tool_use": Finish.TOOL_USE,
    "refusal": Finish.CONTENT_FILTER,
    "pause_turn": Finish.PAUSE,
    "model_context_window_exceeded": Finish.CONTEXT_WINDOW,
}
_STOP_REASONS: Final[Mapping[Finish, str]] = {
    **{finish: raw for raw, finish in _FINISHES.items()},
    Finish.OTHER: "end_turn",
}
