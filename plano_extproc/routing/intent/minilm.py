"""`local/minilm`: routes matched by the meaning of whole sentences, with the encoder of `encoder`."""

from collections.abc import Iterable
from typing import Final

from plano_extproc.routing.intent import encoder
from plano_extproc.routing.intent.route import Calibration, Match, Route, distinct, judged

_PHRASE: Final = 0.3
"""How much the nearest phrase of a route counts; the rest is the mean of all of them."""
_MOST_TOKENS: Final = 64
_MOST_LETTERS: Final = 1000
"""Of a longer text only the beginning is read, so that matching takes the time that it takes for a sentence."""
_CALIBRATION: Final = Calibration(bias=-3.9, likeness=9, lead=8, without_examples=0.8)


class MiniLM:
    """Compiled routes. Compiling takes some milliseconds a phrase, matching those of one sentence."""

    kind = "minilm"

    def __init__(self, routes: Iterable[Route], model: encoder.Encoder) -> None:
        self._model = model
        self._routes = distinct(routes)
        phrases = [route.phrases for route in self._routes]
        rows = model.embed([phrase for group in phrases for phrase in group])
        ends = [sum(map(len, phrases[: place + 1])) for place in range(len(phrases))]
        self._groups = [rows[end - len(group) : end] for group, end in zip(phrases, ends, strict=True)]

    def match(self, text: str) -> Match:
        """Return the route that `text` asks for."""
        return judged(self.kind, self.rank(text))

    def rank(self, text: str) -> list[tuple[Route, float]]:
        """Return the nearest routes with their scores, best first."""
        return _CALIBRATION.ranked(self._routes, self.likenesses(text))

    def likenesses(self, text: str) -> list[tuple[float, int]]:
        """Return how like the text every route is, best first, by its number; not calibrated."""
        if not text.strip():
            return []
        sentence = self._model.embed([text[:_MOST_LETTERS]], most_tokens=_MOST_TOKENS)[0]
        found = []
        for number, rows in enumerate(self._groups):
            likeness = rows @ sentence
            whole = float(likeness.sum()) / max(float((rows.sum(axis=0) ** 2).sum()) ** 0.5, 1e-6)
            found.append((_PHRASE * float(likeness.max()) + (1 - _PHRASE) * whole, number))
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))


def compile(routes: Iterable[Route]) -> MiniLM:  # noqa: A001
    """Return a matcher for `routes`; raise `encoder.EncoderMissing` where its packages are not installed."""
    return MiniLM(routes, encoder.load())
