"""Finds prompts that try to change a model's rules, and instructions that hide in documents and tools' results.

Three linear models over words and pairs of them, each of which counts once. Two weigh a text as a whole, one long texts
and one brief ones. The third looks for its most suspicious stretch, the one whose weights have the greatest sum. What
somebody else wrote (a document, a result) is judged by its worst stretch alone, with a lower bar than for what the user
says, who may give instructions. The weights are learnt by `bench/guards/train.py`; `published.py` beside it names the
data.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, repeat
from operator import add, itemgetter, sub
from pathlib import Path
from typing import Any, Final

import orjson

from plano_extproc.config.policies import Sensitivity
from plano_extproc.guardrails.normal import readings

STRETCHES: Final = ((5, 1), (10, 2), (20, 5))
"""How many pairs of words a stretch has, and how many lie between the places where one may begin."""

LONG: Final = 40
"""Words from which on a text is long."""

MOST_STRETCHES: Final = 1000
"""Stretches of one text that are looked at once more; where more are suspicious, repeats do not matter."""

SHORT: Final = 4
"""Words that are added to a text's different ones, so that a single word decides little."""

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
    """Weights of words and of pairs of them, which have a number each; what is in no list has number 0."""

    one: dict[str, int]
    two: dict[str, dict[str, int]]
    long: list[float]
    """By number, what weighs for the whole of a long text."""
    brief: list[float]
    """The same of a brief one."""
    stretch: list[float]
    """What weighs for a stretch."""
    known: frozenset[str]
    """The words that are in any."""
    bias: tuple[float, float, float]
    """For the whole of long texts, a stretch, the whole of brief texts; bars for whole texts are taken off already."""
    bars: Bars

    def at(self, bars: Bars) -> "Model":
        """Return a model with the same weights, which refuses what reaches these bars."""
        of_long, of_stretch, of_brief = self.bias
        return replace(self, bias=(of_long - bars.long, of_stretch, of_brief - bars.brief), bars=bars)

    @property
    def _least(self) -> float:
        """The score of a stretch from which on it is looked at once more: repeats may speak against an attack too."""
        return min(self.bars.stretch, self.bars.handed_over) - 1.0

    def score(self, text: str) -> Scores:
        """Return the scores of a text of any length, normalised and decoded as need be."""
        read = [(words, *self._numbers(words)) for words in readings(text, self.known.__contains__)]
        return Scores(max(self._whole(*one) for one in read), max(self._stretch(*one) for _, *one in read))

    def refuses(self, text: str, *, is_handed_over: bool) -> bool:
        """Tell whether a text reaches the bar of a model."""
        bar = self.bars.handed_over if is_handed_over else self.bars.stretch
        for words in readings(text, self.known.__contains__):
            singles, pairs = self._numbers(words)
            if self._stretch(singles, pairs) >= bar:
                return True
            if not is_handed_over and self._whole(words, singles, pairs) >= 0:
                return True
        return False

    # Nothing in the next three runs for each word in Python itself: that is what keeps 2 KB near 150 microseconds.

    def _numbers(self, words: list[str]) -> tuple[list[int], list[int]]:
        """Return the numbers of the words, and those of the pairs that begin with each but the last."""
        pairs = map(dict.get, map(self.two.get, words, _NO_PAIRS), words[1:], _UNKNOWN)
        return list(map(self.one.get, words, _UNKNOWN)), list(pairs)

    def _whole(self, words: list[str], singles: list[int], pairs: list[int]) -> float:
        of_long, _, of_brief = self.bias
        weights, bias = (self.long, of_long) if len(words) >= LONG else (self.brief, of_brief)
        return _sum(weights, {*singles, *pairs}) / math.sqrt(len(set(words)) + SHORT) + bias

    def _stretch(self, singles: list[int], pairs: list[int]) -> float:
        weights = map(add, itemgetter(0, *singles, 0)(self.stretch), itemgetter(0, *pairs, 0, 0)(self.stretch))
        sums = list(accumulate(weights))
        along = [*sums[::2], sums[-1]]
        best = _best(along)
        if best + self.bias[1] >= self._least:
            best = self._without_repeats(singles, pairs, along, best)
        return best + self.bias[1]

    def _without_repeats(self, singles: list[int], pairs: list[int], along: list[float], best: float) -> float:
        """Return the greatest score of a stretch of which each word and pair counts once.

        Lists, tables and programs say the same word again and again, and what weighs little would weigh much.
        """
        least = self._least - self.bias[1]
        places = {
            (2 * start, 2 * end)
            for length, stride in STRETCHES
            for start in (*range(0, len(along) - length, stride), max(0, len(along) - 1 - length))
            if along[end := min(start + length, len(along) - 1)] - along[start] >= least
        }
        if len(places) > MOST_STRETCHES:
            return best
        once = ({*singles[start:end], *pairs[start : end - 1]} for start, end in places)
        return max((_sum(self.stretch, numbers) for numbers in once), default=best)


def _sum(weights: list[float], numbers: set[int]) -> float:
    found: tuple[float, ...] = itemgetter(0, 0, *numbers)(weights)
    return sum(found)


def _best(sums: list[float]) -> float:
    """Return the greatest difference over one of the lengths, or over all of a shorter text."""
    best = []
    for length, stride in STRETCHES:
        if len(sums) <= length + 1:
            best.append(sums[-1])
            break
        best += (max(map(sub, sums[length::stride], sums[::stride])), sums[-1] - sums[-1 - length])
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
    one: dict[str, int] = {}
    two: defaultdict[str, dict[str, int]] = defaultdict(dict)
    words: dict[str, str] = {}
    same: dict[int, float] = {}
    columns: tuple[list[float], ...] = ([0.0], [0.0], [0.0])
    for number, (gram, weights) in enumerate(told["weights"].items(), 1):
        first, second = (words.setdefault(word, word) for word in (gram.split(" ") if " " in gram else (gram, "")))
        (two[first] if second else one)[second or first] = number
        for column, weight in zip(columns, weights, strict=True):
            column.append(same.setdefault(weight, weight / 100))
    words.pop("", None)
    of_long, of_stretch, of_brief = columns
    return Model(one, dict(two), of_long, of_brief, of_stretch, frozenset(words), tuple(told["bias"]), Bars())


WEIGHTS: Final = Path(__file__).with_name("jailbreak_weights.json")
_OVERLAP: Final = 256
_NO_PAIRS: Final = repeat(dict[str, Any]())
_UNKNOWN: Final = repeat(0)
_WARNING: Final = re.compile(
    r"(?i:ignor|disregard|instruct|prompt|assistant|\bAI\b|system|override|overrid|pretend|jailbreak|forget|previous"
    r"|bypass|reveal|secret|restrict|obey|\bDAN\b|urgent|immediately|you must|do not tell|user|[a-z0-9+/]{40})"
    r"|[^\x00-\x7f]{12}|(?:\w[ .\-_*]){7}"
)
"""What a chunk of a long text must hold to be weighed. Broad on purpose: it only saves time."""
