"""A whole answer of Converse, read; and what its stream shares with it."""

from collections.abc import Mapping
from typing import Any, Final

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.bedrock_converse.encode_request import STOP_SEQUENCE
from plano_extproc.translate.chat import (
    Answer,
    Block,
    Citation,
    Finish,
    Json,
    RedactedThinking,
    Text,
    Thinking,
    ToolUse,
    Usage,
)
from plano_extproc.translate.reading import count_of, name_of, text_of


def decode_answer(body: Json) -> Answer:
    """Return what the provider said. Blocks of tools that it ran itself are left out: its text has their result.

    The answer has no id: Bedrock tells it in a header, `x-amzn-requestid`.
    """
    content = body["output"]["message"]["content"]
    if not isinstance(content, list):
        raise BadProviderAnswer("the provider's answer has no list of blocks")
    blocks = tuple(made for block in content if (made := _block(block)) is not None)
    raw = body.get("stopReason")
    return Answer(
        id="",
        model=_model(body.get("trace")),
        blocks=blocks,
        finish=read_finish(raw).given(tool_used=any(isinstance(block, ToolUse) for block in blocks)),
        raw_finish=raw if isinstance(raw, str) else None,
        stop_sequence=stop_sequence_in(body),
        usage=read_usage(body.get("usage"), body.get("serviceTier")),
    )


def _block(block: Json) -> Block | None:
    match block:
        case {"text": text}:
            return Text(text_of(text))
        case {"reasoningContent": {"reasoningText": reasoning}}:
            return Thinking(text_of(reasoning.get("text")), text_of(reasoning.get("signature")) or None)
        case {"reasoningContent": {"redactedContent": secret}}:
            return RedactedThinking(text_of(secret))
        case {"toolUse": use} if not is_hosted(use):
            arguments = use.get("input") or {}
            if not isinstance(arguments, dict):
                raise BadProviderAnswer("the provider's answer calls a tool with something else than an object")
            return ToolUse(text_of(use.get("toolUseId")), name_of(use), arguments)
        case {"citationsContent": cited}:
            text = "".join(text_of(part.get("text")) for part in cited.get("content") or ())
            sources = [source for one in cited.get("citations") or () if (source := citation_of(one))]
            return Text(text, citations=tuple(sources))
        case dict():
            return None
    raise BadProviderAnswer("the provider's answer has a block that is no object")


def is_hosted(use: Json) -> bool:
    """Tell whether a tool is run by the provider itself."""
    return use.get("type") == "server_tool_use"


def citation_of(cited: Json) -> Citation | None:
    """Return a source on the web; sources in the request's own documents have no word in other dialects."""
    match cited:
        case {"location": {"web": {"url": str(url)}}} if url:
            quote = "".join(text_of(part.get("text")) for part in cited.get("sourceContent") or ())
            return Citation(url, text_of(cited.get("title")), quote=quote)
    return None


def _model(trace: Any) -> str:
    """Return the model that a router chose; else the answer names none."""
    match trace:
        case {"promptRouter": {"invokedModelId": str(model)}}:
            return model
    return ""


def stop_sequence_in(told: Json) -> str | None:
    """Return the stop sequence that Claude met, from the fields that the request asked for."""
    fields = told.get("additionalModelResponseFields")
    if not isinstance(fields, dict):
        return None
    key, parent = STOP_SEQUENCE
    inner = fields.get(parent)
    return text_of(fields.get(key) or (inner.get(key) if isinstance(inner, dict) else None)) or None


def read_finish(raw: Any) -> Finish:
    """Return the neutral reason for a `stopReason`."""
    return _FINISHES.get(raw, Finish.OTHER) if isinstance(raw, str) else Finish.OTHER


def read_usage(usage: Json | None, tier: Any = None) -> Usage | None:
    """Return token counts. Older versions of the API call those of the cache by a longer name.

    `tier` is what stands beside them of the service tier.
    """
    if not usage:
        return None
    return Usage(
        input=count_of(usage, "inputTokens"),
        cache_read=count_of(usage, "cacheReadInputTokens") or count_of(usage, "cacheReadInputTokenCount"),
        cache_write=count_of(usage, "cacheWriteInputTokens") or count_of(usage, "cacheWriteInputTokenCount"),
        output=count_of(usage, "outputTokens"),
        tier=_TIERS.get(tier.get("type")) if isinstance(tier, dict) else None,
    )


_TIERS: Final[Mapping[Any, str]] = {
    "default": "default",
    "flex": "flex",
    "priority": "priority",
    "reserved": "scale",
}
_FINISHES: Final[Mapping[str, Finish]] = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "max_tokens": Finish.LENGTH,
    "tool_use": Finish.TOOL_USE,
    "guardrail_intervened": Finish.CONTENT_FILTER,
    "content_filtered": Finish.CONTENT_FILTER,
    "model_context_window_exceeded": Finish.CONTEXT_WINDOW,
}
