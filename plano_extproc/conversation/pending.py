"""A turn under way: from the request that begins it to the answer that completes it.

A request goes to a provider with the whole conversation in its input; its answer comes back with the id under which
the turn is kept. Where a provider of the Responses API keeps conversations itself, a turn that it has kept is not sent
to it again. The rule is exact: the entry that serves this request also served the turn before, it said in that answer
that it stored it (`store: true`), and nothing else may serve instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from plano_extproc.conversation import items
from plano_extproc.conversation.references import Own
from plano_extproc.conversation.turn import Json, Native, Turn, behind
from plano_extproc.conversation.wish import Wish
from plano_extproc.errors import NotFound

NATIVE_SECONDS: Final = 29 * 86_400
"""For so long a provider is trusted to have what it stored; OpenAI keeps responses for 30 days."""

KEPT: Final = frozenset({"completed", "incomplete"})
"""Answers with any other status are no turn."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A turn that has begun. `id` is what it will be called, `turns` are those before it, oldest first.

    `own` are the request's own items. `unknown` is the id that the request goes on from, where it is not known here:
    only a provider that keeps conversations itself may know it. `sent` are the own items as they were sent, where some
    of them refer to others that were found.
    """

    id: str
    owner: str
    created: int
    wish: Wish
    own: tuple[Json, ...] = field(repr=False)
    turns: tuple[Turn, ...] = field(default=(), repr=False)
    is_shortened: bool = False
    unknown: str | None = None
    sent: tuple[Own, ...] = field(default=(), repr=False)

    @property
    def last(self) -> Turn | None:
        """The turn that this one goes on from."""
        return self.turns[-1] if self.turns else None

    @property
    def is_kept(self) -> bool:
        """Whether the turn is to be saved."""
        return self.wish.stores or self.wish.conversation is not None

    @property
    def history(self) -> list[Json]:
        """What was said before, as anybody can read it."""
        kept = items.of_turns(self.turns)
        stored = {id(item) for turn in self.turns if turn.native is not None for item in turn.output}
        return [made for _, item in kept if (made := items.anywhere(item) if id(item) in stored else item) is not None]

    def request(self, request: Mapping[str, Any], most_tokens: int | None = None) -> Json:
        """Return the request with the whole conversation in its input.

        With `truncation: auto` its beginning is left out as far as it has more than `most_tokens`, where that is known.
        """
        history = self.history
        if self.wish.truncates and most_tokens is not None:
            whole = items.shortened((*history, *self.own), most_tokens)
            return items.merged(request, whole, ())
        return items.merged(request, history, self.own)

    def as_sent(self, own: Sequence[Json], entry: str) -> list[Json] | None:
        """Return the request's `own` items, which steps may have edited, with the references that it was sent with.

        None where there are none, or where the provider's entry has not stored all that they refer to.
        """
        references = [one for one in self.sent if one.is_reference]
        if not references or any(one.entry != entry for one in references):
            return None
        left = iter(own)
        made = [(one, next(left) if one.meant is not None else one.sent) for one in self.sent]
        return [one.sent if one.is_reference else edited for one, edited in made]

    def native(self, entry: str) -> str | None:
        """Return the provider's own id of the turn before, where it is to be asked to go on from it."""
        last = self.last
        if last is None or last.native is None or last.native.entry != entry or self.wish.conversation is not None:
            return None
        return last.native.id if self.created - last.created < NATIVE_SECONDS else None

    def demand_known(self) -> None:
        """Raise `NotFound` where the request goes on from something that nobody knows."""
        if self.unknown is None:
            return
        if self.wish.conversation is not None:
            raise NotFound(f"there is no conversation '{self.unknown}'", param="conversation", code="not_found")
        raise NotFound(
            f"there is no response '{self.unknown}' to go on from; it may have expired, or be another client's",
            param="previous_response_id",
            code="previous_response_not_found",
        )

    def stated(self, response: Json, entry: str | None = None) -> Json:
        """Return an answer, or what is known of it so far, as the caller is to see it.

        `entry` is the provider's entry where that may have stored the answer itself.
        """
        ident = response.get("id") if _is_stored(response, entry) else self.id
        conversation = self.wish.conversation
        return {
            **response,
            "id": ident,
            "previous_response_id": self.wish.previous,
            "store": self.wish.stores,
            "conversation": None if conversation is None else {"id": conversation},
        }

    def turn(self, answer: Json, entry: str | None = None) -> Turn | None:
        """Return the turn that a whole answer of the provider's completes; None where it is none to keep."""
        if not self.is_kept or str(answer.get("status")) not in KEPT:
            return None
        stated = self.stated(answer, entry)
        native = Native(entry, stated["id"]) if entry is not None and _is_stored(answer, entry) else None
        return Turn(
            id=stated["id"],
            owner=self.owner,
            created=self.created,
            before=behind(self.last),
            conversation=self.wish.conversation,
            input=self.own,
            response=stated,
            hidden=not self.wish.stores,
            native=native,
        )


def _is_stored(response: Mapping[str, Any], entry: str | None) -> bool:
    return entry is not None and response.get("store") is True and str(response.get("id")).startswith("resp_")
