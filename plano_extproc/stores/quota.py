"""Limits, budgets and usage in the running gateway: an `Admission`, and the store that counts.

    reservation = await quota.reserve(client, headers, choice, estimate)     # raises LimitReached, Unavailable
    ...                                                                      # the answer carries reservation.headers
    await quota.settle(reservation, choice, usage)                           # what was used, for what was reserved
    quota.record(Who("team-a", choice.name), choice, usage)                  # every exchange, limited or not
    await quota.charge(client, headers, router, usage, "router")             # a model asked on behalf of a request
    await quota.flush()                                                      # by housekeeping, every second or so

A store that is away neither stops nor loses anything by itself: requests go on or are refused as the configuration says
(`overrides.on_limit_store_error`), and what was used is told to the store when it is back. `failures` counts.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plano_extproc.config.policies import Client
from plano_extproc.errors import Unavailable
from plano_extproc.flow import Headers
from plano_extproc.limits.admit import Admission
from plano_extproc.limits.claims import Charge
from plano_extproc.limits.estimate import Estimate
from plano_extproc.limits.usage import REQUEST, Tally, Who
from plano_extproc.limits.wants import Served, Wants
from plano_extproc.stores.contract import SharedStore, StoreError
from plano_extproc.translate.chat import Usage

_log = logging.getLogger(__name__)

_MOST_PENDING = 10_000
"""Slots with charges that the store has not been told; beyond, the oldest are given up."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a request was granted. `wants` is None where the store was away and the request went on without."""

    client: Client | None
    selectors: Mapping[str, bytes]
    wants: Wants | None
    headers: Headers = ()

    def joined(self, other: "Reservation") -> "Reservation":
        """Return both as one. Of headers that both have, the later ones count."""
        wants = self.wants.joined(other.wants) if self.wants and other.wants else self.wants or other.wants
        return Reservation(
            self.client, self.selectors, wants, tuple({**dict(self.headers), **dict(other.headers)}.items())
        )


class Quota:
    """One worker's view of the limits. A reload makes another one with the same `store` and `tally`."""

    def __init__(
        self,
        admission: Admission,
        store: SharedStore,
        *,
        on_error: str | None = None,
        now: Callable[[], float] = time.time,
        tally: Tally | None = None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_error` is `open` or `closed`; None lets requests pass but for those with a budget.

        `failed` is called each time that the store does not answer.
        """
        self.admission = admission
        self.tally = tally or Tally()
        self.failures = 0
        self._store = store
        self._on_error = on_error
        self._now = now
        self._told_failed = failed
        self._pending: dict[tuple[str, int], Charge] = {}

    async def reserve(
        self,
        client: Client | None,
        headers: Mapping[str, bytes],
        served: Served | None,
        tokens: Estimate,
        held: Reservation | None = None,
    ) -> Reservation | None:
        """Reserve what a request wants that `served` is to answer, None as long as that is open. None without a limit.

        `held` is what it was granted before, when less was known of who serves: the rest is reserved, and both are
        returned as one. Raises `LimitReached`, and `Unavailable` where the store is away and that means a refusal.
        """
        wants = self.admission.wants(client, headers, served, tokens, self._now())
        if wants is None:
            return held
        if held is not None:
            wants = wants.beside(held.wants)
            if not wants.wants:
                return held
        claims = wants.claims()
        try:
            taken = await self._store.take(claims)
        except StoreError as error:
            self._failed(error)
            if (self._on_error or ("closed" if wants.has_budget else "open")) == "closed":
                raise Unavailable(
                    "limits cannot be checked at the moment; try again shortly", code="limit_store_unavailable"
                ) from error
            return held or Reservation(client, headers, None)
        found = Reservation(client, headers, wants, wants.granted(taken, claims))
        return found if held is None else held.joined(found)

    async def settle(self, reservation: Reservation, served: Served | None, usage: Usage) -> None:
        """Charge what an exchange used that `served` answered, if anybody, in place of what was reserved. Never raises.

        An exchange that failed has used nothing, and counts as a request.
        """
        due = self.admission.due(reservation.client, reservation.selectors, served, usage, self._now())
        self._remember((reservation.wants or Wants((), due.at)).settled(due))
        await self._tell()

    async def charge(
        self, client: Client | None, headers: Mapping[str, bytes], served: Served, usage: Usage, purpose: str
    ) -> None:
        """Charge and record what a model used that was asked on behalf of a request. Never raises.

        Nothing was reserved for it, and it counts as no request: its tokens and its money do.
        """
        self.record(Who(client.id if client else "", served.name, purpose=purpose), served, usage)
        if self.admission.has_limits:
            due = self.admission.due(client, headers, served, usage, self._now(), requests=0)
            self._remember(Wants((), due.at).settled(due))
            await self._tell()

    def record(self, who: Who, served: Served, usage: Usage) -> None:
        """Count an exchange in the record of usage."""
        self.tally.add(who, self.admission.totals(served, usage, is_call=who.purpose != REQUEST), self._now())

    async def flush(self) -> None:
        """Tell the store what it has not been told yet. Never raises."""
        await self._tell()
        sums = self.tally.drain()
        while sums:
            try:
                await self._store.add(sums[:_AT_ONCE])
            except StoreError as error:
                self.tally.put_back(sums)
                self._failed(error)
                return
            sums = sums[_AT_ONCE:]

    def _remember(self, charges: tuple[Charge, ...]) -> None:
        for one in charges:
            waiting = self._pending.get((one.key, one.slot))
            amount = one.amount + (waiting.amount if waiting else 0)
            self._pending[one.key, one.slot] = Charge(one.key, one.slot, amount, one.ttl)
        while len(self._pending) > _MOST_PENDING:
            del self._pending[next(iter(self._pending))]

    async def _tell(self) -> None:
        while self._pending:
            # Taken away first: meanwhile others may add to what is left.
            told = [self._pending.pop(key) for key in list(self._pending)[:_AT_ONCE]]
            try:
                await self._store.charge(told)
            except StoreError as error:
                self._remember(tuple(told))
                self._failed(error)
                return

    def _failed(self, error: StoreError) -> None:
        self.failures += 1
        self._told_failed()
        # The first, and then every tenfold: a store that is away must not fill the log.
        if str(self.failures).strip("0") == "1":
            _log.warning("limits: %s (failure %d)", error, self.failures)
