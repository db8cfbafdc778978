import asyncio
import itertools
import json
from pathlib import Path

import pytest

from plano_extproc.conversation import memory
from plano_extproc.conversation.facts import facts
from plano_extproc.conversation.memory import Memories
from plano_extproc.stores import RedisStore, SharedStore, SqliteStore
from plano_extproc.stores.memories import MemoryBook, key
from tests.cli.commands import Shell
from tests.support.servers import RedisServer, redis_server

__all__ = ["redis_server"]

CONFIG = """\
version: v0.5.0
listeners: [{type: model, name: m, port: 12000, memory: {}}]
model_providers: [{model: openai/gpt-4o, access_key: k}]
state_storage: {type: redis, connection_string: $STATE}
"""


async def fill(store: SharedStore) -> None:
    book, numbers = MemoryBook(store), itertools.count()
    for client, user, text in (
        ("team-a", "ann", "My name is Ann. I live in Oslo."),
        ("team-a", "bob", "I love tea."),
        ("team-b", "", "I work as a nurse."),
    ):
        found = facts(text)
        await book.change(
            key(client, user),
            Memories(client, user),
            lambda before, found=found: memory.remembered(before, found, 1_800_000_000, lambda: str(next(numbers))),  # type: ignore[misc]
        )
    await store.close()


@pytest.fixture
def filled(user: Shell) -> Shell:
    asyncio.run(fill(SqliteStore(Path(user.home) / "state" / "memories.sqlite")))
    return user


def texts(shell: Shell, *arguments: str) -> list[str]:
    found = json.loads(shell.planoai("memory", "list", "--json", *arguments).stdout)
    return [row["text"] for row in found["memories"]]


def test_memories_are_listed(filled: Shell) -> None:
    assert texts(filled) == ["My name is Ann", "I live in Oslo", "I love tea", "I work as a nurse"]
    assert texts(filled, "--client", "team-a", "--user", "bob") == ["I love tea"]
    assert texts(filled, "--client", "none") == []
    row = json.loads(filled.planoai("memory", "--json").stdout)["memories"][3]
    assert row == {
        "id": "mem_3",
        "client": "team-b",
        "user": None,
        "created": "2027-01-15T08:00:00+00:00",
        "text": "I work as a nurse",
    }
    assert "I love tea" in filled.planoai("memory", "list").stdout


def test_memories_are_deleted_by_id_by_whom_and_all(filled: Shell) -> None:
    assert json.loads(filled.planoai("memory", "delete", "mem_1", "--json").stdout) == {"deleted": ["mem_1"]}
    assert texts(filled) == ["My name is Ann", "I love tea", "I work as a nurse"]
    assert filled.planoai("memory", "delete", "--user", "ann").returncode == 0
    assert texts(filled) == ["I love tea", "I work as a nurse"]
    assert filled.planoai("memory", "delete", "--client", "team-b").returncode == 0
    assert texts(filled) == ["I love tea"]
    assert filled.planoai("memory", "delete", "--all").returncode == 0
    assert texts(filled) == []
    assert "nothing is remembered" in filled.planoai("memory").stderr


def test_what_to_delete_must_be_said(filled: Shell) -> None:
    for wrong in ((), ("mem_1", "--all"), ("--all", "--user", "ann"), ("mem_1", "--client", "team-a")):
        assert filled.planoai("memory", "delete", *wrong).returncode == 2
    missing = filled.planoai("memory", "delete", "mem_99")
    assert missing.returncode == 1
    assert "mem_99" in missing.stderr
    assert len(texts(filled)) == 4


def test_where_nothing_was_remembered_nothing_is_shown(user: Shell) -> None:
    assert texts(user) == []


def test_a_store_on_a_server_is_read(user: Shell, redis_server: RedisServer) -> None:
    asyncio.run(fill(RedisStore(redis_server.url)))
    file = Path(user.home) / "c.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CONFIG)
    user.environ["STATE"] = redis_server.url

    assert "I love tea" in texts(user, "--file", str(file))
    assert user.planoai("memory", "delete", "--all", "--file", str(file)).returncode == 0
