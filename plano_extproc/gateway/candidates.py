"""Who may serve a request, in order: the pool of a name, a route's models, and what stands behind them."""

from collections.abc import Callable

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.policies import Client
from plano_extproc.gateway.chain import Policy
from plano_extproc.limits import Admission
from plano_extproc.routing import Choice, Directory, fallback
from plano_extproc.routing.cooldown import Board, Rule
from plano_extproc.routing.pools import Pools


class Candidates:
    """The candidates of one configuration. Of all that it holds, only the cool-downs change."""

    def __init__(
        self, config: Config, directory: Directory, admission: Admission, *, draw: Callable[[], float]
    ) -> None:
        """`draw` gives a random number in [0, 1), by which the members of a pool take turns."""
        self._directory = directory
        self._admission = admission
        self._draw = draw
        self._routes = {route.name: route.models for route in config.routing_preferences}
        self.pools = Pools(config)
        self.board = Board(Rule(config.cooldown.after, config.cooldown.for_))

    def is_fixed(self, name: str | None, now: float) -> bool:
        """Whether a name has one candidate, always the same."""
        chosen = self._directory.resolve(name)
        return not self.pools.find(name) and not chosen.provider.retry_policy and not self.board.cooling(now)

    def of_name(self, name: str | None, client: Client | None, now: float) -> fallback.Chain:
        """Return who serves a model's name. Raises what the directory raises, and `Forbidden`."""
        pool = self.pools.find(name)
        if pool is None:
            return self._chain([self._directory.resolve(name)], (), name, client, now)
        reason = self._directory.resolve(name).reason
        members = pool.by_chance(self._draw(), self.board.cooling(now))
        return self._chain([member.choice(f"pool, {reason}") for member in members], (), name, client, now)

    def of_route(self, route: str, client: Client | None, now: float) -> fallback.Chain:
        """Return who serves a route: its models in their order."""
        first, *others = self._routes[route]
        return self._chain([self._directory.resolve(first)], tuple(others), None, client, now)

    def _chain(
        self, pool: list[Choice], ranked: tuple[str, ...], name: str | None, client: Client | None, now: float
    ) -> fallback.Chain:
        found = fallback.chain(
            pool[0],
            self._directory.resolve,
            pool=pool[1:],
            ranked=ranked,
            cooling=self.board.cooling(now),
            label=lambda choice: self.pools.label(choice.provider),
        )
        allowed = tuple(one for one in found.candidates if self._admission.may_use(client, one.name, name))
        if not allowed:
            self._admission.demand(client, found.candidates[0].name, name)
        return found if len(allowed) == len(found.candidates) else fallback.limited(found, allowed)

    def failed(self, provider: ModelProvider, now: float, retry_after: float | None) -> None:
        """Count a failure of an entry."""
        self.board.failed(self.pools.label(provider), now, retry_after)

    def answered(self, provider: ModelProvider) -> None:
        """Take back the failures of an entry that answers."""
        self.board.answered(self.pools.label(provider))


def policy(found: fallback.Chain) -> Policy:
    """Return what Envoy is told of a chain. Of the times, those of the first candidate hold for all tries."""
    times = found.candidates[0].provider.timeouts
    return Policy(
        statuses=tuple(sorted(status for status in found.statuses if status < 500)),
        refusals=tuple(sorted(found.refusals)),
        first_byte=times.first_byte,
        first_token=times.first_token,
        total=times.total,
    )
