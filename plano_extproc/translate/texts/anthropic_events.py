"""Edits the events of a streamed message of Anthropic's: each content block is a channel."""

from typing import Final

from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.channels import Channel, Channels
from plano_extproc.translate.texts.place import Kind


class AnthropicEvents:
    """What was held back goes out in a delta of its own, before the block's end."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def event(self, told: Json) -> list[Json]:
        """Return the event with its texts seen, after those that it made necessary. `told` is changed."""
        index = told.get("index")
        match told:
            case {"type": "content_block_start", "content_block": dict(block)} if isinstance(index, int):
                self._start(index, block)
            case {"type": "content_block_delta", "delta": dict(delta)} if isinstance(index, int):
                return self._delta(index, delta, told)
            case {"type": "content_block_stop"} if isinstance(index, int):
                return [*self._close(index), told]
            case {"type": "message_delta" | "message_stop" | "error"}:
                return [*self.end(), told]
        return [told]

    def end(self) -> list[Json]:
        """Return the deltas that close all blocks that are open yet."""
        return [event for channel in self._channels.under() for event in self._close(int(channel.where[0]))]

    def _start(self, index: int, block: Json) -> None:
        for key, kind in _OPENING.items():
            if isinstance(block.get(key), str) and block[key]:
                name = next(name for name, (field, _) in _DELTAS.items() if field == key)
                block[key] = self._channels.feed(Channel(kind, (index, name)), block[key])
        if block.get("input"):
            block["input"] = self._channels.value(Channel("arguments", (index, "input")), block["input"])
        if str(block.get("type")).endswith("tool_result"):
            block["content"] = self._channels.value(Channel("result", (index, "content")), block.get("content"))

    def _delta(self, index: int, delta: Json, told: Json) -> list[Json]:
        name = str(delta.get("type"))
        if name == "signature_delta":
            # The signature is the last of a thought.
            return [*self._close(index), told]
        key, kind = _DELTAS.get(name, ("", "text"))
        if key and isinstance(delta.get(key), str):
            channel = Channel(kind, (index, name))
            was, delta[key] = delta[key], self._channels.feed(channel, delta[key], is_json=kind == "arguments")
            return [told] if delta[key] or not was else []
        return [told]

    def _close(self, index: int) -> list[Json]:
        made = []
        for channel in self._channels.under(index):
            rest = self._channels.close(channel)
            name = str(channel.where[1])
            if rest:
                delta = {"type": name, _DELTAS[name][0]: rest}
                made.append({"type": "content_block_delta", "index": index, "delta": delta})
        return made


_DELTAS: Final[dict[str, tuple[str, Kind]]] = {
    "text_delta": ("text", "text"),
    "input_json_delta": ("partial_json", "arguments"),
    "thinking_delta": ("thinking", "reasoning"),
}
_OPENING: Final[dict[str, Kind]] = {"text": "text", "thinking": "reasoning"}
