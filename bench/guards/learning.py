"""Logistic regression over words, pairs of words and what words mean, by Adam on the whole of the rows; needs numpy.

What a word means is a vector from the table that the local router has. A weight for each of its directions is learnt
beside the weight of each word, so that words that no row holds get weights too.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plano_extproc.routing.intent import words as meanings

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Pair = tuple[str, str]


@dataclass(slots=True)
class Vocabulary:
    """Numbers for words and pairs."""

    words: dict[str, int] = field(default_factory=dict)
    pairs: dict[Pair, int] = field(default_factory=dict)

    def read(self, text: Sequence[str]) -> "Numbered":
        """Return a text in numbers, new ones for what is new."""
        words = [self.words.setdefault(word, len(self.words)) for word in text]
        pairs = [self.pairs.setdefault(pair, len(self.pairs)) for pair in pairwise(text)]
        return Numbered(np.array(words, np.int64), np.array(pairs, np.int64))

    def vectors(self) -> Floats:
        """Return what each word means, zeros where that is not known."""
        return vectors(list(self.words))


def listed() -> list[str]:
    """Return every word whose meaning is known."""
    content, _, _ = zlib.decompress(meanings.PATH.read_bytes()).partition(b"\0")
    return content.decode().split("\n")


def vectors(words: Sequence[str]) -> Floats:
    """Return what words mean, a row each."""
    table = meanings.load()
    made = np.zeros((len(words), meanings.DIMENSIONS))
    for at, word in enumerate(words):
        found = table.vector(word)
        if found is not None:
            made[at] = np.array(found) / meanings.SCALE
    return made


@dataclass(frozen=True, slots=True)
class Numbered:
    """A text: its words, and the pairs that begin at each but the last."""

    words: Ids
    pairs: Ids

    def cut(self, start: int, end: int) -> "Numbered":
        """Return the words from one position to another."""
        return Numbered(self.words[start:end], self.pairs[start : max(start, end - 1)])


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, what its weights' sum is multiplied by, whether it is an attack, and how much it counts."""

    text: Numbered
    scale: float
    is_attack: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Settings:
    """How weights are kept small: those of words and pairs, and those of directions; and the number of steps."""

    words: float
    directions: float
    steps: int
    has_drift: bool
    """Whether each word costs something, whichever it is."""


@dataclass(slots=True)
class Weights:
    """What is learnt. A word's weight is its own, that of what it means, and the drift."""

    parts: dict[str, Any]
    vectors: Floats

    @property
    def of_words(self) -> Floats:
        """The weight of each word."""
        parts = self.parts
        made: Floats = parts["words"] + self.vectors @ parts["directions"] + parts["drift"]
        return made

    def along(self, text: Numbered) -> Floats:
        """Return the weight of each word of a text, with that of the pair that begins there."""
        made: Floats = self.of_words[text.words]
        if len(text.pairs):
            made[:-1] += self.parts["pairs"][text.pairs]
        return made


def learn(
    samples: Sequence[Sample], vocabulary: Vocabulary, known: Floats, how: Settings, begin: Weights | None = None
) -> Weights:
    """Return weights; `known` is what the vocabulary's words mean, `begin` what an earlier run has learnt."""
    rows = _Rows(samples, len(vocabulary.words), len(vocabulary.pairs))
    parts: dict[str, Any] = dict(begin.parts) if begin else _nothing(vocabulary, known)
    first = {name: 0 * part for name, part in parts.items()}
    second = {name: 0 * part for name, part in parts.items()}
    for step in range(1, how.steps + 1):
        per_word = parts["words"] + known @ parts["directions"] + parts["drift"]
        wrong = rows.wrong(rows.sums(per_word, parts["pairs"]) + parts["bias"])
        words, pairs = rows.back(wrong)
        gradient: dict[str, Any] = {
            "words": words + how.words * parts["words"],
            "pairs": pairs + how.words * parts["pairs"],
            "directions": words @ known + how.directions * parts["directions"],
            "drift": words.sum() if how.has_drift else 0.0,
            "bias": wrong.sum(),
        }
        rate = _RATE * (1.0 if step < 0.6 * how.steps else 0.3)
        for name, slope in gradient.items():
            first[name] = 0.9 * first[name] + 0.1 * slope
            second[name] = 0.99 * second[name] + 0.01 * slope**2
            size = np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8
            slow = 0.2 if name == "drift" else 1.0
            parts[name] = parts[name] - slow * rate * first[name] / (1 - 0.9**step) / size
    return Weights(parts, known)


def _nothing(vocabulary: Vocabulary, known: Floats) -> dict[str, Any]:
    return {
        "words": np.zeros(len(vocabulary.words)),
        "pairs": np.zeros(len(vocabulary.pairs)),
        "directions": np.zeros(known.shape[1]),
        "drift": 0.0,
        "bias": 0.0,
    }


class _Rows:
    """Samples as sparse rows. Attacks count up to four times as much, so that both kinds weigh the same."""

    def __init__(self, samples: Sequence[Sample], words: int, pairs: int) -> None:
        self._count = (len(samples), words, pairs)
        self._words, self._word_rows = _flat([one.text.words for one in samples])
        ids, of_rows = _flat([one.text.pairs for one in samples])
        # A pair that stands in one place only says nothing of others.
        is_kept = (np.bincount(ids, minlength=pairs) > 1)[ids]
        self._pairs, self._pair_rows = ids[is_kept], of_rows[is_kept]
        self._scale = np.array([one.scale for one in samples])
        self._is_attack = np.array([float(one.is_attack) for one in samples])
        weight = np.array([one.weight for one in samples])
        attacks = (weight * self._is_attack).sum()
        ratio = min(4.0, max(1.0, (weight.sum() - attacks) / attacks))
        weight = weight * np.where(self._is_attack > 0, ratio, 1.0)
        self._weight = weight / weight.sum()

    def sums(self, words: Floats, pairs: Floats) -> Floats:
        rows = self._count[0]
        made: Floats = self._scale * (
            np.bincount(self._word_rows, words[self._words], rows)
            + np.bincount(self._pair_rows, pairs[self._pairs], rows)
        )
        return made

    def wrong(self, scores: Floats) -> Floats:
        made: Floats = self._weight * (1 / (1 + np.exp(-np.clip(scores, -30, 30))) - self._is_attack)
        return made

    def back(self, wrong: Floats) -> tuple[Floats, Floats]:
        scaled = wrong * self._scale
        _, words, pairs = self._count
        of_words: Floats = np.bincount(self._words, scaled[self._word_rows], words).astype(np.float64)
        of_pairs: Floats = np.bincount(self._pairs, scaled[self._pair_rows], pairs).astype(np.float64)
        return of_words, of_pairs


def _flat(ids: Sequence[Ids]) -> tuple[Ids, Ids]:
    lengths = [len(one) for one in ids]
    return np.concatenate(ids), np.repeat(np.arange(len(ids)), lengths)


_RATE: Final = 0.08
