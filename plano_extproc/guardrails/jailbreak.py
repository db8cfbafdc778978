"""Finds prompts that try to change a model's rules, and instructions that hide in documents and tools' results.

Three linear models over words and pairs of them. Two weigh a text as a whole, one long texts and one brief ones. The
third looks for its most suspicious stretch, the one whose words' weights have the greatest sum. What somebody else
wrote (a document, a result) is judged by its worst stretch alone, with a lower bar than for what the user says, who may
give instructions. The weights are learnt by `bench/guards/train.py`; `gather.py` beside it names the data.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, chain, repeat
from operator import add, attrgetter, sub
from pathlib import Path
from typing import Any, Final

import orjson

from plano_extproc.config.policies import Sensitivity
from plano_extproc.guardrails.normal import readings

STRETCHES: Final = ((5, 1), (10, 2), (20, 5))
"""How many pairs of words a stretch has, and how many lie between the places where one may begin."""

LONG: Final = 40
"""Words from which on a text is long."""

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
    """What the models say of a text: as a whole, where 0 is enough to refuse a prompt, and of its worst stretch."""

    whole: float
    stretch: float


@dataclass(frozen=True, slots=True)
class Bars:
    """What scores must reach."""

    long: float = 0.0
    """That of the whole of a long text."""
    brief: float = 0.0
    """That of the whole of a brief one."""
    stretch: float = 0.0
    """That of the worst stretch in a prompt."""
    handed_over: float = 0.0
    """That of the worst stretch in a document or a result."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of words and of pairs of them."""

    one: dict[str, complex]
    two: dict[str, dict[str, complex]]
    """Real parts weigh for the whole of a long text, imaginary ones for a stretch."""
    brief_one: dict[str, float]
    brief_two: dict[str, dict[str, float]]
    """What weighs for the whole of a brief text."""
    known: frozenset[str]
    """The words that are in any."""
    bias: tuple[float, float, float]
    """For the whole of long texts, a stretch, the whole of brief texts; bars for whole texts are taken off already."""
    bars: Bars

    def at(self, bars: Bars) -> "Model":
        """Return a model with the same weights, which refuses what reaches these bars."""
        of_long, of_stretch, of_brief = self.bias
        return replace(self, bias=(of_long - bars.long, of_stretch, of_brief - bars.brief), bars=bars)

    def score(self, text: str) -> Scores:
        """Return the scores of a text of any length, normalised and decoded as need be."""
        scores = [self._score(words) for words in readings(text, self.known.__contains__)]
        return Scores(max(one.whole for one in scores), max(one.stretch for one in scores))

    def _score(self, words: list[str]) -> Scores:
        # Nothing here runs for each word in Python itself: that is what keeps 2 KB under 150 microseconds.
        singles = map(self.one.get, words, repeat(0j))
        after = words[1:]
        pairs = chain(map(dict.get, map(self.two.get, words, _NO_PAIRS), after, repeat(0j)), (0j,))
        sums = list(accumulate(map(add, singles, pairs), initial=0j))
        best = _best([*map(_STRETCH, sums[::2]), sums[-1].imag])
        of_long, of_stretch, of_brief = self.bias
        if len(words) >= LONG:
            whole, bias = sums[-1].real, of_long
        else:
            whole = sum(map(self.brief_one.get, words, _NOTHING))
            whole += sum(map(dict.get, map(self.brief_two.get, words, _NO_PAIRS), after, _NOTHING))
            bias = of_brief
        return Scores(whole / (len(words) + SHORT) ** 0.5 + bias, best + of_stretch)

    def refuses(self, text: str, *, is_handed_over: bool) -> bool:
        """Tell whether a text reaches the bar of a model."""
        scores = self.score(text)
        if is_handed_over:
            return scores.stretch >= self.bars.handed_over
        return scores.whole >= 0 or scores.stretch >= self.bars.stretch


def _best(sums: list[float]) -> float:
    """Return the greatest difference over one of the lengths, or over all of a shorter text."""
    best = []
    for length, stride in STRETCHES:
        if len(sums) <= length + 1:
            best.append(sums[-1])
            break
        best += map(sub, sums[length::stride], sums[::stride])
        best.append(sums[-1] - sums[-1 - length])
    return max(best)


def find(texts: Iterable[tuple[str, bool]], sensitivity: Sensitivity = "medium") -> bool:
    """Tell whether any text, with whether it was handed over, is to be refused; the oldest is given first.

    Raises `TooMuchText` when what is suspicious is more than `MOST_READ`.
    """
    model = learnt(sensitivity)
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


def learnt(sensitivity: Sensitivity = "medium") -> Model:
    """Return the model that is part of this package."""
    return models()[sensitivity]


@cache
def models() -> Mapping[Sensitivity, Model]:
    """Return it with each set of bars."""
    told = orjson.loads(WEIGHTS.read_bytes())
    model = model_of(told)
    return {name: model.at(Bars(**bars)) for name, bars in told["bars"].items()}


def model_of(told: dict[str, Any]) -> Model:
    """Return the model in what `bench/guards/train.py` writes, without its bars."""
    one: dict[str, complex] = {}
    two: defaultdict[str, dict[str, complex]] = defaultdict(dict)
    brief_one: dict[str, float] = {}
    brief_two: defaultdict[str, dict[str, float]] = defaultdict(dict)
    words: dict[str, str] = {}
    for gram, (whole, stretch, brief) in told["weights"].items():
        first, second = (words.setdefault(word, word) for word in (gram.split(" ") if " " in gram else (gram, "")))
        if whole or stretch:
            (two[first] if second else one)[second or first] = complex(whole, stretch) / 100
        if brief:
            (brief_two[first] if second else brief_one)[second or first] = brief / 100
    words.pop("", None)
    return Model(one, dict(two), brief_one, dict(brief_two), frozenset(words), tuple(told["bias"]), Bars())


WEIGHTS: Final = Path(__file__).with_name("jailbreak_weights.json")
_OVERLAP: Final = 256
_STRETCH: Final = attrgetter("imag")
_NO_PAIRS: Final = repeat(dict[str, Any]())
_NOTHING: Final = repeat(0.0)
_WARNING: Final = re.compile(
    r"(?i:ignor|disregard|instruct|prompt|assistant|\bAI\b|system|override|overrid|pretend|jailbreak|forget|previous"
    r"|bypass|reveal|secret|restrict|obey|\bDAN\b|urgent|immediately|you must|do not tell|user|[a-z0-9+/]{40})"
    r"|[^\x00-\x7f]{12}|(?:\w[ .\-_*]){7}"
)
"""What a chunk of a long text must hold to be weighed. Broad on purpose: it only saves time."""
