"""Who is revoked or suspended, as one worker sees it, and how that is changed.

A worker reads the one document several times a second (`look`), so that a request only looks at what is in memory, and
a revocation holds everywhere within a second. Those who wait for one, such as streams that are to be cut, are told.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from plano_extproc.errors import GatewayError
from plano_extproc.governance.errors import StandingUnknown
from plano_extproc.governance.standing import KEY, Standing
from plano_extproc.stores.contract import SharedStore, StoreError

_log = logging.getLogger(__name__)

PERIOD: Final = 0.2
"""Seconds between two looks."""

_FRESH: Final = 1.0
"""Seconds for which a look that was followed by a failure still counts."""

_STALE: Final = 2.0
"""The same where none has failed, but none has come back either."""

_TRIES: Final = 50


class Board:
    """`failures` counts looks that failed. Times are wall clock seconds, but for `clock`, which is monotonic."""

    def __init__(
        self,
        store: SharedStore,
        *,
        is_open: bool = False,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_open` lets agents act by what was last known where the store is away."""
        self.store = store
        self.standing = Standing()
        self.failures = 0
        self._is_open = is_open
        self._now = now
        self._clock = clock
        self._seen: bytes | None = None
        self._seen_at: float | None = None
        self._has_failed = True
        self._watchers: dict[asyncio.Event, tuple[tuple[str, str], ...]] = {}

    def refusal(self, agent: str, tenant: str) -> GatewayError | None:
        """Return why an agent may not act for a tenant at this moment; None where it may."""
        if not self._is_open and not self._is_known():
            return StandingUnknown(agent)
        return self.standing.refusal(agent, tenant, self._now())

    async def look(self) -> None:
        """Read the standing. Never raises."""
        try:
            value = await self.store.get(KEY)
            if value != self._seen or self._seen_at is None:
                self.standing = Standing.read(value)
                self._seen = value
        except (StoreError, ValueError) as error:
            self._failed(error)
            return
        self._has_failed = False
        self._seen_at = self._clock()
        self._tell()

    async def read(self) -> Standing:
        """Return what the store says now. Raises `StoreError`."""
        try:
            return Standing.read(await self.store.get(KEY))
        except ValueError as error:
            raise StoreError(str(error)) from error

    async def change(self, edit: Callable[[Standing], Standing]) -> Standing:
        """Change the standing in the store, whoever else does so; return what it is then. Raises `StoreError`."""
        for _ in range(_TRIES):
            before = await self.store.get(KEY)
            try:
                after = edit(Standing.read(before))
            except ValueError as error:
                raise StoreError(str(error)) from error
            value = after.write()
            if value == before or await self.store.swap(KEY, before, value):
                self.standing, self._seen, self._seen_at = after, value, self._clock()
                self._has_failed = False
                self._tell()
                return after
        raise StoreError("the standing of agents is changed by too many at once")

    def watch(self, *who: tuple[str, str]) -> asyncio.Event:
        """Return an event that is set once one of these, agent and tenant, may not act; `unwatch` it at the end."""
        event = asyncio.Event()
        self._watchers[event] = who
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        """Wait no longer."""
        self._watchers.pop(event, None)

    def _is_known(self) -> bool:
        if self._seen_at is None:
            return False
        return self._clock() - self._seen_at < (_FRESH if self._has_failed else _STALE)

    def _tell(self) -> None:
        if not self._watchers or (not self.standing.revoked and not self.standing.suspended):
            return
        now = self._now()
        for event, who in self._watchers.items():
            if any(self.standing.refusal(agent, tenant, now) is not None for agent, tenant in who):
                event.set()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._has_failed = True
        # The first, and then every tenfold: a store that is away must not fill the log.
        if str(self.failures).strip("0") == "1":
            _log.error("governance: %s (failure %d)", error, self.failures)
