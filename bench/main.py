"""Runs the bench: yardsticks and gateway side by side, figures as ratios within one run."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from bench import machine, report, translators
from bench.cases import CASES, MEMORY
from bench.load import BadAnswerError
from bench.measure import FULL, QUICK, Figures, Results, measure, measure_memory
from bench.processes import StartError
from bench.rig import Rig, proxies_of
from bench.translators import TRANSLATORS

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 0 when it could be measured, whatever the figures are."""
    chosen = _parse(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        run = report.Run.of(json.loads(chosen.show.read_text())) if chosen.show else _run(chosen)
    except KeyboardInterrupt:
        return 130
    except (StartError, BadAnswerError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if chosen.markdown:
        print(report.markdown(run))
    else:
        width = None if sys.stdout.isatty() else 170
        report.show(run, Console(width=width))
    if not chosen.show:
        print(f"written: {_write(run, chosen.json)}", file=sys.stderr)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [*(case.name for case in CASES), MEMORY, TRANSLATORS]
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, about two minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, default=names, help=", ".join(names))
    parser.add_argument("--rounds", type=int, help="how many rounds, instead of the usual")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here, not to bench/results")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing, show the results in FILE")
    return parser.parse_args(arguments)


def _run(chosen: argparse.Namespace) -> report.Run:
    settings = QUICK if chosen.quick else FULL
    if chosen.rounds:
        settings = replace(settings, rounds=chosen.rounds)
    asked = {*chosen.only, "null"} if TRANSLATORS in chosen.only else set(chosen.only)
    cases = [case for case in CASES if case.name in asked]
    facts = machine.describe()
    measured: dict[str, list[Figures]] = {}
    memory = None
    costs: list[translators.Translator] = []
    with tempfile.TemporaryDirectory(prefix="plano-bench-") as folder:
        if MEMORY in chosen.only:
            _tell("memory")
            with Rig(Path(folder), ()) as rig:
                memory = measure_memory(rig)
        if cases:
            _tell("start")
            with Rig(Path(folder), proxies_of(cases)) as rig:
                watch = machine.Watch()
                measured = measure(rig, cases, settings, _tell)
                if TRANSLATORS in chosen.only:
                    effort = translators.QUICK if chosen.quick else translators.FULL
                    costs = translators.measure(effort, translators.pairs(), _tell)
                facts |= watch.disturbance()
    return report.Run(facts, asdict(settings), Results(measured, memory, tuple(costs)))


def _write(run: report.Run, path: Path | None) -> Path:
    if path is None:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(run.document(), indent=1))
    return path


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
