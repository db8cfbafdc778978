"""A turn: what one request added to a conversation, and what was answered.

Turns are written once and never changed; each names the one before it, so a conversation grows by what is new, and two
turns may go on from the same one. A turn also names some more of those before it, so that a long conversation is read
in a few steps.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

Json = dict[str, Any]

MOST_BEFORE: Final = 32
"""Turns that a turn names; so many are read at a time."""

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Native:
    """A turn that its provider keeps too: the provider's entry in the configuration, and its own id of the turn."""

    entry: str
    id: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `owner` is a digest of who asked, `created` is in seconds since 1970.

    `before` are the turns before this one, the nearest first. `input` holds the request's own items, `response` the
    answer as its caller got it: None for items that were put into a conversation without asking anyone. A `hidden`
    answer is part of its conversation, and not found by its id. `removed` are ids of items of this conversation that
    are no longer part of it.
    """

    id: str
    owner: str
    created: int
    before: tuple[str, ...] = ()
    conversation: str | None = None
    input: tuple[Json, ...] = field(default=(), repr=False)
    response: Json | None = field(default=None, repr=False)
    hidden: bool = False
    removed: tuple[str, ...] = ()
    native: Native | None = None

    @property
    def output(self) -> list[Json]:
        """The items of the answer."""
        held = (self.response or {}).get("output")
        return [item for item in held if isinstance(item, dict)] if isinstance(held, list) else []


def encoded(turn: Turn) -> bytes:
    """Return a turn as a store keeps it."""
    held = {
        "v": _VERSION,
        "id": turn.id,
        "owner": turn.owner,
        "created": turn.created,
        "before": turn.before,
        "conversation": turn.conversation,
        "input": turn.input,
        "response": turn.response,
        "hidden": turn.hidden,
        "removed": turn.removed,
        "native": turn.native and {"entry": turn.native.entry, "id": turn.native.id},
    }
    return orjson.dumps({key: value for key, value in held.items() if value not in (None, (), False)})


def decoded(value: bytes) -> Turn:
    """Return the turn in a value of a store. Raises `ValueError` where it was written by a later version."""
    held: Json = orjson.loads(value)
    if held.get("v") != _VERSION:
        raise ValueError("a turn of another version")
    native = held.get("native")
    return Turn(
        id=held["id"],
        owner=held["owner"],
        created=held["created"],
        before=tuple(held.get("before", ())),
        conversation=held.get("conversation"),
        input=tuple(held.get("input", ())),
        response=held.get("response"),
        hidden=held.get("hidden", False),
        removed=tuple(held.get("removed", ())),
        native=Native(native["entry"], native["id"]) if native else None,
    )


def behind(turn: Turn | None) -> tuple[str, ...]:
    """Return what a turn that follows `turn` names as before it."""
    return () if turn is None else (turn.id, *turn.before)[:MOST_BEFORE]


def digest(*parts: str) -> str:
    """Return what stands for an owner in keys: no client's id or credential is written down."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
