"""Which stores the governance of a configuration means."""

from pathlib import Path

from plano_extproc.config.governance import Governance
from plano_extproc.stores.contract import SharedStore
from plano_extproc.stores.ledger import Ledger, SqliteLedger, ledger_path, node_id
from plano_extproc.stores.ledger_postgres import PostgresLedger
from plano_extproc.stores.opening import shared_path
from plano_extproc.stores.redis import RedisStore
from plano_extproc.stores.sqlite import SqliteStore


def governance_store(governance: Governance, home: Path, *, durable: bool = False) -> SharedStore:
    """Return the store of standing, states, locks, errors and limits. `durable` waits for the disk, if it is a file."""
    url = governance.store.get_secret_value()
    return SqliteStore(shared_path(home), durable=durable) if url == "sqlite" else RedisStore(url)


def open_ledger(governance: Governance, home: Path) -> Ledger:
    """Open the ledger, in the name of this node. Raises `StoreError`."""
    settings = governance.ledger
    node = node_id(home)
    if settings.connection_string is not None:
        return PostgresLedger(settings.connection_string.get_secret_value(), node)
    return SqliteLedger(ledger_path(home), node, durable=settings.mode == "strict")
