"""A stream of the responses dialect joined into the whole answer, for a caller who did not ask for a stream.

The last event holds the answer as the provider sees it, and mostly all of it. Some leave out its items, or a call's
arguments, having told them before; those are put back from the events that told them. Nothing goes through the
neutral model, so that items which only this dialect knows stay as they came.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from plano_extproc.errors import (
    BadProviderAnswer,
    Forbidden,
    GatewayError,
    InvalidRequest,
    RateLimited,
    Unavailable,
)
from plano_extproc.translate.chat import Json
from plano_extproc.translate.faults import fault_body, fault_in, read_fault
from plano_extproc.translate.framing.sse import KEEPALIVE, SseParser
from plano_extproc.translate.reading import event_of

_NO_END: Final = "the provider's stream ended before its answer was complete"


def joined(stream: bytes) -> bytes:
    """Return the whole answer that a stream of status 2xx tells.

    Raises the `GatewayError` for a failure that the stream tells, and `BadProviderAnswer` for one that breaks off.
    """
    return orjson.dumps(joined_answer(stream))


class Joining:
    """Stands in for a `Translation` on the way back where both sides speak this dialect and only the stream must go.

    The provider's answer is to be read whole, though it is a stream.
    """

    def is_stream(self, content_type: bytes) -> bool:  # noqa: ARG002 - the signature of `Translation`
        """Tell that the answer is never to be read by chunks."""
        return False

    def response(self, body: bytes) -> bytes:
        """Return a whole answer of status 2xx. Raises what `joined` raises."""
        return joined(body)

    def error(self, status: int, body: bytes) -> bytes:
        """Return the provider's error, which has a shape of its own, in the dialect's."""
        return fault_body("openai.responses", read_fault(status, body))


def joined_answer(stream: bytes) -> Json:
    """Return what `joined` serialises."""
    parser = SseParser()
    items = _Items()
    for event in (*parser.feed(stream), *parser.end()):
        # "[DONE]" is another dialect's end, which some proxies add.
        if event is KEEPALIVE or event.data == b"[DONE]":
            continue
        told = event_of(event.data)
        kind = told.get("type")
        if kind in _ENDS:
            return items.complete(_answer_in(told))
        if kind in _FAILURES:
            raise _failure(told)
        items.take(told)
    raise BadProviderAnswer(_NO_END)


class _Items:
    """Collects what events tell of the items of an answer, by their place in it."""

    def __init__(self) -> None:
        self._items: dict[int, Json] = {}
        self._arguments: dict[int, str] = {}
        self._texts: dict[tuple[int, int], str] = {}

    def take(self, told: Json) -> None:
        """Read one event."""
        place = told.get("output_index")
        if not isinstance(place, int):
            return
        match told.get("type"), told:
            case "response.output_item.done", {"item": dict(item)}:
                self._items[place] = item
            case "response.function_call_arguments.done", {"arguments": str(arguments)}:
                self._arguments[place] = arguments
            case "response.output_text.done", {"content_index": int(part), "text": str(text)}:
                self._texts[place, part] = text

    def complete(self, answer: Json) -> Json:
        """Return the answer with every item that was told."""
        own = answer.get("output")
        items = own if isinstance(own, list) and own else [self._items[place] for place in sorted(self._items)]
        places = range(len(items)) if items is own else sorted(self._items)
        return {**answer, "output": [self._whole(place, item) for place, item in zip(places, items, strict=True)]}

    def _whole(self, place: int, item: Any) -> Any:
        match item:
            case {"type": "function_call"} if not item.get("arguments") and place in self._arguments:
                return {**item, "arguments": self._arguments[place]}
            case {"type": "message"} if not item.get("content"):
                texts = [text for (owner, _), text in sorted(self._texts.items()) if owner == place]
                parts = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
                return {**item, "content": parts}
        return item


def _answer_in(told: Json) -> Json:
    answer = told.get("response")
    if isinstance(answer, dict):
        return answer
    raise BadProviderAnswer("the provider's stream ended without an answer")


def _failure(told: Json) -> GatewayError:
    """Return the error of `response.failed`, whose answer holds it, or of `error`, which is one."""
    answer = told.get("response")
    source = answer if isinstance(answer, dict) else told
    held = source.get("error")
    if not isinstance(held, dict):
        held = told if told.get("type") == "error" else {}
    fault = fault_in({"error": held})
    word = fault.code or fault.type
    return _KINDS.get(word or "", BadProviderAnswer)(fault.message, param=fault.param, code=word)


_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.done"})
_FAILURES: Final = frozenset({"response.failed", "error"})

_KINDS: Final[Mapping[str, type[GatewayError]]] = {
    "context_length_exceeded": InvalidRequest,
    "cyber_policy": Forbidden,
    "insufficient_quota": RateLimited,
    "invalid_prompt": InvalidRequest,
    "invalid_request_error": InvalidRequest,
    "rate_limit_exceeded": RateLimited,
    "server_is_overloaded": Unavailable,
    "slow_down": Unavailable,
    "usage_limit_reached": RateLimited,
    "usage_not_included": Forbidden,
}
"""The failures that are not the provider's own fault, by the words that stand for them."""
