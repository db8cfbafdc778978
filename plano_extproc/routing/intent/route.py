"""Routes, as matchers read them, and what a matcher says of a text: a route is models, an agent or a topic."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from plano_extproc.routing.intent import general

THRESHOLD: Final = 0.5
"""A text belongs to the best route whose score reaches this, else to none. It fits any number of routes."""

_WIDEST_LEAD: Final = 0.25
_CROWD: Final = 0.4
_FEW: Final = 15
_SHOWN: Final = 5
"""How many of the nearest routes a match tells."""


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of request: its name, what it is in words, and phrases that such requests may contain."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()

    @classmethod
    def described(cls, name: str, description: str) -> Self:
        """Return the route of a configured description, whose quoted phrases are its examples.

        A single quote counts only where no letter stands before it, so that an apostrophe opens nothing. A description
        that names no subject has what is usually said to such an agent for examples.
        """
        examples = tuple(match[match.lastgroup or 0].strip() for match in _QUOTED.finditer(description))
        said = _QUOTED.sub(" ", description).split()
        while examples and said and said[-1].strip(",;:.-()").lower() in _LEAD_IN:
            said.pop()
        told = " ".join(said).rstrip(" ,;:")
        return cls(name, told, tuple(dict.fromkeys(filter(None, examples))) or general.phrases(told))

    @property
    def title(self) -> str:
        """Return the name in words: `codeGeneration` and `code_generation` read "code generation"."""
        return " ".join(_CAMEL.sub(" ", self.name).replace("_", " ").replace("-", " ").replace(".", " ").split())

    @property
    def phrases(self) -> tuple[str, ...]:
        """Return all that is known of the route, phrase by phrase; texts are compared with these."""
        described = (f"{self.title}: {self.description}", self.title) if self.description else (self.title,)
        return (*(described if self.examples else described[:1]), *self.examples)


@dataclass(frozen=True, slots=True)
class Match:
    """The best route, None where no route fits. Scores are 0..1: how probable it is that the text belongs there.

    `score` is that of the nearest route, matched or not; `scores` are the nearest few, best first. `reason` is short
    ASCII for people, fit for a header.
    """

    route: Route | None
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


class Matcher(Protocol):
    """Routes, compiled once; it is not changed by use."""

    kind: str

    def match(self, text: str) -> Match:
        """Return the route that `text` asks for."""
        ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """Makes a probability of how like a text is to a route, and of its lead over the next: a logistic function.

    Words that fit many routes alike tell nothing, so the lead counts beside the likeness. A route without examples
    is less like any text than one with them, and is given something for it.
    """

    bias: float
    likeness: float
    lead: float
    without_examples: float

    def ranked(
        self, routes: Sequence[Route], nearest: Sequence[tuple[float, int]], elsewhere: float = 0.0
    ) -> list[tuple[Route, float]]:
        """Return the nearest routes with their scores, given likenesses and the routes' numbers, best first.

        `elsewhere` is how like the text is to what belongs to no route.
        """
        # Of many routes, one is like any text by chance.
        crowd = _CROWD * max(0.0, math.log(len(routes) / _FEW)) if routes else 0.0
        found = []
        for place, (value, number) in enumerate(nearest[:_SHOWN]):
            rival = 0 if place else 1
            lead = value - max(nearest[rival][0] if rival < len(nearest) else 0.0, elsewhere)
            found.append((routes[number], self._score(routes[number], value, lead, crowd)))
        return found

    def _score(self, route: Route, likeness: float, lead: float, crowd: float) -> float:
        lead = max(-_WIDEST_LEAD, min(_WIDEST_LEAD, lead))
        bias = self.bias if route.examples else self.bias + self.without_examples
        bias -= crowd
        return 1 / (1 + math.exp(-(bias + self.likeness * likeness + self.lead * lead)))


def judged(kind: str, ranked: Sequence[tuple[Route, float]]) -> Match:
    """Return the match that scores amount to, given the nearest routes, best first."""
    if not ranked:
        return Match(None, 0.0, {}, f"{kind}: nothing to match")
    best, score = ranked[0]
    scores = {route.name: value for route, value in ranked}
    if score >= THRESHOLD:
        return Match(best, score, scores, f"{kind} '{plain(best.name)}' {score:.2f}")
    return Match(None, score, scores, f"no route matched; {kind} nearest '{plain(best.name)}' {score:.2f}")


def plain(text: str, most: int = 80) -> str:
    """Return `text` as a header may carry it: printable ASCII, not long."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:most])


def distinct(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return the routes without those whose name came before."""
    return tuple({route.name: route for route in reversed(tuple(routes))}.values())[::-1]


_QUOTED: Final = re.compile(
    r'"(?P<double>[^"\n]{2,200})"|“(?P<curly>[^”\n]{2,200})”|(?<!\w)\'(?P<single>[^\'\n]{2,200})\'(?!\w)'
)
_LEAD_IN: Final = frozenset(
    {"for", "example", "examples", "instance", "e.g", "eg", "such", "as", "like", "or", "and", ""}
)
"""What is left at the end of a description whose examples are taken out."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
