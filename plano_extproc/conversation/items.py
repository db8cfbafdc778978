"""The items of a conversation: taken out of its turns, put into a request, shortened, and listed by pages.

Items are kept whole, as their caller or the answer had them. One without an id gets one from its turn and its place,
always the same, by which it can be listed and removed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from plano_extproc.conversation.turn import Json, Turn
from plano_extproc.errors import InvalidRequest, NotFound
from plano_extproc.translate import shape
from plano_extproc.translate.names import derived_id

_BYTES_PER_TOKEN: Final = 4
_MOST_LISTED: Final = 100
_USUALLY_LISTED: Final = 20
_STATE: Final = ("previous_response_id", "conversation")


def given(value: Any) -> tuple[Json, ...]:
    """Return the `input` of a request as items; a text is a message of the user. Raises `InvalidRequest`."""
    match value:
        case str():
            return ({"type": "message", "role": "user", "content": [{"type": "input_text", "text": value}]},)
        case dict():
            return (value,)
        case list():
            return tuple(shape.required_object(item, f"input[{place}]") for place, item in enumerate(value))
        case None:
            return ()
    raise shape.refuse("input", "a string or a list of items is required")


def of_turns(turns: Iterable[Turn]) -> list[tuple[str, Json]]:
    """Return the items of turns in their order, oldest first, each with its id."""
    found: list[tuple[str, Json]] = []
    removed: set[str] = set()
    for turn in turns:
        found += with_ids(turn, (*turn.input, *turn.output))
        removed.update(turn.removed)
    return [pair for pair in found if pair[0] not in removed]


def with_ids(turn: Turn, items: Sequence[Json]) -> list[tuple[str, Json]]:
    """Return items of a turn with their ids."""
    return [(_id(turn, place, item), item) for place, item in enumerate(items)]


def merged(request: Mapping[str, Any], history: Sequence[Json], own: Sequence[Json]) -> Json:
    """Return a request that needs no state: all that was said before stands in its input.

    An id that comes twice, which providers refuse, is left out; it says nothing that the item does not.
    """
    seen = Counter(str(item["id"]) for item in (*history, *own) if "id" in item)
    plain = (
        {key: held for key, held in item.items() if key != "id"} if seen[str(item.get("id"))] > 1 else item
        for item in (*history, *own)
    )
    return {**{key: held for key, held in request.items() if key not in _STATE}, "input": list(plain)}


def anywhere(item: Json) -> Json | None:
    """Return an item that its provider looked up by its id, for one that cannot: reasoning is then only an id."""
    if item.get("type") == "reasoning" and not item.get("encrypted_content"):
        return None
    return {key: held for key, held in item.items() if key != "id" or item.get("type") == "reasoning"}


def shortened(items: Sequence[Json], most: int) -> Sequence[Json]:
    """Return the end of a conversation of at most `most` tokens, as far as whole exchanges can be left out.

    It begins with what a user says; what operators said first is kept. The last exchange always stays.
    """
    sizes = [_tokens(item) for item in items]
    head = next((place for place, item in enumerate(items) if not _is_instruction(item)), len(items))
    starts = [place for place in range(head, len(items)) if _is_users(items[place])]
    kept = sum(sizes[:head])
    best = head
    for place in starts:
        best = place
        if kept + sum(sizes[place:]) <= most:
            break
    if sum(sizes) <= most or best == head:
        return items
    rest = list(items[best:])
    # A result without its call would be refused.
    called = {item.get("call_id") for item in rest if not _is_result(item)}
    return [*items[:head], *(item for item in rest if not _is_result(item) or item.get("call_id") in called)]


def tokens(items: Iterable[Json]) -> int:
    """Estimate the tokens of items, at four bytes each."""
    return sum(map(_tokens, items))


@dataclass(frozen=True, slots=True)
class Page:
    """Which items of a list are wanted: so many `after` an id, from the newest or from the oldest on."""

    limit: int = _USUALLY_LISTED
    after: str | None = None
    is_ascending: bool = False


def page(query: str) -> Page:
    """Return the page that a query asks for. Raises `InvalidRequest` that names the parameter."""
    asked = {key: values[-1] for key, values in parse_qs(query).items()}
    written = asked.get("limit", str(_USUALLY_LISTED))
    if not (written.isascii() and written.isdigit()) or not 1 <= int(written) <= _MOST_LISTED:
        raise InvalidRequest(f"limit: must be a number from 1 to {_MOST_LISTED}", param="limit")
    order = asked.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("order: must be asc or desc", param="order")
    return Page(int(written), asked.get("after"), order == "asc")


def listed(items: Sequence[tuple[str, Json]], asked: Page) -> Json:
    """Return a page of items, oldest first, as OpenAI lists them. Raises `NotFound` for an unknown `after`."""
    ordered = list(items if asked.is_ascending else reversed(items))
    if asked.after is not None:
        place = next((place for place, (ident, _) in enumerate(ordered) if ident == asked.after), None)
        if place is None:
            raise NotFound(f"there is no item '{asked.after}'", param="after")
        ordered = ordered[place + 1 :]
    shown = ordered[: asked.limit]
    return {
        "object": "list",
        "data": [shown_item(ident, item) for ident, item in shown],
        "first_id": shown[0][0] if shown else None,
        "last_id": shown[-1][0] if shown else None,
        "has_more": len(ordered) > len(shown),
    }


def shown_item(ident: str, item: Json) -> Json:
    """Return an item as OpenAI shows it: with its id, its type and its status, and its content as parts."""
    kind = item.get("type") or "message"
    made = {**item, "id": ident, "type": kind}
    if kind == "message":
        made.setdefault("status", "completed")
        content = item.get("content")
        if isinstance(content, str):
            part = "output_text" if item.get("role") == "assistant" else "input_text"
            more: Json = {"annotations": []} if part == "output_text" else {}
            made["content"] = [{"type": part, "text": content, **more}]
    return made


def _id(turn: Turn, place: int, item: Json) -> str:
    held = item.get("id")
    if isinstance(held, str) and held:
        return held
    return derived_id(f"{_PREFIXES.get(str(item.get('type') or 'message'), 'item')}_", turn.id, place)


def _tokens(item: Json) -> int:
    return -(-len(orjson.dumps(item)) // _BYTES_PER_TOKEN)


def _is_users(item: Json) -> bool:
    return item.get("role") == "user"


def _is_instruction(item: Json) -> bool:
    return item.get("role") in ("system", "developer")


def _is_result(item: Json) -> bool:
    return str(item.get("type")).endswith("_output")


_PREFIXES: Final[Mapping[str, str]] = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}
