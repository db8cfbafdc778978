"""Limits of agents, counted in the shared store: calls, tokens and money in rolling windows, each tenant's apart."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plano_extproc.config.governance import AgentLimit
from plano_extproc.governance.rules import AgentRules
from plano_extproc.limits.buckets import NANOS, Bucket, Kind, key_of
from plano_extproc.limits.claims import Charge
from plano_extproc.limits.cost import Prices, catalogue_price, nanos
from plano_extproc.limits.estimate import Estimate
from plano_extproc.limits.wants import Served, Want, Wants
from plano_extproc.limits.windows import Rolling
from plano_extproc.stores.contract import SharedStore
from plano_extproc.translate.chat import Usage

_OUTPUT_SHARE = 10
"""Of a limit at most this part is reserved for one answer."""


@dataclass(frozen=True, slots=True)
class AgentReservation:
    """What an agent was granted for one call."""

    rules: AgentRules
    tenant: str
    wants: Wants


class AgentQuota:
    """All methods raise `StoreError` where the store is away."""

    def __init__(
        self, store: SharedStore, *, prices: Prices = catalogue_price, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._prices = prices
        self._now = now

    async def reserve(
        self, rules: AgentRules, tenant: str, served: Served | None, tokens: Estimate
    ) -> AgentReservation | None:
        """Take what a call is expected to use; None where no limit is on the agent. Raises `LimitReached`."""
        if not rules.limits:
            return None
        wants = Wants(tuple(self._wanted(rules, tenant, served, tokens)), self._now())
        claims = wants.claims()
        wants.granted(await self._store.take(claims), claims)
        return AgentReservation(rules, tenant, wants)

    async def settle(self, reservation: AgentReservation, usage: Usage, cost: int | None) -> None:
        """Charge what the call used, in place of what was taken; `cost` in billionths of a dollar."""
        amounts: dict[Kind, int] = {"requests": 1, "tokens": usage.prompt + usage.output, "usd": cost or 0}
        due = tuple(Want(bucket, amounts[bucket.kind]) for bucket in _buckets(reservation.rules, reservation.tenant))
        charges: tuple[Charge, ...] = reservation.wants.settled(Wants(due, self._now()))
        if charges:
            await self._store.charge(charges)

    async def charge(self, rules: AgentRules, tenant: str, usage: Usage, cost: int | None) -> None:
        """Charge what a call used for which nothing was reserved: it came to the agent when another one had failed."""
        await self.settle(AgentReservation(rules, tenant, Wants((), self._now())), usage, cost)

    def cost(self, served: Served, usage: Usage) -> int | None:
        """Return what a call cost in billionths of a dollar, None where the price is not known."""
        price = self._prices(served.provider, served.model)
        return nanos(price, usage) if price else None

    def _wanted(self, rules: AgentRules, tenant: str, served: Served | None, tokens: Estimate) -> Iterator[Want]:
        for bucket in _buckets(rules, tenant):
            match bucket.kind:
                case "requests":
                    yield Want(bucket, 1)
                case "tokens":
                    yield Want(bucket, max(1, tokens.input + min(tokens.output, bucket.bound // _OUTPUT_SHARE)))
                case "usd":
                    read = self.cost(served, Usage(input=tokens.input)) if served else None
                    written = self.cost(served, Usage(output=tokens.output)) if served else None
                    yield Want(bucket, max(1, (read or 0) + min(written or 0, bucket.bound // _OUTPUT_SHARE)))


def _buckets(rules: AgentRules, tenant: str) -> Iterator[Bucket]:
    for limit in rules.limits:
        for kind, bound, words in _amounts(limit):
            key = key_of("agent", tenant, rules.id, kind, f"{limit.per:g}")
            named = f"the limit of {words} per {limit.per:g} s of agent '{rules.id}'"
            yield Bucket(key, kind, bound, Rolling(max(1, round(limit.per))), named)


def _amounts(limit: AgentLimit) -> Iterator[tuple[Kind, int, str]]:
    if limit.calls is not None:
        yield "requests", limit.calls, f"{limit.calls} calls"
    if limit.tokens is not None:
        yield "tokens", limit.tokens, f"{limit.tokens} tokens"
    if limit.usd is not None:
        yield "usd", round(limit.usd * NANOS), f"{limit.usd:g} USD"
