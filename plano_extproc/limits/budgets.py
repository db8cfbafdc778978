"""Budgets: the money that a client may spend in the current minute, hour, day, week or month, in UTC.

A model without a known price costs nothing here; its requests are still refused once the budget is spent, and are
counted as unpriced in the record of usage.
"""

from plano_extproc.config import Config
from plano_extproc.config.policies import Client
from plano_extproc.limits.buckets import NANOS, Bucket, key_of
from plano_extproc.limits.cost import Prices, nanos
from plano_extproc.limits.estimate import Estimate
from plano_extproc.limits.wants import Served, Want
from plano_extproc.limits.windows import Calendar
from plano_extproc.translate.chat import Usage

_OUTPUT_SHARE = 10
"""Of a budget at most this part is reserved for one answer."""


class Budgets:
    """The budgets of one configuration."""

    def __init__(self, config: Config, prices: Prices) -> None:
        self._prices = prices
        self._buckets = {client.id: bucket for client in config.clients if (bucket := _bucket(client)) is not None}
        self.has_any = bool(self._buckets)

    def bucket(self, client: Client | None) -> Bucket | None:
        """Return the budget of a client, if it has one."""
        return self._buckets.get(client.id) if client is not None else None

    def reserved(self, bucket: Bucket, served: Served | None, tokens: Estimate) -> Want:
        """Return what a request wants before it is sent; hardly anything while nobody is known to serve it."""
        read = self.cost(served, Usage(input=tokens.input)) or 0
        written = self.cost(served, Usage(output=tokens.output)) or 0
        # Nothing is not asked for: a spent budget refuses what is free, too.
        return Want(bucket, max(1, read + min(written, bucket.bound // _OUTPUT_SHARE)))

    def cost(self, served: Served | None, usage: Usage) -> int | None:
        """Return what an exchange cost in billionths of a dollar, None where the model's price is not known."""
        price = self._prices(served.provider, served.model) if served is not None else None
        return nanos(price, usage) if price else None


def _bucket(client: Client) -> Bucket | None:
    budget = client.budget
    if budget is None:
        return None
    words = f"the budget of {budget.usd:g} USD per {budget.per} of client '{client.id}'"
    key = key_of("budget", client.id, budget.per)
    return Bucket(key, "usd", round(budget.usd * NANOS), Calendar(budget.per), words)
