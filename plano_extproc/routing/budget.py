"""The routing budget: what leaving a warm prompt cache costs, and how much of that a session may spend.

The price of an answer is left out on purpose: the question is what a switch wastes, and an answer is wanted anyway.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from plano_extproc.config.routing import RoutingBudget
from plano_extproc.errors import InvalidRequest
from plano_extproc.routing.binding import Binding
from plano_extproc.routing.prices import DEFAULT_DISCOUNT, Rates

OVERRIDE: Final = "x-plano-max-switch-spend-pct"
"""Request header: percent for this request, with or without a budget in the file."""

CACHE_WINDOW: Final = 300.0
"""Seconds that providers keep an idle prompt in their caches (Anthropic: five minutes; OpenAI: five to ten)."""

RatesOf = Callable[[str], Rates | None]


@dataclass(frozen=True, slots=True)
class Budget:
    """`share` of what staying would have cost (0 to 1) may be spent on switches; `discount` prices cached tokens."""

    share: float
    replenishes: bool = True
    discount: float = DEFAULT_DISCOUNT
    allows_unpriced: bool = True


@dataclass(frozen=True, slots=True)
class Bill:
    """What a switch would cost. `usd` None: a price is missing. `ceiling` is what may be spent in all."""

    usd: float | None
    warm_tokens: int
    ceiling: float


def budget(configured: RoutingBudget | None, headers: Mapping[str, bytes]) -> Budget | None:
    """Return the budget of a request, or None. Raises `InvalidRequest` for a header that is no percentage."""
    given = headers.get(OVERRIDE)
    usual = None if configured is None else _of(configured)
    if given is None:
        return usual
    return replace(usual or Budget(0.0), share=_percent(given) / 100)


def _of(configured: RoutingBudget) -> Budget:
    return Budget(
        configured.max_switch_spend_pct / 100,
        configured.replenish_on_rebind,
        configured.cache_read_discount,
        configured.on_unknown_price == "open",
    )


def _percent(given: bytes) -> float:
    text = given.decode("latin-1").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise InvalidRequest(
            f"header {OVERRIDE}: '{shown}' is no number between 0 and 100; send a percentage, or leave it out",
            param=OVERRIDE,
            code="invalid_header",
        )
    return value


def stayed(binding: Binding, tokens: int, rates: RatesOf, terms: Budget, now: float) -> float:
    """Return dollars for reading the conversation once more where it began; 0 where that has no price."""
    known = rates(binding.default_model)
    return 0.0 if known is None else tokens * _reading(known, terms, idle=now - binding.last_used) / 1_000_000


def bill(binding: Binding, candidate: str, tokens: int, rates: RatesOf, terms: Budget, now: float) -> Bill:
    """Return what it costs to have `candidate` read the conversation instead of the anchor.

    A model that served this session a short while ago still has a part of it in its cache.
    """
    visit = next((one for one in binding.history if one.model == candidate), None)
    is_warm = visit is not None and now - visit.last_used <= CACHE_WINDOW
    warm = min(visit.cached_tokens, tokens) if visit is not None and is_warm else 0
    ceiling = terms.share * binding.baseline_usd
    there, here = rates(candidate), rates(binding.anchor_model)
    if there is None or here is None:
        return Bill(None, warm, ceiling)
    reading = (tokens - warm) * there.input + warm * there.cached(terms.discount)
    staying = tokens * _reading(here, terms, idle=now - binding.last_used)
    return Bill((reading - staying) / 1_000_000, warm, ceiling)


def _reading(rates: Rates, terms: Budget, *, idle: float) -> float:
    # An anchor whose cache has gone cold reads everything anew too.
    return rates.cached(terms.discount) if idle <= CACHE_WINDOW else rates.input
