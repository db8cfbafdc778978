"""Texts that ask for several things: one route for each clause, in the order in which the text asks.

"weather in Paris and then book a flight" asks for the weather, then for flights.
"""

import re
from typing import Final

from plano_extproc.routing.intent.route import Match, Matcher

_MOST_CLAUSES: Final = 8
_MOST_LETTERS: Final = 4000
_LEAST_WORDS: Final = 2
"""A clause of one word says too little by itself, as in "Paris and London", and stays with the one before."""


def split(text: str) -> tuple[str, ...]:
    """Return the clauses of the first 4,000 letters of `text`, in order; all after the seventh are one."""
    clauses: list[str] = []
    # Runs of blanks are made one, since the pattern would try every blank of a run.
    text = _LINES.sub("\n", _BLANKS.sub(" ", text[:_MOST_LETTERS]))
    for piece in _BORDER.split(text, maxsplit=4 * _MOST_CLAUSES):
        clause = piece.strip(" \t\r\n,.;:!?")
        if not clause:
            continue
        if clauses and (len(clause.split()) < _LEAST_WORDS or len(clauses) == _MOST_CLAUSES):
            clauses[-1] = f"{clauses[-1]} {clause}"
        else:
            clauses.append(clause)
    return tuple(clauses)


def match_many(matcher: Matcher, text: str) -> tuple[Match, ...]:
    """Return the routes that `text` asks for, in its order, each once; where it asks for none, one match that says so.

    Two clauses that match different routes are two wishes. With fewer, the text is matched as a whole.
    """
    clauses = split(text)
    found: dict[str, Match] = {}
    if len(clauses) > 1:
        for clause in clauses:
            match = matcher.match(clause)
            if match.route is not None:
                found.setdefault(match.route.name, match)
    if len(found) > 1:
        return tuple(found.values())
    whole = matcher.match(text)
    return (whole,) if whole.route is not None or not found else tuple(found.values())


_LINES: Final = re.compile(r" ?\n[ \n]*")
_BLANKS: Final = re.compile(r"[^\S\n]+")
_BORDER: Final = re.compile(
    r"[.!?;\n]+(?:\s+(?:and\s+)?(?:then|also)\b|\s|$)"
    r"|,?\s+(?:and\s+)?(?:then|afterwards|after\s+that|also|additionally|as\s+well\s+as|plus|next)\s+"
    r"|,\s+(?:and\s+)?|\s+and\s+",
    re.IGNORECASE,
)
