"""Calls in the events of a streamed message of Anthropic's: the events of a block that calls go out at its end."""

from dataclasses import dataclass, field

from plano_extproc.translate.calls import call
from plano_extproc.translate.calls.answers import finish_of_anthropic
from plano_extproc.translate.calls.call import Judge
from plano_extproc.translate.chat import Json


@dataclass(slots=True)
class _Block:
    """A block that is held back: its events, and what came of its input."""

    block: Json
    events: list[Json]
    input: list[str] = field(default_factory=list)


class AnthropicCalls:
    """Takes events in order. Blocks behind one that was taken out move up."""

    def __init__(self, may_stay: Judge) -> None:
        self._may_stay = may_stay
        self._held: dict[int, _Block] = {}
        self._gone: set[int] = set()
        self._gone_ids: set[str] = set()
        self._has_calls = False

    def event(self, told: Json) -> list[Json]:
        """Return what may go on. `told` is changed."""
        index = told.get("index")
        match told:
            case {"type": "error"}:
                # What was being called is not known, and nothing may follow an error.
                self._held.clear()
            case {"type": "content_block_start", "content_block": dict(block)} if isinstance(index, int):
                return self._start(index, block, told)
            case {"type": "content_block_delta" | "content_block_stop" as name} if isinstance(index, int):
                return self._inside(index, name, told)
            case {"type": "message_delta", "delta": dict(delta)}:
                before = self.end()
                if self._gone and "stop_reason" in delta:
                    delta["stop_reason"] = finish_of_anthropic(delta["stop_reason"], self._has_calls)
                return [*before, told]
        return [told]

    def end(self) -> list[Json]:
        """Return the events of blocks that were never ended."""
        return [event for index in list(self._held) for event in self._released(index)]

    def _start(self, index: int, block: Json, told: Json) -> list[Json]:
        if str(block.get("tool_use_id", "")) in self._gone_ids:
            # What a tool of the provider's returned has no sense without its call.
            self._gone.add(index)
            return []
        if not call.is_call_block(block):
            return [self._moved(told, index)]
        self._held[index] = _Block(block, [told])
        return []

    def _inside(self, index: int, name: str, told: Json) -> list[Json]:
        if index in self._gone:
            return []
        held = self._held.get(index)
        if held is None:
            return [self._moved(told, index)]
        held.events.append(told)
        delta = told.get("delta")
        if isinstance(delta, dict) and isinstance(delta.get("partial_json"), str):
            held.input.append(delta["partial_json"])
        return self._released(index) if name == "content_block_stop" else []

    def _released(self, index: int) -> list[Json]:
        held = self._held.pop(index)
        if not self._may_stay(call.of_block(held.block, "".join(held.input))):
            self._gone.add(index)
            if isinstance(held.block.get("id"), str):
                self._gone_ids.add(held.block["id"])
            return []
        self._has_calls = self._has_calls or held.block.get("type") == "tool_use"
        return [self._moved(event, index) for event in held.events]

    def _moved(self, event: Json, index: int) -> Json:
        if self._gone:
            event["index"] = index - sum(1 for gone in self._gone if gone < index)
        return event
