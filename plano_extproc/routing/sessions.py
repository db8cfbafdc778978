"""Sessions: whether a request stays with the model that has its conversation in the cache, and what is remembered.

The gateway asks in this order, and `now` is always seconds since 1970:

1. `terms` say what the file and the headers want; `identity.identify` says which session it is, if any.
2. `identity.lookup` finds the lane's binding in the store.
3. `replay` may make routing unnecessary; else the router gives a candidate.
4. `decide` says which model serves. Its `binding`, unless None, is stored: by compare-and-set where there is a budget,
   and where that fails steps 2 to 4 are repeated, since another turn of the session was faster.
5. `settle`, when the answer is known, on what the store holds then; again by compare-and-set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from plano_extproc.config.routing import PromptCaching, Routing
from plano_extproc.headers import CACHE
from plano_extproc.routing.binding import Binding, Visit, visited
from plano_extproc.routing.budget import Budget, RatesOf, bill, budget, stayed
from plano_extproc.routing.identity import Identity
from plano_extproc.translate.chat import Usage

DEFAULT_TTL: Final = 600.0

Reason = Literal[
    "no_session",  # nothing to stay with
    "no_route",  # nothing to go to either
    "cold",  # the session is new, or was idle for too long
    "drifted",  # the prompt's beginning has changed, so no cache has it
    "same_anchor",
    "pinned",  # kept, since the session asks for it
    "unavailable",  # the anchor cannot serve now
    "no_pricing",
    "free",
    "within_cap",
    "over_cap",
]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a request's sessions are like. `pins` keeps implicit sessions at their model; explicit ones always stay."""

    ttl: float = DEFAULT_TTL
    budget: Budget | None = None
    pins: bool = False
    user_only: bool = False
    uses_implicit: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as a session sees it. `requested` is the model asked for, aliases resolved: the lane."""

    identity: Identity | None
    requested: str
    tokens: int
    is_users_turn: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """Which model and route serve, None for none. `binding` is to be stored, None where nothing is.

    `is_pinned` says that the session was warm, `has_switched` that it may leave its model this turn. `idle` is the
    seconds since it was last used, None where it is new. `cost_usd` is what the switch costs or would have cost, None
    where it was not worked out. `candidate` and `candidate_route` are what would have been without a session.
    """

    model: str | None
    route: str | None
    reason: Reason
    candidate: str | None
    candidate_route: str | None
    binding: Binding | None = None
    is_pinned: bool = False
    has_switched: bool = False
    idle: float | None = None
    cost_usd: float | None = None
    ceiling_usd: float | None = None
    warm_tokens: int = 0

    @property
    def outcome(self) -> Literal["allowed", "retained"]:
        """Return the word for metrics and spans."""
        return "allowed" if self.model == self.candidate else "retained"


def terms(routing: Routing, caching: PromptCaching, headers: Mapping[str, bytes], *, has_preferences: bool) -> Terms:
    """Return the terms of a request. Raises `InvalidRequest` for a header that cannot be meant."""
    is_off = headers.get(CACHE, b"").strip().lower() == b"off"
    own = budget(routing.routing_budget, headers)
    stays = caching.enabled and caching.session_affinity
    cached_ttl = caching.session_ttl_seconds if caching.enabled else None
    return Terms(
        ttl=float(cached_ttl or routing.session_ttl_seconds or DEFAULT_TTL),
        budget=own,
        pins=stays,
        user_only=routing.route_on_user_only and has_preferences,
        uses_implicit=not is_off and (stays or own is not None or (routing.route_on_user_only and has_preferences)),
    )


def _always(_model: str) -> bool:
    return True


def _is_warm(binding: Binding, terms: Terms, now: float) -> bool:
    return now - binding.last_used <= terms.ttl


def _has_drifted(binding: Binding, ask: Ask) -> bool:
    hash_ = ask.identity.prefix_hash if ask.identity else None
    return hash_ is not None and binding.prefix_hash is not None and hash_ != binding.prefix_hash


def _stays(ask: Ask, terms: Terms) -> bool:
    """Return whether the session keeps its model whatever the router says. A budget asks for the price instead."""
    return terms.budget is None and ask.identity is not None and (ask.identity.is_explicit or terms.pins)


def replay(
    binding: Binding | None, ask: Ask, terms: Terms, now: float, serves: Callable[[str], bool] = _always
) -> Literal["not_user_turn", "pinned"] | None:
    """Return why the binding's model and route can be the candidate without asking the router; None asks it.

    `serves` says whether a model can serve at the moment: it is configured, and not cooling down.
    """
    if binding is None or not _is_warm(binding, terms, now) or _has_drifted(binding, ask):
        return None
    if not serves(binding.anchor_model):
        return None
    if _stays(ask, terms):
        return "pinned"
    return "not_user_turn" if terms.user_only and not ask.is_users_turn else None


def decide(
    binding: Binding | None,
    ask: Ask,
    candidate: str | None,
    route: str | None,
    terms: Terms,
    rates: RatesOf,
    now: float,
    serves: Callable[[str], bool] = _always,
) -> Decision:
    """Decide between the session's model and what the router, or the request itself, wants.

    `candidate` None means that nothing was found; such a turn leaves no trace.
    """
    if ask.identity is None:
        return Decision(candidate, route, "no_session", candidate, route)
    is_warm = binding is not None and _is_warm(binding, terms, now)
    idle = max(0.0, now - binding.last_used) if binding is not None else None
    if candidate is None:
        return Decision(None, None, "no_route", None, None, is_pinned=is_warm, idle=idle)
    if binding is None or not is_warm or _has_drifted(binding, ask):
        reason: Reason = "drifted" if binding is not None and is_warm else "cold"
        rebound = _rebound(binding, ask, candidate, route, terms, now, reason)
        return Decision(candidate, route, reason, candidate, route, rebound, idle=idle)
    tokens = binding.cached_tokens or ask.tokens
    if terms.budget is not None:
        baseline = binding.baseline_usd + stayed(binding, tokens, rates, terms.budget, now)
        binding = replace(binding, baseline_usd=baseline)
    return _judged(binding, ask, candidate, route, terms, rates, now, tokens, serves)


def _judged(
    binding: Binding,
    ask: Ask,
    candidate: str,
    route: str | None,
    terms: Terms,
    rates: RatesOf,
    now: float,
    tokens: int,
    serves: Callable[[str], bool],
) -> Decision:
    """Decide in a warm session."""
    idle = max(0.0, now - binding.last_used)
    told = Decision(candidate, route, "same_anchor", candidate, route, is_pinned=True, idle=idle)
    if candidate == binding.anchor_model:
        return replace(told, binding=_turned(binding, ask, candidate, route, tokens, now))
    if not serves(binding.anchor_model):
        return _switched(replace(told, reason="unavailable"), binding, ask, tokens, now)
    if _stays(ask, terms):
        return _kept(replace(told, reason="pinned"), binding, ask, tokens, now)
    if terms.budget is None:
        return _switched(replace(told, reason="free"), binding, ask, tokens, now)
    cost = bill(binding, candidate, tokens, rates, terms.budget, now)
    told = replace(told, cost_usd=cost.usd, ceiling_usd=cost.ceiling, warm_tokens=cost.warm_tokens)
    if cost.usd is None:
        made = _switched if terms.budget.allows_unpriced else _kept
        return made(replace(told, reason="no_pricing"), binding, ask, tokens, now)
    if cost.usd <= 0:
        return _switched(replace(told, reason="free"), binding, ask, tokens, now)
    spend = binding.switch_spend_usd + cost.usd
    if spend <= cost.ceiling:
        paid = replace(binding, switch_spend_usd=spend)
        return _switched(replace(told, reason="within_cap"), paid, ask, tokens, now)
    return _kept(replace(told, reason="over_cap"), binding, ask, tokens, now)


def _switched(told: Decision, binding: Binding, ask: Ask, tokens: int, now: float) -> Decision:
    assert told.candidate is not None, "only a candidate is switched to"
    turned = _turned(binding, ask, told.candidate, told.candidate_route, tokens, now)
    return replace(told, binding=replace(turned, switches=binding.switches + 1), has_switched=True)


def _kept(told: Decision, binding: Binding, ask: Ask, tokens: int, now: float) -> Decision:
    turned = _turned(binding, ask, binding.anchor_model, binding.route_name, tokens, now)
    return replace(told, model=binding.anchor_model, route=binding.route_name, binding=turned)


def _turned(binding: Binding, ask: Ask, model: str, route: str | None, tokens: int, now: float) -> Binding:
    """Return the binding after one more turn, which `model` serves."""
    assert ask.identity is not None, "a binding belongs to a session"
    return replace(
        binding,
        anchor_model=model,
        route_name=route,
        requested_model=ask.requested,
        prefix_hash=binding.prefix_hash if ask.identity.prefix_hash is None else ask.identity.prefix_hash,
        last_used=now,
        cached_tokens=tokens,
        history=visited(binding.history, Visit(model, now, tokens)),
    )


def _rebound(
    binding: Binding | None, ask: Ask, model: str, route: str | None, terms: Terms, now: float, reason: Reason
) -> Binding:
    """Return the binding of a session that begins, or begins again; what the conversation has cost is not forgotten."""
    assert ask.identity is not None, "a binding belongs to a session"
    before = binding or Binding(model, model, ask.requested, route, None, now)
    history = () if reason == "drifted" else before.history
    carries = terms.budget is not None and not terms.budget.replenishes
    return Binding(
        anchor_model=model,
        default_model=before.default_model if carries else model,
        requested_model=ask.requested,
        route_name=route,
        prefix_hash=ask.identity.prefix_hash,
        last_used=now,
        cached_tokens=ask.tokens,
        baseline_usd=before.baseline_usd if carries else 0.0,
        switch_spend_usd=before.switch_spend_usd if carries else 0.0,
        history=visited(history, Visit(model, now, ask.tokens)),
        session_cost_usd=before.session_cost_usd,
    )


def settle(binding: Binding, served: str, usage: Usage | None, rates: RatesOf, terms: Terms, now: float) -> Binding:
    """Return the binding after a good answer by `served`, which a fallback may have made another than was decided.

    The session goes on where its conversation now is in the cache. `usage` None leaves the estimate of its length.
    """
    tokens = usage.prompt if usage is not None and usage.prompt > 0 else binding.cached_tokens
    known = rates(served)
    discount = (terms.budget or Budget(0.0)).discount
    cost = known.cost(usage, discount) if known is not None and usage is not None else 0.0
    return replace(
        binding,
        anchor_model=served,
        last_used=now,
        cached_tokens=tokens,
        history=visited(binding.history, Visit(served, now, tokens)),
        session_cost_usd=binding.session_cost_usd + cost,
    )
