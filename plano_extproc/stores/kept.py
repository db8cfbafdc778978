"""The stores that a worker has open: one for each place, whatever configurations have come and gone.

A reload that names another place opens another store. The old one stays open for the exchanges that began with it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from plano_extproc.config import Config
from plano_extproc.stores.contract import SharedStore
from plano_extproc.stores.conversations import Conversations
from plano_extproc.stores.opening import conversations, limit_store, redis_url, state_store
from plano_extproc.stores.redis import RedisStore
from plano_extproc.stores.sqlite import SqliteStore

_ANSWER_BYTES: Final = 256 * 1024 * 1024
"""The most that cached answers take on disk."""

_BINDING_BYTES: Final = 1024
"""What a session is counted as, with its key and some models that it has visited."""


class KeptStores:
    """Opens stores below `home`, a PLANO_HOME. `new_id` gives what nobody can guess, `now` the wall clock."""

    def __init__(self, home: Path, *, new_id: Callable[[], str], now: Callable[[], float]) -> None:
        self._home = home
        self._new_id = new_id
        self._now = now
        self._open: dict[str, SharedStore] = {}

    def conversations(self, config: Config) -> Conversations | None:
        """Return the conversations that a configuration keeps; raises `StoreError` where its store cannot be had."""
        if config.state_storage is None:
            return None
        return conversations(config, self.state(config), new_id=self._new_id, now=self._now)

    def state(self, config: Config | None) -> SharedStore:
        """Return the store of what outlasts an exchange: that of conversations, else a file of the node's own."""
        state = config.state_storage if config is not None else None
        if config is None or state is None:
            return self._kept("memories", lambda: SqliteStore(self._home / "state" / "memories.sqlite"))
        url = state.connection_string.get_secret_value() if state.connection_string else None
        return self._kept(
            f"{state.type} {url or state.path} {state.max_bytes}", lambda: state_store(config, self._home)
        )

    def answers(self, config: Config) -> SharedStore:
        """Return the store of cached answers: the Redis that is there anyway, else a file that `down` removes."""
        url = redis_url(config)
        if url is not None:
            return self._kept(f"redis {url}", lambda: RedisStore(url))
        path = self._home / "run" / "answers.sqlite"
        return self._kept("answers", lambda: SqliteStore(path, most_bytes=_ANSWER_BYTES))

    def bindings(self, config: Config) -> SharedStore:
        """Return the store of sessions: the Redis that the file names for them, else a file that `down` removes."""
        cache = config.routing.session_cache
        if cache.type == "redis" and cache.url is not None:
            url = cache.url.get_secret_value()
            return self._kept(f"redis {url}", lambda: RedisStore(url))
        most = config.routing.session_max_entries * _BINDING_BYTES
        path = self._home / "run" / "sessions.sqlite"
        return self._kept(f"sessions {most}", lambda: SqliteStore(path, most_bytes=most))

    def shared(self, config: Config) -> SharedStore:
        """Return the store of limits, usage and whatever else all workers share."""
        return self._kept(
            f"redis {redis_url(config)}" if redis_url(config) else "shared", lambda: limit_store(config, self._home)
        )

    async def close(self) -> None:
        """Close them all."""
        for store in self._open.values():
            await store.close()
        self._open.clear()

    def _kept(self, key: str, make: Callable[[], SharedStore]) -> SharedStore:
        if key not in self._open:
            self._open[key] = make()
        return self._open[key]
