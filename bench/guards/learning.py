"""Logistic regression over words, pairs of words and what words mean, by L-BFGS; needs numpy.

What a word means is a vector from the table that the local router has. A weight for each of its directions is learnt
beside the weight of each word, so that words that no row holds get weights too.
"""

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

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

    def once(self) -> "Numbered":
        """Return each word and each pair once."""
        return Numbered(np.unique(self.words), np.unique(self.pairs))


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


@dataclass(slots=True)
class Weights:
    """What is learnt. A word's weight is its own and that of what it means."""

    words: Floats
    pairs: Floats
    directions: Floats
    bias: float
    vectors: Floats

    @property
    def of_words(self) -> Floats:
        """The weight of each word."""
        made: Floats = self.words + self.vectors @ self.directions
        return made

    def along(self, text: Numbered) -> Floats:
        """Return the weight of each word of a text, with that of the pair that begins there."""
        made: Floats = self.of_words[text.words]
        if len(text.pairs):
            made[:-1] += self.pairs[text.pairs]
        return made


def learn(samples: Sequence[Sample], vocabulary: Vocabulary, known: Floats, how: Settings) -> Weights:
    """Return weights; `known` is what the vocabulary's words mean.

    What stands in few samples may weigh more: its weight is a parameter times how rare it is.
    """
    rows = _Rows(samples, len(vocabulary.words), len(vocabulary.pairs))
    rare_words, rare_pairs = rows.rarity()
    ends = np.cumsum([len(rare_words), len(rare_pairs), known.shape[1]])
    keep = np.concatenate([np.full(ends[1], how.words), np.full(known.shape[1], how.directions), [0.0]])

    def told(parameters: Floats) -> Weights:
        words, pairs, directions, bias = np.split(parameters, ends)
        return Weights(words * rare_words, pairs * rare_pairs, directions, float(bias[0]), known)

    def slope(parameters: Floats) -> tuple[float, Floats]:
        weights = told(parameters)
        loss, wrong = rows.wrong(rows.sums(weights.of_words, weights.pairs) + weights.bias)
        words, pairs = rows.back(wrong)
        made = np.concatenate([words * rare_words, pairs * rare_pairs, words @ known, [wrong.sum()]])
        return loss + float((keep * parameters**2).sum()) / 2, made + keep * parameters

    return told(_least(slope, np.zeros(ends[2] + 1), how.steps))


def _least(slope: Callable[[Floats], tuple[float, Floats]], at: Floats, steps: int) -> Floats:
    """Return where a function is near its least, by L-BFGS (Nocedal, 1980) with halved steps."""
    moves: deque[tuple[Floats, Floats]] = deque(maxlen=_REMEMBERED)
    value, down = slope(at)
    for _ in range(steps):
        way = _way(moves, down)
        size, gain = 1.0, float(way @ down)
        while size > _SMALLEST:
            new_value, new_down = slope(at - size * way)
            if new_value <= value - 1e-4 * size * gain:
                break
            size /= 2
        else:
            return at
        if (new_down - down) @ way < 0:
            moves.append((-size * way, new_down - down))
        at, value, down = at - size * way, new_value, new_down
    return at


def _way(moves: deque[tuple[Floats, Floats]], down: Floats) -> Floats:
    way, shares = down.copy(), []
    for move, turn in reversed(moves):
        share = (move @ way) / (move @ turn)
        way -= share * turn
        shares.append(share)
    if moves:
        move, turn = moves[-1]
        way *= (move @ turn) / (turn @ turn)
    for (move, turn), share in zip(moves, reversed(shares), strict=True):
        way += (share - (turn @ way) / (move @ turn)) * move
    return way


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

    def rarity(self) -> tuple[Floats, Floats]:
        """Return how rare each word and each pair is: 1 for what is in every sample."""
        rows, words, pairs = self._count

        def rare(ids: Ids, of_rows: Ids, count: int) -> Floats:
            seen = np.bincount(np.unique(ids * rows + of_rows) // rows, minlength=count)
            made: Floats = np.log((1 + rows) / (1 + seen)) + 1
            return made

        return rare(self._words, self._word_rows, words), rare(self._pairs, self._pair_rows, pairs)

    def wrong(self, scores: Floats) -> tuple[float, Floats]:
        """Return the loss and its slope."""
        clipped = np.clip(scores, -30, 30)
        loss = np.log1p(np.exp(np.where(self._is_attack > 0, -clipped, clipped)))
        made: Floats = self._weight * (1 / (1 + np.exp(-clipped)) - self._is_attack)
        return float(self._weight @ loss), made

    def back(self, wrong: Floats) -> tuple[Floats, Floats]:
        scaled = wrong * self._scale
        _, words, pairs = self._count
        of_words: Floats = np.bincount(self._words, scaled[self._word_rows], words).astype(np.float64)
        of_pairs: Floats = np.bincount(self._pairs, scaled[self._pair_rows], pairs).astype(np.float64)
        return of_words, of_pairs


def _flat(ids: Sequence[Ids]) -> tuple[Ids, Ids]:
    lengths = [len(one) for one in ids]
    return np.concatenate(ids), np.repeat(np.arange(len(ids)), lengths)


_REMEMBERED: Final = 8
"""Steps that say how the slope bends."""
_SMALLEST: Final = 1e-6
