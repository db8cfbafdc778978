"""Calls in the chunks of a streamed chat: a choice's calls go out together, before the chunk that ends the choice."""

from dataclasses import dataclass, field
from typing import Any

from plano_extproc.translate.calls import call
from plano_extproc.translate.calls.answers import finish_of_chat
from plano_extproc.translate.calls.call import Judge
from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.channels import each


@dataclass(slots=True)
class _Choice:
    """What was held back of one choice: its calls by their index, and the old kind of call."""

    calls: dict[int, Json] = field(default_factory=dict)
    function: Json | None = None
    has_calls: bool = False


class ChatCalls:
    """Takes chunks in order."""

    def __init__(self, may_stay: Judge) -> None:
        self._may_stay = may_stay
        self._choices: dict[int, _Choice] = {}
        self._last: Json = {}

    def event(self, told: Json) -> list[Json]:
        """Return the chunk without its calls, after the chunk of those that may stay. `told` is changed."""
        if "choices" in told:
            self._last = {key: value for key, value in told.items() if key not in ("choices", "usage")}
        if told.get("error"):
            # What was being called is not known, and nothing may follow an error.
            self._choices.clear()
        before: list[Json] = []
        is_empty = bool(told.get("choices")) and not told.get("usage")
        for at, choice in each(told.get("choices")):
            index = choice.get("index")
            is_empty = self._choice(choice, index if isinstance(index, int) else at, before) and is_empty
        return before if is_empty else [*before, told]

    def end(self) -> list[Json]:
        """Return the chunks of calls whose choices were never ended."""
        return [chunk for index in list(self._choices) for chunk in self._released(index)]

    def _choice(self, choice: Json, index: int, before: list[Json]) -> bool:
        """Hold back the calls of a choice; return whether nothing is left of it."""
        delta = choice.get("delta")
        is_held = isinstance(delta, dict) and self._held(delta, index)
        if choice.get("finish_reason") is None:
            return is_held and not delta
        before.extend(self._released(index))
        ended = self._choices.pop(index, _Choice())
        if ended.has_calls or ended.calls or ended.function:
            choice["finish_reason"] = finish_of_chat(choice["finish_reason"], ended.has_calls)
        return False

    def _held(self, delta: Json, index: int) -> bool:
        """Take the calls out of a delta."""
        if not delta.get("tool_calls") and not delta.get("function_call"):
            return False
        found = self._choices.setdefault(index, _Choice())
        for at, piece in each(delta.pop("tool_calls", None)):
            number = piece.get("index")
            number = number if isinstance(number, int) else at
            found.calls[number] = _merged(found.calls.get(number, {}), piece)
        function = delta.pop("function_call", None)
        if isinstance(function, dict):
            found.function = _merged(found.function or {}, function)
        return True

    def _released(self, index: int) -> list[Json]:
        found = self._choices.get(index)
        if found is None:
            return []
        kept = [one for _, one in sorted(found.calls.items()) if self._may_stay(call.of_chat(one))]
        delta: Json = {}
        if kept:
            delta["tool_calls"] = [{**one, "index": number} for number, one in enumerate(kept)]
        if found.function is not None and self._may_stay(call.of_function(found.function)):
            delta["function_call"] = found.function
        found.has_calls = bool(delta)
        if not delta:
            return []
        return [{**self._last, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}]


def _merged(held: Json, piece: Json) -> Json:
    """Return a call with one more piece of it."""
    made = dict(held)
    for key, value in piece.items():
        before: Any = made.get(key)
        if isinstance(value, dict):
            made[key] = _merged(before if isinstance(before, dict) else {}, value)
        elif isinstance(value, str) and isinstance(before, str) and (key in _PIECES or value != before):
            made[key] = before + value if key in (*_PIECES, "name") else value
        elif value is not None or key not in made:
            made[key] = value
    return made


_PIECES = ("arguments", "input")
"""What comes in pieces. A name does not; one that does all the same is put together, as clients would."""
