"""The store of one node: a SQLite file that all workers open.

An operation is one short transaction, done on the event loop: it takes some 30 µs, and handing it to a thread and back
costs more than that. So nothing here may wait: a lock that another worker holds is not waited for inside SQLite, but
tried again by the loop, and checkpoints, the only thing that waits for the disk, are made by a thread. A commit is safe
from `kill -9` at once, from a crash of the machine some seconds later. With `durable` it is safe from that too before
the call returns, and as that waits for the disk, a thread does it all.
"""

# ruff: noqa: S608 - what stands in the statements is ours; values are bound

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from plano_extproc.limits.claims import Charge, Claim, Sum, Taken
from plano_extproc.stores.contract import SCANNED, StoreError
from plano_extproc.stores.files import make_private

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

_PATIENCE = 2.0
"""Seconds in which another worker's lock must be gone; it is held for microseconds."""

_PAUSE = 0.001
_CHECKPOINT_EVERY = 2000
_PURGED = 500
"""Expired rows that are removed at a time."""

_SHARES = 32
"""Room is made each time that this part of the most bytes was written, and one such part more than is needed."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value, expires REAL);
CREATE INDEX IF NOT EXISTS entries_expire ON entries (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS slots (key TEXT, slot INTEGER, count INTEGER, expires REAL, PRIMARY KEY (key, slot))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slots_expire ON slots (expires);
"""


class SqliteStore:
    """The file and its folder are made, private, at the first operation. `now` is the wall clock.

    Values of more than `most_bytes` in all push out those that were written longest ago, a little later.
    """

    def __init__(
        self,
        path: Path,
        *,
        durable: bool = False,
        most_bytes: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._durable = durable
        self._most_bytes = most_bytes
        self._written = 0
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite") if durable else None
        self._commits = 0
        self._checkpoint: asyncio.Future[None] | None = None

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        return await self._read(lambda db: _value(db, key, self._now()))

    async def many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return values."""
        return await self._read(lambda db: [_value(db, key, self._now()) for key in keys])

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep a value."""
        self._written += len(value)
        await self._write(lambda db: _put(db, key, value, self._expiry(ttl)))

    async def put(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values."""
        self._written += sum(map(len, values.values()))

        def operation(db: sqlite3.Connection) -> None:
            for key, value in values.items():
                _put(db, key, value, self._expiry(ttl))

        await self._write(operation)

    async def renew(self, keys: Sequence[str], ttl: float) -> None:
        """Let values live on."""
        now = self._now()
        rows = [(now + ttl, key, now) for key in keys]
        query = "UPDATE entries SET expires = ? WHERE key = ? AND (expires IS NULL OR expires > ?)"
        await self._write(lambda db: db.executemany(query, rows))

    async def delete(self, key: str) -> bool:
        """Forget a value."""
        return await self._write(lambda db: _delete(db, key, self._now()))

    async def swap(self, key: str, old: bytes | None, new: bytes | None, ttl: float | None = None) -> bool:
        """Replace exactly `old`."""
        self._written += len(new or b"")

        def operation(db: sqlite3.Connection) -> bool:
            if _value(db, key, self._now()) != old:
                return False
            if new is None:
                _delete(db, key, self._now())
            else:
                _put(db, key, new, self._expiry(ttl))
            return True

        return await self._write(operation)

    async def add(self, sums: Sequence[Sum]) -> list[int]:
        """Add to counters."""
        return await self._write(lambda db: [_add(db, one, self._now(), self._expiry(one.ttl)) for one in sums])

    async def scan(self, prefix: str, *, first: str = "", limit: int = SCANNED) -> list[tuple[str, bytes]]:
        """Return entries in order."""
        query = (
            "SELECT key, value FROM entries WHERE key >= ? AND key < ? AND (expires IS NULL OR expires > ?)"
            " ORDER BY key LIMIT ?"
        )
        bounds = (max(prefix, first), prefix + "\U0010ffff", self._now(), limit)
        return await self._read(lambda db: [(key, _bytes(value)) for key, value in db.execute(query, bounds)])

    async def take(self, claims: Sequence[Claim]) -> Taken:
        """Grant all claims or none."""

        def operation(db: sqlite3.Connection) -> Taken:
            query = "SELECT slot, count FROM slots WHERE key = ? AND slot >= ? ORDER BY slot"
            before = tuple(tuple(db.execute(query, (claim.key, claim.since))) for claim in claims)
            pairs = zip(claims, before, strict=True)
            is_granted = all(claim.fits(sum(count for _, count in slots)) for claim, slots in pairs)
            if is_granted:
                _charge(db, claims, self._now())
            return Taken(is_granted, before)

        return await self._write(operation)

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Add to slots."""
        await self._write(lambda db: _charge(db, charges, self._now()))

    async def close(self) -> None:
        """Close the file; the last worker to do so folds its log into it."""
        if self._checkpoint is not None:
            await asyncio.wait([self._checkpoint])
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown()
        else:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _expiry(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._now() + ttl

    async def _read(self, operation: Operation[T]) -> T:
        return await self._run(operation)

    async def _write(self, operation: Operation[T]) -> T:
        result = await self._run(lambda db: _transaction(db, operation))
        self._commits += 1
        is_due = self._commits % _CHECKPOINT_EVERY == 0 or (
            self._most_bytes is not None and self._written > self._most_bytes // _SHARES
        )
        if is_due and (self._checkpoint is None or self._checkpoint.done()):
            self._written = 0
            loop = asyncio.get_running_loop()
            self._checkpoint = loop.run_in_executor(self._thread, self._tidy)
        return result

    async def _run(self, operation: Operation[T]) -> T:
        try:
            if self._thread is not None:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, lambda: operation(self._opened()))
            until = time.monotonic() + _PATIENCE
            while True:
                try:
                    return operation(self._opened())
                except sqlite3.OperationalError as error:
                    if not _is_busy(error) or time.monotonic() > until:
                        raise
                await asyncio.sleep(_PAUSE)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the store {self._path} does not answer: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open(self._path, busy_seconds=_PATIENCE if self._durable else 0.0)
            self._connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        return self._connection

    def _tidy(self) -> None:
        """Remove what has expired, and fold the log into the file; another time will do when this one fails."""
        try:
            db = _open(self._path, busy_seconds=_PATIENCE)
            try:
                now = self._now()
                for table in ("entries", "slots"):
                    doomed = f"SELECT key FROM {table} WHERE expires <= ? LIMIT {_PURGED}"
                    db.execute(f"DELETE FROM {table} WHERE expires <= ? AND key IN ({doomed})", (now, now))
                if self._most_bytes is not None:
                    _transaction(db, partial(_make_room, most=self._most_bytes))
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                db.close()
        except sqlite3.Error:
            return


def _open(path: Path, *, busy_seconds: float) -> sqlite3.Connection:
    make_private(path)
    db = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        # Turning the log on needs the file for itself, if only once.
        db.execute(f"PRAGMA busy_timeout={int(_PATIENCE * 1000)}")
        if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA wal_autocheckpoint=0")
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'slots_expire'").fetchone():
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        db.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
    except BaseException:
        db.close()
        raise
    return db


def _transaction(db: sqlite3.Connection, operation: Operation[T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = operation(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def _value(db: sqlite3.Connection, key: str, now: float) -> bytes | None:
    query = "SELECT value FROM entries WHERE key = ? AND (expires IS NULL OR expires > ?)"
    row = db.execute(query, (key, now)).fetchone()
    return None if row is None else _bytes(row[0])


def _make_room(db: sqlite3.Connection, most: int) -> None:
    size = "length(key) + length(value)"
    excess = (db.execute(f"SELECT sum({size}) FROM entries").fetchone()[0] or 0) - most
    if excess <= 0:
        return
    excess += most // _SHARES
    doomed = []
    # A row that is written anew gets the highest number, so the lowest were not written for longest.
    for row, length in db.execute(f"SELECT rowid, {size} FROM entries ORDER BY rowid"):
        doomed.append((row,))
        excess -= length
        if excess <= 0:
            break
    db.executemany("DELETE FROM entries WHERE rowid = ?", doomed)


def _bytes(value: bytes | int) -> bytes:
    """Return a value; counters are kept as numbers."""
    return value if isinstance(value, bytes) else b"%d" % value


def _put(db: sqlite3.Connection, key: str, value: bytes | int, expires: float | None) -> None:
    db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (key, value, expires))


def _delete(db: sqlite3.Connection, key: str, now: float) -> bool:
    there = _value(db, key, now) is not None
    db.execute("DELETE FROM entries WHERE key = ?", (key,))
    return there


def _add(db: sqlite3.Connection, one: Sum, now: float, expires: float | None) -> int:
    value = _value(db, one.key, now)
    if value is None:
        _put(db, one.key, one.amount, expires)
        return one.amount
    try:
        total = int(value) + one.amount
    except ValueError:
        raise StoreError("a value that is no counter cannot be added to") from None
    db.execute("UPDATE entries SET value = ? WHERE key = ?", (total, one.key))
    return total


def _charge(db: sqlite3.Connection, charges: Sequence[Charge | Claim], now: float) -> None:
    statement = "INSERT INTO slots VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
    db.executemany(statement, [(one.key, one.slot, one.amount, now + one.ttl) for one in charges])


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The code may be extended: its low byte is the kind.
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
