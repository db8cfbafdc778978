"""Calls in the events of a streamed answer of Responses: the events of an item that calls go out at its end."""

from typing import Any, Final

from plano_extproc.translate.calls import call
from plano_extproc.translate.calls.call import Call, Judge
from plano_extproc.translate.chat import Json


class ResponsesCalls:
    """Takes events in order. Items behind one that was taken out move up, and events are numbered anew."""

    def __init__(self, may_stay: Judge) -> None:
        self._may_stay = may_stay
        self._held: dict[int, list[Json]] = {}
        self._gone: set[int] = set()
        self._judged: dict[tuple[str, Call], bool] = {}
        self._number: int | None = None

    def event(self, told: Json) -> list[Json]:
        """Return what may go on. `told` is changed."""
        return [self._numbered(event) for event in self._events(told)]

    def end(self) -> list[Json]:
        """Return the events of items that were never ended: none, as what they call is not known."""
        return []

    def _events(self, told: Json) -> list[Json]:
        place, item, name = told.get("output_index"), told.get("item"), str(told.get("type"))
        if isinstance(told.get("response"), dict):
            output = told["response"].get("output")
            if name in _ENDS and isinstance(output, list):
                told["response"]["output"] = [one for one in output if self._stays(one)]
            return [told]
        if not isinstance(place, int):
            return [told]
        if place in self._gone:
            return []
        if name == "response.output_item.added" and isinstance(item, dict) and call.is_call_item(item):
            self._held[place] = []
        held = self._held.get(place)
        if held is None:
            if name == "response.output_item.done" and isinstance(item, dict) and not self._stays(item):
                self._gone.add(place)
                return []
            return [self._moved(told, place)]
        held.append(told)
        if name != "response.output_item.done":
            return []
        del self._held[place]
        if not self._stays(item):
            self._gone.add(place)
            return []
        return [self._moved(event, place) for event in held]

    def _stays(self, item: Any) -> bool:
        """Judge an item, once however often it is told."""
        if not isinstance(item, dict) or not call.is_call_item(item):
            return True
        told = call.of_item(item)
        key = str(item.get("id") or item.get("call_id") or ""), told
        if key not in self._judged:
            self._judged[key] = self._may_stay(told)
        return self._judged[key]

    def _moved(self, event: Json, place: int) -> Json:
        if self._gone:
            event["output_index"] = place - sum(1 for gone in self._gone if gone < place)
        return event

    def _numbered(self, event: Json) -> Json:
        number = event.get("sequence_number")
        if not isinstance(number, int):
            return event
        self._number = number if self._number is None else self._number + 1
        event["sequence_number"] = self._number
        return event


_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.done", "response.failed"})
