"""`planoai memory`: what is remembered of users, and forgetting it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from plano_extproc.config import Config
from plano_extproc.conversation.memory import Memories, Memory
from plano_extproc.stores import StoreError
from plano_extproc.stores.kept import KeptStores
from plano_extproc.stores.memories import MemoryBook
from planoai import running, sources
from planoai.errors import Failure
from planoai.home import Home, home
from planoai.output import diagnose, plain, print_json, print_table, say

T = TypeVar("T")


_FILE = click.option("--file", help="The configuration. By default that of the running gateway.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("memory", invoke_without_command=True)
@_FILE
@_JSON
@click.pass_context
def command(ctx: click.Context, file: str | None, as_json: bool) -> None:
    """Show and delete what the gateway in PLANO_HOME remembers of users."""
    if ctx.invoked_subcommand is None:
        _print(file, None, None, as_json=as_json)


@command.command("list")
@_FILE
@click.option("--client", help="Only of this client.")
@click.option("--user", help="Only of this user.")
@_JSON
def list_command(file: str | None, client: str | None, user: str | None, as_json: bool) -> None:
    """Show memories, the oldest first."""
    _print(file, client, user, as_json=as_json)


def _print(file: str | None, client: str | None, user: str | None, *, as_json: bool) -> None:
    found = _run(file, lambda book: book.everyone())
    rows = [row for _, whose in found if _is_meant(whose, client, user) for row in _rows(whose)]
    if as_json:
        print_json({"memories": rows})
        return
    print_table(
        ("id", "client", "user", "since", "what"),
        [(row["id"], *(plain(row[name] or "-") for name in ("client", "user", "created", "text"))) for row in rows],
    )
    if not rows:
        diagnose("note", "nothing is remembered")


@command.command("delete")
@click.argument("ids", nargs=-1)
@_FILE
@click.option("--client", help="All of this client.")
@click.option("--user", help="All of this user.")
@click.option("--all", "everything", is_flag=True, help="All of everyone.")
@_JSON
def delete_command(
    ids: tuple[str, ...], file: str | None, client: str | None, user: str | None, everything: bool, as_json: bool
) -> None:
    """Delete memories: those with these IDS, or all of a client, of a user, or of everyone."""
    by_whom = client is not None or user is not None
    if (bool(ids) + by_whom + everything) != 1:
        raise click.UsageError("say what to delete: IDS, --client or --user, or --all")
    wanted = frozenset(ids)

    async def delete(book: MemoryBook) -> list[str]:
        gone: list[str] = []
        for where, whose in await book.everyone():
            if by_whom and not _is_meant(whose, client, user):
                continue
            doomed = {one.id for one in whose.all if not wanted or one.id in wanted}
            if doomed:
                await book.change(where, whose, partial(_without, doomed=doomed))
                gone += sorted(doomed)
        return gone

    gone = _run(file, delete)
    if as_json:
        print_json({"deleted": gone})
    else:
        say(f"deleted {len(gone)}")
    if missing := sorted(wanted - set(gone)):
        raise Failure(f"nothing is remembered under {', '.join(missing)}", "see `planoai memory list`")


def _run(file: str | None, work: Callable[[MemoryBook], Awaitable[T]]) -> T:
    place = home(os.environ)
    config = _config(file, place)

    async def opened() -> T:
        stores = KeptStores(place.root, new_id=lambda: "", now=lambda: datetime.now(UTC).timestamp())
        try:
            return await work(MemoryBook(stores.state(config)))
        finally:
            await stores.close()

    try:
        return asyncio.run(opened())
    except StoreError as error:
        raise Failure(str(error), "check that the store runs and can be reached from here") from None


def _config(file: str | None, place: Home) -> Config | None:
    """Return the configuration that is named, else that of the running gateway; None where none runs."""
    if file is not None:
        return sources.accept(sources.read(Path(file), os.environ))
    source = running.configuration(place, os.environ)
    return sources.accept(source) if source is not None else None


def _without(memories: tuple[Memory, ...], doomed: Collection[str]) -> tuple[Memory, ...]:
    return tuple(one for one in memories if one.id not in doomed)


def _is_meant(whose: Memories, client: str | None, user: str | None) -> bool:
    return (client is None or whose.client == client) and (user is None or whose.user == user)


def _rows(whose: Memories) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "client": whose.client or None,
            "user": whose.user or None,
            "created": datetime.fromtimestamp(one.created, UTC).isoformat(),
            "text": one.text,
        }
        for one in whose.all
    ]
