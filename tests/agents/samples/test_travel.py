"""The travel agents: what they find in a text, and what they say to official clients."""

import datetime
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from plano_agents.travel import days, flight_agent, places, weather_agent
from tests.agents.dev_model.test_server import end
from tests.support.clients import openai_client

TODAY = datetime.date(2026, 11, 21)  # a Saturday


def user(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text} for text in texts]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What's the weather in Paris and New York?", ["Paris", "New York"]),
        ("from NYC to LA", ["New York", "Los Angeles"]),
        ("la vida in SFO", ["San Francisco"]),
        ("Paris, then paris again", ["Paris"]),
        ("no place at all", []),
    ],
)
def test_places_are_found(text: str, names: list[str]) -> None:
    assert [place.name for _, place in places.found(text)] == names


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-11-21"),
        ("tomorrow", "2026-11-22"),
        ("the day after tomorrow", "2026-11-23"),
        ("in 10 days", "2026-12-01"),
        ("on Monday", "2026-11-23"),
        ("next Saturday", "2026-11-28"),
        ("on 2027-02-01", "2027-02-01"),
        ("December 24th", "2026-12-24"),
        ("3 March", "2027-03-03"),
        ("2026-02-31", None),
        ("some day", None),
    ],
)
def test_days_are_found(text: str, day: str | None) -> None:
    assert days.found(text, TODAY) == (datetime.date.fromisoformat(day) if day else None)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("Flights from Rome to Paris", ("Rome", "Paris")),
        ("to Paris from Rome", ("Rome", "Paris")),
        ("Rome - Paris", ("Rome", "Paris")),
        ("Rome Paris", ("Rome", "Paris")),
        ("show me flights to Seattle", (None, "Seattle")),
        ("flying from Oslo", ("Oslo", None)),
        ("hello", (None, None)),
    ],
)
def test_journeys_are_found(text: str, way: tuple[str | None, str | None]) -> None:
    assert tuple(place and place.name for place in flight_agent.journey(text)) == way


def test_the_weather_is_always_the_same() -> None:
    asked = user("Weather in Rome tomorrow?")

    assert weather_agent.answer(asked, TODAY) == weather_agent.answer(asked, TODAY)
    assert weather_agent.answer(asked, TODAY).startswith("Weather in Rome on Sunday, 22 November: ")


def test_what_a_question_leaves_out_comes_from_earlier_turns() -> None:
    assert "Rome on Sunday" in weather_agent.answer(user("Weather in Rome?", "And tomorrow?"), TODAY)
    assert "from Oslo (OSL) to Rome (FCO)" in flight_agent.answer(user("A flight to Rome", "From Oslo"), TODAY)


def test_what_is_missing_is_asked_for() -> None:
    assert weather_agent.answer(user("Will it rain?"), TODAY).endswith("?")
    assert flight_agent.answer(user("A flight"), TODAY) == "Where would you like to fly to?"
    assert "to Rome?" in flight_agent.answer(user("A flight to Rome"), TODAY)


@pytest.fixture(scope="module", params=["weather_agent", "flight_agent"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    command = [sys.executable, "-m", f"plano_agents.travel.{request.param}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[-1]
    assert end(process, signal.SIGTERM) == (0, "")


def test_an_agent_says_the_same_in_a_stream_and_after_a_colleague(url: str) -> None:
    said: Any = [{"role": "assistant", "name": "colleague", "content": "I was first."}]
    messages: Any = [*said, *user("From Rome to Paris, weather and flights, 2027-01-01")]
    with openai_client(url) as client:
        whole = client.chat.completions.create(model="any", messages=messages)
        with client.chat.completions.stream(model="any", messages=messages) as stream:
            streamed = stream.get_final_completion()

    assert whole.choices[0].message.content == streamed.choices[0].message.content
    assert (whole.choices[0].message.content or "").startswith("I was first.\n\n")
    assert "Paris" in (whole.choices[0].message.content or "")
