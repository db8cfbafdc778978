"""Admission: one configuration's answer to who may call, what they may use, and how much of it."""

from collections.abc import Mapping

from plano_extproc.config import Config
from plano_extproc.config.policies import Client
from plano_extproc.errors import Forbidden
from plano_extproc.limits.budgets import Budgets
from plano_extproc.limits.cost import Prices, catalogue_price
from plano_extproc.limits.estimate import Estimate
from plano_extproc.limits.keys import Keys
from plano_extproc.limits.patterns import names_of
from plano_extproc.limits.ratelimits import RateLimits, reserved
from plano_extproc.limits.usage import Totals
from plano_extproc.limits.wants import Served, Want, Wants
from plano_extproc.translate.chat import Usage


class Admission:
    """Made once for a configuration; nothing in it changes.

    `has_clients` and `has_limits` are False where nothing is configured: then there is nothing to ask. `needs_tokens`
    says whether an estimate of a request's tokens matters at all.
    """

    def __init__(self, config: Config, prices: Prices = catalogue_price) -> None:
        self._keys = Keys(config)
        self._models = {client.id: names_of(config, client.models) for client in config.clients if client.models}
        self._rates = RateLimits(config)
        self._budgets = Budgets(config, prices)
        limited = any(client.ratelimit or client.budget for client in config.clients)
        self.has_clients = bool(config.clients)
        self.has_limits = limited or bool(config.ratelimits)
        self.needs_tokens = self._rates.count_tokens or self._budgets.has_any

    @classmethod
    def of(cls, config: Config, prices: Prices = catalogue_price) -> "Admission":
        """Work out the admission of a configuration."""
        return cls(config, prices)

    def admit(self, headers: Mapping[str, bytes], query: str, listener: str) -> Client | None:
        """Return who calls, None where nobody needs to say. Raises `Unauthenticated` or `Forbidden`."""
        return self._keys.caller(headers, query, listener) if self.has_clients else None

    def may_use(self, client: Client | None, name: str, requested: str | None = None) -> bool:
        """Return whether a client may use `provider/model`, which it asked for as `requested`, such as an alias."""
        if client is None or (allowed := self._models.get(client.id)) is None:
            return True
        return allowed.match(name) or (requested is not None and allowed.holds(requested))

    def demand(self, client: Client | None, name: str, requested: str | None = None) -> None:
        """Raise `Forbidden` where a client may not use a model."""
        if not self.may_use(client, name, requested):
            assert client is not None, "anyone may use everything"
            raise Forbidden(
                f"client '{client.id}' may not use model '{name}'; it may use {', '.join(client.models)}",
                param="model",
                code="model_not_allowed",
            )

    def wants(
        self, client: Client | None, headers: Mapping[str, bytes], served: Served | None, tokens: Estimate, now: float
    ) -> Wants | None:
        """Return what a request must be granted before it is sent; None where no limit is on it.

        As long as nobody is known to serve it, it wants what a request for any model does.
        """
        if not self.has_limits:
            return None
        name = served.name if served is not None else None
        wants = [reserved(bucket, tokens) for bucket in self._rates.buckets(client, headers, name)]
        if (budget := self._budgets.bucket(client)) is not None:
            wants.append(self._budgets.reserved(budget, served, tokens))
        return Wants(tuple(wants), now) if wants else None

    def due(
        self,
        client: Client | None,
        headers: Mapping[str, bytes],
        served: Served | None,
        usage: Usage,
        now: float,
        requests: int = 1,
    ) -> Wants:
        """Return what an exchange has to pay that was served by a model; nothing used is a request all the same.

        `requests` is 0 for a call on behalf of a request, which is none of its own.
        """
        tokens = usage.prompt + usage.output
        name = served.name if served is not None else None
        wants = [
            Want(bucket, requests if bucket.kind == "requests" else tokens)
            for bucket in self._rates.buckets(client, headers, name)
        ]
        if (budget := self._budgets.bucket(client)) is not None:
            wants.append(Want(budget, self._budgets.cost(served, usage) or 0))
        return Wants(tuple(wants), now)

    def totals(self, served: Served, usage: Usage, *, is_call: bool = False) -> Totals:
        """Return the figures of one exchange for the record of usage, or of a call on behalf of one."""
        cost = self._budgets.cost(served, usage)
        return Totals(
            requests=int(not is_call),
            calls=int(is_call),
            input=usage.prompt,
            cached=usage.cache_read,
            output=usage.output,
            nanos=cost or 0,
            # What a moderation model does has no tokens and needs no price.
            unpriced=int(cost is None and not (is_call and usage == Usage())),
        )
