"""The labelled sets: routes, texts that belong to them, and texts that belong to none."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from plano_extproc.routing.intent import Route

FORMS: Final = ("examples", "sentence")
"""What a route is told by, beside its name: five phrases, or one sentence."""
_FOLDER: Final = Path(__file__).parent
_FEW: Final = 3
_MANY: Final = 150


@dataclass(frozen=True, slots=True)
class Trial:
    """Routes to choose from, texts with the route that they belong to, and texts that belong to none of the routes."""

    routes: tuple[Route, ...]
    inside: tuple[tuple[str, str], ...]
    outside: tuple[str, ...]


def trials(name: str, form: str) -> Iterator[tuple[int, tuple[Trial, ...]]]:
    """Yield the trials with 3, with all, and with 150 routes, from the set `name`.

    With 3 routes, the set's routes are dealt to several trials, and what belongs to the others is outside. With 150,
    only texts that nobody would answer by a route are outside.
    """
    content: dict[str, Any] = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text())
    further: dict[str, Any] = yaml.safe_load((_FOLDER / "further_routes.yaml").read_text())
    routes = tuple(_route(entry["name"], entry["description"], entry["examples"], form) for entry in content["routes"])
    inside = tuple((text, entry["name"]) for entry in content["routes"] for text in entry["utterances"])
    nowhere, elsewhere = tuple(content["out_of_scope"]), tuple(content["meant_elsewhere"])
    yield _FEW, tuple(_some(routes[at :: len(routes) // _FEW], inside, (*nowhere, *elsewhere)) for at in range(5))
    yield len(routes), (Trial(routes, inside, (*nowhere, *elsewhere)),)
    more = tuple(_route(name, described, examples, form) for name, (described, examples) in further.items())
    yield _MANY, (Trial((*routes, *more)[:_MANY], inside, nowhere),)


def _some(routes: tuple[Route, ...], inside: tuple[tuple[str, str], ...], outside: tuple[str, ...]) -> Trial:
    names = {route.name for route in routes}
    others = tuple(text for text, name in inside if name not in names)
    return Trial(routes, tuple(pair for pair in inside if pair[1] in names), (*outside, *others))


def _route(name: str, description: str, examples: list[str], form: str) -> Route:
    return Route(name, "", tuple(examples)) if form == "examples" else Route(name, description)
