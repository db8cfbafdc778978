"""A chain asks for a route by name, so every name that it may ask for is rendered."""

from itertools import product

from plano_extproc.config import Config
from plano_extproc.config.models import Backoff
from plano_extproc.routing.chain_routes import ChainRoute, chain_route, chain_routes
from tests.routing.configured import config

TEXT = """
version: v0.5.0
model_providers:
  - {model: openai/plain, access_key: k}
  - {model: openai/quiet, access_key: k, timeouts: {idle: 5s, first_byte: 20s}}
  - model: openai/waiting
    access_key: k
    timeouts: {idle: 30s}
    retry_policy: {default_strategy: same_model, backoff: {base_ms: 200, max_ms: 1000}}
"""


def pauses(made: Config) -> list[Backoff | None]:
    return [None, *(entry.retry_policy.backoff for entry in made.model_providers if entry.retry_policy)]


def test_every_route_that_a_chain_may_ask_for_is_there() -> None:
    made = config(TEXT)
    routes = chain_routes(made)

    assert routes[0].name == "chain"
    assert len({route.name for route in routes}) == len(routes) == 6
    for entry, backoff in product(made.model_providers, pauses(made)):
        assert chain_route(entry, backoff) in routes


def test_a_route_waits_as_its_first_candidate_says() -> None:
    plain, quiet, waiting = config(TEXT).model_providers
    assert waiting.retry_policy is not None

    assert chain_route(plain, None) == ChainRoute()
    assert chain_route(quiet, None).idle == 20
    assert chain_route(waiting, waiting.retry_policy.backoff) == ChainRoute(30, 0.2, 1.0)


def test_names_do_not_change_with_what_else_is_configured() -> None:
    entry = config(TEXT).model_providers[2]

    assert chain_route(entry, None).name == ChainRoute(30.0).name != ChainRoute(31.0).name
