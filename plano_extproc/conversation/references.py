"""Items that a request only refers to (`item_reference`), by the ids under which answers told them.

Each item of an answer that may be found later is kept a second time under its own id, so that a request that refers to
many is put together in one step, however long the answers were that they stood in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from plano_extproc.conversation.items import anywhere
from plano_extproc.conversation.turn import Json, Turn

_REFERENCE: Final = "item_reference"


@dataclass(frozen=True, slots=True)
class Held:
    """An item, when it was answered (seconds since 1970), and the provider's entry where that has stored it too.

    None stands for several items that got one id: some servers count their answers to a thousand and begin again.
    """

    item: Json | None = field(repr=False)
    created: int
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """One of a request's own items: as it was sent, and what it stands for; None where only its provider could read it.

    `entry` is the provider's entry where that has stored what is referred to.
    """

    sent: Json = field(repr=False)
    meant: Json | None = field(repr=False)
    entry: str | None = None

    @property
    def is_reference(self) -> bool:
        """Whether it is a reference that was found."""
        return self.meant is not self.sent


def referred(item: Any) -> str | None:
    """Return the id that an item refers to; None for one that says something itself."""
    if not isinstance(item, dict):
        return None
    kind, ident = item.get("type"), item.get("id")
    is_reference = kind == _REFERENCE or (kind is None and "role" not in item)
    return ident if is_reference and isinstance(ident, str) else None


def found(own: Sequence[Json], held: Mapping[str, Held]) -> tuple[Own, ...]:
    """Return a request's own items with what they refer to, as far as it is known."""
    return tuple(_own(item, held.get(referred(item) or "")) for item in own)


def _own(item: Json, held: Held | None) -> Own:
    if held is None or held.item is None:
        return Own(item, item)
    return Own(item, held.item if held.entry is None else anywhere(held.item), held.entry)


def told(turn: Turn) -> dict[str, bytes]:
    """Return the items of an answer that can be referred to, by their ids, as a store keeps them."""
    if turn.hidden:
        return {}
    entry = turn.native and turn.native.entry
    items = ((item.get("id"), item) for item in turn.output)
    return {
        ident: orjson.dumps({"created": turn.created, "entry": entry, "item": item})
        for ident, item in items
        if isinstance(ident, str)
    }


def settled(new: bytes, before: bytes | None) -> bytes:
    """Return what is kept under an id, where `before` is kept by now: no item where they differ."""
    if before is None or decoded(before).item == (told := decoded(new)).item:
        return new
    return orjson.dumps({"created": told.created, "entry": None, "item": None})


def decoded(value: bytes) -> Held:
    """Return the item in a value of a store."""
    held: Json = orjson.loads(value)
    return Held(held["item"], held["created"], held["entry"])
