"""What commands print: results on stdout, diagnostics on stderr, colour where the terminal and NO_COLOR allow it."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def stdout() -> Console:
    """Return a console on stdout. Long lines are left to the terminal, so that what is piped stays whole."""
    return Console(highlight=False, soft_wrap=True)


def stderr() -> Console:
    """Return a console on stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something is under way that may take seconds; elsewhere nothing is shown.

    Diagnostics may be printed meanwhile, results may not.
    """
    console = stderr()
    if not console.is_terminal:
        yield
        return
    spinner = Spinner("line", f"[dim]{escape(what)}[/]")
    with Live(spinner, console=console, transient=True, redirect_stdout=False, refresh_per_second=8):
        yield


def plain(text: str) -> str:
    """Return text that markup leaves as it is."""
    return escape(text)


def say(text: str) -> None:
    """Print a line of markup on stdout."""
    stdout().print(text)


def diagnose(severity: str, message: str, advice: Sequence[str] = (), *, quoted: Sequence[str] = ()) -> None:
    """Print a diagnostic on stderr; below it what others said about it, and what to do."""
    console = stderr()
    console.print(f"[{COLOURS[severity]}]{severity}:[/] {escape(message)}")
    for line in quoted:
        console.print(f"  [dim]|[/] {escape(line)}")
    for line in advice:
        console.print(f"  [dim]->[/] {escape(line)}")


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print rows below their columns' names."""
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 3, 0, 0),
        header_style="dim",
        title=title,
        title_justify="left",
        title_style="bold",
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    print_whole(table)


def print_whole(drawn: RenderableType) -> None:
    """Print a table or a tree on stdout; where no terminal is, its lines are neither folded nor cut."""
    Console(highlight=False, width=None if stdout().is_terminal else 10_000).print(drawn)


def duration(seconds: float) -> str:
    """Return a length of time as people read it: `4s`, `3m 20s`, `2h 5m`, `6d 1h`."""
    whole = int(seconds)
    units = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    first = next((place for place, (count, _) in enumerate(units) if count), len(units) - 1)
    return " ".join(f"{count}{unit}" for count, unit in units[first : first + 2] if count) or "0s"
