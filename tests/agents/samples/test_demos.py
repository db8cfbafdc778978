"""The demos' files, and the chain that they make with the sample agents."""

import pytest

from plano_agents import unified
from plano_agents.travel import flight_agent, weather_agent
from plano_extproc import resources
from plano_extproc.agents import Handover, Joined, Routed, chat_agents, run, select
from plano_extproc.config import Config, load
from plano_extproc.filters import Filter
from tests.agents.making import running
from tests.agents.samples.live import Live
from tests.support.flows import drive

ASK = "What is the weather in Rome tomorrow, and which flights go from Paris to Rome?"


def config_of(name: str) -> Config:
    found = load(resources.path(f"config/examples/{name}.yaml"), environ={})
    assert found.errors == ()
    assert found.config is not None
    return found.config


@pytest.mark.parametrize("at_once", [False, True])
def test_both_travel_agents_answer_a_mixed_question(at_once: bool) -> None:
    config = config_of("demo_travel")
    listed = chat_agents(config.listeners[0], {one.id: one for one in config.agents})
    apps = {"weather_agent": weather_agent.app(), "flight_agent": flight_agent.app()}
    live = Live({one.upstreams[0].cluster: apps[one.id] for one in listed})

    def router(candidates):  # type: ignore[no-untyped-def]
        return Routed(tuple(one.name for one in candidates), "both")
        yield

    chosen = drive(select(listed, router, b"s", most=5), live)
    request = {"messages": [{"role": "user", "content": ASK}]}
    found = drive(run(chosen.agents, request, listed, running(), lambda _, body: iter(body), at_once=at_once), live)
    if isinstance(found, Handover):
        client = live._clients[found.cluster]
        said = client.post(found.path, content=found.body).json()["choices"][0]["message"]["content"]
    else:
        assert isinstance(found, Joined)
        said = found.text

    weather, flights = said.split("\n\n", 1)
    assert found.ran == ("weather_agent", "flight_agent")
    assert weather.startswith("Weather in Rome")
    assert flights.startswith("Flights from Paris (CDG) to Rome (FCO)")


def test_the_demos_filters_can_be_made() -> None:
    made = [Filter.of(one) for one in config_of("demo_travel").filters]

    assert [(one.id, one.kind, one.may_skip) for one in made] == [
        ("memory_before", "http", True),
        ("memory_after", "http", True),
        ("house_rules", "mcp", False),
    ]


def test_the_unified_demos_agents_and_api_answer() -> None:
    config = config_of("demo_unified")
    listed = chat_agents(config.listeners[0], {one.id: one for one in config.agents})
    live = Live({one.upstreams[0].cluster: unified.app() for one in listed})
    said = {}
    for one in listed:
        request = {"messages": [{"role": "user", "content": "Explain FUNDS.TRANSFER rules"}]}
        found = drive(run([one], request, listed, running(), lambda _, body: iter(body)), live)
        assert isinstance(found, Handover)
        client = live._clients[found.cluster]
        said[one.id] = client.post(found.path, content=found.body).json()["choices"][0]["message"]["content"]
    api = next(iter(live._clients.values()))

    assert "TRANSACTION.TYPE" in said["consultant_agent"]
    assert said["version_api_creator_agent"].startswith("Creator:")
    assert said["general_chat_agent"].startswith("General:")
    assert api.get("/api/v1/meta/queries/appfields?applicationId=customer").json()["fields"][0] == "CUSTOMER.ID"
    assert api.get("/api/v1/meta/queries/appfields?applicationId=x").status_code == 404
