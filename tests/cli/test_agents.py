"""`planoai agents` and `planoai ledger`, on real stores."""

import asyncio
import csv
import io
import json
import sqlite3
import time

import pytest

from plano_extproc.config.governance import ErrorBudget
from plano_extproc.governance import AgentPhase, Entry
from plano_extproc.stores import RedisStore, SharedStore, SqliteStore, shared_path
from plano_extproc.stores.agent_states import AgentStates
from plano_extproc.stores.board import Board
from plano_extproc.stores.ledger import SqliteLedger, ledger_path
from tests.cli.commands import Shell
from tests.support.servers import RedisServer, redis_server

__all__ = ["redis_server"]

CONFIG = """\
version: v0.5.0
model_providers: [{model: openai/gpt-4o, access_key: k}]
agents: [{id: planner, url: "http://127.0.0.1:1"}, {id: other, url: "http://127.0.0.1:2"}]
governance:
  store: STORE
  agents:
    - {id: planner, tier: 0, forbidden_actions: [ssh], error_budget: {errors: 5, per: 10m}}
    - {id: other, tier: 2}
"""


def configured(user: Shell, store: str = "sqlite") -> None:
    user.write(CONFIG.replace("STORE", store))


def rows(user: Shell, *arguments: str) -> dict[tuple[str, str | None], dict[str, object]]:
    result = user.planoai("agents", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return {(row["agent"], row["tenant"]): row for row in json.loads(result.stdout)}


async def worked(store: SharedStore) -> None:
    states = AgentStates(store)
    await states.enter("blue", "planner", AgentPhase.PLAN)
    await states.err("blue", "planner", ErrorBudget(errors=5, per=600))
    await states.acquire("", "planner", "worker-7", 600)
    now = time.time()
    await Board(store).change(lambda standing: standing.with_suspended("planner", "blue", now, now + 600, "5 errors"))
    await store.close()


def test_agents_are_shown_as_they_stand(user: Shell) -> None:
    configured(user)
    asyncio.run(worked(SqliteStore(shared_path(user.home))))

    found = rows(user)
    assert set(found) == {("planner", None), ("planner", "blue"), ("other", None)}
    assert found["other", None]["standing"] == "active"
    blue = found["planner", "blue"]
    assert (blue["standing"], blue["reason"], blue["phase"], blue["errors"]) == ("suspended", "5 errors", "plan", 1)
    assert found["planner", None]["lock"]["owner"] == "worker-7"  # type: ignore[index]
    table = user.planoai("agents").stdout
    assert "suspended for 9m" in table
    assert "worker-7" in table
    assert rows(user, "list") == found


def test_an_agent_is_revoked_and_restored(user: Shell) -> None:
    configured(user)
    asyncio.run(worked(SqliteStore(shared_path(user.home))))

    result = user.planoai("agents", "revoke", "planner", "--reason", "runs wild")
    assert (result.returncode, result.stdout) == (0, "agent 'planner' is revoked\n")
    found = rows(user)
    assert {found["planner", tenant]["standing"] for tenant in (None, "blue")} == {"revoked"}
    assert found["planner", None]["reason"] == "runs wild"
    assert found["other", None]["standing"] == "active"

    assert user.planoai("agents", "restore", "planner").returncode == 0
    found = rows(user)
    assert {found["planner", tenant]["standing"] for tenant in (None, "blue")} == {"active"}
    assert found["planner", "blue"]["errors"] == 0


def test_a_revocation_may_be_for_one_tenant(user: Shell) -> None:
    configured(user)
    told = json.loads(user.planoai("agents", "revoke", "planner", "--tenant", "red", "--json").stdout)

    assert {(row["tenant"], row["standing"]) for row in told} == {(None, "active"), ("red", "revoked")}


async def emptied(store: RedisStore) -> None:
    try:
        await store._redis.flushall()
    finally:
        await store.close()


def test_the_store_may_be_a_redis(user: Shell, redis_server: RedisServer) -> None:
    configured(user, redis_server.url)
    asyncio.run(emptied(RedisStore(redis_server.url)))
    assert user.planoai("agents", "revoke", "other").returncode == 0

    assert rows(user)["other", None]["standing"] == "revoked"


def test_an_agent_is_shown_with_its_rules(user: Shell) -> None:
    configured(user)

    told = json.loads(user.planoai("agents", "show", "planner", "--json").stdout)
    assert told["forbidden_actions"] == ["ssh"]
    assert told["error_budget"] == {"errors": 5, "per": 600.0}
    assert [row["standing"] for row in told["tenants"]] == ["active"]
    shown = user.planoai("agents", "show", "planner").stdout
    assert "forbidden_actions ssh" in shown
    assert "error_budget errors 5, per 10m" in shown


@pytest.mark.parametrize("command", [("revoke", "nobody"), ("restore", "nobody"), ("show", "nobody")])
def test_an_agent_that_is_not_governed_is_an_error(user: Shell, command: tuple[str, ...]) -> None:
    configured(user)
    result = user.planoai("agents", *command)

    assert result.returncode == 1
    assert "'nobody' is no governed agent" in result.stderr
    assert "governed are: other, planner" in result.stderr


def test_a_configuration_without_governance_says_so(user: Shell) -> None:
    user.write("version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: k}]\n")

    for command in (("agents",), ("ledger",), ("ledger", "verify")):
        result = user.planoai(*command)
        assert result.returncode == 1
        assert "no agent is governed" in result.stderr


def test_a_store_that_is_away_ends_the_command(user: Shell) -> None:
    configured(user, "redis://127.0.0.1:1/0")
    result = user.planoai("agents", "revoke", "planner")

    assert result.returncode == 1
    assert "the Redis at 127.0.0.1 does not answer" in result.stderr


def recorded(user: Shell) -> None:
    def entry(agent: str, tenant: str, ago: float) -> Entry:
        return Entry(
            at=int((time.time() - ago) * 1_000_000), tenant=tenant, agent=agent, tier=0, client="team", action="serve",
            decision="EXECUTE", confidence=0.5, input_tokens=10, output_tokens=5, nanos=1_500_000_000, status=200,
            side_effects=("read_docs",),
        )  # fmt: skip

    ledger = SqliteLedger(ledger_path(user.home), "n1")
    ledger.append([entry("planner", "", 7200), entry("planner", "blue", 60), entry("other", "", 30)])
    ledger.close()


def test_the_ledger_is_listed(user: Shell) -> None:
    configured(user)
    recorded(user)

    def listed(*arguments: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(user.planoai("ledger", *arguments, "--json").stdout)
        return found

    assert [row["number"] for row in listed()] == [1, 2, 3]
    assert [row["number"] for row in listed("list")] == [1, 2, 3]
    assert [row["number"] for row in listed("--agent", "planner", "--since", "1h")] == [2]
    assert [row["number"] for row in listed("--tenant", "")] == [1, 3]
    assert [row["number"] for row in listed("--limit", "1")] == [3]
    assert listed("--decision", "ERROR") == []
    assert listed()[0]["usd"] == 1.5
    assert "1.5000" in user.planoai("ledger").stdout
    assert user.planoai("ledger", "--since", "soon").returncode == 2


def test_the_ledger_is_exported_whole(user: Shell) -> None:
    configured(user)
    recorded(user)

    lines = [json.loads(line) for line in user.planoai("ledger", "export").stdout.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert lines[1]["previous"] == lines[0]["hash"]
    table = list(csv.DictReader(io.StringIO(user.planoai("ledger", "export", "--format", "csv").stdout)))
    assert [line["hash"] for line in table] == [line["hash"] for line in lines]
    assert table[0]["side_effects"] == "read_docs"


def test_a_change_is_found_and_ends_with_one(user: Shell) -> None:
    configured(user)
    recorded(user)
    whole = user.planoai("ledger", "verify")
    assert whole.returncode == 0
    head = whole.stdout.strip()
    assert head.startswith("n1:3:")
    with sqlite3.connect(ledger_path(user.home)) as db:
        db.execute("DROP TRIGGER ledger_is_not_changed")
        db.execute("UPDATE ledger SET nanos = 0 WHERE number = 2")

    result = user.planoai("ledger", "verify", "--json")
    assert result.returncode == 1
    told = json.loads(result.stdout)
    assert told["is_whole"] is False
    assert told["broken"] == [{"node": "n1", "number": 2, "problem": "the row was changed"}]
    assert "n1, row 2: the row was changed" in result.stderr


def test_a_ledger_that_was_written_anew_is_found_by_a_head_that_was_noted(user: Shell) -> None:
    configured(user)
    recorded(user)
    head = user.planoai("ledger", "verify").stdout.strip()
    assert user.planoai("ledger", "verify", "--head", head).returncode == 0
    ledger_path(user.home).unlink()
    recorded(user)

    assert user.planoai("ledger", "verify").returncode == 0
    result = user.planoai("ledger", "verify", "--head", head)
    assert result.returncode == 1
    assert "the row is not the one that was noted" in result.stderr
    assert user.planoai("ledger", "verify", "--head", "nonsense").returncode == 2


def test_an_empty_ledger_is_whole(user: Shell) -> None:
    configured(user)
    result = user.planoai("ledger", "verify", "--json")

    assert result.returncode == 0
    assert json.loads(result.stdout) == {"is_whole": True, "chains": [], "broken": []}
    assert not ledger_path(user.home).exists()
