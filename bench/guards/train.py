"""Learns the weights of the jailbreak guard: `python -m bench.guards.train FOLDER SEEDS`; needs numpy.

What it learns from says `gather`. Only weights, words and thresholds are written. Bars are set on rows that the weights
were not learnt from, by crossing.
"""

import argparse
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.guards.gather import Text, gathered
from bench.guards.learning import Floats, Numbered, Sample, Settings, Vocabulary, Weights, learn, listed, vectors
from plano_extproc.guardrails.jailbreak import SHORT, WEIGHTS, model_of
from plano_extproc.guardrails.normal import readings

FOLDS: Final = 3
WHOLE: Final = Settings(words=1e-5, directions=1e-3, steps=200, has_drift=False)
STRETCH: Final = Settings(words=2e-5, directions=1e-5, steps=60, has_drift=True)
LONGEST: Final = 60
TOLL: Final = 0.03
"""What each word costs beside what is learnt, so that a sentence that comes again and again adds up to nothing."""


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
    """Yield prompts as wholes, long ones in pieces too; of documents those in which nothing hides."""
    for one in rows:
        if one.row.is_attack and one.row.is_handed_over:
            continue
        size = len(one.text.words)
        cuts = [(0, size)] if size < 120 else [(0, size), (0, 80), (size // 2, size)]
        for start, end in cuts:
            weight = (0.3 if one.row.is_handed_over else 1.0) / len(cuts)
            scale = 1 / math.sqrt(end - start + SHORT)
            yield Sample(one.text.cut(start, end), scale, one.row.is_attack, weight)


def stretch_samples(rows: Sequence[Row]) -> Iterator[Sample]:
    """Yield what hides, and stretches of texts in which nothing does."""
    for one in rows:
        if one.row.is_attack and one.sentence is not None:
            size = len(one.sentence.words)
            yield Sample(one.sentence.cut(0, LONGEST), 1.0, True, 1.0)
            for start in (0, size - 12) if size > 14 else ():
                yield Sample(one.sentence.cut(start, start + 12), 1.0, True, 0.3)
        elif not one.row.is_attack:
            size = len(one.text.words)
            for length in (10, 28):
                for start in range(0, max(1, size - length // 2), length):
                    weight = 0.5 if size > length else 1.0
                    yield Sample(one.text.cut(start, start + length), 1.0, False, weight)


def worst(weights: Weights, one: Row) -> Iterator[Sample]:
    """Yield the two most suspicious stretches of a harmless text."""
    along = weights.along(one.text)
    for _ in range(2):
        start, end, score = best_stretch(along)
        if start == end or score + weights.parts["bias"] < -3:
            return
        yield Sample(one.text.cut(start, end), 1.0, False, 1.0)
        along[start:end] = -9.0


def best_stretch(along: Floats) -> tuple[int, int, float]:
    """Return where the stretch with the greatest sum begins and ends, and that sum."""
    sums = np.concatenate([[0.0], np.cumsum(along)])
    least = np.minimum.accumulate(sums)
    end = int((sums - least).argmax())
    start = int(np.flatnonzero(sums[: end + 1] == least[end])[-1])
    return start, end, float(sums[end] - least[end])


def written(rows: Sequence[Row], vocabulary: Vocabulary, known: Floats) -> dict[str, Any]:
    """Return the model that is learnt from these rows, as JSON; its bars are yet to be set."""
    whole = learn(list(whole_samples(rows)), vocabulary, known, WHOLE)
    samples = list(stretch_samples(rows))
    first = learn(samples, vocabulary, known, STRETCH)
    samples += [one for row in rows if not row.row.is_attack for one in worst(first, row)]
    stretch = learn(samples, vocabulary, known, STRETCH, first)
    stretch.parts["drift"] -= TOLL
    drift = float(stretch.parts["drift"])
    pairs = zip(whole.parts["pairs"], stretch.parts["pairs"], strict=True)
    table = {
        **_kept(_unknown_words(vocabulary), whole, stretch),
        **_rounded(vocabulary.words, zip(whole.of_words, stretch.of_words, strict=True), 0.05, drift),
        **_rounded((" ".join(pair) for pair in vocabulary.pairs), pairs, 0.06, 0.0),
    }
    return {
        "weights": dict(sorted(table.items())),
        "drift": round(drift, 4),
        "bias": [round(float(one.parts["bias"]), 4) for one in (whole, stretch)],
        "bar": [0.0, 0.0],
        "bar_handed_over": [99.0, 0.0],
    }


def _unknown_words(vocabulary: Vocabulary) -> list[str]:
    return [word for word in listed() if word.isalpha() and word not in vocabulary.words]


def _kept(unknown: Sequence[str], whole: Weights, stretch: Weights) -> dict[str, list[int]]:
    """Return weights of words that no row holds, by what they mean."""
    meant, drift = vectors(unknown), stretch.parts["drift"]
    weights = zip(meant @ whole.parts["directions"], meant @ stretch.parts["directions"] + drift, strict=True)
    return _rounded(unknown, weights, 0.25, drift)


def _rounded(names: Any, weights: Any, least: float, usual: float) -> dict[str, list[int]]:
    return {
        name: [round(100 * one), round(100 * other)]
        for name, (one, other) in zip(names, weights, strict=True)
        if abs(one) >= least or abs(other - usual) >= least
    }


def crossed(rows: Sequence[Row], vocabulary: Vocabulary, known: Floats) -> list[tuple[Text, float, float]]:
    """Return each row with its scores by a model that was learnt without its fold."""
    keys = sorted({one.row.key for one in rows})
    random.Random(5).shuffle(keys)
    fold_of = {key: at % FOLDS for at, key in enumerate(keys)}
    scored = []
    for fold in range(FOLDS):
        print(f"fold {fold + 1} of {FOLDS}")
        others = [one for one in rows if fold_of[one.row.key] != fold]
        model = model_of(written(others, vocabulary, known))
        for one in rows:
            if fold_of[one.row.key] == fold:
                scores = model.score(one.row.text)
                scored.append((one.row, scores.whole, scores.stretch))
    return scored


def bar_over(scores: list[float], share: float) -> float:
    """Return what no more than this share of harmless scores reaches."""
    ordered = sorted(scores)
    return round(ordered[min(len(ordered) - 1, math.ceil(len(ordered) * (1 - share)) - 1)] + 0.01, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seeds", type=Path, help="the folder `data/workspace/datasets` of the package spikee")
    parser.add_argument("--share", type=float, default=0.005, help="harmless prompts that the bar for wholes may cost")
    parser.add_argument("--share-of-documents", type=float, default=0.012, help="the same for stretches of documents")
    chosen = parser.parse_args()
    vocabulary = Vocabulary()
    rows = [
        Row(one, vocabulary.read(words(one.text)), vocabulary.read(words(one.sentence)) if one.sentence else None)
        for one in gathered(chosen.folder, chosen.seeds)
    ]
    known = vocabulary.vectors()
    scored = crossed(rows, vocabulary, known)
    model = written(rows, vocabulary, known)
    harmless = [(row.is_handed_over, whole, stretch) for row, whole, stretch in scored if not row.is_attack]
    model["bar"] = [
        bar_over([whole for is_handed_over, whole, _ in harmless if not is_handed_over], chosen.share),
        bar_over([stretch for _, _, stretch in harmless], chosen.share / 2),
    ]
    of_documents = [stretch for is_handed_over, _, stretch in harmless if is_handed_over]
    model["bar_handed_over"][1] = bar_over(of_documents, chosen.share_of_documents)
    tell(model, scored, _refused_by(model))
    WEIGHTS.write_text(json.dumps(model, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size} bytes, {len(model['weights'])} words and pairs")


def _refused_by(model: dict[str, Any]) -> Callable[[Text, float, float], bool]:
    def refused(row: Text, whole: float, stretch: float) -> bool:
        bars = model["bar_handed_over" if row.is_handed_over else "bar"]
        return bool(whole >= bars[0] or stretch >= bars[1])

    return refused


def tell(
    model: dict[str, Any], scored: list[tuple[Text, float, float]], refused: Callable[[Text, float, float], bool]
) -> None:
    """Print what models refuse that have not seen the rows."""
    print(f"bars: {model['bar']}, handed over {model['bar_handed_over']}; drift {model['drift']}")
    for name, is_attack, is_handed_over in (
        ("jailbreaks", True, False),
        ("harmless prompts", False, False),
        ("hidden instructions", True, True),
        ("harmless documents", False, True),
    ):
        kind = [one for one in scored if (one[0].is_attack, one[0].is_handed_over) == (is_attack, is_handed_over)]
        count = sum(refused(*one) for one in kind)
        print(f"  {name:20s} {count:4d} of {len(kind):4d}  {count / len(kind):6.1%}")


if __name__ == "__main__":
    main()
