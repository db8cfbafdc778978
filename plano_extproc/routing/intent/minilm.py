"""`local/minilm`: routes matched by the meaning of whole sentences, with the encoder of `encoder`."""

from collections.abc import Iterable
from typing import Final

from plano_extproc.routing.intent import encoder
from plano_extproc.routing.intent.route import Calibration, Match, Route, distinct, judged

_PHRASE: Final = 0.3
"""How much the nearest phrase of a route counts; the rest is the mean of all of them."""
_MOST_TOKENS: Final = 32
_END: Final = 250
"""Of a longer text, its beginning and its end are read, so that matching takes no longer than for a sentence or two."""
_CALIBRATION: Final = Calibration(bias=-4.2, likeness=9.6, lead=8.7, without_examples=1.4)


class MiniLM:
    """Compiled routes. Compiling takes some milliseconds a phrase, matching those of one sentence."""

    kind = "minilm"

    def __init__(self, routes: Iterable[Route], model: encoder.Encoder) -> None:
        import numpy as np

        self._np = np
        self._model = model
        self._routes = distinct(routes)
        phrases = [route.phrases for route in self._routes]
        self._starts = [sum(map(len, phrases[:place])) for place in range(len(phrases))]
        self._rows = model.embed([phrase for group in phrases for phrase in group])
        wholes = np.add.reduceat(self._rows, self._starts) if phrases else self._rows
        self._wholes = wholes / np.maximum(np.linalg.norm(wholes, axis=1, keepdims=True), 1e-6)

    def match(self, text: str) -> Match:
        """Return the route that `text` asks for."""
        return judged(self.kind, self.rank(text))

    def rank(self, text: str) -> list[tuple[Route, float]]:
        """Return the nearest routes with their scores, best first."""
        return _CALIBRATION.ranked(self._routes, self.likenesses(text))

    def likenesses(self, text: str) -> list[tuple[float, int]]:
        """Return how like the text every route is, best first, by its number; not calibrated."""
        if not text.strip() or not self._routes:
            return []
        if len(text) > 2 * _END:
            text = f"{text[:_END]} {text[-_END:]}"
        sentence = self._model.embed([text], most_tokens=_MOST_TOKENS)[0]
        nearest = self._np.maximum.reduceat(self._rows @ sentence, self._starts)
        found = _PHRASE * nearest + (1 - _PHRASE) * (self._wholes @ sentence)
        return sorted(
            ((float(value), number) for number, value in enumerate(found)), key=lambda pair: (-pair[0], pair[1])
        )


def compile(routes: Iterable[Route]) -> MiniLM:  # noqa: A001 - reads as minilm.compile
    """Return a matcher for `routes`; raise `encoder.EncoderMissing` where its packages are not installed."""
    return MiniLM(routes, encoder.load())
