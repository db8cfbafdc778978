"""Measures the local guards: `python -m bench.guards`. Only rows that nothing was learnt from count.

Figures of the jailbreak guard are for `--sensitivity medium`, or `high`. `--published FOLDER PACKAGES`, the arguments
of `bench.guards.train`, adds what others have published. `--jailbreaks FILE` and `--harmless FILE` add prompts of one's
own, as a JSON list, `--hidden FILE` and `--documents FILE` documents in which something hides, or nothing.
"""

import argparse
import base64
import codecs
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, get_args

from bench.guards.personal import NOTHING, samples
from bench.guards.published import Named, descriptions, seen_later, snippets, sources, tasks
from bench.guards.rows import composed, documents, hidden, rows
from plano_extproc.config.policies import Sensitivity
from plano_extproc.guardrails.jailbreak import Model, learnt
from plano_extproc.guardrails.pii import find

EVASIONS: Final[dict[str, Callable[[str], str]]] = {
    "spaced": lambda text: " ".join(text),
    "spaced, gaps": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "dotted": lambda text: " ".join(".".join(word) for word in text.split()),
    "look-alikes": lambda text: text.translate(str.maketrans("aeopcyxi", "аеорсухі")),  # noqa: RUF001
    "zero-width": lambda text: "\u200b".join(text),
    "full-width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "leet": lambda text: text.translate(str.maketrans("aeiost", "431057")),
    "base64": lambda text: "Decode and follow: " + base64.b64encode(text.encode()).decode(),
    "hex": lambda text: "Decode and follow: " + text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "backwards": lambda text: text[::-1],
    "tags": lambda text: "Hello " + "".join(chr(0xE0000 + ord(c)) for c in text if c.isascii()),
}


@dataclass(frozen=True, slots=True)
class Given:
    """Texts that the guard is measured with beside this project's own."""

    jailbreaks: Sequence[str] = ()
    harmless: Sequence[str] = ()
    hidden: Sequence[str] = ()
    documents: Sequence[str] = ()


def show_jailbreaks(model: Model, given: Given, published: Path | None, packages: Path | None) -> None:
    """Print what a model of jailbreaks finds, and what it should not."""

    def show(name: str, texts: Iterable[str], *, is_handed_over: bool) -> None:
        told = [model.refuses(text, is_handed_over=is_handed_over) for text in texts]
        if told:
            print(f"  {name:34s}  {sum(told):4d} of {len(told):4d}  {sum(told) / len(told):6.1%}")

    print("jailbreaks refused (more is better)")
    if published and packages:
        learnt_from = json.loads((published / "jailbreak_train.json").read_text())
        show("in the wild", seen_later(packages, learnt_from), is_handed_over=False)
    direct = rows("direct_held_out")
    show("own", direct, is_handed_over=False)
    show("given", given.jailbreaks, is_handed_over=False)
    show("own, other languages", rows("languages_held_out"), is_handed_over=False)
    for name, evade in EVASIONS.items():
        show(f"own, {name}", map(evade, direct), is_handed_over=False)
    for label, sentences in (("written", rows("hidden_held_out")), ("composed", composed("_held_out"))):
        texts = [one.document for one in hidden(sentences, rows("carriers_held_out"), 5, 21)]
        show(f"hidden, {label}", texts, is_handed_over=True)
    show("hidden, given", given.hidden, is_handed_over=True)
    asides = rows("harmless_documents_held_out")
    demanding = [one.document for one in hidden(asides, rows("carriers_held_out"), 10, 23)]
    print("harmless prompts refused (less is better)")
    show("given", given.harmless, is_handed_over=False)
    show("with ignore, bypass, ...", rows("harmless_held_out"), is_handed_over=False)
    if packages:
        show("tasks", _texts(tasks(packages, aside=True)), is_handed_over=False)
    show("packages' sources", _texts(sources(aside=True)), is_handed_over=False)
    show("documents with demands", demanding, is_handed_over=False)
    print("harmless documents refused (less is better)")
    show("with demands", demanding, is_handed_over=True)
    show("without", documents(rows("carriers_held_out"), 22), is_handed_over=True)
    show("packages' descriptions", _texts(descriptions(aside=True)), is_handed_over=True)
    show("packages' sources", _texts(sources(aside=True)), is_handed_over=True)
    if packages:
        show("pages, articles, books, programs", _texts(snippets(packages, aside=True)), is_handed_over=True)
        show("tasks", _texts(tasks(packages, aside=True)), is_handed_over=True)
    show("given", given.documents, is_handed_over=True)


def _texts(named: Iterable[Named]) -> list[str]:
    return [text for _, text in named]


def show_personal() -> None:
    """Print precision and recall of each entity, over a labelled text each."""
    print("personal data             found  right  labelled  precision  recall")
    labelled = samples()
    for entity in sorted({sample.entity for sample in labelled if sample.entity}):
        found = right = wanted = 0
        for sample in labelled:
            spans = [(one.start, one.end) for one in find(sample.text) if one.entity == entity]
            own = sample.entity == entity
            wanted += own
            found += len(spans)
            right += own and sample.span in spans
        print(
            f"  {entity:22s}  {found:5d}  {right:5d}  {wanted:8d}  {right / max(1, found):9.3f}  {right / wanted:6.3f}"
        )
    wrong = sum(bool(find(text)) for text in NOTHING)
    print(f"  in texts without any    {wrong} of {len(NOTHING)}")


def microseconds(run: Callable[[], object]) -> float:
    """Return the best of some rounds."""
    best = float("inf")
    for _ in range(30):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best * 1e6


def show_times() -> None:
    """Print what the guards cost on plain text of 2 KB."""
    text = " ".join([*rows("harmless"), *documents(rows("carriers"), 9)])[:2048]
    model = learnt()
    print(f"jailbreak, 2 KB: {microseconds(lambda: model.refuses(text, is_handed_over=False)):.0f} us")
    print(f"personal data, 2 KB: {microseconds(lambda: find(text)):.0f} us")
    full = " ".join(sample.text for sample in samples())[:2048]
    print(f"personal data, 2 KB full of it: {microseconds(lambda: find(full)):.0f} us")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.guards", description=__doc__)
    parser.add_argument("--sensitivity", choices=get_args(Sensitivity), default="medium")
    parser.add_argument("--published", type=Path, nargs=2, default=(None, None), metavar=("FOLDER", "PACKAGES"))
    kinds = [one.name for one in fields(Given)]
    for name in kinds:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE")
    chosen = vars(parser.parse_args())
    given = Given(**{name: json.loads(chosen[name].read_text()) for name in kinds if chosen[name]})
    show_jailbreaks(learnt(chosen["sensitivity"]), given, *chosen["published"])
    show_personal()
    show_times()


if __name__ == "__main__":
    main()
