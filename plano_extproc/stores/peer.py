"""Conversations that Plano 0.4 has left in PostgreSQL, gone on from here.

Its table, `conversation_states`, holds for every response the whole conversation up to it, and does not say whose it
is. The first client that goes on from a response takes it over; for all others it is not there. It is only read: the
turn is written into our own tables, and Plano 0.4 can go on using its own.
"""

from typing import Any, Final

import orjson

from plano_extproc.conversation.turn import Turn
from plano_extproc.stores.postgres import PostgresStore

_QUERY: Final = "SELECT input_items, created_at FROM conversation_states WHERE response_id = %s"


class PeerTurns:
    """Finds turns by owner and id; `ttl` in seconds is how long it is remembered who took one over."""

    def __init__(self, store: PostgresStore, ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def __call__(self, owner: str, ident: str) -> Turn | None:
        """Return a turn, None where there is none, or not for this owner."""
        rows = await self._store.rows(_QUERY, (ident,))
        if not rows:
            return None
        key, mine = f"taken-over:{ident}", owner.encode()
        if not await self._store.swap(key, None, mine, self._ttl) and await self._store.get(key) != mine:
            return None
        held, created = rows[0]
        # The column is JSONB; a copy of it may have become text.
        items: Any = orjson.loads(held) if isinstance(held, str | bytes) else held
        found = tuple(item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
        return Turn(ident, owner, int(created or 0), input=found, hidden=True)
