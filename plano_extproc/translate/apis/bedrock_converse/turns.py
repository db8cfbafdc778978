"""The conversation of a request, written for Converse.

Turns alternate, so neighbours of one role become one; results of tools come first in theirs, each call answered once;
instructions stand apart, before all turns. A cache marker is no field of what it follows, but a block of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, assert_never

from plano_extproc.translate.answered import answered_once
from plano_extproc.translate.apis.bedrock_converse.parts import Files, write_image
from plano_extproc.translate.call_ids import fitted_id
from plano_extproc.translate.chat import (
    Block,
    CacheMark,
    File,
    Image,
    Json,
    Message,
    Plain,
    RedactedThinking,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from plano_extproc.translate.claude import is_its_own
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.shape import refuse

_ID_LIMIT: Final = 64
_NO_OUTPUT: Final = "(no output)"
"""Stands for a tool's result without text, which is refused."""
_SIGNS: Final = frozenset({"claude", ""})
_REDACTS: Final = frozenset({"claude", "gpt", ""})
"""The families that are given such reasoning back. A name that hides its family may well be Claude's."""


@dataclass(slots=True)
class _Turn:
    role: Role
    results: list[Json] = field(default_factory=list)
    content: list[Json] = field(default_factory=list)

    def written(self) -> Json:
        content = [*self.results, *self.content]
        names = [block["document"]["name"] for block in content if "document" in block]
        if names and not any("text" in block for block in content):
            # A document is refused in a turn without words.
            content.append({"text": " ".join(f"[{name}]" for name in names)})
        return {"role": self.role, "content": content}


class Turns:
    """Writes the messages: `system`, and `messages` for all others."""

    def __init__(self, messages: Iterable[Message], profile: Profile, losses: Losses) -> None:
        """Write; a part that the provider cannot take raises."""
        self.system: list[Json] = []
        self._profile = profile
        self._losses = losses
        self._files = Files()
        turns: list[_Turn] = []
        for message in answered_once(messages, losses):
            if message.role == "system":
                self.system += [made for block in message.blocks for made in self._instruction(block)]
                continue
            turn = turns[-1] if turns and turns[-1].role == message.role else _Turn(message.role)
            for block in message.blocks:
                self._add(block, turn)
            if (turn.results or turn.content) and not (turns and turns[-1] is turn):
                turns.append(turn)
        self.messages: list[Json] = [turn.written() for turn in turns]

    def _instruction(self, block: Block) -> list[Json]:
        match block:
            case Text() | Refusal():
                return self._text(block)
            case File(source=Plain(text=text)):
                return self._text(Text(f"{block.name}:\n{text}" if block.name else text, block.cache))
            case Image() | File():
                raise refuse(block.where, "this provider takes nothing but text from the system")
            case _:
                return []

    def _add(self, block: Block, turn: _Turn) -> None:
        if isinstance(block, ToolResult):
            turn.results += self._result(block)
        else:
            turn.content += self._block(block, turn.role)

    def _block(self, block: Block, role: Role) -> list[Json]:
        match block:
            case Text() | Refusal():
                return self._text(block)
            case Image() | File() if role == "assistant":
                raise refuse(block.where, "this provider takes no images or files from the assistant")
            case Image():
                if block.detail not in (None, "auto"):
                    self._losses.field("image_detail")
                return [write_image(block), *self._point(block.cache)]
            case File():
                return [self._files.write(block), *self._point(block.cache)]
            case Thinking():
                return self._thinking(block)
            case RedactedThinking():
                if self._profile.family in _REDACTS and is_its_own(block):
                    return [{"reasoningContent": {"redactedContent": block.data}}]
                self._losses.field("redacted_thinking")
                return []
            case ToolUse():
                use = {"toolUseId": fitted_id(block.id, _ID_LIMIT), "name": block.name, "input": block.input}
                return [{"toolUse": use}, *self._point(block.cache)]
            case ToolResult():
                # Only a user answers calls of tools; decoders see to it.
                return []
            case _:
                assert_never(block)

    def _text(self, block: Text | Refusal) -> list[Json]:
        # Texts of nothing but blanks are refused.
        mark = block.cache if isinstance(block, Text) else None
        if isinstance(block, Text) and block.citations:
            self._losses.field("citations")
        return [{"text": block.text}, *self._point(mark)] if block.text.strip() else []

    def _thinking(self, block: Thinking) -> list[Json]:
        if self._profile.family in _SIGNS and is_its_own(block):
            text = {"text": block.text, "signature": block.signature}
        elif self._profile.replay_reasoning and block.text:
            text = {"text": block.text}
        else:
            self._losses.field("thinking")
            return []
        return [{"reasoningContent": {"reasoningText": text}}]

    def _result(self, result: ToolResult) -> list[Json]:
        content: list[Json] = []
        mark = result.cache
        for item in result.content:
            mark = mark or item.cache
            match item:
                case Text():
                    content += [{"text": item.text}] if item.text.strip() else []
                case Image():
                    content.append(write_image(item))
                case File():
                    made = self._files.write(item)
                    if "audio" in made:
                        raise refuse(item.where, "this provider takes no sounds in the result of a tool")
                    content.append(made)
                case _:
                    assert_never(item)
        call_id = fitted_id(result.id, _ID_LIMIT)
        told: Json = {"toolUseId": call_id, "content": content or [{"text": _NO_OUTPUT}]}
        if result.is_error:
            told["status"] = "error"
        return [{"toolResult": told}, *self._point(mark)]

    def _point(self, mark: CacheMark | None) -> list[Json]:
        point = cache_point(mark, self._profile, self._losses)
        return [point] if point else []


def cache_point(mark: CacheMark | None, profile: Profile, losses: Losses) -> Json | None:
    """Return the block for a cache marker, None where there is none or the model knows of none."""
    if mark is None:
        return None
    if not profile.cache_control:
        losses.field("cache")
        return None
    point = {"type": "default"}
    if mark.ttl and profile.cache_ttl:
        point["ttl"] = mark.ttl
    elif mark.ttl:
        losses.field("cache_ttl")
    return {"cachePoint": point}
