"""Edits the chunks of a streamed chat, and of a legacy completion: each choice and each tool call is a channel."""

from collections.abc import Iterator
from typing import Any, Final

from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.channels import Channel, Channels, each
from plano_extproc.translate.texts.place import Kind

Slot = tuple[Json, str, Channel, bool]
"""A piece of text: what holds it, under which key, its channel, and whether that is JSON."""


class ChatEvents:
    """What was held back goes out in a chunk of its own, before the one that says why the choice ended."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._last: Json = {}

    def event(self, told: Json) -> list[Json]:
        """Return the chunk with its texts seen, after those that it made necessary. `told` is changed."""
        if "choices" in told:
            self._last = {key: value for key, value in told.items() if key not in ("choices", "usage")}
        before = self.end() if told.get("error") else []
        for at, choice in each(told.get("choices")):
            index = choice.get("index")
            before.extend(self._choice(choice, index if isinstance(index, int) else at))
        return [*before, told]

    def end(self) -> list[Json]:
        """Return the chunks that close all channels that are open yet."""
        return [self._chunk(channel, text) for channel, text in self._closed(self._channels.under())]

    def _choice(self, choice: Json, index: int) -> Iterator[Json]:
        is_last = choice.get("finish_reason") is not None
        slots = list(_slots(choice, index))
        seen = {}
        for holder, key, channel, is_json in slots:
            made = self._channels.feed(channel, holder[key], is_json=is_json)
            if made != holder[key] and choice.get("logprobs") is not None:
                choice["logprobs"] = None
            holder[key] = made
            seen[channel] = (holder, key)
        if not is_last:
            return
        for channel, rest in self._closed(self._channels.under(index)):
            if channel in seen:
                holder, key = seen[channel]
                rest, holder[key] = holder[key] + rest, ""
            yield self._chunk(channel, rest)

    def _closed(self, channels: list[Channel]) -> Iterator[tuple[Channel, str]]:
        for channel in channels:
            rest = self._channels.close(channel)
            if rest:
                yield channel, rest

    def _chunk(self, channel: Channel, text: str) -> Json:
        index, name, *more = channel.where
        if name == "completion":
            choice: Json = {"index": index, "text": text, "logprobs": None, "finish_reason": None}
        else:
            choice = {"index": index, "delta": _delta(str(name), more, text), "finish_reason": None}
        return {**self._last, "choices": [choice]}


def _delta(name: str, more: list[str | int], text: str) -> Json:
    match name:
        case "tool":
            at, field, key = more
            return {"tool_calls": [{"index": at, field: {key: text}}]}
        case "function_call":
            return {"function_call": {"arguments": text}}
        case "thinking":
            return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}
        case "reasoning_details":
            at, kind, key = more
            return {"reasoning_details": [{"index": at, "type": kind, key: text}]}
    return {name: text}


def _slots(choice: Json, index: int) -> Iterator[Slot]:
    if isinstance(choice.get("text"), str):
        yield choice, "text", Channel("text", (index, "completion")), False
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return
    for key, kind in _TEXTS.items():
        if isinstance(delta.get(key), str):
            yield delta, key, Channel(kind, (index, key)), False
    yield from _parts(delta.get("content"), index)
    for at, detail in each(delta.get("reasoning_details")):
        for key in ("text", "summary"):
            if isinstance(detail.get(key), str):
                where = (index, "reasoning_details", detail.get("index", at), str(detail.get("type")), key)
                yield detail, key, Channel("reasoning", where), False
    for at, call in each(delta.get("tool_calls")):
        number = call.get("index")
        for field, key, is_json in (("function", "arguments", True), ("custom", "input", False)):
            held = call.get(field)
            if isinstance(held, dict) and isinstance(held.get(key), str):
                where = (index, "tool", number if isinstance(number, int) else at, field, key)
                yield held, key, Channel("arguments", where), is_json
    called = delta.get("function_call")
    if isinstance(called, dict) and isinstance(called.get("arguments"), str):
        yield called, "arguments", Channel("arguments", (index, "function_call")), True


def _parts(content: Any, index: int) -> Iterator[Slot]:
    """Yield the pieces of Mistral's content, which comes in parts."""
    for _, part in each(content):
        if isinstance(part.get("text"), str):
            yield part, "text", Channel("text", (index, "content")), False
        for _, thought in each(part.get("thinking")):
            if isinstance(thought.get("text"), str):
                yield thought, "text", Channel("reasoning", (index, "thinking")), False


_TEXTS: Final[dict[str, Kind]] = {
    "content": "text",
    "refusal": "refusal",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
}
