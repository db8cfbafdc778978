"""Where the ledger is: a SQLite file of the node's, or a PostgreSQL for many nodes. Used from one thread at a time.

Each append is one transaction that reads the head of the node's chain, so that several workers write one chain.
"""

# ruff: noqa: S608 - what stands in the statements is ours; values are bound

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Protocol

import orjson

from plano_extproc.governance.ledger import Entry, Head, Row, Verification, chained
from plano_extproc.stores.contract import StoreError
from plano_extproc.stores.files import make_private
from plano_extproc.stores.ledger_schema import COLUMNS, PLACE, SQLITE, VERSIONS

_PATIENCE = 5.0
"""Seconds in which another worker's lock must be gone."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are wanted; what is None does not matter. Times are in millionths of a second since 1970."""

    tenant: str | None = None
    agent: str | None = None
    decision: str | None = None
    since: int | None = None
    limit: int | None = None


class Ledger(Protocol):
    """A ledger that is open. Each method raises `StoreError` where the database does not do what it should."""

    def append(self, entries: Sequence[Entry]) -> Head:
        """Add rows to the node's chain, all or none; return its new head. They are safe when this returns."""

    def rows(self, query: Query) -> Iterator[Row]:
        """Yield rows in the order of their time, the last `limit` of them."""

    def verify(self) -> Verification:
        """Read all chains and check them."""

    def close(self) -> None:
        """Let go of it."""


def ledger_path(home: Path) -> Path:
    """Return the file of the ledger in a PLANO_HOME; like all state, it outlasts `planoai down`."""
    return home / "state" / "ledger.sqlite"


def node_id(home: Path) -> str:
    """Return the id of this node, which is made when it is first asked for and stays the same."""
    path = home / "state" / "node"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        # Whole or not at all: another worker may look for it at this moment.
        partial = path.with_name(f".node.{os.getpid()}.{token_hex(4)}")
        partial.touch(mode=0o600)
        partial.write_text(f"node-{token_hex(6)}")
        try:
            path.hardlink_to(partial)
        finally:
            partial.unlink()
    return path.read_text().strip()


class SqliteLedger:
    """The file of one node. `durable` waits for the disk; without it only a crash of the machine loses rows."""

    def __init__(self, path: Path, node: str, *, durable: bool = False) -> None:
        """Open or make the file; raises `StoreError`."""
        self._path = path
        self._node = node
        try:
            self._db = _open(path, durable=durable)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the ledger {path} cannot be opened: {error}") from error

    def append(self, entries: Sequence[Entry]) -> Head:
        """Add rows."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                rows, head = chained(entries, self._node, self._head())
                self._db.executemany(_INSERT, [values_of(row) for row in rows])
                self._db.execute(_SET_HEAD, (self._node, head.number, head.hash))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"the ledger {self._path} cannot be written: {error}") from error
        return head

    def rows(self, query: Query) -> Iterator[Row]:
        """Yield rows."""
        text, values = selection(query, "?")
        try:
            yield from map(row_of, self._db.execute(text, values))
        except sqlite3.Error as error:
            raise StoreError(f"the ledger {self._path} cannot be read: {error}") from error

    def verify(self) -> Verification:
        """Check all chains, as they are at one moment."""
        verification = Verification()
        try:
            self._db.execute("BEGIN")
            try:
                for values in self._db.execute(ALL):
                    verification.take(row_of(values))
                heads = self._db.execute("SELECT node, number, hash FROM ledger_heads").fetchall()
            finally:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreError(f"the ledger {self._path} cannot be read: {error}") from error
        verification.end({node: Head(number, digest) for node, number, digest in heads})
        return verification

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _head(self) -> Head:
        found = self._db.execute("SELECT number, hash FROM ledger_heads WHERE node = ?", (self._node,)).fetchone()
        return Head(*found) if found else Head()


def _open(path: Path, *, durable: bool) -> sqlite3.Connection:
    make_private(path)
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to this version. A ledger of a later version is left alone."""
    has_versions = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger_versions'").fetchone()
    if has_versions and _version(db) == len(SQLITE):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(VERSIONS.format(now="TEXT DEFAULT CURRENT_TIMESTAMP"))
        done = _version(db)
        _demand_known(done)
        for version, step in enumerate(SQLITE[done:], start=done + 1):
            for statement in statements(step):
                db.execute(statement)
            db.execute("INSERT INTO ledger_versions (version) VALUES (?)", (version,))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _demand_known(version: int) -> None:
    if version > len(SQLITE):
        raise sqlite3.DatabaseError(f"it is of version {version}, and this program knows {len(SQLITE)}")


def _version(db: sqlite3.Connection) -> int:
    found: int = db.execute("SELECT COALESCE(MAX(version), 0) FROM ledger_versions").fetchone()[0]
    return found


def statements(step: str) -> Iterator[str]:
    """Yield the statements of a step; a trigger's own ones belong to it."""
    held = ""
    for line in step.strip().splitlines():
        held += line + "\n"
        if sqlite3.complete_statement(held):
            yield held
            held = ""


def values_of(row: Row) -> tuple[Any, ...]:
    """Return the values of a row's columns."""
    entry = row.entry
    own = (getattr(entry, name) for name in COLUMNS[:-1])
    return (*(getattr(row, name) for name in PLACE), *own, orjson.dumps(entry.side_effects).decode())


def row_of(values: Sequence[Any]) -> Row:
    """Return the row that columns hold."""
    node, number, form, previous, digest, *own = values
    told = dict(zip(COLUMNS, own, strict=True))
    try:
        effects = tuple(orjson.loads(told.pop("side_effects")))
    except (orjson.JSONDecodeError, TypeError):
        effects = ()
    return Row(node, number, Entry(**told, side_effects=effects), previous, digest, form)


def selection(query: Query, mark: str) -> tuple[str, list[Any]]:
    """Return a query and its values; `mark` stands for a value in the database's dialect."""
    wanted = {"tenant =": query.tenant, "agent =": query.agent, "decision =": query.decision, "at >=": query.since}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    where = " WHERE " + " AND ".join(f"{condition} {mark}" for condition in given) if given else ""
    values: list[Any] = list(given.values())
    if query.limit is None:
        return f"SELECT {_NAMES} FROM ledger{where} ORDER BY at, node, number", values
    last = f"SELECT {_NAMES} FROM ledger{where} ORDER BY at DESC, node DESC, number DESC LIMIT {mark}"
    return f"SELECT {_NAMES} FROM ({last}) AS last ORDER BY at, node, number", [*values, query.limit]


_NAMES: Final = ", ".join((*PLACE, *COLUMNS))
ALL: Final = f"SELECT {_NAMES} FROM ledger ORDER BY node, number"
_INSERT: Final = f"INSERT INTO ledger ({_NAMES}) VALUES ({', '.join('?' * len((*PLACE, *COLUMNS)))})"
_SET_HEAD: Final = (
    "INSERT INTO ledger_heads VALUES (?, ?, ?)"
    " ON CONFLICT (node) DO UPDATE SET number = excluded.number, hash = excluded.hash"
)
