"""Which agents answer."""

from collections.abc import Generator
from typing import Any

import pytest

from plano_extproc.agents import Agent, Candidate, Routed, Selection, select
from plano_extproc.flow import CalloutFailed, ModelCall, ask
from tests.agents.making import agent
from tests.support.flows import drive, reply

WEATHER, FLIGHTS, OTHER = agent("weather"), agent("flights"), agent("other", default=True)


class Router:
    """Says what a test tells it, and keeps what it was told."""

    def __init__(self, *names: str, reason: str = "lexical 0.9") -> None:
        self._said = Routed(names, reason)
        self.seen: list[tuple[Candidate, ...]] = []

    def __call__(self, candidates: tuple[Candidate, ...]) -> Generator[Any, Any, Routed]:
        self.seen.append(candidates)
        return self._said
        yield


def chosen(agents: list[Agent], router: Router, *, most: int = 5, key: bytes = b"s") -> Selection:
    return drive(select(agents, router, key, most=most), lambda _: reply(b""))


def ids(selection: Selection) -> list[str]:
    return [one.id for one in selection.agents]


def test_one_agent_needs_no_router() -> None:
    router = Router()

    assert ids(chosen([WEATHER], router)) == ["weather"]
    assert router.seen == []


def test_the_routers_order_is_kept() -> None:
    router = Router("flights", "weather")
    found = chosen([WEATHER, FLIGHTS, OTHER], router)

    assert (ids(found), found.reason, found.is_default) == (["flights", "weather"], "lexical 0.9", False)
    assert router.seen == [tuple(Candidate(one.id, one.description) for one in (WEATHER, FLIGHTS, OTHER))]


def test_repeated_and_unknown_names_are_passed_over() -> None:
    assert ids(chosen([WEATHER, FLIGHTS], Router("weather", "nobody", "weather", "flights"))) == ["weather", "flights"]


def test_a_chain_is_cut_at_its_limit() -> None:
    found = chosen([WEATHER, FLIGHTS, OTHER], Router("weather", "flights", "other"), most=2)

    assert ids(found) == ["weather", "flights"]
    assert found.reason == "lexical 0.9; the first 2 of 3"


@pytest.mark.parametrize("names", [(), ("nobody",)])
def test_what_matches_nothing_goes_to_the_default_agent(names: tuple[str, ...]) -> None:
    found = chosen([WEATHER, OTHER, FLIGHTS], Router(*names, reason="no agent matched"))

    assert (ids(found), found.is_default, found.reason) == (["other"], True, "no agent matched")


def test_without_a_default_the_first_answers() -> None:
    assert ids(chosen([FLIGHTS, WEATHER], Router())) == ["flights"]


def test_a_router_that_asks_a_model_is_asked_through_the_flow() -> None:
    def router(_: tuple[Candidate, ...]) -> Generator[Any, Any, Routed]:
        try:
            told = yield from ask(ModelCall("m", {}, "router", 2.0))
        except CalloutFailed as lost:
            return Routed((), f"router {lost.reason}")
        return Routed((told.body.decode(),), "model")

    flow = select([WEATHER, FLIGHTS, OTHER], router, b"s", most=5)
    assert ids(drive(flow, lambda _: reply(b"flights"))) == ["flights"]
    flow = select([WEATHER, FLIGHTS, OTHER], router, b"s", most=5)
    assert ids(drive(flow, lambda _: CalloutFailed("timeout"))) == ["other"]


def variants(canary: int) -> list[Agent]:
    return [
        agent("weather", "Weather.", weight=9),
        agent("canary", " Weather. ", weight=canary),
        agent("other", default=True),
    ]


def test_variants_are_one_candidate_and_share_by_weight() -> None:
    router = Router("weather")
    served = [ids(chosen(variants(1), router, key=b"%d" % at))[0] for at in range(2000)]

    assert [one.name for one in router.seen[0]] == ["weather", "other"]
    assert 140 < served.count("canary") < 260
    assert served.count("canary") + served.count("weather") == 2000


def test_a_conversation_stays_with_its_variant() -> None:
    served = {ids(chosen(variants(5), Router("weather"), key=b"session"))[0] for _ in range(20)}

    assert len(served) == 1


def test_a_larger_weight_moves_only_who_joins_it() -> None:
    for at in range(300):
        before = ids(chosen(variants(1), Router("weather"), key=b"%d" % at))
        after = ids(chosen(variants(3), Router("weather"), key=b"%d" % at))

        assert before == after or after == ["canary"]


def test_a_variant_of_weight_nothing_gets_nothing() -> None:
    served = {ids(chosen(variants(0), Router("canary"), key=b"%d" % at))[0] for at in range(100)}

    assert served == {"weather"}


def test_one_agent_with_variants_needs_no_router() -> None:
    router = Router()
    found = chosen([agent("a", "Same."), agent("b", "Same.")], router)

    assert found.reason == f"variant {found.agents[0].id} of 2"
    assert router.seen == []


def test_agents_without_a_description_are_no_variants() -> None:
    assert ids(chosen([agent("a", ""), agent("b", "")], Router("b", "a"))) == ["b", "a"]
