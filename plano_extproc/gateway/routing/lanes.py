"""Sessions in their store: a lane is found, kept by compare-and-set, and settled when its answer is known.

A store that is away stops no request, unless the file says so: the request goes on without its session, and is counted.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from plano_extproc.errors import Unavailable
from plano_extproc.gateway.work import Doing, wait_for
from plano_extproc.routing.binding import Binding, decoded
from plano_extproc.routing.identity import Found, Identity, lookup
from plano_extproc.stores import SharedStore, StoreError

Count = Callable[[str], None]
"""Counts what became of a lookup or a write: hit, miss, store, error, store_error."""

_AGAIN: Final = 16
"""Times that a settlement is tried against other turns of its session."""


class Lanes:
    """The lanes of all sessions. `is_closed` refuses requests whose session cannot be had."""

    def __init__(self, store: SharedStore, count: Count, *, is_closed: bool) -> None:
        self._store = store
        self._count = count
        self._is_closed = is_closed

    def find(self, identity: Identity, requested: str) -> Doing[Found | None]:
        """Return the lane of a session; None where the store is away. Raises `Unavailable` where that must not be."""
        asking = lookup(identity, requested)
        try:
            key = next(asking)
            while True:
                key = asking.send((yield from wait_for(partial(self._store.get, key))))
        except StoreError:
            self._failed("error")
            return None
        except StopIteration as ended:
            found: Found = ended.value
        self._count("miss" if found.binding is None else "hit")
        return found

    def keep(self, found: Found, binding: Binding, ttl: float) -> Doing[bool]:
        """Put a binding into its lane; return False where another turn of the session was faster."""
        try:
            kept = yield from wait_for(lambda: self._store.swap(found.key, found.raw, binding.encoded(), ttl))
        except StoreError:
            self._failed("store_error")
            return True
        if kept:
            self._count("store")
        return kept

    async def settle(self, key: str, change: Callable[[Binding | None], Binding], ttl: float) -> None:
        """Change a lane as it is when its answer is over; `change` is given what is there then."""
        try:
            for _ in range(_AGAIN):
                raw = await self._store.get(key)
                if await self._store.swap(key, raw, change(decoded(raw)).encoded(), ttl):
                    self._count("store")
                    return
        except StoreError:
            self._count("store_error")

    def _failed(self, outcome: str) -> None:
        self._count(outcome)
        if self._is_closed:
            raise Unavailable("the store of sessions does not answer; try again", code="session_store_unavailable")
