"""A request, written for a provider that speaks OpenAI's Responses.

Nothing is stored at the provider, so its reasoning comes encrypted, and goes back with the next turn. Results of tools
come directly after their calls, so what stands between them waits.
"""

from collections.abc import Iterable
from typing import Final, assert_never

import orjson

from plano_extproc.translate.adjacent import Adjacent
from plano_extproc.translate.apis.openai_responses.items import annotation
from plano_extproc.translate.apis.openai_responses.parts import write_part
from plano_extproc.translate.apis.openai_responses.reasoning import unsealed_item
from plano_extproc.translate.apis.openai_responses.tools import write_tools
from plano_extproc.translate.call_ids import shortened_id
from plano_extproc.translate.chat import (
    Block,
    File,
    Image,
    Json,
    Message,
    Plain,
    RedactedThinking,
    Refusal,
    Request,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.efforts import effort_of
from plano_extproc.translate.failed_tools import as_error
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.names import shortened
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.schemas import named
from plano_extproc.translate.shape import refuse

_ID_LIMIT: Final = 64
_USER_LIMIT: Final = 64
_LEAST_MAX_TOKENS: Final = 16
"""OpenAI refuses a lower limit, and clients ask for one token to see whether a model answers at all."""

_KNOBS: Final = frozenset(
    {"metadata", "moderation", "prompt_cache_key", "prompt_cache_retention", "service_tier", "store", "top_logprobs"}
)


def encode_request(request: Request, profile: Profile, losses: Losses) -> Json:
    """Return the body for the provider, and note what it does not get. A part that it cannot take raises."""
    items = _Items(profile, losses).write(request.messages)
    body: Json = {"model": request.model}
    # An input of nothing would be refused, so instructions alone stay there.
    if len(items) > 1 and items[0].get("role") == "developer":
        body["instructions"] = items.pop(0)["content"][0]["text"]
    body["input"] = items
    # Unlike chat, this API stores every answer unless it is told not to.
    body["store"] = False
    if include := _include(request, profile, losses):
        body["include"] = include
    if request.stream:
        body["stream"] = True
    body |= write_tools(request, losses)
    body |= _thinking(request, profile, losses)
    if text := _text(request):
        body["text"] = text
    return body | _settings(request, losses)


def _include(request: Request, profile: Profile, losses: Losses) -> list[str]:
    include = ["reasoning.encrypted_content"] if profile.replay_reasoning else []
    if request.knobs.get("logprobs"):
        if "logprobs" in profile.refused:
            losses.field("logprobs")
        else:
            include.append("message.output_text.logprobs")
    return include


def _settings(request: Request, losses: Losses) -> Json:
    body: Json = {}
    if request.max_tokens is not None:
        body["max_output_tokens"] = max(_LEAST_MAX_TOKENS, request.max_tokens)
    for field in ("temperature", "top_p"):
        value = getattr(request, field)
        if value is not None:
            body[field] = value
    for field in ("top_k", "stop"):
        if getattr(request, field):
            losses.field(field)
    if request.user:
        body["user"] = shortened(request.user, _USER_LIMIT)
    for knob, value in request.knobs.items():
        if knob in _KNOBS:
            body[knob] = value
        elif knob not in ("logprobs", "verbosity"):
            losses.field(knob)
    return body


def _thinking(request: Request, profile: Profile, losses: Losses) -> Json:
    wanted = request.reasoning
    if wanted is None:
        return {}
    effort = effort_of(wanted, profile)
    if effort is None:
        losses.field("reasoning")
        return {}
    return {"reasoning": {"effort": effort, "summary": wanted.summary} if wanted.summary else {"effort": effort}}


def _text(request: Request) -> Json:
    made: Json = {}
    if request.output:
        made["format"] = {"type": "json_schema", **named(request.output, _USER_LIMIT)}
    elif request.json_mode:
        made["format"] = {"type": "json_object"}
    if verbosity := request.knobs.get("verbosity"):
        made["verbosity"] = verbosity
    return made


class _Items:
    """Writes the messages as items."""

    def __init__(self, profile: Profile, losses: Losses) -> None:
        self._profile = profile
        self._losses = losses
        self._items = Adjacent()

    def write(self, messages: Iterable[Message]) -> list[Json]:
        for message in messages:
            match message.role:
                case "assistant":
                    self._assistant(message)
                case "user":
                    self._user(message)
                case "system":
                    if text := _words(message, self._losses):
                        self._items.say(_message("developer", [{"type": "input_text", "text": text}]))
                case _:
                    assert_never(message.role)
            self._items.settle()
        return self._items.end()

    def _assistant(self, message: Message) -> None:
        made: list[Json] = []
        said: list[Json] | None = None
        for block in message.blocks:
            _note_cache(block, self._losses)
            if isinstance(block, Text | Refusal):
                if said is None:
                    said = []
                    made.append(_message("assistant", said))
                said.append(_said(block))
                continue
            said = None
            match block:
                case ToolUse():
                    made.append(_call(block))
                case Thinking(text=text, signature=signature):
                    made += self._thought(text, signature or "", "thinking")
                case RedactedThinking(data=secret):
                    made += self._thought("", secret, "redacted_thinking")
                case Image() | File():
                    raise refuse(block.where, "this provider takes no images or files from the assistant")
                case ToolResult():
                    # Only a user answers calls of tools; decoders see to it.
                    pass
                case _:
                    assert_never(block)
        while made and made[-1]["type"] == "reasoning":
            # Reasoning that led to nothing is refused.
            del made[-1]
            self._losses.field("thinking")
        if made:
            self._items.reply(made, [item["call_id"] for item in made if "call_id" in item])

    def _thought(self, text: str, state: str, kind: str) -> list[Json]:
        item = unsealed_item(text, state) if self._profile.replay_reasoning else None
        if item is None:
            self._losses.field(kind)
            return []
        return [item]

    def _user(self, message: Message) -> None:
        parts: list[Json] = []
        for block in message.blocks:
            _note_cache(block, self._losses)
            if isinstance(block, ToolResult):
                result = self._result(block)
                self._items.answer(result, result["call_id"])
            elif isinstance(block, Text | Refusal | Image | File):
                # Only the assistant thinks and calls tools; what stands elsewhere is a summary at best.
                parts.append(write_part(block))
        if parts or not message.blocks:
            self._items.say(_message("user", parts or [{"type": "input_text", "text": ""}]))

    def _result(self, block: ToolResult) -> Json:
        output: str | list[Json]
        text = "\n".join(item.text for item in block.content if isinstance(item, Text))
        if block.is_error:
            text = as_error(text)
        if all(isinstance(item, Text) for item in block.content):
            output = text
        else:
            first = [{"type": "input_text", "text": text}] if text else []
            output = first + [write_part(item) for item in block.content if not isinstance(item, Text)]
        return {"type": "function_call_output", "call_id": shortened_id(block.id, _ID_LIMIT), "output": output}


def _message(role: str, parts: list[Json]) -> Json:
    return {"type": "message", "role": role, "content": parts}


def _said(block: Text | Refusal) -> Json:
    if isinstance(block, Refusal):
        return {"type": "refusal", "refusal": block.text}
    made: Json = {"type": "output_text", "text": block.text}
    if block.citations:
        made["annotations"] = [annotation(citation, block.text) for citation in block.citations]
    return made


def _call(block: ToolUse) -> Json:
    arguments = orjson.dumps(block.input).decode()
    return {
        "type": "function_call",
        "call_id": shortened_id(block.id, _ID_LIMIT),
        "name": block.name,
        "arguments": arguments,
    }


def _words(message: Message, losses: Losses) -> str:
    words: list[str] = []
    for block in message.blocks:
        _note_cache(block, losses)
        if isinstance(block, Text | Refusal):
            words.append(block.text)
        elif isinstance(block, File) and isinstance(block.source, Plain):
            words.append(block.source.text)
    return "\n".join(words)


def _note_cache(block: Block, losses: Losses) -> None:
    # OpenAI caches by itself.
    if getattr(block, "cache", None):
        losses.field("cache")
