"""What a user says about themselves that is worth remembering, found by rule.

Only plain statements in the first person count: no questions, no suppositions, nothing quoted and no code. A fact that
fills a slot, such as where the user lives, takes the place of what filled it before.
"""

import re
from dataclasses import dataclass
from typing import Final

MOST_LETTERS: Final = 240
"""Longer statements are no facts."""

_MOST_READ: Final = 8000
_MOST_FACTS: Final = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement in the user's own words. `is_standing` says that it bears on whatever is asked."""

    text: str
    slot: str | None = None
    is_standing: bool = False


def facts(text: str) -> list[Fact]:
    """Return what a message says that is worth remembering, in order."""
    found: list[Fact] = []
    for statement in _statements(text):
        fact = _fact(statement)
        if fact is not None and fact not in found:
            found.append(fact)
    return found[:_MOST_FACTS]


def forgets(text: str) -> list[str]:
    """Return what a message asks to forget: words, or `everything`."""
    found = (_FORGET.search(statement) for statement in _statements(text))
    return [match["what"].strip().lower() for match in found if match is not None]


def _statements(text: str) -> list[str]:
    plain = _QUOTED.sub(" ", text[:_MOST_READ])
    parts = (part.strip(" \t-*,;") for part in _ENDS.split(plain))
    return [part for part in parts if part and not part.endswith("?") and len(part) <= MOST_LETTERS]


def _fact(statement: str) -> Fact | None:
    asked = _REMEMBER.match(statement)
    said = asked["what"] if asked is not None else statement
    if _SUPPOSED.search(said) or _FORGET.search(said):
        return None
    for pattern, slot, is_standing in _PATTERNS:
        match = pattern.match(said)
        if match is not None:
            names = match.groupdict()
            filled = slot.format(**{name: (value or "").lower().strip() for name, value in names.items()})
            return Fact(_sentence(said), filled or None, is_standing)
    return Fact(_sentence(said)) if asked is not None else None


def _sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(".!,;: ")
    return text[:1].upper() + text[1:]


_ENDS: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTED: Final = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|^>.*$", re.DOTALL | re.MULTILINE
)
_SUPPOSED: Final = re.compile(
    r"\b(?:if|suppose|imagine|pretend|assume|assuming|say that|let's say|what if|for example|e\.g\.)\b", re.IGNORECASE
)
_LEAD: Final = r"(?:(?:hi|hello|hey|well|ok|okay|so|also|and|but|by the way|btw|fyi|note that|please)[,!]?\s+){0,3}"
_REMEMBER: Final = re.compile(
    _LEAD
    + r"(?:please\s+)?(?:remember|keep in mind|don't forget|do not forget|note)(?:\s+that)?[:,]?\s+(?P<what>\S.{3,})",
    re.IGNORECASE,
)
_FORGET: Final = re.compile(
    _LEAD + r"(?<!don't )(?<!not )(?<!never )\bforget\s+(?:about\s+|that\s+)?"
    r"(?P<what>everything|all\b.*|what i (?:said|told)\b.*|(?:my|i|i'm)\b.+)",
    re.IGNORECASE,
)


def _pattern(written: str, slot: str = "", is_standing: bool = False) -> tuple[re.Pattern[str], str, bool]:
    return re.compile(_LEAD + written, re.IGNORECASE), slot, is_standing


_PATTERNS: Final = (
    _pattern(r"my (?:first |full |last )?name(?:'s| is) (?!not\b)\w", "name", is_standing=True),
    _pattern(r"(?:you can |please )?call me (?!back|later|when|at|on|if|crazy)\w", "called", is_standing=True),
    _pattern(
        r"i (?:live|am living|reside|moved) (?:in|near|to|at)\s+\w|i(?:'m| am) (?:based in|living in|from)\s+\w", "home"
    ),
    _pattern(r"i (?:work|am working|am employed) (?:as|at|for|in)\s+\w|i(?:'m| am) employed (?:as|at|by)\s+\w", "work"),
    _pattern(r"i(?:'m| am) (?:\d{1,3}) years old", "age"),
    _pattern(r"(?:i speak|my (?:native |first )?language is)\s+\w", "language", is_standing=True),
    _pattern(r"my (?:time ?zone|timezone) is\s+\w", "timezone", is_standing=True),
    _pattern(r"my pronouns are\s+\w", "pronouns", is_standing=True),
    _pattern(
        r"(?:i(?:'m| am) (?:allergic|intolerant) to|i (?:can't|cannot|don't|do not) (?:eat|drink))\s+"
        r"(?P<what>[\w ]{2,40})",
        "cannot {what}",
        is_standing=True,
    ),
    _pattern(
        r"i(?:'m| am) (?:a |an )?"
        r"(?:vegetarian|vegan|pescatarian|diabetic|coeliac|celiac|colou?r[- ]?blind|deaf|blind)\b",
        is_standing=True,
    ),
    _pattern(r"i(?:'m| am) an? (?!bit\b|little\b|lot\b|few\b)(?P<what>[a-z][\w -]{2,60})$", "is a"),
    _pattern(
        r"i (?:really |absolutely |usually |always |generally )?"
        r"(?:like|love|enjoy|prefer|adore|hate|dislike|detest|avoid|can't stand)"
        r" (?!to know|to ask|to see|it when you|this|that|it\b)(?P<what>[\w' -]{2,80})",
        "taste {what}",
    ),
    _pattern(
        r"my (?P<what>favou?rite [\w ]{2,30}|wife|husband|partner|girlfriend|boyfriend|son|daughter|mother|father"
        r"|brother|sister|dog|cat|pet|boss|manager|team|company|birthday|hobby|car|doctor|diet|budget)"
        r"(?:'s name)? (?:is|are)\s+\w",
        "my {what}",
    ),
    _pattern(
        r"i have (?:a |an |two |three |four )"
        r"(?P<what>dogs?|cats?|child|children|kids?|sons?|daughters?|brothers?|sisters?)\b",
        "has {what}",
    ),
    _pattern(r"(?:from now on|in (?:the )?future|always|never)[, ]+\w.{5,}", is_standing=True),
)
"""Each with the slot that it fills."""
