"""Measures the intent matchers on texts they were not tuned on: `python -m bench.intents [--set NAME] [--json FILE]`.

`accuracy` counts texts whose nearest route is theirs, whatever the score. Other figures are about scores: `AUC` is how
often a text that belongs to a route scores higher than one that belongs to none; `false none` and `false match` are the
shares of the two that fall on the wrong side of the one threshold; `wrong route` are texts that pass it under another
route's name. `us` is the median of processor time per text, of one core, and `us 8 KB` that of long texts.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.intents.labelled import FORMS, Trial, trials
from bench.intents.yardstick import Yardstick
from plano_extproc.routing.intent import THRESHOLD, EncoderMissing, Match, Matcher, Route, lexical, minilm

LONG = 8000
LONG_STEP = 331
MATCHERS: dict[str, Callable[[Iterable[Route]], Matcher]] = {
    "n-grams": Yardstick,
    "lexical": lexical.compile,
    "minilm": minilm.compile,
}


@dataclass(frozen=True, slots=True)
class Figures:
    matcher: str
    routes: int
    form: str
    accuracy: float
    auc: float
    false_none: float
    false_match: float
    wrong_route: float
    microseconds: float
    microseconds_long: float


def measure(matcher: str, form: str, count: int, group: Sequence[Trial]) -> Figures:
    right = 0
    wrong = 0
    inside: list[float] = []
    outside: list[float] = []
    times: list[int] = []
    long_times: list[int] = []
    for trial in group:
        compiled = MATCHERS[matcher](trial.routes)
        for text, name in trial.inside:
            match, spent = timed(compiled, text)
            times.append(spent)
            nearest = next(iter(match.scores), None)
            right += nearest == name
            wrong += nearest != name and match.score >= THRESHOLD
            inside.append(match.score)
        outside += [compiled.match(text).score for text in trial.outside]
        long_times += [timed(compiled, text)[1] for text in long_texts(trial)]
    return Figures(
        matcher,
        count,
        form,
        right / len(inside),
        auc(inside, outside),
        sum(score < THRESHOLD for score in inside) / len(inside),
        sum(score >= THRESHOLD for score in outside) / len(outside),
        wrong / len(inside),
        statistics.median(times) / 1000,
        statistics.median(long_times) / 1000,
    )


def timed(matcher: Matcher, text: str) -> tuple[Match, int]:
    started = time.process_time_ns()
    match = matcher.match(text)
    return match, time.process_time_ns() - started


def long_texts(trial: Trial) -> Iterator[str]:
    """Yield texts of 8,000 letters that differ at both ends."""
    said = " ".join(text for text, _ in trial.inside) + " "
    for start in range(0, 20 * LONG_STEP, LONG_STEP):
        turned = said[start % len(said) :] + said[: start % len(said)]
        yield (turned * (LONG // len(turned) + 1))[:LONG]


def auc(inside: Sequence[float], outside: Sequence[float]) -> float:
    above = sum((high > low) + (high == low) / 2 for high in inside for low in outside)
    return above / (len(inside) * len(outside))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.intents", description=__doc__.split("\n")[0])
    parser.add_argument("--set", default="held_out", choices=("held_out", "development"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--only", nargs="+", choices=tuple(MATCHERS), default=tuple(MATCHERS))
    chosen = parser.parse_args(arguments)
    found = []
    for matcher in chosen.only:
        try:
            for form in FORMS:
                found += [measure(matcher, form, count, group) for count, group in trials(chosen.set, form)]
        except EncoderMissing as error:
            print(f"bench: {error}", file=sys.stderr)
    _show(found, chosen.set)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(figures) for figures in found], indent=1))
    return 0


def _show(found: Sequence[Figures], name: str) -> None:
    table = Table(title=f"Intents: {name.replace('_', ' ')}, threshold {THRESHOLD}", box=box.SIMPLE)
    for column in (
        "matcher",
        "told by",
        "routes",
        "accuracy",
        "AUC",
        "false none",
        "false match",
        "wrong route",
        "us",
        "us 8 KB",
    ):
        table.add_column(column, justify="left" if column in ("matcher", "told by") else "right")
    for row in found:
        shares = (row.accuracy, row.auc, row.false_none, row.false_match, row.wrong_route)
        numbers = [f"{share:.3f}" for share in shares]
        table.add_row(
            row.matcher, row.form, str(row.routes), *numbers, f"{row.microseconds:.0f}", f"{row.microseconds_long:.0f}"
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    sys.exit(main())
