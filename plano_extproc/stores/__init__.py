"""State that workers share, behind one contract: in memory, in SQLite, in PostgreSQL, or in Redis."""

from plano_extproc.stores.contract import SharedStore, StoreError
from plano_extproc.stores.conversations import Conversations
from plano_extproc.stores.memory import MemoryStore
from plano_extproc.stores.opening import conversations, limit_store, shared_path, state_store
from plano_extproc.stores.postgres import PostgresStore
from plano_extproc.stores.quota import Quota, Reservation
from plano_extproc.stores.redis import RedisStore
from plano_extproc.stores.sqlite import SqliteStore

__all__ = [
    "Conversations",
    "MemoryStore",
    "PostgresStore",
    "Quota",
    "RedisStore",
    "Reservation",
    "SharedStore",
    "SqliteStore",
    "StoreError",
    "conversations",
    "limit_store",
    "shared_path",
    "state_store",
]
