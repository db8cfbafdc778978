"""`planoai agents`: how governed agents stand, and who may not act any more."""

import time
from typing import Any, Final

import rich_click as click

from plano_extproc.governance import Standing
from plano_extproc.governance.standing import EVERY_TENANT
from plano_extproc.stores.agent_states import AgentStates
from plano_extproc.stores.board import Board
from planoai import governing
from planoai.governing import Governed, Row
from planoai.output import duration, plain, print_json, print_table, say

_FILE: Final = click.option("--file", "file", help="The configuration. By default that of the running gateway.")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_TENANT: Final = click.option("--tenant", help="For this tenant alone. By default for all.")


@click.group("agents", invoke_without_command=True)
@_FILE
@_JSON
@click.pass_context
def command(ctx: click.Context, file: str | None, as_json: bool) -> None:
    """Show governed agents; revoke them, and let them act again."""
    if ctx.invoked_subcommand is None:
        _print_all(file, as_json=as_json)


@command.command("list")
@_FILE
@_JSON
def list_(file: str | None, as_json: bool) -> None:
    """Show how all governed agents stand."""
    _print_all(file, as_json=as_json)


@command.command("show")
@click.argument("agent")
@_FILE
@_JSON
def show(agent: str, file: str | None, as_json: bool) -> None:
    """Show the rules of an agent, and how it stands."""
    found = governing.governed(file)
    found.demand(agent)
    rows = [row for row in governing.run(governing.rows(found)) if row["agent"] == agent]
    rules = found.book.agents[agent]
    told = {
        "agent": agent,
        "tier": rules.tier,
        "client": rules.client,
        "allowed_side_effects": list(rules.allowed_side_effects),
        "forbidden_actions": list(rules.actions.forbidden),
        "confidence_threshold": rules.confidence_threshold,
        "error_budget": rules.error_budget.model_dump() if rules.error_budget else None,
        "limits": [limit.model_dump(exclude_none=True) for limit in rules.limits],
        "tenants": rows,
    }
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if name != "tenants":
            say(f"[dim]{name}[/] {plain(_words(value))}")
    _print_rows(rows)


@command.command("revoke")
@click.argument("agent")
@click.option("--reason", default="", help="Why; it is shown with the agent.")
@_TENANT
@_FILE
@_JSON
def revoke(agent: str, reason: str, tenant: str | None, file: str | None, as_json: bool) -> None:
    """Let an agent do nothing any more: within a second it gets no request, and its own are refused."""
    found = governing.governed(file)
    found.demand(agent)
    now = time.time()
    meant = EVERY_TENANT if tenant is None else tenant
    governing.run(_changed(found, lambda standing: standing.with_revoked(agent, meant, now, reason)))
    _tell(found, agent, f"agent '{agent}' is revoked{_for(tenant)}", as_json=as_json)


@command.command("restore")
@click.argument("agent")
@_TENANT
@_FILE
@_JSON
def restore(agent: str, tenant: str | None, file: str | None, as_json: bool) -> None:
    """Let an agent act again that was revoked or suspended; its errors so far are forgotten."""
    found = governing.governed(file)
    found.demand(agent)
    governing.run(_restored(found, agent, tenant))
    _tell(found, agent, f"agent '{agent}' may act again{_for(tenant)}", as_json=as_json)


def _for(tenant: str | None) -> str:
    return f" for tenant '{tenant}'" if tenant is not None else ""


def _tell(found: Governed, agent: str, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json([row for row in governing.run(governing.rows(found)) if row["agent"] == agent])
    else:
        say(plain(words))


async def _changed(found: Governed, edit: Any) -> Standing:
    store = found.store()
    try:
        return await Board(store).change(edit)
    finally:
        await store.close()


async def _restored(found: Governed, agent: str, tenant: str | None) -> None:
    store = found.store()
    try:
        states = AgentStates(store)
        tenants = [tenant] if tenant is not None else await states.tenants_with_errors(agent)
        for one in tenants:
            await states.forget_errors(one, agent)
        now = time.time()
        meant = EVERY_TENANT if tenant is None else tenant
        await Board(store).change(lambda standing: standing.restored(agent, meant, now))
    finally:
        await store.close()


def _print_all(file: str | None, *, as_json: bool) -> None:
    rows = governing.run(governing.rows(governing.governed(file)))
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)


def _print_rows(rows: list[Row]) -> None:
    print_table(
        ("agent", "tenant", "tier", "standing", "phase", "last seen", "errors", "lock", "reason"),
        [_cells(row) for row in rows],
    )


def _cells(row: Row) -> tuple[str, ...]:
    now = time.time()
    left = f" for {duration(row['until'] - now)}" if row["until"] else ""
    seen = f"{duration(max(0.0, now - row['heartbeat']))} ago" if row["heartbeat"] else "-"
    errors = f"{row['errors']} of {row['error_budget']}" if row["error_budget"] is not None else "-"
    colour = {"revoked": "red", "suspended": "yellow"}.get(row["standing"], "green")
    return (
        plain(row["agent"]),
        plain(row["tenant"] or "-"),
        str(row["tier"]),
        f"[{colour}]{row['standing']}[/]{left}",
        row["phase"] or "-",
        seen,
        errors,
        plain(row["lock"]["owner"]) if row["lock"] else "-",
        plain(row["reason"] or ""),
    )


def _words(value: Any) -> str:
    if value in (None, [], ""):
        return "-"
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {duration(one) if name == 'per' else _words(one)}" for name, one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
