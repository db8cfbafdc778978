"""What the page is told of governed agents."""

import asyncio
from pathlib import Path

from plano_extproc.governance import Entry
from plano_extproc.stores import SqliteStore, shared_path
from plano_extproc.stores.board import Board
from plano_extproc.stores.ledger import SqliteLedger, ledger_path
from planoai.console.governance import standing
from planoai.home import Home
from tests.config.reading import config_of

HEAD = "version: v0.5.0\nmodel_providers: [{model: openai/gpt-4o, access_key: k}]\n"
GOVERNED = """\
agents: [{id: planner, url: "http://127.0.0.1:1"}]
governance: {store: STORE, agents: [{id: planner, tier: 0, error_budget: {errors: 3, per: 1m}}]}
"""


async def _revoke(home: Path) -> None:
    store = SqliteStore(shared_path(home))
    await Board(store).change(lambda one: one.with_revoked("planner", "*", 5.0, "test"))
    await store.close()


def test_agents_and_the_latest_rows_are_told(tmp_path: Path) -> None:
    asyncio.run(_revoke(tmp_path))
    ledger = SqliteLedger(ledger_path(tmp_path), "n1")
    rows = (
        Entry(at=number * 1_000_000, tenant="", agent="planner", tier=0, client="", action="serve", decision="EXECUTE",
              input_tokens=2, output_tokens=1, nanos=500_000_000)
        for number in range(60)
    )  # fmt: skip
    ledger.append(list(rows))
    ledger.close()

    told = standing(config_of(HEAD + GOVERNED.replace("STORE", "sqlite")), Home(tmp_path))
    assert told is not None
    assert [(one["agent"], one["standing"], one["reason"]) for one in told["agents"]] == [
        ("planner", "revoked", "test")
    ]
    assert [row["at"] for row in told["ledger"]] == [float(number) for number in range(59, 9, -1)]
    assert (told["ledger"][0]["tokens"], told["ledger"][0]["cost"]) == (3, 0.5)


def test_a_store_that_is_away_is_told(tmp_path: Path) -> None:
    told = standing(config_of(HEAD + GOVERNED.replace("STORE", "redis://127.0.0.1:1/0")), Home(tmp_path))

    assert told is not None
    assert "does not answer" in told["problem"]


def test_nothing_governed_is_nothing_to_tell(tmp_path: Path) -> None:
    assert standing(config_of(HEAD), Home(tmp_path)) is None
