"""A request, written for a provider that speaks Gemini's API. The model and whether to stream go into its path.

Gemini wants the results of all calls of a turn first in the turn after it, and each named by its tool. Instructions
stand apart. Where calls are signed, the first of each turn must come back with its signature.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, assert_never

from plano_extproc.translate.answered import answered_once
from plano_extproc.translate.apis.gemini_generate.decode_request import KNOBS
from plano_extproc.translate.apis.gemini_generate.fields import TIER_WORDS
from plano_extproc.translate.apis.gemini_generate.tools import write_tools
from plano_extproc.translate.call_ids import parted
from plano_extproc.translate.chat import (
    Block,
    File,
    Image,
    Inline,
    Json,
    Link,
    Message,
    Plain,
    Reasoning,
    RedactedThinking,
    Refusal,
    Request,
    Stored,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.efforts import effort_of
from plano_extproc.translate.logprobs import asked
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.media import seen
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.sealed import unseal
from plano_extproc.translate.shape import refuse

_MAX_STOP: Final = 5
_UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google's documentation tells to send in place of a signature for a call that another model made.
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures"""
_MOST_THINKING: Final = 24576
"""The largest budget that every model with budgets takes."""
_BUDGETS: Final[Mapping[str, int]] = {
    "none": 0, "minimal": 512, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384,
}  # fmt: skip


def encode_request(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the body for the provider, and note what it does not get. A part that it cannot take raises."""
    turns = _Turns(request.messages, profile, losses)
    request = replace(request, knobs=asked(request.knobs, losses))
    body: Json = {"contents": turns.contents}
    if turns.system:
        body["systemInstruction"] = {"parts": turns.system}
    body |= write_tools(request, losses)
    config = _config(request, profile, losses)
    if turns.resolution:
        config["mediaResolution"] = turns.resolution
    if config:
        body["generationConfig"] = config
    if request.user:
        losses.field("user")
    for knob, held in request.knobs.items():
        if knob == "service_tier" and isinstance(held, str) and held in TIER_WORDS:
            body["serviceTier"] = TIER_WORDS[held]
        elif knob not in _KNOBS:
            losses.field(knob)
    return body


def _config(request: Request, profile: Profile, losses: Losses) -> Json:
    told: dict[str, Any] = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "stopSequences": list(request.stop[:_MAX_STOP]) or None,
        **{_KNOBS[knob]: held for knob, held in request.knobs.items() if knob in _KNOBS},
    }
    if len(request.stop) > _MAX_STOP:
        losses.field("stop")
    config = {key: held for key, held in told.items() if held is not None}
    if request.output:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": request.output.schema}
    elif request.json_mode:
        config["responseMimeType"] = "application/json"
    if request.reasoning and (thinking := _thinking(request.reasoning, request, profile, losses)):
        config["thinkingConfig"] = thinking
    return config


def _thinking(wanted: Reasoning, request: Request, profile: Profile, losses: Losses) -> Json:
    if not profile.efforts:
        if wanted.mode != "off":
            losses.field("reasoning")
        return {}
    made: Json = {}
    if profile.adaptive_thinking:
        if wanted.mode != "adaptive" or wanted.effort:
            made["thinkingLevel"] = (effort_of(wanted, profile) or "").upper()
    elif wanted.mode == "adaptive" and not wanted.effort:
        made["thinkingBudget"] = -1
    else:
        budget = None if wanted.mode == "off" else wanted.budget
        made["thinkingBudget"] = min(
            _BUDGETS[effort_of(wanted, profile) or "none"] if budget is None else budget, _MOST_THINKING
        )
    if wanted.mode != "off" and request.include_thoughts:
        made["includeThoughts"] = True
    return made


class _Turns:
    """Writes the messages; `resolution` is that of all images, where they ask for the same."""

    def __init__(self, messages: Iterable[Message], profile: Profile, losses: Losses) -> None:
        self.system: list[Json] = []
        self.contents: list[Json] = []
        self.resolution: str | None = None
        self._profile = profile
        self._losses = losses
        self._names: dict[str, str] = {}
        self._details: set[str | None] = set()
        for message in answered_once(messages, losses):
            self._message(message)
        for content in self.contents:
            content["parts"].sort(key=_is_no_response)
        self._settle_resolution()

    def _message(self, message: Message) -> None:
        parts = [part for block in message.blocks for part in self._parts(block)]
        if message.role == "system":
            self.system += parts
            return
        role = "model" if message.role == "assistant" else "user"
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})
        if role == "model" and self._profile.signed_calls:
            _sign_first_call(self.contents[-1]["parts"])

    def _parts(self, block: Block) -> list[Json]:
        match block:
            case Text() | Refusal():
                parts = [{"text": block.text}] if block.text else []
            case Image():
                self._details.add(block.detail)
                parts = [_media(seen(block, _IMAGES) or block.source, block.where, "image/jpeg")]
            case File():
                parts = [_file(block)]
            case Thinking():
                return self._thinking(block)
            case RedactedThinking():
                self._losses.field("redacted_thinking")
                return []
            case ToolUse():
                parts = [self._call(block)]
            case ToolResult():
                parts = self._result(block)
            case _:
                assert_never(block)
        if not isinstance(block, Refusal) and block.cache:
            self._losses.field("cache")
        if isinstance(block, Text) and block.citations:
            self._losses.field("citations")
        return parts

    def _thinking(self, block: Thinking) -> list[Json]:
        signature = unseal("gemini.generate", block.signature or "")
        if signature:
            return [{"text": block.text, "thought": True, "thoughtSignature": signature}]
        # Only what the model signed itself can be given back to it.
        self._losses.field("thinking")
        return []

    def _call(self, block: ToolUse) -> Json:
        self._names[block.id] = block.name
        plain, signature = parted(block.id)
        call: Json = {"name": block.name, "args": block.input}
        if self._profile.signed_calls:
            call["id"] = plain
        part: Json = {"functionCall": call}
        if signature:
            part["thoughtSignature"] = signature
        return part

    def _result(self, block: ToolResult) -> list[Json]:
        text = "\n".join(item.text for item in block.content if isinstance(item, Text))
        media = [part for item in block.content if not isinstance(item, Text) for part in self._parts(item)]
        name = self._names.get(block.id)
        if name is None:
            # A result without its call is refused, but what it says may matter.
            return [{"text": f"Result of the tool call {parted(block.id)[0]}:\n{text}"}, *media]
        told: Json = {"name": name, "response": {"error" if block.is_error else "output": text}}
        if not self._profile.signed_calls:
            heading = [{"text": f"Content of the result of {name}:"}] if media else []
            return [{"functionResponse": told}, *heading, *media]
        told["id"] = parted(block.id)[0]
        held = [part for part in media if "inlineData" in part]
        if held:
            told["parts"] = held
        return [{"functionResponse": told}, *(part for part in media if "inlineData" not in part)]

    def _settle_resolution(self) -> None:
        asked = self._details - {None, "auto"}
        if len(self._details) == 1 and asked <= _RESOLUTIONS.keys():
            self.resolution = _RESOLUTIONS.get(next(iter(self._details)) or "")
        elif asked:
            self._losses.field("image_detail")


def _sign_first_call(parts: list[Json]) -> None:
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", _UNSIGNED)


def _is_no_response(part: Json) -> bool:
    return "functionResponse" not in part


def _media(source: Inline | Link | Stored, where: str, fallback: str) -> Json:
    match source:
        case Inline():
            return {"inlineData": {"mimeType": source.media_type, "data": source.data}}
        case Link():
            ending = source.url.partition("?")[0].lower().rpartition(".")[2]
            return {"fileData": {"mimeType": _TYPES.get(ending, fallback), "fileUri": source.url}}
        case Stored():
            raise refuse(where, "this provider cannot read a file that was uploaded to another")
        case _:
            assert_never(source)


def _file(file: File) -> Json:
    if isinstance(file.source, Plain):
        title = f"{file.name}:\n" if file.name else ""
        return {"text": title + file.source.text}
    return _media(file.source, file.where, "application/pdf")


_KNOBS: Final[Mapping[str, str]] = {knob: key for key, knob in KNOBS.items()}
_IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "image/gif")
"""https://ai.google.dev/gemini-api/docs/image-understanding; GIFs are taken too, their first frame is seen."""
_RESOLUTIONS: Final[Mapping[str, str]] = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}
_TYPES: Final[Mapping[str, str]] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
}
"""Google wants to be told what an address holds."""
