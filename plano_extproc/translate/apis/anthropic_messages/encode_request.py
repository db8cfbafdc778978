"""A request, written for a provider that speaks Anthropic's Messages.

Turns alternate, so neighbours of one role become one; results of tools come first in theirs; instructions stand
apart, before all turns, which every version of the API takes.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, assert_never

from plano_extproc.errors import InvalidRequest
from plano_extproc.translate.apis.anthropic_messages.tools import cache_marker, write_tools
from plano_extproc.translate.chat import (
    Block,
    File,
    Image,
    Inline,
    Json,
    Link,
    Message,
    Plain,
    RedactedThinking,
    Refusal,
    Request,
    Stored,
    Text,
    Thinking,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.names import fitted
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.schemas import closed
from plano_extproc.translate.sealed import is_sealed
from plano_extproc.translate.shape import refuse

ID_LIMIT: Final = 128
"""Ids of tool calls must be made of letters, digits, `_` and `-`."""

_LEAST_BUDGET: Final = 1024
_LEAST_TOP_P: Final = 0.95
"""Both of a request that thinks."""
_BUDGETS: Final[dict[str, int]] = {
    "minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384,
}  # fmt: skip


def encode_request(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the body for the provider, and note what it does not get. A part that it cannot take raises."""
    system, messages = _turns(request.messages, losses)
    thinking = _Thinking(request, profile, messages, losses)
    body: Json = {"model": request.model, "max_tokens": thinking.max_tokens, "messages": messages}
    if system:
        body["system"] = system
    if thinking.is_on:
        request = _beside_thinking(request, losses)
    _sampling(request, profile, body)
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.stream:
        body["stream"] = True
    body |= write_tools(request, losses)
    body |= thinking.fields
    if request.output:
        wanted = {"type": "json_schema", "schema": closed(request.output.schema)}
        body["output_config"] = {**body.get("output_config", {}), "format": wanted}
    if request.user:
        body["metadata"] = {"user_id": request.user}
    for knob in request.knobs:
        losses.field(knob)
    return body


def _sampling(request: Request, profile: Profile, body: Json) -> None:
    if request.temperature is not None:
        if not 0 <= request.temperature <= 1 and "temperature" not in profile.refused:
            raise InvalidRequest("temperature: this provider takes 0 to 1", param="temperature")
        body["temperature"] = request.temperature
    for field in ("top_p", "top_k"):
        value = getattr(request, field)
        if value is not None:
            body[field] = value


def _beside_thinking(request: Request, losses: Losses) -> Request:
    """Return the request without what a model that thinks refuses: other temperatures, top_k, and a forced tool."""
    if request.temperature not in (None, 1):
        losses.field("temperature")
    if request.top_p is not None and request.top_p < _LEAST_TOP_P:
        losses.field("top_p")
        request = replace(request, top_p=None)
    if request.top_k is not None:
        losses.field("top_k")
    choice = request.tool_choice
    if choice and choice.mode in ("required", "tool"):
        losses.field("tool_choice")
        choice = ToolChoice("auto")
    return replace(request, temperature=None, top_k=None, tool_choice=choice)


class _Thinking:
    """How the request's wish to think, or not to, is put, and what limit on tokens goes with it."""

    def __init__(self, request: Request, profile: Profile, messages: list[Json], losses: Losses) -> None:
        self.fields: Json = {}
        self.is_on = False
        limit = request.max_tokens
        self.max_tokens = profile.default_max_tokens if limit is None else limit
        wanted = request.reasoning
        if wanted is None:
            return
        if wanted.mode == "off":
            if profile.adaptive_thinking:
                self.fields = {"thinking": {"type": "disabled"}}
            return
        if profile.adaptive_thinking:
            self._adaptive(wanted.effort, profile)
            return
        budget = wanted.budget or _BUDGETS[wanted.effort or "medium"]
        if limit is not None and wanted.budget is None:
            # The caller's limit counts thinking too, so thinking makes do with what it leaves.
            budget = min(budget, limit - 1)
        if budget < _LEAST_BUDGET or _calls_without_thinking(messages):
            losses.field("reasoning")
            return
        if limit is None:
            self.max_tokens += budget
        self.fields = {"thinking": {"type": "enabled", "budget_tokens": budget}}
        self.is_on = True

    def _adaptive(self, effort: str | None, profile: Profile) -> None:
        self.fields = {"thinking": {"type": "adaptive"}}
        self.is_on = True
        if effort:
            known = profile.nearest_effort("low" if effort in ("none", "minimal") else effort)
            if known:
                self.fields["output_config"] = {"effort": known}


def _calls_without_thinking(messages: list[Json]) -> bool:
    """Tell whether the last turn that called a tool has lost its thinking.

    With a thinking budget such a turn must begin with it, and most clients of other dialects do not keep it.
    """
    for message in reversed(messages):
        if message["role"] == "assistant" and any(block["type"] == "tool_use" for block in message["content"]):
            return message["content"][0]["type"] not in ("thinking", "redacted_thinking")
    return False


def _turns(messages: Iterable[Message], losses: Losses) -> tuple[list[Json], list[Json]]:
    system: list[Json] = []
    turns: list[Json] = []
    for message in messages:
        blocks = [made for block in message.blocks if (made := _block(block, losses)) is not None]
        if message.role == "system":
            system += blocks
        elif blocks and turns and turns[-1]["role"] == message.role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": message.role, "content": blocks})
    for turn in turns:
        turn["content"].sort(key=_is_no_result)
    return system, turns


def _is_no_result(block: Json) -> bool:
    return bool(block["type"] != "tool_result")


def _block(block: Block, losses: Losses) -> Json | None:
    match block:
        case Text() | Refusal():
            made = _text(block)
        case Image():
            if block.detail not in (None, "auto"):
                losses.field("image_detail")
            made = {"type": "image", "source": _source(block.source, block.where)}
        case File():
            made = _document(block)
        case Thinking():
            if block.signature and not is_sealed(block.signature):
                return {"type": "thinking", "thinking": block.text, "signature": block.signature}
            # Only what the model signed itself can be given back to it.
            losses.field("thinking")
            return None
        case RedactedThinking():
            if is_sealed(block.data):
                losses.field("redacted_thinking")
                return None
            return {"type": "redacted_thinking", "data": block.data}
        case ToolUse():
            made = {"type": "tool_use", "id": fitted(block.id, ID_LIMIT), "name": block.name, "input": block.input}
        case ToolResult():
            made = _tool_result(block, losses)
        case _:
            assert_never(block)
    mark = None if isinstance(block, Refusal) else block.cache
    if mark and made:
        made["cache_control"] = cache_marker(mark)
    return made


def _text(block: Text | Refusal) -> Json | None:
    # Texts of nothing but blanks are refused.
    return {"type": "text", "text": block.text} if block.text.strip() else None


def _tool_result(result: ToolResult, losses: Losses) -> Json:
    made: Json = {"type": "tool_result", "tool_use_id": fitted(result.id, ID_LIMIT)}
    content = [item for block in result.content if (item := _block(block, losses)) is not None]
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        made["content"] = content[0]["text"]
    elif content:
        made["content"] = content
    if result.is_error:
        made["is_error"] = True
    return made


def _source(source: Inline | Link | Stored, where: str) -> Json:
    match source:
        case Inline():
            return {"type": "base64", "media_type": source.media_type, "data": source.data}
        case Link():
            return {"type": "url", "url": source.url}
        case Stored():
            raise refuse(where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(source)


def _document(file: File) -> Json:
    match file.source:
        case Plain():
            source: Json = {"type": "text", "media_type": "text/plain", "data": file.source.text}
        case Inline(media_type=media_type) if media_type.startswith("text/"):
            source = {"type": "text", "media_type": "text/plain", "data": _plain(file.source, file.where)}
        case Inline(media_type=media_type) if media_type != "application/pdf":
            raise refuse(file.where, f"this provider takes PDF and plain text, not {media_type}")
        case _:
            source = _source(file.source, file.where)
    made: Json = {"type": "document", "source": source}
    if file.name:
        made["title"] = file.name
    return made


def _plain(source: Inline, where: str) -> str:
    try:
        return base64.b64decode(source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise refuse(where, "the document is not UTF-8 text in base64") from None
