"""What single words mean, as a table of vectors that ships with the package, and how much each word says.

The table is made from the MiniLM encoder (Apache-2.0) by `python -m bench.intents.words`. Reading it takes a few
hundredths of a second and some megabytes, once a process and only where a matcher is compiled.
"""

import math
import zlib
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

DIMENSIONS: Final = 96
SCALE: Final = 250
"""What a unit vector is multiplied by before its numbers are rounded to a byte; the few beyond 127 are cut."""
PATH: Final = Path(__file__).with_name("words.bin")

_USUAL: Final = 0.0012
"""A word with this share of all text weighs half as much as a rare one."""
_LITTLE_WORDS: Final = """
    about actually advice advise again all also am an and any anyone anything are aren't as ask assistance at be
    been being but can can't cannot could did didn't do does doesn't doing don't done for from get gets getting give
    go going gonna got had has hasn't have haven't having he hello help here hey hi how however i i'd i'll i'm i've
    if in info information is isn't it it's its just kind kindly know let let's like look lot made make makes many
    may maybe me mean might more most much my need needs no not now of off ok okay on one ones only or our out over
    please really say see she should show so some somebody someone something sort still such sure tell than thank
    thanks that that's the their them then there there's these they thing things think this those to today too try
    up us use using very wanna want wants was wasn't way we we'd we're well were what what's whats when where
    where's which who who's why will with won't would yes yet you you're your related various other others user
    users question questions request requests asking asks including etc e g tasks task involving various
"""
_SAYING_LITTLE: Final = frozenset(_LITTLE_WORDS.split())
"""Words of asking and describing: they say little about what is asked for, in prompts as in descriptions."""
_LITTLE: Final = 0.12


class Words:
    """The table in memory: a lookup gives a word's weight in 0..1 and its vector, or None for a word it lacks."""

    def __init__(self, content: bytes) -> None:
        listed, _, numbers = zlib.decompress(content).partition(b"\0")
        self._ranks = {word: rank for rank, word in enumerate(listed.decode().split("\n"))}
        self._numbers = array("b", numbers)
        self._share = 1 / math.log(len(self._ranks))

    def weight(self, word: str) -> float:
        """Return how much `word` says: near 0 for the commonest, 1 for words that are rare or unknown."""
        if word in _SAYING_LITTLE:
            return _LITTLE
        rank = self._ranks.get(word)
        return 1.0 if rank is None else _USUAL / (_USUAL + self._share / (rank + 3))

    def vector(self, word: str) -> Sequence[int] | None:
        """Return the direction of what `word` means; of a form that is not in the table, that of its base form."""
        for form in _forms(word):
            rank = self._ranks.get(form)
            if rank is not None:
                return self._numbers[rank * DIMENSIONS : (rank + 1) * DIMENSIONS]
        return None


@cache
def load() -> Words:
    """Return the table of this process."""
    return Words(PATH.read_bytes())


def stem(word: str) -> str:
    """Return what the forms of a word have in common, roughly: "booking" and "booked" become "book"."""
    for ending, least in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            base = word[: -len(ending)]
            if ending in ("ies", "ied"):
                return base + "y"
            if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
                return base[:-1]
            return base.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


_ENDINGS: Final = (
    ("'s", 2),
    ("ations", 4),
    ("ation", 4),
    ("ings", 3),
    ("ies", 3),
    ("ied", 3),
    ("ing", 3),
    ("ers", 4),
    ("ed", 3),
    ("er", 4),
    ("es", 4),
    ("s", 3),
)


def _forms(word: str) -> tuple[str, ...]:
    base = stem(word)
    return (word, word.removesuffix("s"), base, base + "e", base + "ing", base + "ation")
