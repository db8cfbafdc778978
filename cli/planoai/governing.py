"""The governance that a command works on: the rules, and where standing and ledger are kept."""

import asyncio
import os
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from plano_extproc.config import Config
from plano_extproc.config.governance import Governance
from plano_extproc.governance import Rulebook, Standing
from plano_extproc.governance.standing import EVERY_TENANT
from plano_extproc.stores import SharedStore, StoreError
from plano_extproc.stores.agent_states import AgentStates
from plano_extproc.stores.board import Board
from plano_extproc.stores.governing import governance_store, open_ledger
from plano_extproc.stores.ledger import Ledger, ledger_path
from planoai import running, sources
from planoai.errors import Failure
from planoai.home import Home, home

T = TypeVar("T")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Governed:
    """What a configuration governs, and the PLANO_HOME that it is kept in."""

    book: Rulebook
    settings: Governance
    place: Home

    def store(self) -> SharedStore:
        """Open the store; what is written to it is safe when the command ends."""
        return governance_store(self.settings, self.place.root, durable=True)

    def ledger(self) -> Ledger | None:
        """Open the ledger; None where nothing was ever written."""
        if self.settings.ledger.connection_string is None and not ledger_path(self.place.root).exists():
            return None
        return open_ledger(self.settings, self.place.root)

    def demand(self, agent: str) -> None:
        """Raise where an agent is not governed."""
        if agent not in self.book.agents:
            known = ", ".join(sorted(self.book.agents))
            raise Failure(f"'{agent}' is no governed agent", f"governed are: {known}")


def governed(file: str | None) -> Governed:
    """Return what FILE governs, by default the file of the running gateway, else the one in this folder."""
    place = home(os.environ)
    config = _config(file, place)
    if config.governance is None or not config.governance.agents:
        raise Failure("no agent is governed", "list them under governance.agents, and name the file with --file")
    return Governed(Rulebook.of(config), config.governance, place)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run what asks a store; one that is away ends the command."""
    try:
        return asyncio.run(work)
    except StoreError as error:
        raise unreachable(error) from None


def unreachable(error: StoreError) -> Failure:
    """Return the end of a command whose store is away."""
    return Failure(str(error), "check that it runs and can be reached from here")


async def rows(found: Governed) -> list[Row]:
    """Return how each governed agent stands, for each tenant that it is known of."""
    store = found.store()
    try:
        return await _gathered(found, store)
    finally:
        await store.close()


async def _gathered(found: Governed, store: SharedStore) -> list[Row]:
    standing = await Board(store).read()
    states = AgentStates(store)
    known, locks = await states.states(), await states.locks()
    who = {(tenant, agent) for tenant, agent in (*known, *standing.revoked, *standing.suspended, *locks)}
    who |= {("", agent) for agent in found.book.agents}
    rows = []
    for tenant, agent in sorted(who - {one for one in who if one[0] == EVERY_TENANT}, key=lambda one: one[::-1]):
        rules = found.book.agents.get(agent)
        if rules is None:
            continue
        state, lock = known.get((tenant, agent)), locks.get((tenant, agent))
        budget = rules.error_budget
        rows.append(
            {
                "agent": agent,
                "tenant": tenant or None,
                "tier": rules.tier,
                **_standing(standing, agent, tenant),
                "phase": state.phase or None if state else None,
                "heartbeat": state.heartbeat if state else None,
                "errors": await states.errors(tenant, agent, budget) if budget else None,
                "error_budget": budget.errors if budget else None,
                "lock": {"owner": lock.owner, "until": lock.until} if lock else None,
            }
        )
    return rows


def _standing(standing: Standing, agent: str, tenant: str) -> Row:
    now = time.time()
    if (revocation := standing.revocation(agent, tenant)) is not None:
        return {"standing": "revoked", "since": revocation.at, "until": None, "reason": revocation.reason or None}
    if (suspension := standing.suspension(agent, tenant, now)) is not None:
        return {"standing": "suspended", "since": suspension.at, "until": suspension.until, "reason": suspension.reason}
    return {"standing": "active", "since": None, "until": None, "reason": None}


def _config(file: str | None, place: Home) -> Config:
    if file is not None:
        return sources.accept(sources.read(Path(file), os.environ))
    source = running.configuration(place, os.environ)
    if source is None:
        return sources.accept(sources.read(sources.find(None, "."), os.environ))
    if source.loaded.config is None:
        raise Failure(
            "the running gateway's configuration cannot be read from here",
            "set the variables that it uses, or name a file with --file",
        )
    return source.loaded.config
