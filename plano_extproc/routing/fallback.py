"""Fallback: the candidates of a request in the order in which they are tried, and what moves it on.

A chain begins with what was chosen and the rest of its pool, then has the rest of a route's ranked models, then the
`fallback_models` of the chosen entry's `retry_policy`. A strategy that the file names orders what follows: the
models that fit it come first, the others stay behind as a last resort. Everything is bounded, and no candidate stands
in it twice.
"""

import functools
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from plano_extproc.config.models import Backoff, Refusal, RetryPolicy, Strategy
from plano_extproc.routing.directory import Choice
from plano_extproc.routing.ranking import later_by

STATUSES: Final = frozenset({408, 429, *range(500, 600)})
"""After these the next candidate is tried. A connection that fails or times out before the first byte counts as 503."""

LONGEST: Final = 8
"""Most candidates of one chain: each of them may be waited for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows a status: where to try next, and after how many tries in all to give up."""

    strategy: Strategy
    attempts: int


@dataclass(frozen=True, eq=False)
class Chain:
    """Candidates, best first, each once, with the rules for going on.

    `attempts` bounds all tries. `statuses` move on, and so do the `refusals` that the file names. `rules` are what it
    says of single statuses.
    """

    candidates: tuple[Choice, ...]
    statuses: frozenset[int]
    attempts: int
    backoff: Backoff | None
    refusals: frozenset[Refusal]
    default: Rule
    rules: tuple[tuple[frozenset[int], Rule], ...] = ()

    @functools.cached_property
    def tries(self) -> tuple[Choice, ...]:
        """Return who serves each try, where the order must stand before the first status is known, as in Envoy.

        Only where every rule says `same_model` is the first tried again at once. Else each candidate comes once, then
        the first again if tries are left and a rule asks for it.
        """
        strategies = {self.default.strategy, *(rule.strategy for _, rule in self.rules)}
        if strategies == {"same_model"}:
            return (self.candidates[0],) * self.attempts
        again = self.attempts - len(self.candidates) if "same_model" in strategies else 0
        return (*self.candidates, *(self.candidates[0],) * max(again, 0))[: self.attempts]

    @property
    def waits(self) -> bool:
        """Whether a pause is wanted between any two tries that follow one another, as far as their order is known."""
        tries = self.tries
        return self.backoff is not None and all(map(_WAITS[self.backoff.apply_to], tries[1:], tries))

    def rule(self, status: int) -> Rule | None:
        """Return what follows a status; None where it is the caller's answer."""
        named = next((rule for statuses, rule in self.rules if status in statuses), None)
        return named or (self.default if status in self.statuses else None)

    def after(self, tried: Sequence[Choice], status: int) -> Choice | None:
        """Return who is tried after `tried` of which the last answered `status`; None ends the chain.

        This is the exact rule, for whoever knows each status before the next try.
        """
        rule = self.rule(status)
        if rule is None or len(tried) >= rule.attempts:
            return None
        last = tried[-1]
        if rule.strategy == "same_model":
            return last
        left = [one for one in self.candidates if one not in tried]
        fitting = (one for one in left if _fits(one, last, rule.strategy))
        return next(fitting, left[0] if left else None)

    def pause(self, tried: Sequence[Choice], following: Choice, draw: float) -> float:
        """Return seconds to wait before `following`; `draw` in [0, 1) varies them where the file wants that."""
        backoff = self.backoff
        if backoff is None or not tried or not _WAITS[backoff.apply_to](following, tried[-1]):
            return 0.0
        # Doubling beyond any real number of tries would overflow a float's exponent.
        full = min(backoff.base_ms * 2.0 ** min(len(tried) - 1, 60), backoff.max_ms)
        return full * (0.5 + draw / 2 if backoff.jitter else 1.0) / 1000


def chain(
    chosen: Choice,
    resolve: Callable[[str], Choice],
    *,
    pool: Iterable[Choice] = (),
    ranked: Iterable[str] = (),
    cooling: Container[str] = (),
    label: Callable[[Choice], str] = lambda choice: choice.provider.name,
) -> Chain:
    """Make the chain of a request. `resolve` gives the choice of a model's name.

    `pool` are the other members of the chosen model's pool, `ranked` the other models of the route, both best first.
    `cooling` holds the labels of entries that are cooling down: they are tried last, also the chosen one.
    """
    policy = chosen.provider.retry_policy
    named = () if policy is None else policy.fallback_models
    others = _once([*pool, *(resolve(name) for name in (*ranked, *named))], chosen)
    default = _default(policy, len(others) + 1)
    if policy is not None and "default_strategy" in policy.model_fields_set:
        fitting = [one for one in others if _fits(one, chosen, default.strategy)]
        others = [*fitting, *(one for one in others if one not in fitting)]
    candidates = later_by([chosen, *others], lambda one: label(one) in cooling)[:LONGEST]
    rules = (
        ()
        if policy is None
        else tuple((frozenset(o.codes), Rule(o.strategy, o.max_attempts)) for o in policy.on_status_codes)
    )
    return Chain(
        candidates,
        STATUSES.union(*(statuses for statuses, _ in rules)),
        max(default.attempts, *(rule.attempts for _, rule in rules)) if rules else default.attempts,
        None if policy is None else policy.backoff,
        frozenset(() if policy is None else policy.on_refusals),
        default,
        rules,
    )


def limited(chain: Chain, candidates: tuple[Choice, ...]) -> Chain:
    """Return a chain with some of its candidates only."""
    return replace(chain, candidates=candidates)


def _default(policy: RetryPolicy | None, candidates: int) -> Rule:
    """Return the rule for most statuses: where the file says nothing, every candidate gets its try."""
    if policy is None:
        return Rule("different_provider", min(candidates, LONGEST))
    said = "default_max_attempts" in policy.model_fields_set
    attempts = policy.default_max_attempts
    return Rule(policy.default_strategy, attempts if said else max(attempts, min(candidates, LONGEST)))


def _once(choices: Iterable[Choice], chosen: Choice) -> list[Choice]:
    seen = {_identity(chosen)}
    kept = []
    for choice in choices:
        if _identity(choice) not in seen:
            seen.add(_identity(choice))
            kept.append(choice)
    return kept


def _identity(choice: Choice) -> tuple[int, str]:
    # Entries of one name may be a pool, so the name does not tell them apart.
    return id(choice.provider), choice.model


def _fits(one: Choice, other: Choice, strategy: Strategy) -> bool:
    return _FITS[strategy](one, other)


def _same_provider(one: Choice, other: Choice) -> bool:
    return one.provider.prefix == other.provider.prefix and one.provider.base_url == other.provider.base_url


_FITS: Final[dict[Strategy, Callable[[Choice, Choice], bool]]] = {
    "same_model": lambda one, other: one.model == other.model,
    "same_provider": _same_provider,
    "different_provider": lambda one, other: not _same_provider(one, other),
}
_WAITS: Final[dict[str, Callable[[Choice, Choice], bool]]] = {
    "same_model": lambda one, other: _identity(one) == _identity(other),
    "same_provider": _same_provider,
    "global": lambda _one, _other: True,
}
