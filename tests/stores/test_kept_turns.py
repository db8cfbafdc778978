"""Where turns are kept: the peer's table, what a killed worker leaves, and which store is opened."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plano_extproc.config import load
from plano_extproc.stores import PostgresStore, RedisStore, SqliteStore, state_store
from plano_extproc.stores import conversations as opened
from plano_extproc.stores.peer import PeerTurns
from tests.stores.talking import OTHER, answer, begun, made_of, texts
from tests.support.servers import PostgresServer

ROOT = Path(__file__).parents[2]

PEER = """
CREATE TABLE IF NOT EXISTS conversation_states (response_id TEXT PRIMARY KEY, input_items JSONB NOT NULL,
    created_at BIGINT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL DEFAULT NOW())
"""


async def test_the_table_of_plano_04_is_gone_on_from_by_who_comes_first(postgres_server: PostgresServer) -> None:
    import psycopg

    said_there = '[{"type":"message","role":"user","content":[{"type":"input_text","text":"old"}]}]'
    store = PostgresStore(postgres_server.url)
    kept = made_of(store, elsewhere=PeerTurns(store, 1000.0))
    _, before = await begun(kept, "new", previous_response_id="resp_old")
    assert before.unknown == "resp_old"
    async with await psycopg.AsyncConnection.connect(postgres_server.url) as connection:
        await connection.execute(PEER)
        await connection.execute(
            "INSERT INTO conversation_states (response_id, input_items, created_at, model, provider)"
            " VALUES ('resp_old', %s, 1700000000, 'm', 'p') ON CONFLICT DO NOTHING",
            (said_there,),
        )
    request, pending = await begun(kept, "new", previous_response_id="resp_old")
    assert texts(pending.request(request)) == ["old", "new"]
    turn = pending.turn(answer("reply"))
    assert turn is not None
    await kept.save(turn)
    request, pending = await begun(kept, "more", previous_response_id=turn.id)
    assert texts(pending.request(request)) == ["old", "new", "reply", "more"]

    _, other = await begun(kept, "new", OTHER, previous_response_id="resp_old")
    assert other.unknown == "resp_old"
    _, again = await begun(kept, "new", previous_response_id="resp_old")
    assert again.unknown is None
    await store.close()


SAVER = """
import asyncio, sys, uuid
from pathlib import Path
from plano_extproc.conversation.wish import wish
from plano_extproc.stores import Conversations, SqliteStore
from plano_extproc.stores.threads import Limits

async def main(path):
    store = SqliteStore(Path(path), durable=True)
    kept = Conversations(store, Limits(), new_id=lambda: uuid.uuid4().hex)
    last = None
    while True:
        request = {"input": "q", "previous_response_id": last}
        pending = await kept.begin("a" * 32, wish(request), request)
        turn = pending.turn({"id": "x", "status": "completed", "output": []})
        await kept.save(turn)
        last = turn.id
        print(last, flush=True)

asyncio.run(main(sys.argv[1]))
"""


def test_no_acknowledged_turn_is_lost_when_a_worker_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as saver:
        assert saver.stdout is not None
        lines = [saver.stdout.readline() for _ in range(60)]
        os.kill(saver.pid, signal.SIGKILL)
        lines += saver.stdout.read().splitlines(keepends=True)
    told = [line.decode().strip() for line in lines if line.endswith(b"\n")]

    assert asyncio.run(count_before(path, told[-1])) == len(told)


async def count_before(path: Path, ident: str) -> int:
    store = SqliteStore(path, durable=True)
    request, pending = await begun(made_of(store), "end", previous_response_id=ident)
    await store.close()
    return len(pending.request(request)["input"]) - 1


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("type: memory", SqliteStore),
        ("type: sqlite", SqliteStore),
        ("{type: sqlite, path: state/own.sqlite}", SqliteStore),
        ("{type: postgres, connection_string: 'postgresql://u@127.0.0.1:1/d'}", PostgresStore),
        ("{type: redis, connection_string: 'redis://127.0.0.1:1/0'}", RedisStore),
    ],
)
async def test_each_kind_of_store_is_opened(written: str, kind: type, tmp_path: Path) -> None:
    written = written if written.startswith("{") else "{" + written + "}"
    text = f"version: v0.5.0\nlisteners: [{{type: model, name: m, port: 12000}}]\nstate_storage: {written}\n"
    config = load(text, environ={}, name="c.yaml").config
    assert config is not None
    store = state_store(config, tmp_path)

    assert isinstance(store, kind)
    assert opened(config, store, new_id=lambda: "x", now=lambda: 1.0)
    await store.close()
