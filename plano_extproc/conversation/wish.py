"""What a request of the Responses API says about state: what it goes on from, and whether it is to be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from plano_extproc.conversation.references import referred
from plano_extproc.errors import InvalidRequest
from plano_extproc.translate import shape

Json = dict[str, Any]

FIELDS: Final = ("previous_response_id", "conversation", "store", "truncation")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants. `previous` and `conversation` are ids, at most one of which is given.

    `truncates` allows that the beginning of a conversation is left out where the whole is too long. `refers` says that
    some of its items only name others.
    """

    previous: str | None = None
    conversation: str | None = None
    stores: bool = True
    truncates: bool = False
    refers: bool = False

    @property
    def touches_store(self) -> bool:
        """Whether serving it needs the store at all."""
        return self.stores or self.refers or self.previous is not None or self.conversation is not None


def wish(request: Mapping[str, Any]) -> Wish:
    """Return what a request wants. Raises `InvalidRequest` that names the field of a wrong shape."""
    body = dict(request)
    previous = shape.optional_text(body, "previous_response_id")
    conversation = _conversation(body)
    if previous and conversation:
        raise InvalidRequest(
            "previous_response_id and conversation exclude each other; send one of them", param="previous_response_id"
        )
    stores = shape.optional_flag(body, "store")
    truncation = shape.optional_text(body, "truncation")
    if truncation not in (None, "auto", "disabled"):
        raise shape.refuse("truncation", "must be auto or disabled")
    given = body.get("input")
    refers = isinstance(given, list) and any(map(referred, given))
    return Wish(previous or None, conversation, stores is not False, truncation == "auto", refers)


def _conversation(body: Json) -> str | None:
    held = body.get("conversation")
    if isinstance(held, dict):
        return shape.required_text(held, "id", "conversation")
    return shape.optional_text(body, "conversation") or None
