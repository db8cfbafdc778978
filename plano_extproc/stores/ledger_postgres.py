"""The ledger in a PostgreSQL, which many nodes share: each writes a chain of its own."""

# ruff: noqa: S608 - what stands in the statements is ours; values are bound

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from plano_extproc.governance.ledger import Entry, Head, Row, Verification, chained
from plano_extproc.stores.contract import StoreError
from plano_extproc.stores.ledger import ALL, Query, row_of, selection, values_of
from plano_extproc.stores.ledger_schema import COLUMNS, PLACE, POSTGRES, VERSIONS

_MISSING = "psycopg is not installed; run: pip install 'plano-extproc[postgres]'"
_SECONDS = 2
"""Longest wait for a connection and for a statement."""


class PostgresLedger:
    """One connection, which is made anew after it broke."""

    def __init__(self, url: str, node: str) -> None:
        """Use the database at `url`; it is looked for at the first use. Raises `StoreError` without psycopg."""
        try:
            import psycopg
        except ImportError:
            raise StoreError(_MISSING) from None
        self._psycopg = psycopg
        self._url = url
        self._name = urlsplit(url).hostname or "its server"
        self._node = node
        self._connection: Any = None

    def append(self, entries: Sequence[Entry]) -> Head:
        """Add rows."""

        def operation(db: Any) -> Head:
            # Workers of the node take turns; the lock ends with the transaction.
            db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"plano ledger {self._node}",))
            found = db.execute("SELECT number, hash FROM ledger_heads WHERE node = %s", (self._node,)).fetchone()
            rows, head = chained(entries, self._node, Head(*found) if found else Head())
            db.cursor().executemany(_INSERT, [values_of(row) for row in rows])
            db.execute(_SET_HEAD, (self._node, head.number, head.hash))
            return head

        made: Head = self._within(operation)
        return made

    def rows(self, query: Query) -> Iterator[Row]:
        """Yield rows."""
        text, values = selection(query, "%s")
        found: list[Any] = self._within(lambda db: db.execute(text, values).fetchall())
        yield from map(row_of, found)

    def verify(self) -> Verification:
        """Check all chains, as they are at one moment."""

        def operation(db: Any) -> Verification:
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            verification = Verification()
            with db.cursor(name="ledger") as rows:
                for values in rows.execute(ALL):
                    verification.take(row_of(values))
            heads = db.execute("SELECT node, number, hash FROM ledger_heads").fetchall()
            verification.end({node: Head(number, digest) for node, number, digest in heads})
            return verification

        made: Verification = self._within(operation)
        return made

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _within(self, operation: Any) -> Any:
        try:
            db = self._connected()
            with db.transaction():
                return operation(db)
        except self._psycopg.Error as error:
            self.close()
            words = str(error).strip().splitlines()
            raise StoreError(f"the ledger at {self._name} does not answer: {words[0] if words else error}") from error

    def _connected(self) -> Any:
        if self._connection is None or self._connection.closed:
            options = f"-c statement_timeout={_SECONDS * 1000 * 15} -c lock_timeout={_SECONDS * 1000}"
            db = self._psycopg.connect(
                self._url, autocommit=True, connect_timeout=_SECONDS, options=options, application_name="plano ledger"
            )
            try:
                with db.transaction():
                    _migrate(db)
            except BaseException:
                db.close()
                raise
            self._connection = db
        return self._connection


def _migrate(db: Any) -> None:
    db.execute("SELECT pg_advisory_xact_lock(hashtext('plano ledger'))")
    db.execute(VERSIONS.format(now="TIMESTAMPTZ DEFAULT now()"))
    done = db.execute("SELECT COALESCE(MAX(version), 0) FROM ledger_versions").fetchone()[0]
    if done > len(POSTGRES):
        raise StoreError(f"the ledger is of version {done}, and this program knows {len(POSTGRES)}")
    for version, step in enumerate(POSTGRES[done:], start=done + 1):
        db.execute(step)
        db.execute("INSERT INTO ledger_versions (version) VALUES (%s)", (version,))


_NAMES: Final = ", ".join((*PLACE, *COLUMNS))
_INSERT: Final = f"INSERT INTO ledger ({_NAMES}) VALUES ({', '.join(['%s'] * len((*PLACE, *COLUMNS)))})"
_SET_HEAD: Final = (
    "INSERT INTO ledger_heads VALUES (%s, %s, %s)"
    " ON CONFLICT (node) DO UPDATE SET number = excluded.number, hash = excluded.hash"
)
