"""Measures the local guards: `python -m bench.guards`. Only rows that nothing was learnt from count.

Figures of the jailbreak guard are for `--sensitivity medium`, or `high`. `--jailbreaks FILE` and `--harmless FILE` add
lists of prompts, as JSON, of one's own, `--hidden FILE` and `--documents FILE` lists of documents in which something
hides, or nothing.
"""

import argparse
import base64
import codecs
import json
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, get_args

from bench.guards.gather import descriptions
from bench.guards.personal import NOTHING, samples
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


def _share(model: Model, texts: Iterable[str], *, is_handed_over: bool) -> str:
    """Return how many of the texts a model refuses."""
    told = [model.refuses(text, is_handed_over=is_handed_over) for text in texts]
    return f"{sum(told):4d} of {len(told):4d}  {sum(told) / max(1, len(told)):6.1%}"


def show_jailbreaks(
    model: Model, extra: Sequence[str], harmless: Sequence[str], attacked: Sequence[str], plain: Sequence[str]
) -> None:
    """Print what a model of jailbreaks finds, and what it should not."""
    share = partial(_share, model)
    direct = rows("direct_held_out")
    print("jailbreaks refused (more is better)")
    print(f"  direct, own rows        {share(direct, is_handed_over=False)}")
    if extra:
        print(f"  direct, given           {share(extra, is_handed_over=False)}")
    print(f"  other languages         {share(rows('languages_held_out'), is_handed_over=False)}")
    for name, evade in EVASIONS.items():
        print(f"  {name:22s}  {share(map(evade, direct), is_handed_over=False)}")
    for label, sentences in (("written", rows("hidden_held_out")), ("composed", composed("_held_out"))):
        texts = [one.document for one in hidden(sentences, rows("carriers_held_out"), 5, 21)]
        print(f"  hidden, {label:14s}  {share(texts, is_handed_over=True)}")
    if attacked:
        print(f"  hidden, given           {share(attacked, is_handed_over=True)}")
    print("harmless refused (less is better)")
    if harmless:
        print(f"  prompts, given          {share(harmless, is_handed_over=False)}")
    print(f"  ignore, bypass, ...     {share(rows('harmless_held_out'), is_handed_over=False)}")
    asides = rows("harmless_documents_held_out")
    clean = [one.document for one in hidden(asides, rows("carriers_held_out"), 10, 23)]
    print(f"  documents with demands  {share(clean, is_handed_over=True)}")
    print(f"  documents               {share(documents(rows('carriers_held_out'), 22), is_handed_over=True)}")
    packages = [text for _, text in descriptions(held_out=True)]
    print(f"  packages' descriptions  {share(packages, is_handed_over=True)}")
    if plain:
        print(f"  documents, given        {share(plain, is_handed_over=True)}")
    print(f"  demands, as prompts     {share(clean, is_handed_over=False)}")


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
    given = ("jailbreaks", "harmless", "hidden", "documents")
    for name in given:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE")
    chosen = vars(parser.parse_args())
    show_jailbreaks(
        learnt(chosen["sensitivity"]), *(json.loads(chosen[name].read_text()) if chosen[name] else [] for name in given)
    )
    show_personal()
    show_times()


if __name__ == "__main__":
    main()
