"""The ledger in real databases: chained, append-only, shared by workers, and safe from `kill -9`."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from plano_extproc.governance import Entry, LedgerUnavailable
from plano_extproc.governance.ledger import Head
from plano_extproc.stores import StoreError
from plano_extproc.stores.ledger import Ledger, Query, SqliteLedger, node_id
from plano_extproc.stores.ledger_postgres import PostgresLedger
from plano_extproc.stores.ledger_writer import LedgerWriter
from tests.support.servers import PostgresServer

Open = Callable[[str], Ledger]


def entry(number: int = 1, agent: str = "planner", tenant: str = "") -> Entry:
    return Entry(
        at=1_800_000_000_000_000 + number,
        tenant=tenant,
        agent=agent,
        tier=0,
        client="team",
        action="serve",
        decision="EXECUTE",
        confidence=number / 7,
        input_tokens=number,
        nanos=None if number % 2 else number,
        side_effects=("tool:look", "ß"),
    )


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same ledger for one node or another."""
    ledgers: list[Ledger] = []
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.url, autocommit=True) as db:
            for name in ("TABLE IF EXISTS ledger", "TABLE IF EXISTS ledger_heads", "TABLE IF EXISTS ledger_versions",
                         "FUNCTION IF EXISTS ledger_refuses"):  # fmt: skip
                db.execute(f"DROP {name} CASCADE")

    def open_one(node: str = "n1") -> Ledger:
        made: Ledger
        if request.param == "postgres":
            made = PostgresLedger(request.getfixturevalue("postgres_server").url, node)
        else:
            made = SqliteLedger(tmp_path / "ledger.sqlite", node)
        ledgers.append(made)
        return made

    yield open_one
    for one in ledgers:
        one.close()


def test_rows_come_back_as_they_were_written(opened: Open) -> None:
    entries = [entry(number) for number in range(1, 8)]
    head = opened("n1").append(entries)

    rows = list(opened("n1").rows(Query()))
    assert [row.entry for row in rows] == entries
    assert [row.number for row in rows] == list(range(1, 8))
    assert head == Head(7, rows[-1].hash)
    assert opened("n2").verify().broken == []


def test_workers_of_a_node_write_one_chain(opened: Open) -> None:
    ledgers = [opened("n1") for _ in range(4)]

    def write(at: int) -> None:
        for number in range(25):
            ledgers[at].append([entry(number), entry(number)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    verification = opened("n1").verify()
    assert verification.broken == []
    assert verification.heads["n1"].number == 200


def test_nodes_write_chains_of_their_own(opened: Open) -> None:
    opened("n1").append([entry(1), entry(2)])
    opened("n2").append([entry(3)])

    verification = opened("n1").verify()
    assert {node: head.number for node, head in verification.heads.items()} == {"n1": 2, "n2": 1}
    assert verification.broken == []


def test_rows_are_chosen(opened: Open) -> None:
    ledger = opened("n1")
    ledger.append([entry(1), entry(2, "other"), entry(3, tenant="blue"), replace(entry(4), decision="SKIP")])

    def at(query: Query) -> list[int]:
        return [row.number for row in ledger.rows(query)]

    assert at(Query(agent="other")) == [2]
    assert at(Query(tenant="blue")) == [3]
    assert at(Query(tenant="")) == [1, 2, 4]
    assert at(Query(decision="SKIP")) == [4]
    assert at(Query(since=1_800_000_000_000_003)) == [3, 4]
    assert at(Query(limit=2)) == [3, 4]


def test_nothing_can_be_appended_to_a_ledger_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"the ledger at 127\.0\.0\.1 does not answer"):
        PostgresLedger("postgresql://x@127.0.0.1:1/x", "n").append([entry()])
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteLedger(tmp_path, "n")


def sqlite_with_rows(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, "n1")
    ledger.append([entry(number) for number in range(1, 6)])
    ledger.close()
    return path


@pytest.mark.parametrize("statement", ["UPDATE ledger SET nanos = 0", "DELETE FROM ledger WHERE number = 5"])
def test_the_table_refuses_changes(tmp_path: Path, statement: str) -> None:
    with sqlite3.connect(sqlite_with_rows(tmp_path)) as db, pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(statement)


def test_the_table_in_postgres_refuses_changes(postgres_server: PostgresServer, opened: Open) -> None:
    opened("n1").append([entry(1)])
    if isinstance(opened("n1"), SqliteLedger):
        return
    with psycopg.connect(postgres_server.url, autocommit=True) as db:
        for statement in ("UPDATE ledger SET nanos = 0", "DELETE FROM ledger", "TRUNCATE ledger"):
            with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
                db.execute(statement)


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE ledger SET agent = 'x' WHERE number = 3", 3),
        ("UPDATE ledger SET side_effects = '[]' WHERE number = 2", 2),
        ("UPDATE ledger SET side_effects = 'nonsense' WHERE number = 2", 2),
        ("UPDATE ledger SET confidence = NULL WHERE number = 1", 1),
        ("UPDATE ledger SET hash = 'x' WHERE number = 4", 4),
        ("DELETE FROM ledger WHERE number = 1", 1),
        ("DELETE FROM ledger WHERE number = 3", 3),
        ("DELETE FROM ledger WHERE number = 5", 5),
        ("DELETE FROM ledger", 1),
        ("UPDATE ledger SET number = 9 WHERE number = 5", 5),
        ("UPDATE ledger_heads SET hash = 'x'", 5),
        ("DELETE FROM ledger_heads", 5),
    ],
)
def test_changes_made_past_the_triggers_are_found(tmp_path: Path, statement: str, number: int) -> None:
    path = sqlite_with_rows(tmp_path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER ledger_is_not_changed")
        db.execute("DROP TRIGGER ledger_is_not_shortened")
        db.execute(statement)

    ledger = SqliteLedger(path, "n1")
    assert [(one.node, one.number) for one in ledger.verify().broken] == [("n1", number)]
    ledger.close()


def test_a_ledger_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    from plano_extproc.stores.ledger_schema import SQLITE, VERSIONS

    with sqlite3.connect(path) as db:
        db.execute(VERSIONS.format(now="TEXT"))
        db.executescript(SQLITE[0])
        db.execute("INSERT INTO ledger_versions (version) VALUES (1)")
    ledger = SqliteLedger(path, "n1")
    ledger.append([entry()])
    ledger.close()

    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("DELETE FROM ledger")


def test_a_ledger_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = sqlite_with_rows(tmp_path)
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO ledger_versions (version) VALUES (99)")

    with pytest.raises(StoreError, match="it is of version 99"):
        SqliteLedger(path, "n1")


def test_a_node_keeps_its_id(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: node_id(tmp_path), range(32)))

    assert len(found) == 1
    assert (tmp_path / "state" / "node").stat().st_mode & 0o777 == 0o600
    assert len(list((tmp_path / "state").iterdir())) == 1


async def test_what_was_put_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    writer = LedgerWriter(lambda: SqliteLedger(path, "n1"))
    for number in range(2500):
        writer.put(entry(number))
    writer.close()

    ledger = SqliteLedger(path, "n1")
    assert ledger.verify().heads["n1"].number == 2500
    ledger.close()


async def test_what_is_committed_is_there(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    writer = LedgerWriter(lambda: SqliteLedger(path, "n1", durable=True))
    await asyncio.gather(*(writer.committed(entry(number)) for number in range(50)))

    ledger = SqliteLedger(path, "n1")
    assert ledger.verify().heads["n1"].number == 50
    ledger.close()
    writer.close()


async def test_a_ledger_that_is_away_is_told_and_written_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.sqlite"
    (tmp_path / "state").write_text("in the way")
    writer = LedgerWriter(lambda: SqliteLedger(path, "n1"))
    with pytest.raises(LedgerUnavailable):
        await writer.committed(entry(1))
    assert writer.is_away
    (tmp_path / "state").unlink()
    await writer.committed(entry(2))

    assert not writer.is_away
    assert writer.failures >= 1
    writer.close()
    ledger = SqliteLedger(path, "n1")
    assert [row.entry.input_tokens for row in ledger.rows(Query())] == [1, 2], "the first one is written late"
    ledger.close()


_WRITES = """
import sys, time
from pathlib import Path
from plano_extproc.stores.ledger import SqliteLedger
from plano_extproc.stores.ledger_writer import LedgerWriter
from tests.stores.test_ledger import entry
writer = LedgerWriter(lambda: SqliteLedger(Path(sys.argv[1]), "n1"))
number = 0
while True:
    number += 1
    writer.put(entry(number))
    # Told with the time, so that what is older than a tenth of a second can be told apart.
    print(number, time.time(), flush=True)
    time.sleep(0.002)
"""


def test_a_kill_loses_no_more_than_the_last_tenth_of_a_second(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with subprocess.Popen([sys.executable, "-c", _WRITES, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(300)]
        os.kill(process.pid, signal.SIGKILL)
        killed = time.time()
        told += process.stdout.readlines()

    ledger = SqliteLedger(path, "n1")
    kept = ledger.verify()
    ledger.close()
    assert kept.broken == []
    older = [line for line in told if line.endswith("\n") and float(line.split()[1]) < killed - 0.1]
    assert kept.heads["n1"].number >= int(older[-1].split()[0])
