"""The planner's standing, phase, lock and error budget, in the store that the gateway shares with it.

    tracker = AgentStateTracker(agent_id="llm-planner-001")
    tracker.update_phase(AgentPhase.PLAN)
    tracker.update_heartbeat()

`PLANO_GOVERNANCE_STORE` is the `governance.store` of the gateway's file: a redis:// URL for Redis or DragonflyDB, else
`sqlite`, the file in PLANO_HOME. `PLANO_TENANT` is the tenant that the agent works for, if any.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from plano_extproc.config.governance import ErrorBudget, Governance
from plano_extproc.governance import AgentPhase, Lock, Standing
from plano_extproc.governance.state import AgentState
from plano_extproc.stores import SharedStore
from plano_extproc.stores.agent_states import AgentStates
from plano_extproc.stores.board import Board
from plano_extproc.stores.governing import governance_store

__all__ = ["AgentPhase", "AgentStateTracker", "check_lock", "is_revoked"]

T = TypeVar("T")

LOCK_SECONDS = 60.0
"""How long a lock holds without a heartbeat."""


class AgentStateTracker:
    """One agent's state. Every method raises `plano_extproc.stores.StoreError` where the store is away.

    May be used from several threads; `close` ends it.
    """

    def __init__(
        self,
        agent_id: str,
        *,
        owner: str | None = None,
        tenant: str | None = None,
        environ: Mapping[str, str] = os.environ,
        open_store: Callable[[], SharedStore] | None = None,
    ) -> None:
        """`owner` names this run where it takes the agent's lock; by default it is this process."""
        self.agent_id = agent_id
        self.owner = owner or f"{os.uname().nodename}:{os.getpid()}"
        self.tenant = environ.get("PLANO_TENANT", "") if tenant is None else tenant
        self._open = open_store or (lambda: _store(environ))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="governance", daemon=True)
        self._thread.start()
        self._store = self._run(self._opened())
        self._states = AgentStates(self._store)
        self._board = Board(self._store)

    def update_phase(self, phase: AgentPhase, note: str = "") -> None:
        """Tell in which phase the agent is."""
        self._run(self._states.enter(self.tenant, self.agent_id, phase, note))

    def update_heartbeat(self) -> None:
        """Tell that it lives, and hold its lock if it has it."""
        self._run(self._beat())

    def state(self) -> AgentState:
        """Return the last that is known of it."""
        return self._run(self._states.state(self.tenant, self.agent_id))

    def standing(self) -> Standing:
        """Return the standing of all agents."""
        return self._run(self._board.read())

    def is_revoked(self) -> bool:
        """Whether it was revoked."""
        return self.standing().revocation(self.agent_id, self.tenant) is not None

    def may_act(self) -> bool:
        """Whether it is neither revoked nor suspended."""
        return self.standing().refusal(self.agent_id, self.tenant, time.time()) is None

    def acquire_lock(self) -> bool:
        """Take the agent's lock, so that it runs once; false where another run has it."""
        return self._run(self._states.acquire(self.tenant, self.agent_id, self.owner, LOCK_SECONDS)) is not None

    def release_lock(self) -> None:
        """Let go of it."""
        self._run(self._states.release(self.tenant, self.agent_id, self.owner))

    def lock(self) -> Lock | None:
        """Return who holds it."""
        return self._run(self._states.lock(self.tenant, self.agent_id))

    def errors(self, budget: ErrorBudget) -> int:
        """Return how many errors count against a budget."""
        return self._run(self._states.errors(self.tenant, self.agent_id, budget))

    def record_error(self, budget: ErrorBudget) -> bool:
        """Count an error of the agent's own; true where its budget is spent by it."""
        return self._run(self._states.err(self.tenant, self.agent_id, budget)).until is not None

    def close(self) -> None:
        """Let go of the store."""
        self._run(self._store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _opened(self) -> SharedStore:
        return self._open()

    async def _beat(self) -> None:
        await self._states.beat(self.tenant, self.agent_id)
        held = await self._states.lock(self.tenant, self.agent_id)
        if held is not None and held.owner == self.owner:
            await self._states.acquire(self.tenant, self.agent_id, self.owner, LOCK_SECONDS)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def is_revoked(agent_id: str, *, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether an agent was revoked, by the store that the environment names."""
    tracker = AgentStateTracker(agent_id, environ=environ)
    try:
        return tracker.is_revoked()
    finally:
        tracker.close()


def check_lock(agent_id: str, *, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return who holds an agent's lock; None where nobody does."""
    tracker = AgentStateTracker(agent_id, environ=environ)
    try:
        held = tracker.lock()
        return held.owner if held is not None else None
    finally:
        tracker.close()


def _store(environ: Mapping[str, str]) -> SharedStore:
    settings = Governance.model_validate({"store": environ.get("PLANO_GOVERNANCE_STORE") or "sqlite"})
    return governance_store(settings, Path(environ.get("PLANO_HOME") or "~/.plano").expanduser())
