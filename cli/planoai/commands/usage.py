"""`planoai usage`: tokens and money, by client, model, agent, purpose or day."""

import asyncio
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rich_click as click

from plano_extproc.config import Config
from plano_extproc.limits.usage import Period, Totals, by, period
from plano_extproc.stores import SharedStore, SqliteStore, StoreError, limit_store, shared_path
from plano_extproc.stores.contract import SCANNED
from planoai import durations, running, sources
from planoai.errors import Failure
from planoai.home import Home, home
from planoai.output import diagnose, plain, print_json, print_table, say

_COLUMNS = ("requests", "calls", "input", "cached", "output", "USD", "")
_BY = ("client", "model", "agent", "purpose", "day")


@click.command("usage")
@click.argument("file", required=False)
@click.option("--since", default="24h", show_default=True, help="How far to look back, such as 90m, 24h or 30d.")
@click.option(
    "--by", "name", type=click.Choice(_BY), default="client", show_default=True, help="What to add up by.",
)  # fmt: skip
@click.option("--client", help="Count only what this client used.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str | None, since: str, name: str, client: str | None, as_json: bool) -> None:
    """Show requests, tokens and money of the gateway in PLANO_HOME, also after it was stopped.

    Calls are those of models that the gateway asks on behalf of requests, such as a router.

    FILE says where they are counted, if not in PLANO_HOME; by default it is the file of the running gateway. Up to 8
    days are counted by whole hours in UTC, more by whole days.
    """
    asked = period(time.time(), durations.seconds(since))
    place = home(os.environ)
    try:
        entries = asyncio.run(_entries(_store(file, place), asked))
    except StoreError as error:
        raise Failure(str(error), "check that the store runs and can be reached from here") from None
    totals = by(entries, name, client)
    rows = [
        {name: key or None, **_figures(totals[key])}
        for key in sorted(totals, key=lambda key: _order(totals, key, name))
    ]
    begin = datetime.fromtimestamp(asked.since, UTC).isoformat()
    if as_json:
        print_json({"since": begin, "by": name, "rows": rows, "total": _figures(_sum(list(totals.values())))})
        return
    _print(rows, name, begin)


def _store(file: str | None, place: Home) -> SharedStore | None:
    """Return where the figures are; None where there are none."""
    config = _config(file, place)
    if config is None or isinstance(store := limit_store(config, place.root), SqliteStore):
        path = shared_path(place.root)
        return SqliteStore(path) if path.exists() else None
    return store


def _config(file: str | None, place: Home) -> Config | None:
    """Return the configuration that is named, else that of the running gateway as far as this shell can read it."""
    if file is not None:
        return sources.accept(sources.read(Path(file), os.environ))
    source = running.configuration(place, os.environ)
    if source is None:
        return None
    if source.loaded.config is None and not shared_path(place.root).exists():
        raise Failure(
            "the running gateway's configuration cannot be read from here, so it is not known where it counts",
            "set the variables that it uses, or name a file",
        )
    return source.loaded.config


async def _entries(store: SharedStore | None, asked: Period) -> list[tuple[str, bytes]]:
    entries: list[tuple[str, bytes]] = []
    if store is None:
        return entries
    first = asked.first
    try:
        while page := await store.scan(asked.prefix, first=first, limit=SCANNED):
            entries += page
            first = page[-1][0] + "\0"
    finally:
        await store.close()
    return entries


def _order(totals: dict[str, Totals], key: str, name: str) -> tuple[float, float, str]:
    """Order days by date, all else by money and tokens, most first."""
    found = totals[key]
    return (0, 0, key) if name == "day" else (-found.nanos, -(found.input + found.output), key)


def _sum(totals: list[Totals]) -> Totals:
    whole = Totals()
    for one in totals:
        for field, count in asdict(one).items():
            setattr(whole, field, getattr(whole, field) + count)
    return whole


def _figures(totals: Totals) -> dict[str, Any]:
    return {
        "requests": totals.requests,
        "calls": totals.calls,
        "input_tokens": totals.input,
        "cached_tokens": totals.cached,
        "output_tokens": totals.output,
        "usd": round(totals.usd, 9),
        "unpriced_requests": totals.unpriced,
    }


def _print(rows: list[dict[str, Any]], name: str, begin: str) -> None:
    say(f"[dim]since {begin}[/]")
    print_table((name, *_COLUMNS), [(plain(row[name] or "-"), *_cells(row)) for row in rows])
    if not rows:
        where = "requests are counted where the file has `clients` or `ratelimits`"
        diagnose("note", "nothing was counted in this time", (where,))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    counts = (f"{row[key]:,}" for key in ("requests", "calls", "input_tokens", "cached_tokens", "output_tokens"))
    unpriced = row["unpriced_requests"]
    return (*counts, f"{row['usd']:.4f}", f"{unpriced:,} without a price" if unpriced else "")
