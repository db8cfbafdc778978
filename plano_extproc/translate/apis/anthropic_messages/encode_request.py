"""A request, written for a provider that speaks Anthropic's Messages.

Turns alternate, so neighbours of one role become one; results of tools come first in theirs; instructions stand
apart, before all turns, which every version of the API takes.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from plano_extproc.errors import InvalidRequest
from plano_extproc.translate.answered import answered_once
from plano_extproc.translate.apis.anthropic_messages.tools import cache_marker, write_tools
from plano_extproc.translate.call_ids import fitted_id
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
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.claude import ThinkingPlan, beside_thinking, is_its_own, with_one_sampling
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.media import USUAL_IMAGES, seen
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.schemas import closed
from plano_extproc.translate.shape import refuse

ID_LIMIT: Final = 128
"""Ids of tool calls must be made of letters, digits, `_` and `-`."""


def encode_request(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the body for the provider, and note what it does not get. A part that it cannot take raises."""
    system, messages = _turns(request.messages, losses)
    thinking = ThinkingPlan(request, profile, losses)
    limit = profile.default_max_tokens if thinking.max_tokens is None else thinking.max_tokens
    body: Json = {"model": request.model, "max_tokens": limit, "messages": messages}
    if system:
        body["system"] = system
    if thinking.is_on:
        request = beside_thinking(request, losses)
    request = with_one_sampling(request, profile, losses)
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
    for knob, held in request.knobs.items():
        if knob == "service_tier" and held in _TIERS:
            body["service_tier"] = _TIERS[held]
        else:
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


def _turns(messages: Iterable[Message], losses: Losses) -> tuple[list[Json], list[Json]]:
    system: list[Json] = []
    turns: list[Json] = []
    for message in answered_once(messages, losses):
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
            made = _text(block, losses)
        case Image():
            if block.detail not in (None, "auto"):
                losses.field("image_detail")
            made = {"type": "image", "source": _source(seen(block, USUAL_IMAGES) or block.source, block.where)}
        case File():
            made = _document(block)
        case Thinking():
            if is_its_own(block):
                return {"type": "thinking", "thinking": block.text, "signature": block.signature}
            losses.field("thinking")
            return None
        case RedactedThinking():
            if is_its_own(block):
                return {"type": "redacted_thinking", "data": block.data}
            losses.field("redacted_thinking")
            return None
        case ToolUse():
            made = {"type": "tool_use", "id": fitted_id(block.id, ID_LIMIT), "name": block.name, "input": block.input}
        case ToolResult():
            made = _tool_result(block, losses)
        case _:
            assert_never(block)
    mark = None if isinstance(block, Refusal) else block.cache
    if mark and made:
        made["cache_control"] = cache_marker(mark)
    return made


def _text(block: Text | Refusal, losses: Losses) -> Json | None:
    if isinstance(block, Text) and block.citations:
        # Only what Anthropic found itself can be cited to it.
        losses.field("citations")
    # Texts of nothing but blanks are refused.
    return {"type": "text", "text": block.text} if block.text.strip() else None


def _tool_result(result: ToolResult, losses: Losses) -> Json:
    made: Json = {"type": "tool_result", "tool_use_id": fitted_id(result.id, ID_LIMIT)}
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


_TIERS: Final[Mapping[Any, str]] = {"default": "standard_only", "priority": "auto", "fast": "auto"}
"""What stands for chat's service tiers; `auto` takes the capacity that was paid for beforehand, where there is any."""


def _plain(source: Inline, where: str) -> str:
    try:
        return base64.b64decode(source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise refuse(where, "the document is not UTF-8 text in base64") from None
