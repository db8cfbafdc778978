"""Edits the pieces of a streamed answer of Gemini's: what a candidate says is a channel, and what it thinks another.

Parts have no ends of their own. What was held back goes out before a part of another kind, and before a candidate's
end.
"""

from typing import Any

from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.channels import Channel, Channels, each


class GeminiEvents:
    """What was held back goes out as a part of its own, so that the parts of one kind stay together."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._last: Json = {}

    def event(self, told: Json) -> list[Json]:
        """Return the piece with its texts seen. `told` is changed."""
        if "candidates" in told:
            self._last = {key: value for key, value in told.items() if key in ("modelVersion", "responseId")}
        before = self.end() if "error" in told else []
        for at, candidate in each(told.get("candidates")):
            index = candidate.get("index")
            index = index if isinstance(index, int) else at
            content = candidate.get("content")
            parts: list[Any] = []
            for part in content.get("parts") or () if isinstance(content, dict) else ():
                parts.extend(self._part(index, part))
            if candidate.get("finishReason"):
                self._finish(index, parts)
            if not parts and isinstance(content, dict) and content.get("parts"):
                # All of it is held back; Google's clients call a content without parts broken.
                parts = [{"text": ""}]
            if parts:
                candidate["content"] = {"role": "model", **(content if isinstance(content, dict) else {})}
                candidate["content"]["parts"] = parts
            if parts and "logprobsResult" in candidate:
                del candidate["logprobsResult"]
        return [*before, told]

    def end(self) -> list[Json]:
        """Return the pieces that close all channels that are open yet."""
        made: list[Json] = []
        for channel in self._channels.under():
            for part in self._close(channel):
                index = channel.where[0]
                content = {"parts": [part], "role": "model"}
                made.append({"candidates": [{"content": content, "index": index}], **self._last})
        return made

    def _part(self, index: int, part: Any) -> list[Any]:
        if not isinstance(part, dict):
            return [part]
        text = part.get("text")
        own = _channel(index, part) if isinstance(text, str) else None
        before = []
        # A piece without text says nothing of what comes next: it may carry a signature only.
        for channel in self._channels.under(index) if text != "" else ():
            if channel != own:
                before.extend(self._close(channel))
        if own is not None and isinstance(text, str):
            part["text"] = self._channels.feed(own, text)
            if text and not part["text"] and "thoughtSignature" not in part:
                return before
        for name, key in _VALUES:
            held = part.get(name)
            if isinstance(held, dict) and key in held:
                channel = Channel("result" if key == "output" else "arguments", (index, name))
                held[key] = self._channels.value(channel, held[key])
        return [*before, part]

    def _finish(self, index: int, parts: list[Any]) -> None:
        for channel in self._channels.under(index):
            # Before a part that is empty, which may carry the last signature.
            at = len(parts) - 1 if parts and isinstance(parts[-1], dict) and parts[-1].get("text") == "" else len(parts)
            parts[at:at] = self._close(channel)

    def _close(self, channel: Channel) -> list[Json]:
        rest = self._channels.close(channel)
        if not rest:
            return []
        return [{"text": rest, "thought": True}] if channel.kind == "reasoning" else [{"text": rest}]


def _channel(index: int, part: Json) -> Channel:
    return Channel("reasoning", (index, "thought")) if part.get("thought") is True else Channel("text", (index, "text"))


_VALUES = (("functionCall", "args"), ("executableCode", "code"), ("codeExecutionResult", "output"))
