"""Governance in the running gateway: the rules, and what workers share of standing, errors, limits and the ledger.

    refusal = governor.refusal(rules, tenant)                  # before an agent serves or calls; never waits
    reservation = await governor.reserve(rules, tenant, choice, estimate)      # raises LimitReached
    await governor.settle(reservation, usage, cost)
    await governor.erred(rules, tenant, "timeout")             # may suspend the agent
    await governor.record(*entries)                            # batched: returns at once; strict: once they are written

A store that is away never breaks an exchange by itself: `refusal` says so beforehand where that means a refusal
(`on_store_error: closed`), and what cannot be told to it later is counted in `failures`.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from plano_extproc.config.governance import Governance
from plano_extproc.errors import GatewayError
from plano_extproc.governance.budget import ErrorKind
from plano_extproc.governance.errors import LedgerUnavailable, StandingUnknown
from plano_extproc.governance.ledger import Entry
from plano_extproc.governance.rules import AgentRules, Rulebook
from plano_extproc.limits.estimate import Estimate
from plano_extproc.limits.wants import Served
from plano_extproc.stores.agent_quota import AgentQuota, AgentReservation
from plano_extproc.stores.agent_states import AgentStates
from plano_extproc.stores.board import Board
from plano_extproc.stores.contract import StoreError
from plano_extproc.stores.ledger_writer import LedgerWriter
from plano_extproc.translate.chat import Usage

_log = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
"""How often a sign of life is told to the store, at most."""

_MOST_BEATS = 10_000


class Governor:
    """One worker's view of one configuration. A reload makes another one, with the same stores where they stay."""

    def __init__(
        self,
        book: Rulebook,
        board: Board,
        ledger: LedgerWriter,
        *,
        count: Callable[[Entry], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`count` is told of every entry, for metrics."""
        self.book = book
        self.board = board
        self.states = AgentStates(board.store, now=now)
        self.failures = 0
        self._quota = AgentQuota(board.store, now=now)
        self._ledger = ledger
        self._count = count
        self._now = now
        self._beats: dict[tuple[str, str], float] = {}

    @property
    def settings(self) -> Governance:
        """What the file says beside the rules."""
        return self.book.governance

    @property
    def is_strict(self) -> bool:
        """Whether an answer waits for its row in the ledger."""
        return self.settings.ledger.mode == "strict"

    def refusal(self, rules: AgentRules, tenant: str) -> GatewayError | None:
        """Return why an agent may not act for a tenant at this moment; None where it may."""
        if self._ledger.is_away and self._is_closed:
            return LedgerUnavailable()
        return self.board.refusal(rules.id, tenant)

    async def reserve(
        self, rules: AgentRules, tenant: str, served: Served | None, tokens: Estimate
    ) -> AgentReservation | None:
        """Take what a call is expected to use. Raises `LimitReached`, and `StandingUnknown` without a store."""
        try:
            return await self._quota.reserve(rules, tenant, served, tokens)
        except StoreError as error:
            self._failed(error)
            if self._is_closed:
                raise StandingUnknown(rules.id) from error
            return None

    async def settle(self, reservation: AgentReservation, usage: Usage, cost: int | None) -> None:
        """Charge what a call used, in place of what was taken. Never raises."""
        try:
            await self._quota.settle(reservation, usage, cost)
        except StoreError as error:
            self._failed(error)

    async def charge(self, rules: AgentRules, tenant: str, usage: Usage, cost: int | None) -> None:
        """Charge what a call used for which nothing was taken. Never raises."""
        try:
            await self._quota.charge(rules, tenant, usage, cost)
        except StoreError as error:
            self._failed(error)

    def cost(self, served: Served, usage: Usage) -> int | None:
        """Return what a call cost in billionths of a dollar, None where the price is not known."""
        return self._quota.cost(served, usage)

    async def erred(self, rules: AgentRules, tenant: str, kind: ErrorKind) -> None:
        """Count an error; the one that spends the agent's budget suspends it. Never raises."""
        budget = rules.error_budget
        if budget is None:
            return
        try:
            spending = await self.states.err(tenant, rules.id, budget)
            if (until := spending.until) is not None:
                reason = f"{spending.made} errors in {budget.per:g} s, the last one: {kind}"
                now = self._now()
                await self.board.change(lambda standing: standing.with_suspended(rules.id, tenant, now, until, reason))
        except StoreError as error:
            self._failed(error)

    async def beat(self, rules: AgentRules, tenant: str) -> None:
        """Note that an agent lives. Never raises."""
        now = self._now()
        if now - self._beats.get((tenant, rules.id), 0.0) < _BEAT_SECONDS:
            return
        if len(self._beats) >= _MOST_BEATS:
            self._beats.clear()
        self._beats[tenant, rules.id] = now
        try:
            await self.states.beat(tenant, rules.id)
        except StoreError as error:
            self._failed(error)

    async def record(self, *entries: Entry) -> None:
        """Put entries into the ledger. Raises `LedgerUnavailable` where they must be written first, and cannot be."""
        for entry in entries:
            self._count(entry)
        if not self.is_strict:
            for entry in entries:
                self._ledger.put(entry)
            return
        # All of them at once, so that they are written in one transaction.
        told = await asyncio.gather(*map(self._ledger.committed, entries), return_exceptions=True)
        for problem in filter(None, told):
            if not isinstance(problem, LedgerUnavailable):
                raise problem
            self.failures += 1
            if self._is_closed:
                raise problem

    @property
    def _is_closed(self) -> bool:
        return self.settings.on_store_error == "closed"

    def _failed(self, error: StoreError) -> None:
        self.failures += 1
        # The first, and then every tenfold: a store that is away must not fill the log.
        if str(self.failures).strip("0") == "1":
            _log.error("governance: %s (failure %d)", error, self.failures)
