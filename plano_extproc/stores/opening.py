"""Which store a configuration means."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from plano_extproc.config import Config
from plano_extproc.stores.contract import SharedStore
from plano_extproc.stores.conversations import Conversations
from plano_extproc.stores.peer import PeerTurns
from plano_extproc.stores.postgres import PostgresStore
from plano_extproc.stores.redis import RedisStore
from plano_extproc.stores.sqlite import SqliteStore
from plano_extproc.stores.threads import DEFAULT_TTL, Limits

MEMORY_BYTES: Final = 256 * 1024 * 1024
"""The most that `memory` keeps unless told otherwise."""


def shared_path(home: Path) -> Path:
    """Return the file that the workers of a PLANO_HOME share.

    It is not in `run`, which `planoai down` empties: a budget does not begin anew because the gateway does.
    """
    return home / "state" / "shared.sqlite"


def limit_store(config: Config, home: Path) -> SharedStore:
    """Return the store of limits, budgets and usage: the Redis that the file names, else the node's own file."""
    url = redis_url(config)
    return RedisStore(url) if url else SqliteStore(shared_path(home))


def state_store(config: Config, home: Path) -> SharedStore:
    """Return the store of conversations, and of whatever else is kept beside them.

    `memory` is a file too, since every worker of the node must find it, but one that `planoai down` removes.
    """
    state = config.state_storage
    assert state is not None, "there is a store of conversations only where one is configured"
    url = state.connection_string.get_secret_value() if state.connection_string else ""
    match state.type:
        case "memory":
            return SqliteStore(home / "run" / "state.sqlite", most_bytes=state.max_bytes or MEMORY_BYTES)
        case "sqlite":
            path = Path(state.path or "state/conversations.sqlite").expanduser()
            return SqliteStore(home / path, durable=True, most_bytes=state.max_bytes)
        case "postgres":
            return PostgresStore(url, most_bytes=state.max_bytes)
        case "redis":
            return RedisStore(url)


def conversations(
    config: Config, store: SharedStore, *, new_id: Callable[[], str], now: Callable[[], float]
) -> Conversations:
    """Return the conversations in a store."""
    state = config.state_storage
    assert state is not None, "as above"
    ttl = state.ttl or DEFAULT_TTL
    elsewhere = PeerTurns(store, ttl) if isinstance(store, PostgresStore) else None
    limits = Limits(ttl, config.overrides.max_body_bytes)
    return Conversations(store, limits, new_id=new_id, now=now, elsewhere=elsewhere)


def redis_url(config: Config) -> str | None:
    """Return the URL of the Redis to count in: the one for limits, else the first that is there for something else."""
    if (given := config.overrides.limit_store) is not None:
        return None if given.get_secret_value() == "sqlite" else given.get_secret_value()
    session, state, governance = config.routing.session_cache, config.state_storage, config.governance
    named = (
        session.url if session.type == "redis" else None,
        state.connection_string if state is not None and state.type == "redis" else None,
        governance.store if governance is not None else None,
    )
    return next((url.get_secret_value() for url in named if url and "://" in url.get_secret_value()), None)
