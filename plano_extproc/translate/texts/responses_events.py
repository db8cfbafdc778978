"""Edits the events of a streamed answer of Responses: each part of each item is a channel.

The dialect tells every text several times: in deltas, when the part is done, when the item is done, and in the whole
answer. The copies become what the deltas became.
"""

from collections.abc import Mapping
from typing import Any, Final

from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.channels import Channel, Channels, each
from plano_extproc.translate.texts.place import Kind


class ResponsesEvents:
    """What was held back goes out in a delta of its own, before the event that says that the part is done."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._sent: dict[Channel, list[str]] = {}
        self._last: dict[Channel, Json] = {}
        self._number = -1
        """That of the last event that went out."""
        self._shift = 0
        """How many more events have gone out than came in."""

    def event(self, told: Json) -> list[Json]:
        """Return the event with its texts seen, after those that it made necessary. `told` is changed."""
        name = str(told.get("type"))
        before: list[Json] = []
        if name.endswith(".delta"):
            if not self._delta(name, told):
                self._shift -= 1
                return []
        elif name.endswith(".done") and name.removesuffix(".done") in _TOLD:
            key, is_json = _TOLD[name.removesuffix(".done")][1:]
            channel = _channel(name.removesuffix(".done"), told)
            before = self._close([channel])
            _put(told, key, self._copy(channel, told.get(key), is_json))
        elif name == "error":
            before = self._close(self._channels.under())
        elif "response" in told:
            before = self._answer(name, told["response"])
        elif isinstance(told.get("item"), dict):
            place = told.get("output_index", 0)
            before = self._close(self._channels.under(place)) if name.endswith(".done") else []
            self._item(place, told["item"])
        elif isinstance(told.get("part"), dict):
            place, field = told.get("output_index", 0), "summary" if "summary_index" in told else "content"
            at = told.get(f"{field}_index", 0)
            before = self._close(self._channels.under(place, field, at)) if name.endswith(".done") else []
            self._part(place, field, at, told["part"])
        return [self._numbered(event, is_new=event is not told) for event in (*before, told)]

    def end(self) -> list[Json]:
        """Return the deltas that close all channels that are open yet."""
        return [self._numbered(event, is_new=True) for event in self._close(self._channels.under())]

    def _numbered(self, event: Json, *, is_new: bool) -> Json:
        number = event.get("sequence_number")
        if not isinstance(number, int):
            return event
        if is_new:
            # It was copied from one that had its number already.
            self._shift += 1
            return {**event, "sequence_number": self._number + 1}
        self._number = number + self._shift
        return {**event, "sequence_number": self._number}

    def _delta(self, name: str, told: Json) -> bool:
        """See a piece of text; false when all of it is held back, so that there is nothing to tell."""
        kind = name.removesuffix(".delta")
        if not isinstance(told.get("delta"), str) or kind in _NO_TEXT:
            return True
        channel = _channel(kind, told)
        is_json = _TOLD.get(kind, ("text", "", False))[2]
        was, made = told["delta"], self._channels.feed(channel, told["delta"], is_json=is_json)
        _put(told, "delta", made)
        self._sent.setdefault(channel, []).append(made)
        self._last[channel] = {key: value for key, value in told.items() if key != "obfuscation"}
        return bool(made) or not was

    def _close(self, channels: list[Channel]) -> list[Json]:
        made = []
        for channel in channels:
            rest = self._channels.close(channel)
            if rest:
                self._sent[channel].append(rest)
                made.append({**self._last[channel], "delta": rest})
        return made

    def _copy(self, channel: Channel, text: Any, is_json: bool) -> Any:
        """Return what a copy of the channel's text becomes; one that was never streamed is seen here."""
        if not isinstance(text, str):
            return text
        if text and channel in self._sent:
            return "".join(self._sent[channel])
        return self._channels.whole(channel, text, is_json=is_json) if text else text

    def _part(self, place: int, field: str, at: int, part: Json) -> None:
        kind: Kind = "reasoning" if field == "summary" or part.get("type") == "reasoning_text" else "text"
        kinds: tuple[tuple[str, Kind], ...] = (("text", kind), ("refusal", "refusal"))
        for key, of in kinds:
            if key in part:
                channel = Channel(of, (place, field, at, key))
                _put(part, key, self._copy(channel, part[key], is_json=False))

    def _item(self, place: int, item: Json) -> None:
        for field in ("content", "summary"):
            for at, part in each(item.get(field)):
                self._part(place, field, at, part)
        for key, is_json in (("arguments", True), ("input", False), ("code", False)):
            if key in item:
                item[key] = self._copy(Channel("arguments", (place, key)), item[key], is_json)
        for key in _RESULTS:
            if key in item:
                item[key] = self._channels.value(Channel("result", (place, key)), item[key])

    def _answer(self, name: str, answer: Any) -> list[Json]:
        before = self._close(self._channels.under()) if name in _ENDS else []
        if isinstance(answer, dict):
            for place, item in each(answer.get("output")):
                self._item(place, item)
        return before


def _channel(name: str, told: Mapping[str, Any]) -> Channel:
    kind, key, _ = _TOLD.get(name, ("text", name, False))
    place = told.get("output_index", 0)
    for field in ("summary", "content"):
        if f"{field}_index" in told:
            return Channel(kind, (place, field, told[f"{field}_index"], key))
    return Channel(kind, (place, key))


def _put(holder: Json, key: str, made: Any) -> None:
    if holder.get(key) != made:
        holder[key] = made
        if holder.get("logprobs"):
            holder["logprobs"] = []


_TOLD: Final[Mapping[str, tuple[Kind, str, bool]]] = {
    "response.output_text": ("text", "text", False),
    "response.refusal": ("refusal", "refusal", False),
    "response.reasoning_text": ("reasoning", "text", False),
    "response.reasoning_summary_text": ("reasoning", "text", False),
    "response.function_call_arguments": ("arguments", "arguments", True),
    "response.mcp_call_arguments": ("arguments", "arguments", True),
    "response.custom_tool_call_input": ("arguments", "input", False),
    "response.code_interpreter_call_code": ("arguments", "code", False),
}
"""What is told in pieces: what it is, the key of the whole in the event that ends it, and whether it is JSON."""

_NO_TEXT: Final = frozenset({"response.audio", "response.output_audio"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.done", "response.failed"})
_RESULTS: Final = ("output", "results", "outputs", "action", "queries")
