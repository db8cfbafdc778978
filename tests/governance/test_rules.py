"""Rules by agent and tier, and whose they are."""

import pytest

from plano_extproc.config.policies import Client
from plano_extproc.errors import Forbidden
from plano_extproc.governance import Rulebook
from tests.config.reading import config_of

TEXT = """\
version: v0.5.0
model_providers: [{model: openai/gpt-4o, access_key: k, default: true}]
agents: [{id: planner, url: "http://127.0.0.1:1"}, {id: other, url: "http://127.0.0.1:2"}]
clients: [{id: planner-key, key: k1}, {id: team, key: k2, tenant: blue}, {id: guest, key: k3}]
governance:
  tenant_header: x-tenant
  tiers:
    - tier: 0
      allowed_side_effects: [read_docs]
      forbidden_actions: [ssh]
      confidence_threshold: 0.7
      error_budget: {errors: 5, per: 10m}
  agents:
    - id: planner
      client: planner-key
      forbidden_actions: [curl]
      allowed_side_effects: [read_docs, ssh, curl]
    - {id: other, tier: 1, confidence_threshold: 0}
"""


def rulebook() -> Rulebook:
    return Rulebook.of(config_of(TEXT))


def client(name: str) -> Client:
    return next(one for one in config_of(TEXT).clients if one.id == name)


def test_an_agent_has_the_rules_of_its_tier_and_its_own() -> None:
    rules = rulebook().serving("planner")

    assert rules is not None
    assert rules.confidence_threshold == 0.7
    assert rules.error_budget is not None
    assert rules.error_budget.errors == 5
    assert rules.actions.called("ssh", "{}") is not None, "the tier forbids it"
    assert rules.actions.called("curl", "{}") is not None, "the agent's own rule forbids it"
    assert rules.actions.called("read_docs", "{}") is None


def test_a_threshold_of_zero_is_one() -> None:
    rules = rulebook().serving("other")

    assert rules is not None
    assert rules.confidence_threshold == 0


def test_an_agent_that_calls_is_known_by_its_key_alone() -> None:
    book = rulebook()

    caller = book.calling(client("planner-key"))
    assert caller is not None
    assert caller.id == "planner"
    assert book.calling(client("guest")) is None
    assert book.calling(None) is None


def test_a_key_says_the_tenant_and_a_header_where_it_does_not() -> None:
    book = rulebook()

    assert book.tenant({}, None) == ""
    assert book.tenant({"x-tenant": b"red"}, client("guest")) == "red"
    assert book.tenant({}, client("team")) == "blue"
    assert book.tenant({"x-tenant": b"blue"}, client("team")) == "blue"
    with pytest.raises(Forbidden, match="belongs to tenant 'blue', not to 'red'"):
        book.tenant({"x-tenant": b"red"}, client("team"))


def test_without_agents_there_is_nothing_to_ask() -> None:
    assert Rulebook(None).is_empty
    assert not rulebook().is_empty
