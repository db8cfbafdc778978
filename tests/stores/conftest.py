from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plano_extproc.stores import Conversations, MemoryStore, PostgresStore, RedisStore, SharedStore, SqliteStore
from tests.stores.talking import made_of
from tests.support.servers import postgres_server, redis_server

__all__ = ["postgres_server", "redis_server"]


@pytest.fixture(params=["memory", "sqlite", "sqlite-durable", "postgres", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SharedStore]:
    """A store of each kind, on a server that other tests share."""
    made: SharedStore
    match request.param:
        case "memory":
            made = MemoryStore()
        case "postgres":
            made = PostgresStore(request.getfixturevalue("postgres_server").url)
        case "redis":
            made = RedisStore(request.getfixturevalue("redis_server").url)
        case kind:
            made = SqliteStore(tmp_path / "state" / "shared.sqlite", durable=kind.endswith("durable"))
    yield made
    await made.close()


@pytest.fixture
def kept(store: SharedStore) -> Conversations:
    return made_of(store)
