"""Texts as words: the normal form that phrases are looked for in, and how alike two texts are.

The normal form is lower case with plain quotes and dashes and single spaces. It is made of whole characters of
Unicode, and nothing counts bytes.
"""

import math
import string
import struct
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Final

_PLAIN: Final = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-"})  # noqa: RUF001 - they are meant

LONGEST: Final = 2000
"""Characters of a text that are looked at; of a longer one the beginning and the end."""

_HEAD: Final = 400
_TAIL: Final = 1599


def shortened(text: str) -> str:
    """Return a text of at most `LONGEST` characters."""
    return f"{text[:_HEAD]} {text[-_TAIL:]}" if len(text) > LONGEST else text


def normal(text: str) -> str:
    """Return the normal form of a text."""
    return " ".join(text.translate(_PLAIN).lower().split())


def words(text: str) -> list[str]:
    """Return the words of a text in normal form, without the punctuation around them."""
    return [word for raw in normal(text).split(" ") if (word := raw.strip(string.punctuation))]


class Words:
    """A text that is compared with phrases and with other texts; everything is worked out at first use."""

    def __init__(self, text: str) -> None:
        self.text = normal(shortened(text))
        self.tokens: Sequence[str] = [word for raw in self.text.split(" ") if (word := raw.strip(string.punctuation))]

    @cached_property
    def spaced(self) -> str:
        """The words between spaces, so that a phrase is found by whole words."""
        return f" {' '.join(self.tokens)} "

    @cached_property
    def trigrams(self) -> frozenset[str]:
        """Every three characters in a row."""
        return trigrams(" ".join(self.tokens))

    @cached_property
    def frequencies(self) -> Counter[str]:
        """How often each word occurs."""
        return Counter(self.tokens)


class Phrase:
    """Something that people say, to be found in `Words` exactly or nearly."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spaced = f" {' '.join(words(text))} "
        # Nearness is that of the letters alone: `don't` is `dont`.
        bare = "".join(char for char in normal(text) if char.isalnum() or char in " _")
        self.trigrams = trigrams(" ".join(bare.split()))
        self.frequencies = Counter(bare.split())
        self.norm = math.sqrt(sum(count * count for count in self.frequencies.values()))

    def occurs_in(self, said: Words) -> bool:
        """Whether the words of the phrase stand in a row in the text."""
        return self.spaced in said.spaced

    def is_near(self, said: Words) -> bool:
        """Whether it occurs, or the text is like it by its trigrams or its words: the rules of the compatible mode."""
        return (
            self.occurs_in(said)
            or _single(jaccard(self.trigrams, said.trigrams)) >= _NEAR_TRIGRAMS
            or _single(self._cosine(said.frequencies)) >= _NEAR_WORDS
        )

    def _cosine(self, other: Counter[str]) -> float:
        shared = sum(count * other[word] for word, count in self.frequencies.items() if word in other)
        if not shared:
            return 0.0
        return shared / (self.norm * math.sqrt(sum(count * count for count in other.values())))


def trigrams(text: str) -> frozenset[str]:
    """Return every three characters in a row of a text; a shorter text has none."""
    return frozenset(text[start : start + 3] for start in range(len(text) - 2))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of two sets that is common: 0 when both are empty."""
    shared = len(one & other)
    whole = len(one) + len(other) - shared
    return shared / whole if whole else 0.0


def _single(value: float) -> float:
    # The thresholds are compared in single precision, which matters to a value that lies on one.
    return float(struct.unpack("f", struct.pack("f", value))[0])


_NEAR_TRIGRAMS: Final = _single(0.65)
_NEAR_WORDS: Final = _single(0.60)
