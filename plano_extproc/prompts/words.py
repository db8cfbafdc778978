"""A prompt as words, and names of code as the words they are made of."""

import re
from dataclasses import dataclass
from typing import Any, Final

from plano_extproc.config.prompts import PromptTarget


@dataclass(frozen=True, slots=True)
class Found:
    """A value that a text says, and where: from `start` up to `end`, in characters."""

    value: Any
    start: int
    end: int

    def overlaps(self, other: "Found") -> bool:
        """Whether both read some of the same text."""
        return self.start < other.end and other.start < self.end


_TOKEN: Final = re.compile("[^\\W_](?:[\\w'\u2019]|[.\\-/@&+#](?=\\w))*")
_QUOTED: Final = re.compile(
    r"\"([^\"\n]{1,200})\"|\u201c([^\u201d\n]{1,200})\u201d|`([^`\n]{1,200})`|(?<!\w)'([^'\n]{1,200})'(?!\w)"
)
_NAME_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


def tokens(text: str) -> list[Found]:
    """Return the words of a text, in order; codes such as `A-17.b` are one word."""
    return [Found(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]


def quoted(text: str) -> list[Found]:
    """Return what stands in quotation marks."""
    return [Found(next(g for g in m.groups() if g), m.start(), m.end()) for m in _QUOTED.finditer(text)]


def parts(name: str) -> tuple[str, ...]:
    """Return the words of a name: `applicationId` and `application_id` have two."""
    return tuple(part.lower() for part in _NAME_PART.findall(name))


def spoken(name: str) -> str:
    """Return a name as people say it."""
    return " ".join(parts(name)) or name


def stem(word: str) -> str:
    """Return a word without a plural's ending and in lower case."""
    low = word.lower().removesuffix("'s").removesuffix("\u2019s")
    if len(low) > 4 and low.endswith("ies"):
        return low[:-3] + "y"
    return low[:-1] if len(low) > 3 and low.endswith("s") and not low.endswith("ss") else low


def vocabulary(target: PromptTarget) -> frozenset[str]:
    """Return the words that tell a target rather than a value.

    A name or a number within a quoted example, such as Paris in "weather in Paris", is a value.
    """
    said = re.sub(r"\{[^{}]*\}", " ", target.description)
    examples = [example.value for example in quoted(said)]
    words = [token.value for token in tokens(_QUOTED.sub(" ", said))]
    words += [one.value for text in examples for one in tokens(text) if one.start == 0 or not _is_value(one.value)]
    words += [*parts(target.name), *(part for one in target.parameters for part in parts(one.name))]
    return frozenset(stem(word) for word in words)


def _is_value(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


PREPOSITIONS: Final = _set(
    "in at on near for from to of into by with about around within over under above below between "
    "until till since as via"
)

STOP: Final = PREPOSITIONS | _set(
    """a an the this that these those some any all each every my your our their his her its me you we us i it they he
    she them him is are was were be been am do does did will would can could shall should may might must have has had
    having get gets got give gives show shows tell tells find finds fetch look up check see list want wants need needs
    like know let make please pls thanks thank hi hello hey ok okay yes no not and or but if so then than also just
    only still now what what's whats which who whom whose when where why how how's there here going currently right
    info information detail details data value values i'd i'm i'll it's let's is's don't dont one ones looking something
    anything help much many more most next last per out off go come back kind tomorrow today yesterday tonight
    exactly actually really again another other time current latest return using use call set sets search run first
    what're that's there's can't won't too very"""
)
"""Words that are no value by themselves."""
