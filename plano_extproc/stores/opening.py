"""Which store a configuration means."""

from pathlib import Path

from plano_extproc.config import Config
from plano_extproc.stores.contract import SharedStore
from plano_extproc.stores.redis import RedisStore
from plano_extproc.stores.sqlite import SqliteStore


def shared_path(home: Path) -> Path:
    """Return the file that the workers of a PLANO_HOME share.

    It is not in `run`, which `planoai down` empties: a budget does not begin anew because the gateway does.
    """
    return home / "state" / "shared.sqlite"


def limit_store(config: Config, home: Path) -> SharedStore:
    """Return the store of limits, budgets and usage: the Redis that the file names, else the node's own file."""
    url = redis_url(config)
    return RedisStore(url) if url else SqliteStore(shared_path(home))


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
