"""A conversation by name: where its last turn is, and what its owner noted about it. Its turns are like all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from plano_extproc.conversation import items
from plano_extproc.conversation.turn import Json
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import shape

_MOST_NOTES: Final = 16
_MOST_NAME: Final = 64
_MOST_NOTE: Final = 512
_MOST_ITEMS: Final = 20
"""OpenAI's limits; https://platform.openai.com/docs/api-reference/conversations."""


@dataclass(frozen=True, slots=True)
class Record:
    """`head` is the id of the last turn, None before the first; `created` is in seconds since 1970."""

    id: str
    created: int
    head: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> Json:
        """The conversation as OpenAI shows it."""
        return {
            "id": self.id,
            "object": "conversation",
            "created_at": self.created,
            "metadata": dict(self.metadata),
        }


def encoded(record: Record) -> bytes:
    """Return a record as a store keeps it."""
    held = {"id": record.id, "created": record.created, "head": record.head, "metadata": dict(record.metadata)}
    return orjson.dumps(held)


def decoded(value: bytes) -> Record:
    """Return the record in a value of a store."""
    held: Json = orjson.loads(value)
    return Record(held["id"], held["created"], held["head"], held["metadata"])


def metadata(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the notes in a request. Raises `InvalidRequest` for too many or too long ones."""
    held = shape.optional_object(dict(body), "metadata") or {}
    if len(held) > _MOST_NOTES:
        raise InvalidRequest(f"metadata: has more than {_MOST_NOTES} keys", param="metadata")
    for name, value in held.items():
        if not isinstance(value, str) or len(value) > _MOST_NOTE or len(name) > _MOST_NAME:
            message = f"names have at most {_MOST_NAME} characters, values are strings of at most {_MOST_NOTE}"
            raise InvalidRequest(f"metadata.{name[:_MOST_NAME]}: {message}", param="metadata")
    return held


def new_items(body: Mapping[str, Any], *, required: bool) -> Sequence[Json]:
    """Return the items in a request. Raises `InvalidRequest` for none where they are `required`, or too many."""
    held = body.get("items")
    if held is not None and not isinstance(held, list):
        raise shape.refuse("items", "a list of items is required")
    found = items.given(held)
    if required and not found:
        raise shape.refuse("items", "at least one item is required")
    if len(found) > _MOST_ITEMS:
        raise shape.refuse("items", f"has more than {_MOST_ITEMS} items")
    return found
