"""Learns the weights of the jailbreak guard: `python -m bench.guards.train FOLDER PACKAGES`; needs numpy.

What it learns from say `gather` and `published`. Only weights, words and thresholds are written. Bars are set on rows
that the weights were not learnt from, by crossing.
"""

import argparse
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.guards.gather import OVERRIDES, Text, gathered
from bench.guards.learning import Floats, Numbered, Sample, Settings, Vocabulary, Weights, learn, listed, vectors
from plano_extproc.config.policies import Sensitivity
from plano_extproc.guardrails.jailbreak import LONG, SHORT, STRETCHES, WEIGHTS, Bars, model_of
from plano_extproc.guardrails.normal import readings

FOLDS: Final = 5
WHOLE: Final = Settings(words=1e-3, directions=3e-2, steps=200)
BRIEF: Final = Settings(words=4e-3, directions=1e-2, steps=200)
STRETCH: Final = Settings(words=3e-4, directions=3e-3, steps=100)
LONGEST: Final = 40
AS_PROMPT: Final = 0.03
"""What a document counts among prompts."""
WIDE: Final = 0.35
"""What the weights of a plain demand to drop earlier instructions count for: it is to be told from the rest by far."""
_SUSPICIOUS: Final = -2.0

SHARES: Final[dict[Sensitivity, Bars]] = {
    "medium": Bars(long=0.012, brief=0.008, stretch=0.001, handed_over=0.09),
    "high": Bars(long=0.05, brief=0.05, stretch=0.002, handed_over=0.16),
}
"""The shares of what is harmless that each bar may cost."""


@dataclass(frozen=True, slots=True)
class Row:
    """A text in numbers, and what hides in it."""

    row: Text
    text: Numbered
    sentence: Numbered | None


def words(text: str) -> list[str]:
    """Return the words of a text as the guard sees them."""
    return next(iter(readings(text, lambda _: False)))


def whole_samples(rows: Sequence[Row]) -> Iterator[Sample]:
    """Yield long prompts as wholes, and in pieces too; of long documents those in which nothing hides."""
    for one in rows:
        size = len(one.text.words)
        if size < 3 * LONG // 4 or (one.row.is_handed_over and (one.row.is_attack or size < LONG)):
            continue
        cuts = [(0, size)] if size < 120 else [(0, size), (0, 80), (size // 2, size)]
        for start, end in cuts:
            yield _whole(one, start, end, (AS_PROMPT if one.row.is_handed_over else one.row.weight) / len(cuts))


def brief_samples(rows: Sequence[Row]) -> Iterator[Sample]:
    """Yield prompts that are not long, or not very, and documents in which nothing hides."""
    for one in rows:
        size = len(one.text.words)
        if size < 2 * LONG and not (one.row.is_handed_over and one.row.is_attack):
            yield _whole(one, 0, size, AS_PROMPT if one.row.is_handed_over else one.row.weight)


def _whole(one: Row, start: int, end: int, weight: float) -> Sample:
    text = one.text.cut(start, end).once()
    return Sample(text, 1 / math.sqrt(len(text.words) + SHORT), one.row.is_attack, weight)


def stretch_samples(rows: Sequence[Row]) -> Iterator[Sample]:
    """Yield what hides, and stretches of texts in which nothing does."""
    for one in rows:
        if one.row.is_attack and one.sentence is not None:
            size = len(one.sentence.words)
            scale = WIDE if one.row.source == OVERRIDES else 1.0
            yield Sample(one.sentence.cut(0, LONGEST).once(), scale, True, 1.0)
            for start in (0, size - 12) if size > 14 else ():
                yield Sample(one.sentence.cut(start, start + 12).once(), 1.0, True, 0.3)
        elif not one.row.is_attack:
            size = len(one.text.words)
            for pairs, _ in STRETCHES:
                length = 2 * pairs
                for start in range(0, max(1, size - length // 2), length):
                    weight = 0.5 if size > length else 1.0
                    yield Sample(one.text.cut(start, start + length).once(), 1.0, False, weight)
                if size <= length:
                    break


def worst(weights: Weights, one: Row) -> Iterator[Sample]:
    """Yield the most suspicious stretch of a harmless text, if it is suspicious at all."""
    along = weights.along(one.text)
    sums = np.concatenate([[0.0], np.cumsum(along)])
    lengths = [length for length in (2 * pairs for pairs, _ in STRETCHES) if length < len(along)] or [len(along)]
    starts = [int((sums[length:] - sums[:-length]).argmax()) if length else 0 for length in lengths]
    score, start, length = max(
        (sums[start + length] - sums[start], start, length) for start, length in zip(starts, lengths, strict=True)
    )
    if score + weights.bias > _SUSPICIOUS:
        yield Sample(one.text.cut(start, start + length).once(), 1.0, False, 1.0)


def written(rows: Sequence[Row], vocabulary: Vocabulary, known: Floats) -> dict[str, Any]:
    """Return the model that is learnt from these rows, as JSON; it has no bars yet."""
    whole = learn(list(whole_samples(rows)), vocabulary, known, WHOLE)
    brief = learn(list(brief_samples(rows)), vocabulary, known, BRIEF)
    samples = list(stretch_samples(rows))
    first = learn(samples, vocabulary, known, STRETCH)
    samples += [one for row in rows if not row.row.is_attack for one in worst(first, row)]
    stretch = learn(samples, vocabulary, known, STRETCH)
    three = (whole, stretch, brief)
    unknown = [word for word in listed() if word.isalpha() and word not in vocabulary.words]
    meant = vectors(unknown)
    of_unknown = (meant @ one.directions for one in three)
    table = {
        **_rounded(unknown, zip(*of_unknown, strict=True), 0.25),
        **_rounded(vocabulary.words, zip(*(one.of_words for one in three), strict=True), 0.1),
        **_rounded(map(" ".join, vocabulary.pairs), zip(*(one.pairs for one in three), strict=True), 0.2),
    }
    return {
        "weights": {name: table[name] for name in sorted(table, key=often(rows, vocabulary))},
        "bias": [round(one.bias, 4) for one in three],
    }


def often(rows: Sequence[Row], vocabulary: Vocabulary) -> Callable[[str], tuple[int, str]]:
    """Return what sorts words and pairs by how often they are in the rows: what lies close together is read sooner."""
    words = np.bincount(np.concatenate([one.text.words for one in rows]), minlength=len(vocabulary.words))
    pairs = np.bincount(np.concatenate([one.text.pairs for one in rows]), minlength=len(vocabulary.pairs))
    seen = dict(zip(vocabulary.words, words.tolist(), strict=True))
    seen.update(zip(map(" ".join, vocabulary.pairs), pairs.tolist(), strict=True))
    return lambda name: (-seen.get(name, 0), name)


def _rounded(names: Iterable[str], weights: Iterable[tuple[float, ...]], least: float) -> dict[str, Any]:
    """Return the weights that matter, in hundredths: for long texts, a stretch, brief texts."""
    return {
        name: [round(100 * float(one)) for one in of_name]
        for name, of_name in zip(names, weights, strict=True)
        if max(map(abs, of_name)) >= least
    }


@dataclass(frozen=True, slots=True)
class Scored:
    """A row with its scores by a model that was learnt without its fold."""

    row: Text
    whole: float
    stretch: float
    is_long: bool

    def is_refused(self, bars: Bars) -> bool:
        """Whether a model with these bars refuses the row."""
        if self.row.is_handed_over:
            return self.stretch >= bars.handed_over
        return self.stretch >= bars.stretch or self.whole >= (bars.long if self.is_long else bars.brief)


def crossed(rows: Sequence[Row], vocabulary: Vocabulary, known: Floats) -> list[Scored]:
    """Return each row, scored without having been seen."""
    keys = sorted({one.row.key for one in rows})
    random.Random(5).shuffle(keys)
    folds = [frozenset(keys[fold::FOLDS]) for fold in range(FOLDS)]
    with ProcessPoolExecutor() as pool:
        made = pool.map(partial(_fold, rows, vocabulary, known), folds)
        return [one for scored in made for one in scored]


def _fold(rows: Sequence[Row], vocabulary: Vocabulary, known: Floats, unseen: frozenset[str]) -> list[Scored]:
    model = model_of(written([one for one in rows if one.row.key not in unseen], vocabulary, known))
    scored = []
    for one in rows:
        if one.row.key in unseen:
            scores = model.score(one.row.text)
            scored.append(Scored(one.row, scores.whole, scores.stretch, len(one.text.words) >= LONG))
    return scored


def bars_over(scored: Sequence[Scored], shares: Bars) -> Bars:
    """Return what no more than these shares of what is harmless reaches."""
    harmless = [one for one in scored if not one.row.is_attack]
    prompts = [one for one in harmless if not one.row.is_handed_over]
    return Bars(
        _bar([one.whole for one in prompts if one.is_long], shares.long),
        _bar([one.whole for one in prompts if not one.is_long], shares.brief),
        _bar([one.stretch for one in prompts], shares.stretch),
        _bar([one.stretch for one in harmless if one.row.is_handed_over], shares.handed_over),
    )


def _bar(scores: list[float], share: float) -> float:
    ordered = sorted(scores)
    return round(ordered[min(len(ordered) - 1, math.ceil(len(ordered) * (1 - share)) - 1)] + 0.01, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", type=Path, help="the folder that `published` reads")
    chosen = parser.parse_args()
    vocabulary = Vocabulary()
    rows = [
        Row(one, vocabulary.read(words(one.text)), vocabulary.read(words(one.sentence)) if one.sentence else None)
        for one in gathered(chosen.folder, chosen.packages)
    ]
    known = vocabulary.vectors()
    scored = crossed(rows, vocabulary, known)
    model = written(rows, vocabulary, known)
    bars = {name: bars_over(scored, shares) for name, shares in SHARES.items()}
    model["bars"] = {name: asdict(of_name) for name, of_name in bars.items()}
    for name, of_name in bars.items():
        print(f"{name} sensitivity: {of_name}")
        tell(scored, of_name)
    WEIGHTS.write_text(json.dumps(model, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size} bytes, {len(model['weights'])} words and pairs")


def tell(scored: Sequence[Scored], bars: Bars) -> None:
    """Print what models refuse that have not seen the rows."""
    seen: dict[str, list[bool]] = {}
    for one in scored:
        row = one.row
        kind = (
            ("hidden" if row.is_attack else "documents")
            if row.is_handed_over
            else ("jailbreaks" if row.is_attack else "harmless prompts")
        )
        length = "" if row.is_handed_over or row.source else (", long" if one.is_long else ", brief")
        seen.setdefault(f"{kind}{length}, {row.source}" if row.source else kind + length, []).append(
            one.is_refused(bars)
        )
    for kind, refused in seen.items():
        print(f"  {kind:36s} {sum(refused):4d} of {len(refused):4d}  {sum(refused) / len(refused):6.1%}")


if __name__ == "__main__":
    main()
