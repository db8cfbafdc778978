"""Finds prompts that try to change a model's rules, and instructions that hide in documents and tools' results.

Two linear models over words and pairs of them: one weighs a text as a whole, the other looks for the
most suspicious stretch of `STRETCH` words. What somebody else wrote (a document, a result) is held to a lower bar than
what the user says, who may give instructions. The weights are learnt by `bench/guards/train.py`, which names its data.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise, repeat
from operator import add, attrgetter, sub
from pathlib import Path
from typing import Any, Final

import orjson

from plano_extproc.guardrails.normal import pieces

STRETCH: Final = 40
"""Words."""

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
    two: dict[tuple[str | None, str | None], complex]
    known: dict[str, str]
    """The words that are in either. Real parts weigh for the whole, imaginary ones for a stretch."""
    bias: Scores
    bar: Scores
    bar_handed_over: Scores

    def score(self, text: str) -> Scores:
        """Return the scores of a text of any length, normalised and decoded as need be."""
        scores = [self._score(piece) for piece in pieces(text, self.known.__contains__)]
        return Scores(max(one.whole for one in scores), max(one.stretch for one in scores))

    def _score(self, plain: str) -> Scores:
        # Nothing here runs for each word in Python itself: that is what keeps 2 KB under 150 microseconds.
        words = [*map(self.known.get, tokens(plain)), None]
        singles = map(self.one.get, words, repeat(0j))  # type: ignore[arg-type]
        pairs = map(self.two.get, pairwise(words), repeat(0j))
        sums = list(accumulate(map(add, singles, pairs), initial=0j))
        total = sums[-1].real
        best = max(map(_STRETCH, map(sub, sums[STRETCH:], sums))) if len(sums) > STRETCH else sums[-1].imag
        return Scores(total / max(1, len(words) - 1) ** 0.5 + self.bias.whole, best + self.bias.stretch)

    def refuses(self, text: str, *, is_handed_over: bool) -> bool:
        """Tell whether a text reaches the bar of either model."""
        scores = self.score(text)
        bar = self.bar_handed_over if is_handed_over else self.bar
        return scores.whole >= bar.whole or scores.stretch >= bar.stretch


def tokens(plain: str) -> list[str]:
    """Return the words of normalised text; a sign of a script without spaces is one, and so are links and addresses."""
    if "://" in plain:
        plain = _LINK.sub(" somelink ", plain)
    if "@" in plain:
        plain = _ADDRESS.sub(" someaddress ", plain)
    return _TOKEN.findall(plain)


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
    two: dict[tuple[str | None, str | None], complex] = {}
    for gram, (whole, stretch) in told["weights"].items():
        first, _, second = gram.partition(" ")
        if second:
            two[first, second] = complex(whole, stretch) / 100
        else:
            one[first] = complex(whole, stretch) / 100
    known = {word: word for word in (*one, *(word for pair in two for word in pair)) if word}
    bias, bar, handed_over = (Scores(*told[key]) for key in ("bias", "bar", "bar_handed_over"))
    return Model(one, two, known, bias, bar, handed_over)


WEIGHTS: Final = Path(__file__).with_name("jailbreak_weights.json")
_OVERLAP: Final = 256
_LINK: Final = re.compile(r"\w{2,8}://\S{1,200}")
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]+\.[\w.-]+")
_STRETCH: Final = attrgetter("imag")
_TOKEN: Final = re.compile(r"[a-z0-9']+|[\u0900-\u0dff]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+")
_WARNING: Final = re.compile(
    r"(?i:ignor|disregard|instruct|prompt|assistant|\bAI\b|system|override|overrid|pretend|jailbreak|forget|previous"
    r"|bypass|reveal|secret|restrict|obey|\bDAN\b|urgent|immediately|you must|do not tell|user|[a-z0-9+/]{40})"
    r"|[^\x00-\x7f]{12}|(?:\w[ .\-_*]){7}"
)
"""What a chunk of a long text must hold to be weighed. Broad on purpose: it only saves time."""
