"""The store of many nodes in PostgreSQL, in two tables of its own, which it makes.

Time is the server's, so that nodes whose clocks differ agree on what has ended. What is read before it is written is
locked by its key first, since a row that is not there yet cannot be. TLS and its checks are as the URL says
(`sslmode`, `sslrootcert`). A connection that was lost is replaced before it is used; a server that is away is asked
again after a pause, and until then every call fails at once.
"""

# ruff: noqa: S608 - what stands in the statements is ours; values are bound

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from plano_extproc.limits.claims import Charge, Claim, Sum, Taken
from plano_extproc.stores.contract import SCANNED, StoreError

T = TypeVar("T")
Operation = Callable[[Any], Awaitable[T]]
"""What is done with a cursor, within one transaction."""

_SECONDS: Final = 5.0
"""Longest wait for a connection and the answer."""

_PAUSE: Final = 1.0
_MOST_CONNECTIONS: Final = 4
_TIDY_EVERY: Final = 500
_PURGED: Final = 500
_MISSING: Final = "psycopg is not installed; run: pip install 'plano-extproc[postgres]'"
_LOCK: Final = 0x706C616E6F
"""The number under which nodes that start at once take turns at making the tables."""

_SCHEMA: Final = (
    'CREATE TABLE IF NOT EXISTS plano_entries (key text COLLATE "C" PRIMARY KEY, value bytea NOT NULL,'
    " expires timestamptz, written timestamptz NOT NULL DEFAULT clock_timestamp())",
    "CREATE INDEX IF NOT EXISTS plano_entries_expire ON plano_entries (expires) WHERE expires IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS plano_entries_written ON plano_entries (written)",
    'CREATE TABLE IF NOT EXISTS plano_slots (key text COLLATE "C", slot bigint, count bigint NOT NULL,'
    " expires timestamptz NOT NULL, PRIMARY KEY (key, slot))",
    "CREATE INDEX IF NOT EXISTS plano_slots_expire ON plano_slots (expires)",
)
_LIVES: Final = "(expires IS NULL OR expires > clock_timestamp())"
_ENDS: Final = "clock_timestamp() + %s * interval '1 second'"
_GET: Final = f"SELECT value FROM plano_entries WHERE key = %s AND {_LIVES}"
_MANY: Final = f"SELECT key, value FROM plano_entries WHERE key = ANY(%s) AND {_LIVES}"
_PUT: Final = (
    f"INSERT INTO plano_entries (key, value, expires) VALUES (%s, %s, {_ENDS}) ON CONFLICT (key) DO UPDATE"
    " SET value = excluded.value, expires = excluded.expires, written = excluded.written"
)
_DELETE: Final = f"DELETE FROM plano_entries WHERE key = %s RETURNING {_LIVES}"
_RENEW: Final = f"UPDATE plano_entries SET expires = {_ENDS} WHERE key = ANY(%s) AND {_LIVES}"
_SCAN: Final = f"SELECT key, value FROM plano_entries WHERE key >= %s AND key < %s AND {_LIVES} ORDER BY key LIMIT %s"
_COUNT: Final = "UPDATE plano_entries SET value = %s WHERE key = %s"
_SLOTS: Final = "SELECT slot, count FROM plano_slots WHERE key = %s AND slot >= %s ORDER BY slot"
_CHARGE: Final = (
    f"INSERT INTO plano_slots VALUES (%s, %s, %s, {_ENDS}) ON CONFLICT (key, slot)"
    " DO UPDATE SET count = plano_slots.count + excluded.count"
)
_EXPIRED: Final = tuple(
    f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE expires <= clock_timestamp()"
    f" LIMIT {_PURGED}))"
    for table in ("plano_entries", "plano_slots")
)
_PUSHED_OUT: Final = (
    "DELETE FROM plano_entries WHERE key IN (SELECT key FROM (SELECT key, sum(length(key) + length(value))"
    " OVER (ORDER BY written DESC, key) AS held FROM plano_entries) AS entries WHERE held > %s)"
)


class PostgresStore:
    """A server by its `postgresql://` URL. Nothing is connected before the first operation.

    Values of more than `most_bytes` in all push out those that were written longest ago, a little later. Raises
    `StoreError` where the client library is missing, or for a URL that it cannot read.
    """

    def __init__(
        self,
        url: str,
        *,
        most_bytes: int | None = None,
        pause: float = _PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            import psycopg
            from psycopg import conninfo
            from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout
        except ImportError:
            raise StoreError(_MISSING) from None
        try:
            self._name = str(conninfo.conninfo_to_dict(url).get("host") or "postgres")
        except psycopg.Error:
            raise StoreError("the PostgreSQL URL cannot be read; write postgresql://user@host:5432/database") from None
        self._errors = (psycopg.Error, PoolTimeout, PoolClosed, OSError, TimeoutError)
        self._is_away = (psycopg.OperationalError, PoolTimeout, OSError, TimeoutError)
        self._pool: Any = AsyncConnectionPool(
            url,
            min_size=0,
            max_size=_MOST_CONNECTIONS,
            open=False,
            timeout=_SECONDS,
            check=AsyncConnectionPool.check_connection,
            # A pooler between us and the server may not know what was prepared on another connection.
            kwargs={"prepare_threshold": None, "connect_timeout": int(_SECONDS), "application_name": "plano-extproc"},
        )
        self._most_bytes = most_bytes
        self._pause = pause
        self._clock = clock
        self._away_until = 0.0
        self._opening = asyncio.Lock()
        self._is_made = False
        self._writes = 0
        self._written = 0
        self._tidying: asyncio.Task[None] | None = None

    async def get(self, key: str) -> bytes | None:
        """Return a value."""
        return await self._ask(lambda cursor: _value(cursor, key))

    async def many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return values."""

        async def operation(cursor: Any) -> list[bytes | None]:
            await cursor.execute(_MANY, (list(keys),))
            found = {key: bytes(value) for key, value in await cursor.fetchall()}
            return [found.get(key) for key in keys]

        return await self._ask(operation) if keys else []

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep a value."""
        await self._write(lambda cursor: cursor.execute(_PUT, (key, value, ttl)), len(value))

    async def put(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values."""
        # In one order, so that two who keep the same ones never wait for each other.
        rows = [(key, values[key], ttl) for key in sorted(values)]
        await self._write(lambda cursor: cursor.executemany(_PUT, rows), sum(map(len, values.values())))

    async def renew(self, keys: Sequence[str], ttl: float) -> None:
        """Let values live on."""
        if keys:
            await self._write(lambda cursor: cursor.execute(_RENEW, (ttl, list(keys))))

    async def delete(self, key: str) -> bool:
        """Forget a value."""

        async def operation(cursor: Any) -> bool:
            await cursor.execute(_DELETE, (key,))
            row = await cursor.fetchone()
            return row is not None and bool(row[0])

        return await self._write(operation)

    async def swap(self, key: str, old: bytes | None, new: bytes | None, ttl: float | None = None) -> bool:
        """Replace exactly `old`."""

        async def operation(cursor: Any) -> bool:
            await _lock(cursor, [key])
            if await _value(cursor, key) != old:
                return False
            if new is None:
                await cursor.execute(_DELETE, (key,))
            else:
                await cursor.execute(_PUT, (key, new, ttl))
            return True

        return await self._write(operation, len(new or b""))

    async def add(self, sums: Sequence[Sum]) -> list[int]:
        """Add to counters."""

        async def operation(cursor: Any) -> list[int]:
            await _lock(cursor, [one.key for one in sums])
            return [await _add(cursor, one) for one in sums]

        return await self._write(operation) if sums else []

    async def scan(self, prefix: str, *, first: str = "", limit: int = SCANNED) -> list[tuple[str, bytes]]:
        """Return entries in order."""

        async def operation(cursor: Any) -> list[tuple[str, bytes]]:
            await cursor.execute(_SCAN, (max(prefix, first), prefix + "\U0010ffff", limit))
            return [(key, bytes(value)) for key, value in await cursor.fetchall()]

        return await self._ask(operation)

    async def take(self, claims: Sequence[Claim]) -> Taken:
        """Grant all claims or none."""

        async def operation(cursor: Any) -> Taken:
            await _lock(cursor, [claim.key for claim in claims])
            before = []
            for claim in claims:
                await cursor.execute(_SLOTS, (claim.key, claim.since))
                before.append(tuple((int(slot), int(count)) for slot, count in await cursor.fetchall()))
            pairs = zip(claims, before, strict=True)
            is_granted = all(claim.fits(sum(count for _, count in slots)) for claim, slots in pairs)
            if is_granted:
                await _charge(cursor, claims)
            return Taken(is_granted, tuple(before))

        return await self._write(operation) if claims else Taken(True, ())

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Add to slots."""
        if charges:
            await self._write(lambda cursor: _charge(cursor, charges))

    async def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return what a query of another table than ours finds; none where there is no such table."""
        from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

        async def operation(cursor: Any) -> list[tuple[Any, ...]]:
            try:
                await cursor.execute(query, values)
            except (UndefinedTable, UndefinedColumn, InsufficientPrivilege):
                await cursor.connection.rollback()
                return []
            return [tuple(row) for row in await cursor.fetchall()]

        return await self._ask(operation)

    async def close(self) -> None:
        """Close the connections."""
        if self._tidying is not None:
            self._tidying.cancel()
            with suppress(asyncio.CancelledError):
                await self._tidying
        await self._pool.close()

    async def _write(self, operation: Operation[T], size: int = 0) -> T:
        result = await self._ask(operation)
        self._writes += 1
        self._written += size
        is_full = self._most_bytes is not None and self._written > self._most_bytes // 32
        if (is_full or self._writes % _TIDY_EVERY == 0) and (self._tidying is None or self._tidying.done()):
            self._written = 0
            self._tidying = asyncio.get_running_loop().create_task(self._tidy())
        return result

    async def _tidy(self) -> None:
        """Remove what has ended or has no room; another time will do when this one fails."""

        async def operation(cursor: Any) -> None:
            for statement in _EXPIRED:
                await cursor.execute(statement)
            if self._most_bytes is not None:
                await cursor.execute(_PUSHED_OUT, (self._most_bytes,))

        with suppress(StoreError):
            await self._ask(operation)

    async def _ask(self, operation: Operation[T]) -> T:
        if self._clock() < self._away_until:
            raise StoreError(f"the PostgreSQL at {self._name} was away a moment ago")
        try:
            async with asyncio.timeout(_SECONDS):
                await self._open()
                async with self._pool.connection() as connection, connection.cursor() as cursor:
                    return await operation(cursor)
        except self._errors as error:
            if isinstance(error, self._is_away):
                self._away_until = self._clock() + self._pause
            # Only the kind of the error: its text may repeat what was written.
            raise StoreError(f"the PostgreSQL at {self._name} does not answer: {type(error).__name__}") from error

    async def _open(self) -> None:
        if self._is_made:
            return
        async with self._opening:
            if self._is_made:
                return
            await self._pool.open()
            async with self._pool.connection() as connection, connection.cursor() as cursor:
                await cursor.execute("SELECT to_regclass('plano_slots_expire')")
                if (await cursor.fetchone())[0] is None:
                    await cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                    for statement in _SCHEMA:
                        await cursor.execute(statement)
            self._is_made = True


async def _value(cursor: Any, key: str) -> bytes | None:
    await cursor.execute(_GET, (key,))
    row = await cursor.fetchone()
    return None if row is None else bytes(row[0])


async def _lock(cursor: Any, keys: list[str]) -> None:
    """Wait for whoever else reads and writes these keys; always in one order, so that nobody waits in a circle."""
    await cursor.execute(
        "SELECT pg_advisory_xact_lock(number) FROM (SELECT DISTINCT hashtextextended(key, 0) AS number"
        " FROM unnest(%s::text[]) AS keys(key) ORDER BY number) AS numbers",
        (keys,),
    )


async def _add(cursor: Any, one: Sum) -> int:
    value = await _value(cursor, one.key)
    if value is None:
        await cursor.execute(_PUT, (one.key, b"%d" % one.amount, one.ttl))
        return one.amount
    try:
        total = int(value) + one.amount
    except ValueError:
        raise StoreError("a value that is no counter cannot be added to") from None
    await cursor.execute(_COUNT, (b"%d" % total, one.key))
    return total


async def _charge(cursor: Any, charges: Sequence[Charge | Claim]) -> None:
    # In one order, so that rows are locked in one.
    rows = sorted((one.key, one.slot, one.amount, one.ttl) for one in charges)
    await cursor.executemany(_CHARGE, rows)
