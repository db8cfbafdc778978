"""The yardstick: the nearest phrase by TF-IDF of character n-grams, as anyone would write it first."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from plano_extproc.routing.intent import Match, Route

_LENGTHS: Final = (3, 4, 5)


class Yardstick:
    kind = "n-grams"

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        counts = [(number, _grams(text)) for number, route in enumerate(self._routes) for text in route.phrases]
        spread = Counter(gram for _, grams in counts for gram in grams)
        self._rarity = {gram: math.log((1 + len(counts)) / (1 + found)) + 1 for gram, found in spread.items()}
        self._phrases = [(number, self._weighted(grams)) for number, grams in counts]

    def match(self, text: str) -> Match:
        asked = self._weighted(_grams(text))
        best = [0.0] * len(self._routes)
        for number, phrase in self._phrases:
            likeness = sum(weight * phrase.get(gram, 0.0) for gram, weight in asked.items())
            best[number] = max(best[number], likeness)
        ranked = sorted(zip(best, range(len(best)), strict=True), key=lambda pair: (-pair[0], pair[1]))[:5]
        scores = {self._routes[number].name: score for score, number in ranked}
        score, number = ranked[0]
        return Match(self._routes[number] if score >= 0.5 else None, score, scores)

    def _weighted(self, grams: Mapping[str, int]) -> dict[str, float]:
        weights = {gram: (1 + math.log(times)) * self._rarity.get(gram, 0.0) for gram, times in grams.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {gram: weight / length for gram, weight in weights.items() if weight}


def _grams(text: str) -> Counter[str]:
    padded = f" {text.lower()} "
    return Counter(padded[at : at + length] for length in _LENGTHS for at in range(len(padded) - length + 1))
