"""Satisfaction: the user thanks, agrees, or reports a success."""

from collections.abc import Iterator, Sequence
from typing import Final

from plano_extproc.signals.phrases import Exact, Near
from plano_extproc.signals.words import Words

GRATITUDE: Final = (
    "thanks",
    "thank you",
    "thank you so much",
    "thanks a lot",
    "many thanks",
    "thx",
    "much appreciated",
    "I appreciate it",
    "I appreciate your help",
    "appreciate that",
    "that's very helpful",
    "that's so helpful",
    "you've been very helpful",
)

CONFIRMATION: Final = (
    "perfect",
    "awesome",
    "excellent",
    "this is great",
    "that's great",
    "sounds good",
    "exactly what I needed",
    "just what I wanted",
    "looks good to me",
)

SUCCESS: Final = (
    "it works now",
    "that worked",
    "that fixed it",
    "problem solved",
    "that solved it",
    "it's working now",
)

_COMPATIBLE: Final = (
    ("gratitude", Near(*GRATITUDE)),
    ("confirmation", Near(*CONFIRMATION)),
    ("success", Near(*SUCCESS)),
)

_EARLY: Final = 2
"""Words before a phrase up to which it is meant: `a perfect square` further on is no praise."""

_STANDARD: Final = (
    (
        "success",
        Exact((*SUCCESS, "works now", "it worked", "das hat funktioniert", "ya funciona", "ça marche", "funcionou")),
    ),
    (
        "gratitude",
        Exact((*GRATITUDE, "cheers", "danke", "vielen dank", "gracias", "merci", "obrigado", "obrigada", "grazie")),
    ),
    (
        "confirmation",
        Exact(
            (*CONFIRMATION, "well done", "nice work", "great job", "genau richtig", "perfecto", "parfait"),
            within=_EARLY,
        ),
    ),
)

STANDARD: Final = tuple((f"interaction.satisfaction.{leaf}", phrases) for leaf, phrases in _STANDARD)
"""Types and phrases, what says most first; a message has one at most."""


def compatible(said: Sequence[tuple[int, Words]]) -> Iterator[tuple[str, int, float, str]]:
    """Yield type, index, confidence and phrase for the user's rows, given with their indices."""
    for index, row in said:
        for leaf, phrases in _COMPATIBLE:
            if found := phrases.find(row):
                yield f"interaction.satisfaction.{leaf}", index, 1.0, found
                break
