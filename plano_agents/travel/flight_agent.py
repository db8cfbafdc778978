"""Run the flight agent: `python -m plano_agents.travel.flight_agent [--port 10520]`."""

import datetime
import hashlib
import re
import sys
from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette

from plano_agents import chat_agent, serving
from plano_agents.dev_model.ask import Json
from plano_agents.travel import days, places
from plano_agents.travel.places import Place

_AIRLINES: Final = ("Northwind", "Meridian", "Sunward", "Kestrel", "Polar")
_TO: Final = re.compile(r"(?:\bto|\binto|-|→|\u2013|\btowards)\s*$", re.IGNORECASE)
_FROM: Final = re.compile(r"\b(?:from|leaving|out of)\s*$", re.IGNORECASE)


def answer(messages: Sequence[Json], today: datetime.date) -> str:
    """Return flights for the journey in the conversation, or ask for what is missing; earlier turns count too."""
    asked = chat_agent.asked_of(messages)
    origin, goal = None, None
    for text in asked:
        one, other = journey(text)
        origin, goal = origin or one, goal or other
    if goal is None:
        return "Where would you like to fly to?"
    if origin is None or origin == goal:
        return f"From where would you like to fly to {goal.name}?"
    day = next((found for text in asked if (found := days.found(text, today))), today)
    return flights(origin, goal, day)


def journey(text: str) -> tuple[Place | None, Place | None]:
    """Return from where and to where a text goes. Of two places without "from" or "to", the first is the origin."""
    origin, goal, others = None, None, []
    for at, place in places.found(text):
        if origin is None and _FROM.search(text[:at]):
            origin = place
        elif _TO.search(text[:at]):
            goal = place
        else:
            others.append(place)
    if goal is None and others:
        goal = others.pop()
    if origin is None and others:
        origin = others.pop(0)
    return origin, goal


def flights(origin: Place, goal: Place, day: datetime.date) -> str:
    """Return three flights: made up, and always the same."""
    lines = [f"Flights from {origin.name} ({origin.airport}) to {goal.name} ({goal.airport}) on {day:%A %d %B %Y}:"]
    for number in range(3):
        drawn = hashlib.sha256(f"{origin.name} {goal.name} {day} {number}".encode()).digest()
        airline = _AIRLINES[drawn[0] % len(_AIRLINES)]
        leaves = f"{6 + 5 * number + drawn[1] % 4:02}:{drawn[2] % 12 * 5:02}"
        lines.append(f"- {airline} {airline[:2].upper()}{100 + drawn[3]}, leaves {leaves}, from {70 + drawn[4]} EUR")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    options = serving.parser("plano_agents.travel.flight_agent", __doc__ or "").parse_args(arguments)
    return serving.main(options, "flight agent (a sample, its data is made up)", app)


def app() -> Starlette:
    """Build the server."""
    return chat_agent.app("flight_agent", lambda messages: answer(messages, datetime.datetime.now(datetime.UTC).date()))


if __name__ == "__main__":
    sys.exit(main())
