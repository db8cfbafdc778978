"""The turns of conversations in the running gateway.

    pending = await conversations.begin(owner, wish, request)     # reads what the request goes on from
    ...
    await conversations.save(turn)                                # before the end of the answer is released

What is saved can be read by the very next request, on any worker. Keys hold the owner, so that what belongs to another
client is not found. Whatever goes on from a turn renews all turns before it, a few times in the life of each.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from plano_extproc.conversation import items, references
from plano_extproc.conversation import record as records
from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.record import Record
from plano_extproc.conversation.turn import Json, Turn
from plano_extproc.conversation.wish import Wish
from plano_extproc.errors import NotFound, Unavailable
from plano_extproc.stores.contract import SharedStore, StoreError
from plano_extproc.stores.threads import ID, TRIES, Elsewhere, Limits, Threads, record_key, turn_key

_log = logging.getLogger(__name__)


class Conversations:
    """One worker's view of all conversations. Raises `Unavailable` where the store does not answer."""

    def __init__(
        self,
        store: SharedStore,
        limits: Limits,
        *,
        new_id: Callable[[], str],
        now: Callable[[], float] = time.time,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`new_id` gives what nobody can guess, in letters and digits."""
        self._store = store
        self._limits = limits
        self._new_id = new_id
        self._now = now
        self._threads = Threads(store, limits, now=now, elsewhere=elsewhere)

    async def begin(self, owner: str, wish: Wish, request: Mapping[str, Any]) -> Pending:
        """Return the turn that a request begins, with all that was said before.

        What it goes on from may be unknown; see `Pending.unknown`. Raises `InvalidRequest` for a conversation that is
        too long, and `NotFound` for one of which a part is gone.
        """
        own = items.given(request.get("input"))
        pending = Pending(f"resp_{self._new_id()}", owner, int(self._now()), wish, own)
        if wish.refers:
            with self._asked():
                pending = await self._with_items(pending)
        if wish.conversation is not None:
            with self._asked():
                found = await self._record(owner, wish.conversation)
                if found is None:
                    return replace(pending, unknown=wish.conversation)
                return await self._with_thread(pending, found.head) if found.head else pending
        if wish.previous is not None:
            with self._asked():
                return await self._with_thread(pending, wish.previous)
        return pending

    async def save(self, turn: Turn) -> None:
        """Keep a turn; once this returns, it can be gone on from."""
        with self._asked():
            if turn.conversation is None:
                await self._threads.keep(turn)
            else:
                await self._threads.append(turn, turn.conversation)

    async def response(self, owner: str, ident: str) -> Json:
        """Return a kept answer. Raises `NotFound`."""
        with self._asked():
            turn = await self._answered(owner, ident)
        assert turn.response is not None
        return turn.response

    async def forget(self, owner: str, ident: str) -> Json:
        """Forget an answer; within a conversation its items stay. Raises `NotFound`."""
        with self._asked():
            turn = await self._answered(owner, ident)
            await self._threads.forget(turn)
        return {"id": ident, "object": "response", "deleted": True}

    async def input_items(self, owner: str, ident: str, query: str) -> Json:
        """Return the items that an answer is to: the request's own, and those of the turns before."""
        asked = items.page(query)
        with self._asked():
            turn = await self._answered(owner, ident)
            before = await self._threads.all(owner, turn.before[0]) if turn.before else ()
        return items.listed([*items.of_turns(before), *items.with_ids(turn, turn.input)], asked)

    async def create(self, owner: str, body: Mapping[str, Any]) -> Json:
        """Begin a conversation, with items if the request has some."""
        made = Record(f"conv_{self._new_id()}", int(self._now()), None, records.metadata(body))
        first = records.new_items(body, required=False)
        with self._asked():
            await self._store.set(record_key(owner, made.id), records.encoded(made), self._limits.ttl)
            if first:
                await self._threads.append(self._put_in(owner, made.id, first), made.id)
        return made.shown

    async def conversation(self, owner: str, ident: str) -> Json:
        """Return a conversation. Raises `NotFound`."""
        with self._asked():
            return (await self._known(owner, ident)).shown

    async def update(self, owner: str, ident: str, body: Mapping[str, Any]) -> Json:
        """Replace the notes of a conversation. Raises `NotFound`."""
        notes = records.metadata(body)
        with self._asked():
            made = await self._change(owner, ident, lambda found: replace(found, metadata=notes))
        return made.shown

    async def end(self, owner: str, ident: str) -> Json:
        """Forget a conversation, and the items that were put into it; answers in it can still be read by their ids."""
        with self._asked():
            found = await self._known(owner, ident)
            for turn in await self._threads.all(owner, found.head) if found.head else ():
                if turn.response is None or turn.hidden:
                    await self._store.delete(turn_key(owner, turn.id))
            await self._store.delete(record_key(owner, ident))
        return {"id": ident, "object": "conversation.deleted", "deleted": True}

    async def items(self, owner: str, ident: str, query: str) -> Json:
        """Return a page of a conversation's items. Raises `NotFound`."""
        asked = items.page(query)
        return items.listed(await self._items(owner, ident), asked)

    async def item(self, owner: str, ident: str, item: str) -> Json:
        """Return one item of a conversation. Raises `NotFound`."""
        found = dict(await self._items(owner, ident))
        if item not in found:
            raise _no_item(item)
        return items.shown_item(item, found[item])

    async def put(self, owner: str, ident: str, body: Mapping[str, Any]) -> Json:
        """Put items into a conversation, and return them. Raises `NotFound`."""
        added = records.new_items(body, required=True)
        with self._asked():
            await self._known(owner, ident)
            turn = self._put_in(owner, ident, added)
            await self._threads.append(turn, ident)
        return items.listed(items.with_ids(turn, turn.input), items.Page(len(added), is_ascending=True))

    async def remove(self, owner: str, ident: str, item: str) -> Json:
        """Take an item out of a conversation, and return what is left of that. Raises `NotFound`."""
        if item not in dict(await self._items(owner, ident)):
            raise _no_item(item)
        with self._asked():
            found = await self._known(owner, ident)
            await self._threads.append(replace(self._put_in(owner, ident, ()), removed=(item,)), ident)
        return found.shown

    async def _items(self, owner: str, ident: str) -> list[tuple[str, Json]]:
        with self._asked():
            found = await self._known(owner, ident)
            return items.of_turns(await self._threads.all(owner, found.head) if found.head else ())

    def _put_in(self, owner: str, ident: str, added: Sequence[Json]) -> Turn:
        made = int(self._now())
        return Turn(f"turn_{self._new_id()}", owner, made, conversation=ident, input=tuple(added), hidden=True)

    async def _with_items(self, pending: Pending) -> Pending:
        asked = [ident for item in pending.own if (ident := references.referred(item)) is not None]
        sent = references.found(pending.own, await self._threads.items(pending.owner, asked))
        if not any(one.is_reference for one in sent):
            return pending
        return replace(pending, sent=sent, own=tuple(one.meant for one in sent if one.meant is not None))

    async def _with_thread(self, pending: Pending, ident: str) -> Pending:
        is_shortened, turns = await self._threads.read(pending.owner, ident, truncates=pending.wish.truncates)
        if not turns:
            return replace(pending, unknown=pending.wish.previous or pending.wish.conversation)
        return replace(pending, turns=turns, is_shortened=is_shortened)

    async def _answered(self, owner: str, ident: str) -> Turn:
        turn, _ = await self._threads.turn(owner, ident)
        if turn is None or turn.response is None or turn.hidden:
            raise NotFound(f"there is no response '{ident}'", code="not_found")
        return turn

    async def _change(self, owner: str, ident: str, change: Callable[[Record], Record]) -> Record:
        key = record_key(owner, ident)
        for _ in range(TRIES):
            value = await self._store.get(key)
            if value is None:
                break
            made = change(records.decoded(value))
            if await self._store.swap(key, value, records.encoded(made), self._limits.ttl):
                return made
        return await self._known(owner, ident)

    async def _record(self, owner: str, ident: str) -> Record | None:
        value = await self._store.get(record_key(owner, ident)) if ID.fullmatch(ident) else None
        return None if value is None else records.decoded(value)

    async def _known(self, owner: str, ident: str) -> Record:
        found = await self._record(owner, ident)
        if found is None:
            raise NotFound(f"there is no conversation '{ident}'", code="not_found")
        return found

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            _log.warning("conversations: %s", error)
            raise Unavailable(
                "the store of conversations does not answer; nothing was kept, try again shortly",
                code="state_store_unavailable",
            ) from error


def _no_item(ident: str) -> NotFound:
    return NotFound(f"there is no item '{ident}' in this conversation", code="not_found")
