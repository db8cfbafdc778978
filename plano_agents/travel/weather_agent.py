"""Run the weather agent: `python -m plano_agents.travel.weather_agent [--port 10510]`."""

import datetime
import hashlib
import math
import sys
from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette

from plano_agents import chat_agent, serving
from plano_agents.dev_model.ask import Json
from plano_agents.travel import days, places
from plano_agents.travel.places import Place

_SKIES: Final = ("clear skies", "light clouds", "overcast", "showers", "rain", "sunny spells")


def answer(messages: Sequence[Json], today: datetime.date) -> str:
    """Return the forecast for the places and the day in the conversation; what is missing comes from earlier turns."""
    asked = chat_agent.asked_of(messages)
    named = next((cities for text in asked if (cities := places.found(text))), [])
    if not named:
        return "For which city would you like the weather?"
    day = next((named_day for text in asked if (named_day := days.found(text, today))), today)
    return " ".join(forecast(place, day) for _, place in named)


def forecast(place: Place, day: datetime.date) -> str:
    """Return the weather of a place on a day: made up, and always the same."""
    drawn = hashlib.sha256(f"{place.name} {day}".encode()).digest()
    season = -math.cos((day.timetuple().tm_yday - 20) / 365 * math.tau) * max(0, 26 - place.climate) * 0.6
    high = round(place.climate + season + drawn[0] % 7)
    return (
        f"Weather in {place.name} on {day:%A}, {day.day} {day:%B}: {_SKIES[drawn[1] % len(_SKIES)]}, "
        f"{high - 4 - drawn[2] % 5} to {high} °C, wind {5 + drawn[3] % 30} km/h."
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    options = serving.parser("plano_agents.travel.weather_agent", __doc__ or "").parse_args(arguments)
    return serving.main(options, "weather agent (a sample, its data is made up)", app)


def app() -> Starlette:
    """Build the server."""
    return chat_agent.app(
        "weather_agent", lambda messages: answer(messages, datetime.datetime.now(datetime.UTC).date())
    )


if __name__ == "__main__":
    sys.exit(main())
