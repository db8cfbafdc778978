"""`local/lexical`: routes matched by letters and words, with nothing but the standard library.

A text is compared with all phrases of a route at once, in two ways. *Spelling*: word stems, pairs of words and runs of
four letters, each weighted by how rare its word is in the language, found through an index. *Meaning*: the weighted
mean of the words' vectors (`words`). Weights come from the language and not from the routes, so a likeness has the same
size among 3 routes and among 150. Of many routes, those that look likely by spelling and by the first numbers of the
vectors, which say most, are looked at in full. What a text means is compared with everyday subjects (`elsewhere`) too.

What the constants are was found with the development set of `bench/intents` and with utterances of real users; its
report is made with another set.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from heapq import nlargest
from operator import mul
from typing import Final

from plano_extproc.routing.intent import words
from plano_extproc.routing.intent.elsewhere import SUBJECTS
from plano_extproc.routing.intent.route import Calibration, Match, Route, distinct, judged

Vector = tuple[float, ...]

_SPELLING: Final = 0.4
_MEANING: Final = 0.6
_GRAMS: Final = 1.2
_PAIRS: Final = 0.35
_CLOSE: Final = 16
"""How many routes are looked at in full."""
_FIRST: Final = 32
"""How many numbers of a vector serve to find these."""
_TELLING: Final = 0.3
"""The weight of a word from which on a text means something."""
_MOST_WORDS: Final = 32
_END: Final = 300
"""Of a longer text, its beginning and its end are read; so many letters hold half the words."""
_RIVAL: Final = 0.42
"""How much a subject's likeness counts against a route's."""
_SAME: Final = 0.4
"""A route that is as like a subject as this is about it."""
_NEAREST: Final = 4
"""How many of the nearest subjects are looked at in full."""
_CALIBRATION: Final = Calibration(bias=-4, likeness=8.8, lead=12.3, without_examples=1.25)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text as it is compared: features by weight, and the direction of its meaning; each of length 1, or empty."""

    features: dict[str, float]
    meaning: Vector


class Lexical:
    """Compiled routes. Matching takes well under a millisecond."""

    kind = "lexical"

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = distinct(routes)
        self._index: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._meanings: list[Vector] = []
        for number, route in enumerate(self._routes):
            readings = [_read(text) for text in route.phrases]
            for feature, weight in _together(reading.features for reading in readings).items():
                self._index[feature].append((number, weight))
            self._meanings.append(_mean([reading.meaning for reading in readings if reading.meaning]))

    def match(self, text: str) -> Match:
        """Return the route that `text` asks for."""
        return judged(self.kind, self.rank(text))

    def rank(self, text: str) -> list[tuple[Route, float]]:
        """Return the nearest routes with their scores, best first."""
        reading = _read(text)
        found = self._likenesses(reading)
        elsewhere = self._elsewhere(reading.meaning, found[0][1]) if found else 0.0
        return _CALIBRATION.ranked(self._routes, found, elsewhere)

    def likenesses(self, text: str) -> list[tuple[float, int]]:
        """Return how like the text the nearest routes are, best first, by their number; about 0..1, not calibrated."""
        return self._likenesses(_read(text))

    def _likenesses(self, reading: _Reading) -> list[tuple[float, int]]:
        if not reading.features:
            return []
        spelled = [0.0] * len(self._routes)
        for feature, weight in reading.features.items():
            for number, value in self._index.get(feature, ()):
                spelled[number] += weight * value
        likely: Iterable[int] = range(len(spelled))
        if len(spelled) > _CLOSE:
            first = reading.meaning[:_FIRST]
            # A product ends with the shorter of its vectors.
            rough = [
                _SPELLING * by_letters + _MEANING * sum(map(mul, first, meaning))
                for by_letters, meaning in zip(spelled, self._meanings, strict=True)
            ]
            likely = nlargest(_CLOSE, likely, key=rough.__getitem__)
        found = [
            (_SPELLING * spelled[number] + _MEANING * _dot(reading.meaning, self._meanings[number]), number)
            for number in likely
        ]
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))

    def _elsewhere(self, meaning: Vector, number: int) -> float:
        """Return how like the text is to a subject that is not the route's own."""
        first = meaning[:_FIRST]
        own = self._meanings[number]
        rough = [(sum(map(mul, first, subject)), subject) for subject in _subjects()]
        near = [subject for _, subject in nlargest(_NEAREST, rough)]
        return _RIVAL * max((_dot(meaning, subject) for subject in near if _dot(subject, own) < _SAME), default=0.0)


def compile(routes: Iterable[Route]) -> Lexical:  # noqa: A001 - reads as lexical.compile
    """Return a matcher for `routes`."""
    return Lexical(routes)


@cache
def _subjects() -> tuple[Vector, ...]:
    return tuple(_read(subject).meaning for subject in SUBJECTS)


def _together(phrases: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return the features of all phrases of a route.

    What stands in any phrase counts as much as there. A route of many phrases would be like everything, so the
    weights are divided by the root of the length; by all of it, one phrase said literally would be lost among many.
    """
    weights: dict[str, float] = {}
    for features in phrases:
        for feature, weight in features.items():
            weights[feature] = max(weight, weights.get(feature, 0.0))
    root = sum(map(mul, weights.values(), weights.values())) ** 0.25 or 1.0
    return {feature: weight / root for feature, weight in weights.items()}


def _read(text: str) -> _Reading:
    if len(text) > 2 * _END:
        text = f"{text[:_END]} {text[-_END:]}"
    found = _WORD.findall(text.lower().replace("\u2019", "'"))
    if len(found) > _MOST_WORDS:
        found = found[: _MOST_WORDS // 2] + found[-_MOST_WORDS // 2 :]
    features: dict[str, float] = defaultdict(float)
    vectors: list[Vector] = []
    telling = 0.0
    before = ""
    for word in found:
        weight, base, grams, vector = _word(word)
        features[base] = max(features[base], weight)
        for gram, value in grams:
            features[gram] += value
        if before:
            features[f"{before} {base}"] = _PAIRS
        before = base
        if vector:
            vectors.append(vector)
            telling = max(telling, weight)
    length = math.sqrt(sum(map(mul, features.values(), features.values()))) or 1.0
    return _Reading({feature: value / length for feature, value in features.items()}, _said(vectors, telling))


@lru_cache(maxsize=20000)
def _word(word: str) -> tuple[float, str, tuple[tuple[str, float], ...], Vector]:
    table = words.load()
    weight = table.weight(word)
    base = words.stem(word)
    padded = f"^{word}$"
    runs = {padded[at : at + 4] for at in range(len(padded) - 3)} if weight > 0.3 else set()
    share = weight * _GRAMS / math.sqrt(len(runs) or 1)
    vector = table.vector(word)
    scaled = tuple(weight * number / words.SCALE for number in vector) if vector else ()
    return weight, base, tuple((f"#{run}", share) for run in sorted(runs)), scaled


def _said(vectors: Sequence[Vector], telling: float) -> Vector:
    """Return the direction of what a text means, shorter where even its heaviest word says little: "what is it?"."""
    share = min(1.0, telling / _TELLING)
    return tuple(value * share for value in _mean(vectors)) if vectors else ()


def _mean(vectors: Sequence[Vector]) -> Vector:
    return _unit([sum(column) for column in zip(*vectors, strict=True)])


def _unit(vector: Sequence[float]) -> Vector:
    length = math.sqrt(sum(map(mul, vector, vector)))
    return tuple(value / length for value in vector) if length > 1e-6 else ()


def _dot(left: Vector, right: Vector) -> float:
    return float(sum(map(mul, left, right)))


_WORD: Final = re.compile(r"[^\W_]+(?:'[a-z]+)?")
