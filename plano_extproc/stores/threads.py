"""Turns in a store, each behind the one before it.

Keys hold the owner, so that what belongs to another client is not found. Whatever goes on from a turn renews all turns
before it, a few times in the life of each.
"""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from plano_extproc.conversation import record as records
from plano_extproc.conversation import references
from plano_extproc.conversation.turn import Turn, behind, decoded, encoded
from plano_extproc.errors import InvalidRequest, NotFound, Unavailable
from plano_extproc.stores.contract import SharedStore

DEFAULT_TTL: Final = 30 * 86_400.0
"""Seconds; as long as OpenAI keeps a response."""

ID: Final = re.compile(r"[A-Za-z0-9_\-.]{1,200}")
TRIES: Final = 20
"""How often a change is tried again that somebody else's change came before."""

_RENEWALS: Final = 4

Elsewhere = Callable[[str, str], Awaitable[Turn | None]]
"""Finds a turn, by owner and id, where an earlier gateway has left it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a turn is kept after it was used last, and how many bytes of turns one request may go on from."""

    ttl: float = DEFAULT_TTL
    most_bytes: int = 32 * 1024 * 1024


class Threads:
    """Reads and writes turns. Raises `StoreError` where the store does not answer."""

    def __init__(
        self,
        store: SharedStore,
        limits: Limits,
        *,
        now: Callable[[], float] = time.time,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._now = now
        self._elsewhere = elsewhere

    async def all(self, owner: str, ident: str) -> tuple[Turn, ...]:
        """Return a turn and those before it, as far as they are not too many, oldest first."""
        return (await self.read(owner, ident, truncates=True))[1]

    async def read(self, owner: str, ident: str, *, truncates: bool) -> tuple[bool, tuple[Turn, ...]]:
        """Return a turn and those before it, oldest first, and whether the oldest were left out for their size."""
        last, size = await self.turn(owner, ident)
        if last is None:
            return False, ()
        turns = [last]
        while turns[-1].before:
            wanted = turns[-1].before
            values = await self._store.many([turn_key(owner, one) for one in wanted])
            for one, value in zip(wanted, values, strict=True):
                if value is None:
                    raise NotFound(
                        f"'{ident}' cannot be gone on from: '{one}' before it was deleted or has expired",
                        param="previous_response_id",
                        code="previous_response_not_found",
                    )
                size += len(value)
                if truncates and size > self._limits.most_bytes:
                    return True, tuple(reversed(turns))
                self._demand_room(size)
                turns.append(decoded(value))
        await self._renew(owner, turns)
        return False, tuple(reversed(turns))

    async def _renew(self, owner: str, turns: Sequence[Turn]) -> None:
        """Let the turns of a thread live on, the newest of which was made in an earlier part of its time."""
        if self._is_aged(turns[0].created):
            await self._store.renew([turn_key(owner, turn.id) for turn in turns], self._limits.ttl)

    def _is_aged(self, created: float) -> bool:
        stretch = self._limits.ttl / _RENEWALS
        return int(self._now() / stretch) != int(created / stretch)

    def _demand_room(self, size: int) -> None:
        if size > self._limits.most_bytes:
            raise InvalidRequest(
                f"the conversation has more than {self._limits.most_bytes} bytes; send truncation: auto, or begin a new"
                " one",
                param="input",
                code="context_length_exceeded",
            )

    async def turn(self, owner: str, ident: str) -> tuple[Turn | None, int]:
        """Return a turn, None where the owner has none of this id, and its bytes."""
        if not ID.fullmatch(ident):
            return None, 0
        value = await self._store.get(turn_key(owner, ident))
        if value is not None:
            return decoded(value), len(value)
        found = await self._elsewhere(owner, ident) if self._elsewhere else None
        if found is not None:
            await self.keep(found)
        return found, 0

    async def keep(self, turn: Turn) -> None:
        """Write a turn, and the items of its answer under their own ids."""
        told = {
            item_key(turn.owner, ident): item for ident, item in references.told(turn).items() if ID.fullmatch(ident)
        }
        before = await self._store.many(list(told))
        told = {key: references.settled(new, old) for (key, new), old in zip(told.items(), before, strict=True)}
        await self._store.put({**told, turn_key(turn.owner, turn.id): encoded(turn)}, self._limits.ttl)

    async def items(self, owner: str, idents: Sequence[str]) -> dict[str, references.Held]:
        """Return items of answers by their ids, as far as they are known. Raises `InvalidRequest` for too many."""
        asked = [ident for ident in dict.fromkeys(idents) if ID.fullmatch(ident)]
        values = await self._store.many([item_key(owner, ident) for ident in asked])
        self._demand_room(sum(len(value) for value in values if value))
        found = {one: references.decoded(value) for one, value in zip(asked, values, strict=True) if value is not None}
        aged = [item_key(owner, ident) for ident, held in found.items() if self._is_aged(held.created)]
        if aged:
            await self._store.renew(aged, self._limits.ttl)
        return found

    async def forget(self, turn: Turn) -> None:
        """Forget an answer; within a conversation its turn stays."""
        for ident in references.told(turn):
            await self._store.delete(item_key(turn.owner, ident))
        if turn.conversation is None:
            await self._store.delete(turn_key(turn.owner, turn.id))
        else:
            await self.keep(replace(turn, hidden=True))

    async def append(self, turn: Turn, ident: str) -> None:
        """Put a turn at the end of a conversation, behind whatever has come there meanwhile."""
        key = record_key(turn.owner, ident)
        for _ in range(TRIES):
            value = await self._store.get(key)
            if value is None:
                raise NotFound(f"there is no conversation '{ident}'", param="conversation", code="not_found")
            found = records.decoded(value)
            last, _ = await self.turn(turn.owner, found.head) if found.head else (None, 0)
            # Nothing leads to this turn before the record does: whoever dies in between has changed nothing.
            await self.keep(replace(turn, before=behind(last)))
            moved = records.encoded(replace(found, head=turn.id))
            if await self._store.swap(key, value, moved, self._limits.ttl):
                return
        raise Unavailable(f"the conversation '{ident}' is too busy; try again", code="conversation_locked")


def turn_key(owner: str, ident: str) -> str:
    """Return where a turn of an owner is kept."""
    return f"turn:{owner}:{ident}"


def item_key(owner: str, ident: str) -> str:
    """Return the key of an item of an answer."""
    return f"item:{owner}:{ident}"


def record_key(owner: str, ident: str) -> str:
    """Return the key of a conversation by name."""
    return f"conversation:{owner}:{ident}"
