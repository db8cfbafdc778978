"""Finds prompts that try to change a model's rules, and instructions that hide in documents and tools' results.

Two linear models over words and pairs of them: one weighs a text as a whole, the other looks for its most suspicious
stretch, the one whose words' weights have the greatest sum; each word costs a little, so that a stretch does not grow
for nothing. What somebody else wrote (a document, a result) is judged by its worst stretch alone, with a lower bar than
for what the user says, who may give instructions. The weights are learnt by `bench/guards/train.py`, which names its
data.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain, pairwise, repeat
from operator import add, attrgetter, sub
from pathlib import Path
from typing import Any, Final

import orjson

from plano_extproc.guardrails.normal import readings

STRIDE: Final = 3
"""Words between the places where a stretch may begin or end."""

SHORT: Final = 4
"""Words that are added to a text's own number, so that a single word decides little."""

READ_WHOLE: Final = 16 * 1024
"""Characters. Of a longer text the first and last chunk are read, and each that holds a word of warning."""

CHUNK: Final = 2048
MOST_READ: Final = 256 * 1024
"""Characters of one exchange that are weighed, the newest first; what is left above that cannot be judged."""


class TooMuchText(Exception):
    """There is more suspicious text than can be weighed in time."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the two models say of a text, and what they must reach to refuse it."""

    whole: float
    stretch: float


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of words and of pairs of them."""

    one: dict[str, complex]
    two: dict[tuple[str, str], complex]
    known: frozenset[str]
    """The words that are in either. Real parts weigh for the whole, imaginary ones for a stretch."""
    usual: complex
    """The weight of every other word."""
    bias: Scores
    bar: Scores
    bar_handed_over: Scores

    def score(self, text: str) -> Scores:
        """Return the scores of a text of any length, normalised and decoded as need be."""
        scores = [self._score(words) for words in readings(text, self.known.__contains__)]
        return Scores(max(one.whole for one in scores), max(one.stretch for one in scores))

    def _score(self, words: list[str]) -> Scores:
        # Nothing here runs for each word in Python itself: that is what keeps 2 KB under 150 microseconds.
        singles = map(self.one.get, words, repeat(self.usual))
        pairs = chain(map(self.two.get, pairwise(words), repeat(0j)), _NO_PAIR)
        sums = list(accumulate(map(add, singles, pairs), initial=0j))
        whole = sums[-1].real / (len(words) + SHORT) ** 0.5
        ends = [*map(_STRETCH, sums[::STRIDE]), sums[-1].imag]
        best = max(map(sub, ends, accumulate(ends, min)))
        return Scores(whole + self.bias.whole, best + self.bias.stretch)

    def refuses(self, text: str, *, is_handed_over: bool) -> bool:
        """Tell whether a text reaches the bar of either model."""
        scores = self.score(text)
        bar = self.bar_handed_over if is_handed_over else self.bar
        return scores.whole >= bar.whole or scores.stretch >= bar.stretch


def find(texts: Iterable[tuple[str, bool]]) -> bool:
    """Tell whether any text, with whether it was handed over, is to be refused; the oldest is given first.

    Raises `TooMuchText` when what is suspicious is more than `MOST_READ`.
    """
    model = learnt()
    left = MOST_READ
    for text, is_handed_over in reversed(list(texts)):
        for part in _parts(text):
            left -= len(part)
            if left < 0:
                raise TooMuchText(f"more than {MOST_READ} characters of suspicious text")
            if model.refuses(part, is_handed_over=is_handed_over):
                return True
    return False


def _parts(text: str) -> Iterator[str]:
    """Yield what is to be weighed of a text: it, or the chunks of a long one, with an overlap at each cut."""
    if len(text) <= CHUNK + _OVERLAP:
        yield text
        return
    last = (len(text) - 1) // CHUNK
    is_long = len(text) > READ_WHOLE
    for at in range(last + 1):
        part = text[at * CHUNK : (at + 1) * CHUNK + _OVERLAP]
        if not is_long or at in (0, last) or _WARNING.search(part):
            yield part


@cache
def learnt() -> Model:
    """Return the model that is part of this package."""
    return model_of(orjson.loads(WEIGHTS.read_bytes()))


def model_of(told: dict[str, Any]) -> Model:
    """Return the model in what `bench/guards/train.py` writes."""
    one: dict[str, complex] = {}
    two: dict[tuple[str, str], complex] = {}
    for gram, (whole, stretch) in told["weights"].items():
        first, _, second = gram.partition(" ")
        if second:
            two[first, second] = complex(whole, stretch) / 100
        else:
            one[first] = complex(whole, stretch) / 100
    known = frozenset((*one, *(word for pair in two for word in pair)))
    bias, bar, handed_over = (Scores(*told[key]) for key in ("bias", "bar", "bar_handed_over"))
    return Model(one, two, known, complex(0, told["drift"]), bias, bar, handed_over)


WEIGHTS: Final = Path(__file__).with_name("jailbreak_weights.json")
_OVERLAP: Final = 256
_STRETCH: Final = attrgetter("imag")
_NO_PAIR: Final = (0j,)
_WARNING: Final = re.compile(
    r"(?i:ignor|disregard|instruct|prompt|assistant|\bAI\b|system|override|overrid|pretend|jailbreak|forget|previous"
    r"|bypass|reveal|secret|restrict|obey|\bDAN\b|urgent|immediately|you must|do not tell|user|[a-z0-9+/]{40})"
    r"|[^\x00-\x7f]{12}|(?:\w[ .\-_*]){7}"
)
"""What a chunk of a long text must hold to be weighed. Broad on purpose: it only saves time."""
