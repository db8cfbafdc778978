"""Phases, signs of life, locks and errors of agents in the shared store: each tenant's apart."""

import time
from collections.abc import Callable
from typing import Final

from plano_extproc.config.governance import ErrorBudget
from plano_extproc.governance import budget
from plano_extproc.governance.state import (
    LOCK_PREFIX,
    STATE_PREFIX,
    AgentPhase,
    AgentState,
    Lock,
    lock_key,
    parts,
    state_key,
)
from plano_extproc.stores.contract import SCANNED, SharedStore, StoreError

_KEPT: Final = 30 * 86400.0
"""Seconds that the state of an agent is kept that shows no sign of life."""

_TRIES: Final = 50


class AgentStates:
    """All methods raise `StoreError` where the store is away."""

    def __init__(self, store: SharedStore, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    async def state(self, tenant: str, agent: str) -> AgentState:
        """Return the last that is known of an agent."""
        return AgentState.read(await self._store.get(state_key(tenant, agent)))

    async def states(self) -> dict[tuple[str, str], AgentState]:
        """Return what is known of all, by tenant and agent."""
        return {parts(key, STATE_PREFIX): AgentState.read(value) for key, value in await self._scanned(STATE_PREFIX)}

    async def enter(self, tenant: str, agent: str, phase: AgentPhase, note: str = "") -> None:
        """Note that an agent has come to a phase of its work."""
        now = self._now()
        await self._store.set(state_key(tenant, agent), AgentState(phase.value, now, now, note).write(), _KEPT)

    async def beat(self, tenant: str, agent: str) -> None:
        """Note that an agent lives; what it said of itself stays."""
        key = state_key(tenant, agent)
        for _ in range(_TRIES):
            value = await self._store.get(key)
            known = AgentState.read(value)
            now = self._now()
            alive = AgentState(known.phase, now, known.since or now, known.note)
            if await self._store.swap(key, value, alive.write(), _KEPT):
                return

    async def lock(self, tenant: str, name: str) -> Lock | None:
        """Return who holds a lock, if anyone does."""
        found = Lock.read(await self._store.get(lock_key(tenant, name)))
        return found if found and found.until > self._now() else None

    async def locks(self) -> dict[tuple[str, str], Lock]:
        """Return all locks that are held, by tenant and name."""
        found = {parts(key, LOCK_PREFIX): Lock.read(value) for key, value in await self._scanned(LOCK_PREFIX)}
        return {who: one for who, one in found.items() if one and one.until > self._now()}

    async def acquire(self, tenant: str, name: str, owner: str, seconds: float) -> Lock | None:
        """Take a lock, or hold it longer where it is the owner's already; None where someone else has it."""
        key = lock_key(tenant, name)
        for _ in range(_TRIES):
            value = await self._store.get(key)
            held = Lock.read(value)
            now = self._now()
            if held is not None and held.owner != owner and held.until > now:
                return None
            began = held.at if held is not None and held.owner == owner else now
            lock = Lock(owner, began, now + seconds)
            if await self._store.swap(key, value, lock.write(), seconds):
                return lock
        raise StoreError(f"the lock '{name}' is wanted by too many at once")

    async def release(self, tenant: str, name: str, owner: str) -> bool:
        """Let go of a lock; false where it is not the owner's."""
        key = lock_key(tenant, name)
        value = await self._store.get(key)
        held = Lock.read(value)
        if held is None or held.owner != owner:
            return False
        return await self._store.swap(key, value, None)

    async def errors(self, tenant: str, agent: str, rule: ErrorBudget) -> int:
        """Return how many errors of an agent count at the moment."""
        return budget.made(rule, await self._store.get(budget.key(tenant, agent)), self._now())

    async def err(self, tenant: str, agent: str, rule: ErrorBudget) -> budget.Spending:
        """Count one more error."""
        key = budget.key(tenant, agent)
        for _ in range(_TRIES):
            before = await self._store.get(key)
            spending = budget.spend(rule, before, self._now())
            if await self._store.swap(key, before, spending.value, 2 * rule.per):
                return spending
        raise StoreError(f"the errors of agent '{agent}' are counted by too many at once")

    async def forget_errors(self, tenant: str, agent: str) -> None:
        """Begin the count of errors anew."""
        await self._store.delete(budget.key(tenant, agent))

    async def tenants_with_errors(self, agent: str) -> list[str]:
        """Return the tenants for whom errors of an agent are counted."""
        found = (parts(key, budget.PREFIX) for key, _ in await self._scanned(budget.PREFIX))
        return [tenant for tenant, name in found if name == agent]

    async def _scanned(self, prefix: str) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        first = ""
        while page := await self._store.scan(prefix, first=first, limit=SCANNED):
            found += page
            first = page[-1][0] + "\0"
        return found
