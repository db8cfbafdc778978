"""Who may serve a request, in order: the pool of a name, a route's models, and what stands behind them."""

import functools
from collections.abc import Callable, Hashable
from typing import Final

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.policies import Client
from plano_extproc.errors import GatewayError
from plano_extproc.gateway.tries.chain import Policy
from plano_extproc.limits import Admission
from plano_extproc.routing import Choice, Directory, fallback
from plano_extproc.routing.chain_routes import chain_route
from plano_extproc.routing.cooldown import Board, Rule
from plano_extproc.routing.pools import Pools

_CHAINS_KEPT: Final = 4096
"""Names under a wildcard are the client's choice, so the cache of chains is bounded."""


class Candidates:
    """The candidates of one configuration. Of all that it holds, only the cool-downs change."""

    def __init__(
        self, config: Config, directory: Directory, admission: Admission, *, draw: Callable[[], float]
    ) -> None:
        """`draw` gives a random number in [0, 1), by which the members of a pool take turns."""
        self._directory = directory
        self._admission = admission
        self._draw = draw
        self.pools = Pools(config)
        self.board = Board(Rule(config.cooldown.after, config.cooldown.for_))
        self._chains: dict[Hashable, fallback.Chain] = {}
        self.has_choices = bool(
            self.pools or config.routing_preferences or any(entry.retry_policy for entry in config.model_providers)
        )
        """Whether any request has more than one candidate, so that a cool-down changes something."""

    def is_alone(self, name: str | None) -> bool:
        """Whether a name has one candidate, always the same. Raises what the directory raises."""
        chosen = self._directory.resolve(name)
        return not self.pools.find(name) and not chosen.provider.retry_policy

    def is_fixed(self, name: str | None, now: float) -> bool:
        """Whether a name has one candidate that nothing is known against."""
        return not self.board.cooling(now) and self.is_alone(name)

    def of_name(self, name: str | None, client: Client | None, now: float) -> fallback.Chain:
        """Return who serves a model's name. Raises what the directory raises, and `Forbidden`."""
        return self.chain(self.pool(name, None, now), (), name, client, now)

    def pool(self, name: str | None, key: str | None, now: float) -> tuple[Choice, ...]:
        """Return the entries that a name means, best first: by chance, or for a `key` always in the same order.

        Raises what the directory raises.
        """
        pool = self.pools.find(name)
        if pool is None:
            return (self._directory.resolve(name),)
        reason = self._directory.resolve(name).reason
        cooling = self.board.cooling(now)
        members = pool.by_chance(self._draw(), cooling) if key is None else pool.by_key(key, cooling)
        return tuple(member.choice(f"pool, {reason}") for member in members)

    def chain(
        self, pool: tuple[Choice, ...], ranked: tuple[str, ...], name: str | None, client: Client | None, now: float
    ) -> fallback.Chain:
        """Return the chain of a pool, and of the other models of a route; `name` is what the client asked for.

        Raises `Forbidden` where a client may use none of them.
        """
        cooling = self.board.cooling(now)
        who = tuple((*one.key, one.agent, one.route) for one in pool)
        key = (who, ranked, name, None if client is None else client.id, cooling)
        found = self._chains.get(key)
        if found is None:
            if len(self._chains) >= _CHAINS_KEPT:
                self._chains.clear()
            found = self._chains[key] = self._made(pool, ranked, name, client, cooling)
        return found

    def _made(
        self,
        pool: tuple[Choice, ...],
        ranked: tuple[str, ...],
        name: str | None,
        client: Client | None,
        cooling: frozenset[str],
    ) -> fallback.Chain:
        found = fallback.chain(
            pool[0],
            self._directory.resolve,
            pool=pool[1:],
            ranked=ranked,
            cooling=cooling,
            label=lambda choice: self.pools.label(choice.provider),
        )
        allowed = tuple(one for one in found.candidates if self._admission.may_use(client, one.name, name))
        if not allowed:
            self._admission.demand(client, found.candidates[0].name, name)
        return found if len(allowed) == len(found.candidates) else fallback.limited(found, allowed)

    def called(self, choice: Choice) -> str:
        """Return the name by which a choice is found again: `provider/model`, or the own name of its entry."""
        entry = choice.provider.name
        return entry if self.pools.is_own(entry) else choice.name

    def serves(self, name: str, client: Client | None, now: float) -> bool:
        """Whether a model is configured, allowed, and not cooling down."""
        try:
            choice = self._directory.resolve(name)
        except GatewayError:
            return False
        is_cooling = self.pools.label(choice.provider) in self.board.cooling(now)
        return not is_cooling and self._admission.may_use(client, choice.name, name)

    def failed(self, provider: ModelProvider, now: float, retry_after: float | None) -> None:
        """Count a failure of an entry."""
        self.board.failed(self.pools.label(provider), now, retry_after)

    def answered(self, provider: ModelProvider, now: float, waited: float) -> None:
        """Take back the failures of an entry that answers, after so many seconds."""
        self.board.answered(self.pools.label(provider), now, waited)


@functools.lru_cache(_CHAINS_KEPT)
def policy(found: fallback.Chain) -> Policy:
    """Return what Envoy is told of a chain. Of the times, those of the first candidate hold for all tries."""
    first = found.candidates[0].provider
    times = first.timeouts
    return Policy(
        statuses=tuple(sorted(status for status in found.statuses if status < 500)),
        refusals=tuple(sorted(found.refusals)),
        first_byte=times.first_byte,
        first_token=times.first_token,
        total=times.total,
        route=chain_route(first, found.backoff if found.waits else None).name,
        hedges=first.retry_policy is not None and first.retry_policy.hedge,
    )
