"""The live view of `planoai obs`: totals, models, routes, agents and the latest calls."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

_WIDE = 110
"""Columns of a terminal that has room for all."""

_LESS = frozenset({"share", "cache rd", "cache wr", "tok/s", "quality", "first"})
"""What a narrower one leaves out."""

_NAMES = frozenset({"model", "route", "agent", "model or agents"})
_QUALITIES = {"excellent": "green", "good": "green", "poor": "yellow", "severe": "red"}


def board(found: Mapping[str, Any], about: str, *, width: int = 160) -> RenderableType:
    """Return the view of a snapshot for so many columns; `about` says where it comes from."""
    parts: list[RenderableType] = [Panel(_totals(found["totals"]), title="Plano", title_align="left")]
    if failed := next((call for call in found["calls"] if call["status"] >= 400), None):
        parts.append(f"[bold red]last error[/] {failed['status']} {escape(_who(failed))} {_at(failed['at'])}")
    parts.append(_groups("model", found["models"], width))
    parts += [_groups(what, groups, width) for what in ("route", "agent") if (groups := found[f"{what}s"])]
    parts += [_calls(found["calls"], width), f"[dim]{escape(about)}; Ctrl-C ends[/]"]
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


def _groups(what: str, groups: Mapping[str, Mapping[str, Any]], width: int) -> Table:
    whole = sum(entry["requests"] for entry in groups.values()) or 1
    rows = [
        {
            what: escape(name),
            "req": str(entry["requests"]),
            "share": f"{entry['requests'] / whole:.0%}",
            "in": str(entry["prompt_tokens"]),
            "out": str(entry["completion_tokens"]),
            "cache rd": str(entry["cached_tokens"]),
            "cache wr": str(entry["cache_write_tokens"]),
            "tok/s": _rate(entry["tokens_per_second"]),
            "p95": _ms(entry["latency_ms"]["p95"]),
            "err": str(entry["client_errors"] + entry["server_errors"]),
            "cost": _money(entry["cost"]),
        }
        for name, entry in groups.items()
    ]
    columns = (what, "req", "share", "in", "out", "cache rd", "cache wr", "tok/s", "p95", "err", "cost")
    return _table(columns, rows, width, left=(what,))


def _calls(calls: list[Mapping[str, Any]], width: int) -> Table:
    rows = [
        {
            "time": _at(call["at"]),
            "route": escape(call["route"] or "-"),
            "model or agents": escape(_who(call)),
            "status": f"[red]{call['status']}[/]" if call["status"] >= 400 else str(call["status"] or "-"),
            "quality": f"[{_QUALITIES.get(call['quality'], 'dim')}]{escape(call['quality'] or '-')}[/]",
            "in": str(call["prompt_tokens"]),
            "out": str(call["completion_tokens"]),
            "first": _ms(call["first_token_ms"]),
            "latency": _ms(call["latency_ms"]),
            "cost": _money(call["cost"]),
        }
        for call in calls
    ]
    columns = ("time", "route", "model or agents", "status", "quality", "in", "out", "first", "latency", "cost")
    return _table(columns, rows, width, left=columns[:5])


def _who(call: Mapping[str, Any]) -> str:
    return str(call["model"] or call["agents"])


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]], width: int, *, left: Sequence[str]) -> Table:
    """Return a table; where it is narrow, names are cut and some columns left out, but no figure is."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    shown = [name for name in columns if width >= _WIDE or name not in _LESS]
    for name in shown:
        is_cut = name in _NAMES
        table.add_column(name, justify="left" if name in left else "right", no_wrap=not is_cut, overflow="ellipsis")
    for row in rows:
        table.add_row(*(row[name] for name in shown))
    return table


def _at(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value / 1000:.2f}s" if value >= 1000 else f"{value:.0f}ms"


def _money(value: float | None) -> str:
    return "-" if value is None else f"${value:.4f}" if value < 1 else f"${value:.2f}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
