"""The live view of `planoai obs`: totals, models, routes, agents and the latest calls."""

import time
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

_QUALITIES = {"excellent": "green", "good": "green", "poor": "yellow", "severe": "red"}


def board(found: Mapping[str, Any], about: str) -> RenderableType:
    """Return the view of a snapshot; `about` says where it comes from."""
    parts: list[RenderableType] = [Panel(_totals(found["totals"]), title="Plano", title_align="left")]
    if failed := next((call for call in found["calls"] if call["status"] >= 400), None):
        parts.append(f"[bold red]last error[/] {failed['status']} {escape(_who(failed))} {_at(failed['at'])}")
    parts.append(_groups("model", found["models"]))
    parts += [_groups(what, groups) for what in ("route", "agent") if (groups := found[f"{what}s"])]
    parts += [_calls(found["calls"]), f"[dim]{escape(about)}; Ctrl-C ends[/]"]
    return Group(*parts)


def _totals(total: Mapping[str, Any]) -> str:
    times, firsts = total["latency_ms"], total["first_token_ms"]
    return (
        f"[bold]{total['requests']}[/] requests  {total['client_errors']} 4xx  {total['server_errors']} 5xx  "
        f"[bold]{_money(total['cost'])}[/]  {total['prompt_tokens']} tokens in  {total['completion_tokens']} out  "
        f"{total['sessions']} sessions\n"
        f"latency p50 {_ms(times['p50'])}  p95 {_ms(times['p95'])}  p99 {_ms(times['p99'])}   "
        f"first token p50 {_ms(firsts['p50'])}  p95 {_ms(firsts['p95'])}  p99 {_ms(firsts['p99'])}"
    )


def _groups(what: str, groups: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = (what, "req", "share", "in", "out", "cache rd", "cache wr", "tok/s", "p95", "err", "cost")
    table = _table(columns, left=1)
    whole = sum(entry["requests"] for entry in groups.values()) or 1
    for name, entry in groups.items():
        table.add_row(
            escape(name),
            str(entry["requests"]),
            f"{entry['requests'] / whole:.0%}",
            str(entry["prompt_tokens"]),
            str(entry["completion_tokens"]),
            str(entry["cached_tokens"]),
            str(entry["cache_write_tokens"]),
            _rate(entry["tokens_per_second"]),
            _ms(entry["latency_ms"]["p95"]),
            str(entry["client_errors"] + entry["server_errors"]),
            _money(entry["cost"]),
        )
    return table


def _calls(calls: list[Mapping[str, Any]]) -> Table:
    table = _table(
        ("time", "route", "model or agents", "status", "quality", "in", "out", "first", "latency", "cost"), left=5
    )
    for call in calls:
        status = f"[red]{call['status']}[/]" if call["status"] >= 400 else str(call["status"] or "-")
        colour = _QUALITIES.get(call["quality"], "dim")
        table.add_row(
            _at(call["at"]),
            escape(call["route"] or "-"),
            escape(_who(call)),
            status,
            f"[{colour}]{escape(call['quality'] or '-')}[/]",
            str(call["prompt_tokens"]),
            str(call["completion_tokens"]),
            _ms(call["first_token_ms"]),
            _ms(call["latency_ms"]),
            _money(call["cost"]),
        )
    return table


def _who(call: Mapping[str, Any]) -> str:
    return str(call["model"] or call["agents"])


def _table(columns: tuple[str, ...], *, left: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place < left else "right", no_wrap=True)
    return table


def _at(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value / 1000:.2f}s" if value >= 1000 else f"{value:.0f}ms"


def _money(value: float | None) -> str:
    return "-" if value is None else f"${value:.4f}" if value < 1 else f"${value:.2f}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
