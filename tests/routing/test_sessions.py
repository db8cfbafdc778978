from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.config.routing import PromptCaching, Routing
from plano_extproc.errors import InvalidRequest
from plano_extproc.routing.binding import Binding, Visit, decoded
from plano_extproc.routing.budget import Budget
from plano_extproc.routing.identity import Identity
from plano_extproc.routing.prices import Rates
from plano_extproc.routing.sessions import Ask, Decision, Terms, decide, replay, settle, terms
from plano_extproc.translate.chat import Usage

NOW = 1_700_000_000.0
RATES = {
    "p/cheap": Rates(1.0, 2.0, 0.1),
    "p/dear": Rates(10.0, 20.0, 1.0),
    "p/mid": Rates(2.0, 4.0),
    "p/tiny": Rates(0.5, 1.0),
}
EXPLICIT = Identity("s", is_explicit=True, prefix_hash=7)
IMPLICIT = Identity("implicit:1", is_explicit=False, prefix_hash=7)
BUDGET = Terms(budget=Budget(share=0.2), uses_implicit=True)


def bound(anchor: str = "p/cheap", **changes: object) -> Binding:
    made = Binding(anchor, anchor, "p/auto", "code", 7, NOW - 10, cached_tokens=100_000)
    return replace(made, **changes)  # type: ignore[arg-type]


def ask(identity: Identity | None = IMPLICIT, **changes: object) -> Ask:
    return replace(Ask(identity, "p/auto", 100_000), **changes)  # type: ignore[arg-type]


def decided(
    binding: Binding | None, candidate: str | None = "p/dear", own: Terms = BUDGET, asked: Ask | None = None
) -> Decision:
    return decide(binding, asked or ask(), candidate, "talk", own, RATES.get, NOW)


def test_without_a_session_nothing_is_stored() -> None:
    told = decided(None, asked=ask(None))

    assert (told.model, told.reason, told.binding) == ("p/dear", "no_session", None)


def test_no_route_is_never_stored() -> None:
    told = decided(bound(), None)

    assert (told.model, told.route, told.reason, told.binding, told.is_pinned) == (None, None, "no_route", None, True)


@pytest.mark.parametrize(
    ("binding", "reason"),
    [(None, "cold"), (bound(last_used=NOW - 601), "cold"), (bound(prefix_hash=8), "drifted")],
)
def test_a_session_that_is_not_warm_begins_anew(binding: Binding | None, reason: str) -> None:
    told = decided(
        binding and replace(binding, baseline_usd=1.0, switch_spend_usd=0.5, switches=3, session_cost_usd=2.0)
    )

    assert (told.model, told.route, told.reason) == ("p/dear", "talk", reason)
    assert not told.is_pinned
    assert not told.has_switched
    new = told.binding
    assert new is not None
    assert (new.anchor_model, new.default_model, new.baseline_usd, new.switch_spend_usd, new.switches) == (
        "p/dear",
        "p/dear",
        0,
        0,
        0,
    )
    assert new.session_cost_usd == (2.0 if binding else 0.0)
    assert ("p/cheap" in [visit.model for visit in new.history]) is False or reason == "cold"


def test_a_budget_that_does_not_replenish_goes_on() -> None:
    own = replace(BUDGET, budget=Budget(share=0.2, replenishes=False))
    told = decided(bound(last_used=NOW - 1000, baseline_usd=1.0, switch_spend_usd=0.5), own=own)

    assert told.binding is not None
    assert (told.binding.default_model, told.binding.baseline_usd, told.binding.switch_spend_usd) == (
        "p/cheap",
        1.0,
        0.5,
    )


def test_the_time_to_live_is_that_of_the_file() -> None:
    old = bound(last_used=NOW - 1000)

    assert decided(old, own=Terms(ttl=1000)).is_pinned
    assert not decided(old, own=Terms(ttl=999)).is_pinned


def test_the_header_alone_pins() -> None:
    told = decided(bound(), own=Terms(), asked=ask(EXPLICIT))

    assert (told.model, told.route, told.reason, told.outcome) == ("p/cheap", "code", "pinned", "retained")
    assert (told.candidate, told.candidate_route) == ("p/dear", "talk")
    assert told.binding is not None
    assert told.binding.last_used == NOW


def test_an_implicit_session_pins_where_prompts_are_cached() -> None:
    assert decided(bound(), own=Terms(pins=True)).model == "p/cheap"
    assert decided(bound(), own=Terms(pins=False)).reason == "free"


def test_an_anchor_that_cannot_serve_is_left_for_nothing() -> None:
    told = decide(bound(), ask(EXPLICIT), "p/dear", None, Terms(), RATES.get, NOW, lambda model: model != "p/cheap")

    assert (told.model, told.reason, told.has_switched) == ("p/dear", "unavailable", True)


def test_the_same_anchor_costs_nothing() -> None:
    told = decided(bound(), "p/cheap")

    assert (told.reason, told.has_switched, told.route) == ("same_anchor", False, "talk")
    assert told.binding is not None
    assert told.binding.switch_spend_usd == 0
    # 100,000 tokens read from the cache where the session began.
    assert told.binding.baseline_usd == pytest.approx(0.01)


def test_a_switch_that_is_too_dear_is_refused() -> None:
    told = decided(bound())

    # The whole conversation at 10 $ per million, instead of from the cache at 0.1 $.
    assert told.cost_usd == pytest.approx(1.0 - 0.01)
    assert told.ceiling_usd == pytest.approx(0.2 * 0.01)
    assert (told.model, told.route, told.reason, told.outcome) == ("p/cheap", "code", "over_cap", "retained")
    assert told.binding is not None
    assert told.binding.switch_spend_usd == 0


def test_a_switch_within_the_budget_is_paid() -> None:
    told = decided(bound(baseline_usd=10.0, switch_spend_usd=0.5))

    assert (told.model, told.reason, told.has_switched) == ("p/dear", "within_cap", True)
    assert told.binding is not None
    assert told.binding.switch_spend_usd == pytest.approx(0.5 + 0.99)
    assert told.binding.switches == 1
    assert told.binding.anchor_model == "p/dear"
    assert told.binding.default_model == "p/cheap"


def test_a_cheaper_model_is_free() -> None:
    told = decided(bound("p/dear", switch_spend_usd=0.3), "p/tiny")

    assert (told.model, told.reason, told.has_switched) == ("p/tiny", "free", True)
    assert told.cost_usd == pytest.approx(0.05 - 0.1)
    assert told.binding is not None
    assert told.binding.switch_spend_usd == 0.3


def test_a_model_that_is_still_warm_is_cheaper_to_return_to() -> None:
    recent, old = Visit("p/dear", NOW - 200, 80_000), Visit("p/dear", NOW - 400, 80_000)

    assert decided(bound(history=(recent,))).cost_usd == pytest.approx(0.2 + 0.08 - 0.01)
    assert decided(bound(history=(recent,))).warm_tokens == 80_000
    assert decided(bound(history=(old,))).cost_usd == pytest.approx(0.99)


def test_leaving_a_cold_cache_costs_less() -> None:
    told = decided(bound(last_used=NOW - 400))

    assert told.cost_usd == pytest.approx(1.0 - 0.1)


@pytest.mark.parametrize(("allows", "model"), [(True, "p/unknown"), (False, "p/cheap")])
def test_an_unknown_price_is_open_or_closed(allows: bool, model: str) -> None:
    told = decided(bound(), "p/unknown", replace(BUDGET, budget=Budget(0.2, allows_unpriced=allows)))

    assert (told.model, told.reason, told.has_switched) == (model, "no_pricing", allows)


@given(
    st.lists(
        st.tuples(st.sampled_from([*RATES, "p/unknown"]), st.floats(0, 900), st.integers(0, 200_000)),
        min_size=1,
        max_size=30,
    ),
    st.floats(0, 1),
)
def test_no_session_spends_more_than_its_budget(turns: list[tuple[str, float, int]], share: float) -> None:
    binding, now, own = None, NOW, Terms(budget=Budget(share, allows_unpriced=False))
    for candidate, pause, tokens in turns:
        now += pause
        told = decide(binding, ask(tokens=tokens), candidate, None, own, RATES.get, now)
        binding = told.binding
        assert binding is not None
        assert binding.switch_spend_usd <= share * binding.baseline_usd + 1e-9
        assert told.model == binding.anchor_model
        assert len(binding.history) <= 8
        binding = decoded(
            settle(binding, binding.anchor_model, Usage(input=tokens, output=10), RATES.get, own, now).encoded()
        )


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60))
def test_turns_that_run_at_once_lose_no_spending(steps: list[str]) -> None:
    """Each letter is a turn that takes its next step: read, decide, and write if the store is as it was read."""
    store = bound(baseline_usd=100.0).encoded()
    reads: dict[str, bytes] = {}
    paid = 0.0
    for turn in steps:
        if turn not in reads:
            reads[turn] = store
            continue
        raw = reads.pop(turn)
        held = decoded(raw)
        assert held is not None
        told = decide(
            held, ask(), "p/dear" if held.anchor_model == "p/cheap" else "p/tiny", None, BUDGET, RATES.get, NOW
        )
        assert told.binding is not None
        if store == raw:
            store = told.binding.encoded()
            paid += max(told.cost_usd or 0.0, 0.0) if told.has_switched else 0.0
    after = decoded(store)

    assert after is not None
    assert after.switch_spend_usd == pytest.approx(paid)


@pytest.mark.parametrize(
    ("binding", "asked", "own", "why"),
    [
        (bound(), ask(is_users_turn=False), Terms(user_only=True), "not_user_turn"),
        (bound(), ask(is_users_turn=True), Terms(user_only=True), None),
        (bound(), ask(is_users_turn=False), Terms(user_only=False), None),
        (bound(prefix_hash=8), ask(is_users_turn=False), Terms(user_only=True), None),
        (bound(last_used=NOW - 601), ask(is_users_turn=False), Terms(user_only=True), None),
        (None, ask(is_users_turn=False), Terms(user_only=True), None),
        (bound(), ask(EXPLICIT), Terms(), "pinned"),
        (bound(), ask(EXPLICIT), Terms(budget=Budget(0.2)), None),
        (bound(), ask(), Terms(pins=True), "pinned"),
    ],
)
def test_when_the_router_need_not_be_asked(binding: Binding | None, asked: Ask, own: Terms, why: str | None) -> None:
    assert replay(binding, asked, own, NOW) == why
    assert replay(binding, asked, own, NOW, lambda _: False) is None


def test_an_answer_refines_the_binding() -> None:
    usage = Usage(input=20_000, cache_read=30_000, output=1_000)
    new = settle(bound(session_cost_usd=1.0), "p/cheap", usage, RATES.get, Terms(), NOW + 5)

    assert (new.cached_tokens, new.last_used) == (50_000, NOW + 5)
    assert new.session_cost_usd == pytest.approx(1.0 + 0.02 + 0.003 + 0.002)
    assert new.history[-1] == Visit("p/cheap", NOW + 5, 50_000)


def test_the_session_follows_a_fallback() -> None:
    new = settle(bound(), "p/mid", None, RATES.get, Terms(), NOW)

    assert (new.anchor_model, new.default_model, new.cached_tokens) == ("p/mid", "p/cheap", 100_000)


CONFIGURED = Routing.model_validate({"session_ttl_seconds": 900, "routing_budget": {"max_switch_spend_pct": 30}})


def test_terms_are_those_of_the_file() -> None:
    found = terms(CONFIGURED, PromptCaching(), {}, has_preferences=False)

    assert found == Terms(ttl=900, budget=Budget(0.3), uses_implicit=True)
    assert terms(Routing(), PromptCaching(), {}, has_preferences=True) == Terms()


def test_prompt_caching_has_a_time_to_live_of_its_own() -> None:
    caching = PromptCaching(enabled=True, session_ttl_seconds=60)
    found = terms(CONFIGURED, caching, {}, has_preferences=False)

    assert (found.ttl, found.pins) == (60, True)
    assert terms(CONFIGURED, PromptCaching(enabled=False, session_ttl_seconds=60), {}, has_preferences=False).ttl == 900


def test_a_client_can_do_without_implicit_sessions() -> None:
    caching = PromptCaching(enabled=True)

    assert not terms(Routing(), caching, {"x-plano-cache": b"OFF"}, has_preferences=True).uses_implicit


@pytest.mark.parametrize(("routing", "expected"), [(CONFIGURED, Budget(0.05)), (Routing(), Budget(0.05))])
def test_the_header_sets_the_budget_of_a_call(routing: Routing, expected: Budget) -> None:
    found = terms(routing, PromptCaching(), {"x-plano-max-switch-spend-pct": b" 5 "}, has_preferences=False)

    assert found.budget == expected
    assert found.uses_implicit


@pytest.mark.parametrize("given", [b"-1", b"100.1", b"nan", b"inf", b"ten", b"", b"1e400", b"\xff" * 90])
def test_a_header_out_of_range_is_refused(given: bytes) -> None:
    with pytest.raises(InvalidRequest, match="x-plano-max-switch-spend-pct") as caught:
        terms(Routing(), PromptCaching(), {"x-plano-max-switch-spend-pct": given}, has_preferences=False)

    assert caught.value.status == 400
    assert len(caught.value.message) < 200
