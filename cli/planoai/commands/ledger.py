"""`planoai ledger`: what governed agents did, and whether the record of it is whole."""

import csv
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import rich_click as click

from plano_extproc.governance import Row
from plano_extproc.governance.ledger import Broken, Head
from plano_extproc.limits.buckets import NANOS
from plano_extproc.stores import StoreError
from plano_extproc.stores.ledger import Ledger, Query
from planoai import durations, governing
from planoai.errors import Failure
from planoai.output import diagnose, plain, print_json, print_table, say, working

_SHOWN: Final = 50
_CHOOSING: Final = (
    click.option("--agent", help="Of this agent alone."),
    click.option("--tenant", help='Of this tenant alone; "" for those without one.'),
    click.option("--decision", help="With this decision alone, such as ERROR."),
    click.option("--since", help="How far to look back, such as 90m, 24h or 30d. By default all of it."),
    click.option("--file", "file", help="The configuration. By default that of the running gateway."),
)


def _choosing(function: Any) -> Any:
    for option in reversed(_CHOOSING):
        function = option(function)
    return function


@click.group("ledger", invoke_without_command=True)
@_choosing
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="The last so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, /, file: str | None, limit: int, as_json: bool, **chosen: str | None) -> None:
    """Show what governed agents did."""
    if ctx.invoked_subcommand is None:
        _list(file, limit, chosen, as_json=as_json)


@command.command("list")
@_choosing
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="The last so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(file: str | None, limit: int, as_json: bool, **chosen: str | None) -> None:
    """Show what governed agents did."""
    _list(file, limit, chosen, as_json=as_json)


@command.command("export")
@_choosing
@click.option("--format", "form", type=click.Choice(("jsonl", "csv")), default="jsonl", show_default=True)
def export(file: str | None, form: str, **chosen: str | None) -> None:
    """Print all rows, oldest first, with the hashes that chain them."""
    with _opened(file) as ledger:
        rows = ledger.rows(_query(chosen, None)) if ledger else iter(())
        if form == "jsonl":
            for row in rows:
                sys.stdout.write(orjson.dumps(_exact(row)).decode() + "\n")
            return
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for number, row in enumerate(rows):
            told = _exact(row)
            if number == 0:
                writer.writerow(told)
            writer.writerow(" ".join(value) if isinstance(value, tuple) else value for value in told.values())


@command.command("verify")
@click.option("--head", "noted", multiple=True, metavar="NODE:NUMBER:HASH", help="A head that was noted earlier.")
@click.option("--file", "file", help="The configuration. By default that of the running gateway.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(noted: tuple[str, ...], file: str | None, as_json: bool) -> None:
    """Check every row of every node's chain; ends with 1 where anything was changed.

    The heads that it prints tell, when they are noted elsewhere and given with --head later, even a ledger that was
    written anew as a whole.
    """
    expected = [_head(one) for one in noted]
    with _opened(file) as ledger:
        heads: dict[str, Head] = {}
        broken: list[Broken] = []
        if ledger is not None:
            with working("checking every row"):
                found = ledger.verify()
            heads, broken = found.heads, [*found.broken]
        broken += [wrong for node, head in expected if (wrong := _differs(ledger, node, head)) is not None]
    if as_json:
        chains = [{"node": node, "rows": head.number, "hash": head.hash} for node, head in sorted(heads.items())]
        print_json({"is_whole": not broken, "chains": chains, "broken": [asdict(one) for one in broken]})
    else:
        for node, head in sorted(heads.items()):
            say(f"{plain(node)}:{head.number}:{head.hash}")
        if not heads and not broken:
            diagnose("note", "the ledger is empty")
    if broken:
        raise Failure(
            f"the ledger was changed in {len(broken)} place{'s' if len(broken) > 1 else ''}",
            "compare it with an earlier export or a backup",
            quoted=[f"{one.node}, row {one.number}: {one.problem}" for one in broken],
        )


@contextmanager
def _opened(file: str | None) -> Iterator[Ledger | None]:
    found = governing.governed(file)
    try:
        ledger = found.ledger()
        try:
            yield ledger
        finally:
            if ledger is not None:
                ledger.close()
    except StoreError as error:
        raise governing.unreachable(error) from None


def _list(file: str | None, limit: int, chosen: dict[str, str | None], *, as_json: bool) -> None:
    query = _query(chosen, limit)
    with _opened(file) as ledger:
        rows = [_told(row) for row in ledger.rows(query)] if ledger else []
    if as_json:
        print_json(rows)
        return
    print_table(
        ("time", "agent", "tenant", "action", "decision", "confidence", "tokens", "USD", "status", "reason"),
        [_cells(row) for row in rows],
    )
    if not rows:
        diagnose("note", "the ledger has no such rows")


def _query(chosen: dict[str, str | None], limit: int | None) -> Query:
    since = chosen.get("since")
    begin = None if since is None else int((time.time() - durations.seconds(since)) * 1_000_000)
    return Query(chosen.get("tenant"), chosen.get("agent"), chosen.get("decision"), begin, limit)


def _head(text: str) -> tuple[str, Head]:
    node, _, rest = text.partition(":")
    number, _, digest = rest.partition(":")
    if not (node and number.isdecimal() and digest):
        raise click.BadParameter(f"'{text}' is no head; write NODE:NUMBER:HASH", param_hint="--head")
    return node, Head(int(number), digest)


def _differs(ledger: Ledger | None, node: str, head: Head) -> Broken | None:
    """Return what is wrong where a row that was the head once is not what it was."""
    rows = ledger.rows(Query()) if ledger else iter(())
    there = next((row for row in rows if (row.node, row.number) == (node, head.number)), None)
    if there is None:
        return Broken(node, head.number, "the row that was noted is missing")
    return None if there.hash == head.hash else Broken(node, head.number, "the row is not the one that was noted")


def _exact(row: Row) -> dict[str, Any]:
    place = {"node": row.node, "number": row.number, "form": row.form, "previous": row.previous, "hash": row.hash}
    return {**place, **asdict(row.entry)}


def _told(row: Row) -> dict[str, Any]:
    entry = asdict(row.entry)
    at, cost = entry.pop("at"), entry.pop("nanos")
    return {
        "time": datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(),
        **entry,
        "side_effects": list(row.entry.side_effects),
        "usd": None if cost is None else cost / NANOS,
        "node": row.node,
        "number": row.number,
        "hash": row.hash,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    confidence, cost = row["confidence"], row["usd"]
    return (
        row["time"][:19],
        plain(row["agent"]),
        plain(row["tenant"] or "-"),
        plain(row["action"]),
        row["decision"],
        "-" if confidence is None else f"{confidence:.2f}",
        f"{row['input_tokens'] + row['output_tokens']:,}",
        "-" if cost is None else f"{cost:.4f}",
        str(row["status"] or "-"),
        plain(row["reason"]),
    )
