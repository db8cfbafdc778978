"""Shows the results of a run: tables for a terminal, Markdown for the README, JSON for machines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from rich import box
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.cases import CASES, Case
from bench.measure import Figures, Memory, Results
from bench.targets import Verdict, in_f, judge
from bench.translators import Translator


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as it is written and read back."""

    machine: Mapping[str, str]
    settings: Mapping[str, Any]
    results: Results

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON values, the raw rounds included."""
        names = list(self.results.rounds)
        return {
            "machine": self.machine,
            "settings": self.settings,
            "medians": {name: _medians(self.results, name) for name in names},
            "memory_mb": asdict(self.results.memory) if self.results.memory else None,
            "translators": [asdict(each) | {"in_f": in_f(self.results, each)} for each in self.results.translators],
            "targets": [asdict(verdict) for verdict in judge(self.results)],
            "rounds": self.results.rounds,
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read a run back from its document."""
        memory = document["memory_mb"]
        rounds: Mapping[str, Sequence[Figures]] = document["rounds"]
        translators = tuple(_translator(fields) for fields in document.get("translators", ()))
        results = Results(rounds, Memory(**memory) if memory else None, translators)
        return cls(document["machine"], document["settings"], results)


def _translator(fields: Mapping[str, Any]) -> Translator:
    return Translator(**{name: value for name, value in fields.items() if name != "in_f"})


def _medians(results: Results, case: str) -> dict[str, float | None]:
    return {figure: results.median(case, figure) for figure in results.rounds[case][0]}


@dataclass(frozen=True, slots=True)
class _Sheet:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def show(run: Run, console: Console) -> None:
    """Print the run as tables."""
    console.print(machine.one_line(run.machine), highlight=False)
    console.print(_how(run), highlight=False)
    for sheet in _sheets(run.results):
        table = Table(title=sheet.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in sheet.columns:
            table.add_column(column, justify="left" if column in _WORDED else "right", no_wrap=column != "what")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)


def markdown(run: Run) -> str:
    """Return the run as Markdown tables."""
    parts = [f"Measured on {machine.one_line(run.machine)}. {_how(run)}"]
    for sheet in _sheets(run.results):
        lines = [
            " | ".join(sheet.columns),
            " | ".join("---" if column in _WORDED else "---:" for column in sheet.columns),
            *(" | ".join(row) for row in sheet.rows),
        ]
        parts.append(f"{sheet.title}\n\n" + "\n".join(f"| {line} |" for line in lines))
    return "\n\n".join(parts)


def _how(run: Run) -> str:
    settings, facts = run.settings, run.machine
    said = (
        f"One Envoy thread, one worker, {settings['connections']} connections "
        f"({settings['stream_connections']} for streams), medians over {settings['rounds']} rounds."
    )
    if machine.OTHERS in facts:
        said += (
            f" Meanwhile other processes used {facts[machine.OTHERS]} of the machine's CPU time, "
            f"and its host took {facts[machine.STOLEN]} away."
        )
    if machine.was_busy(facts):
        said += " THE MACHINE WAS BUSY: take no latency from this run, and CPU figures with care."
    return said


def _sheets(results: Results) -> list[_Sheet]:
    sheets = [
        _case_sheet(results, "Whole answers", _ANSWER_COLUMNS, is_stream=False),
        _case_sheet(results, "Streams", _STREAM_COLUMNS, is_stream=True),
        _translator_sheet(results),
        _memory_sheet(results),
        _target_sheet(results),
    ]
    return [sheet for sheet in sheets if sheet.rows]


def _case_sheet(results: Results, title: str, columns: Mapping[str, "_Cell"], *, is_stream: bool) -> _Sheet:
    cases = [case for case in CASES if case.name in results.rounds and bool(case.stream) == is_stream]
    rows = [[case.name, case.about, *(cell(results, case) for cell in columns.values())] for case in cases]
    return _Sheet(title, ["case", "what", *columns], rows)


def _translator_sheet(results: Results) -> _Sheet:
    rows = [
        [
            each.client,
            each.provider,
            f"{each.chunk_us:.1f}",
            "" if (share := in_f(results, each)) is None else f"{share:.3f}",
            *(f"{ratio:.2f}" for ratio in (each.stream, each.conversation, each.tool_result)),
        ]
        for each in results.translators
    ]
    columns = ["client", "provider", "us a chunk", "/ F", "stream x 2", "conversation x 2", "tool result x 2"]
    return _Sheet("Streaming translators, and what twice the size costs as a multiple", columns, rows)


def _memory_sheet(results: Results) -> _Sheet:
    memory = results.memory
    rows = (
        []
        if memory is None
        else [
            ["Envoy", f"{memory.envoy_rss:.0f}", f"{memory.envoy_pss:.0f}"],
            [f"{memory.workers} workers", f"{memory.workers_rss:.0f}", f"{memory.workers_pss:.0f}"],
        ]
    )
    return _Sheet("Idle memory", ["process", "resident MB", "proportional MB"], rows)


def _target_sheet(results: Results) -> _Sheet:
    return _Sheet(
        "Figures to reach", ["figure", "value", "at most", ""], [_target_row(each) for each in judge(results)]
    )


def _target_row(verdict: Verdict) -> list[str]:
    unit = f" {verdict.unit}" if verdict.unit else ""
    value = "not measured" if verdict.value is None else f"{verdict.value:.2f}{unit}"
    limit = "" if verdict.limit is None else f"{verdict.limit:g}{unit}"
    return [verdict.about, value, limit, _WORDS[verdict.is_met]]


_WORDED = ("case", "what", "client", "provider", "process", "figure", "")

_WORDS = {True: "met", False: "not met", None: ""}

_Cell = Callable[[Results, Case], str]


def _figure(name: str, digits: int = 0) -> _Cell:
    def cell(results: Results, case: Case) -> str:
        value = results.median(case.name, name)
        return "" if value is None else f"{value:,.{digits}f}"

    return cell


def _share_of_f(results: Results, case: Case) -> str:
    value = results.ratio(case.name, "null", "cpu_workers")
    return "" if not value else f"{value:.2f}"


def _events(_results: Results, case: Case) -> str:
    return str(case.stream.events) if case.stream else ""


_ANSWER_COLUMNS: dict[str, _Cell] = {
    "req/s": _figure("rate"),
    "c=1 p50 ms": _figure("single_p50", 2),
    "c=1 p99 ms": _figure("single_p99", 2),
    "load p50 ms": _figure("load_p50", 2),
    "load p99 ms": _figure("load_p99", 2),
    "Envoy us": _figure("cpu_envoy"),
    "worker us": _figure("cpu_workers"),
    "/ F": _share_of_f,
    "provider us": _figure("cpu_provider"),
    "load us": _figure("cpu_load"),
    "messages": _figure("messages", 1),
}

_STREAM_COLUMNS: dict[str, _Cell] = {
    "events": _events,
    "streams/s": _figure("rate", 1),
    "first byte p50 ms": _figure("first_p50", 2),
    "first byte p99 ms": _figure("first_p99", 2),
    "Envoy us": _figure("cpu_envoy"),
    "worker us": _figure("cpu_workers"),
    "provider us": _figure("cpu_provider"),
    "load us": _figure("cpu_load"),
    "messages": _figure("messages", 1),
}
