"""Turns and conversations, in every store."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plano_extproc.config import load
from plano_extproc.conversation.pending import Pending
from plano_extproc.conversation.wish import wish
from plano_extproc.errors import InvalidRequest, NotFound, Unavailable
from plano_extproc.stores import (
    Conversations,
    MemoryStore,
    PostgresStore,
    RedisStore,
    SharedStore,
    SqliteStore,
    state_store,
)
from plano_extproc.stores import conversations as opened
from plano_extproc.stores.peer import PeerTurns
from plano_extproc.stores.threads import Limits
from tests.support.servers import PostgresServer, running_redis

Json = dict[str, Any]
OWNER, OTHER = "a" * 32, "b" * 32
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "sqlite", "sqlite-durable", "postgres", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SharedStore]:
    made: SharedStore
    match request.param:
        case "memory":
            made = MemoryStore()
        case "postgres":
            made = PostgresStore(request.getfixturevalue("postgres_server").url)
        case "redis":
            made = RedisStore(request.getfixturevalue("redis_server").url)
        case kind:
            made = SqliteStore(tmp_path / "state" / "c.sqlite", durable=kind.endswith("durable"))
    yield made
    await made.close()


def made_of(store: SharedStore, **more: Any) -> Conversations:
    limits = Limits(ttl=more.pop("ttl", 1000.0), most_bytes=more.pop("most_bytes", 1_000_000))
    return Conversations(store, limits, new_id=lambda: uuid.uuid4().hex, **more)


@pytest.fixture
def kept(store: SharedStore) -> Conversations:
    return made_of(store)


def answer(text: str, **more: Any) -> Json:
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    return {"id": "resp_theirs", "object": "response", "status": "completed", "output": [item], **more}


async def begun(kept: Conversations, text: str, owner: str = OWNER, **more: Any) -> tuple[Json, Pending]:
    request = {"model": "m", "input": text, **more}
    return request, await kept.begin(owner, wish(request), request)


async def said(kept: Conversations, text: str, reply: str, **more: Any) -> str:
    _, pending = await begun(kept, text, **more)
    turn = pending.turn(answer(reply))
    assert turn is not None
    await kept.save(turn)
    return turn.id


def texts(request: Json) -> list[str]:
    return [part["text"] for item in request["input"] for part in item["content"]]


async def test_a_turn_goes_on_from_all_before_it(kept: Conversations) -> None:
    first = await said(kept, "one", "1")
    second = await said(kept, "two", "2", previous_response_id=first)
    request, pending = await begun(kept, "three", previous_response_id=second)

    merged = pending.request(request)
    assert texts(merged) == ["one", "1", "two", "2", "three"]
    assert "previous_response_id" not in merged
    assert merged["model"] == "m"


async def test_long_threads_are_read_whole(kept: Conversations) -> None:
    last = None
    for number in range(100):
        last = await said(kept, f"q{number}", f"a{number}", previous_response_id=last)
    request, pending = await begun(kept, "end", previous_response_id=last)

    assert texts(pending.request(request)) == [
        *itertools.chain.from_iterable((f"q{n}", f"a{n}") for n in range(100)),
        "end",
    ]


async def test_rows_grow_with_what_is_new_and_not_with_the_conversation(store: SharedStore) -> None:
    kept, owner = made_of(store), uuid.uuid4().hex
    last, reply = None, "x" * 2000
    for number in range(60):
        _, pending = await begun(kept, f"q{number}", owner, previous_response_id=last)
        turn = pending.turn(answer(reply))
        assert turn is not None
        await kept.save(turn)
        last = turn.id
    sizes = sorted(len(value) for _, value in await store.scan(f"turn:{owner}:"))

    assert len(sizes) == 60
    assert sizes[-1] < 6000


async def test_two_turns_may_go_on_from_one(kept: Conversations) -> None:
    first = await said(kept, "one", "1")
    ids = await asyncio.gather(*(said(kept, f"b{n}", f"r{n}", previous_response_id=first) for n in range(5)))
    for number, ident in enumerate(ids):
        request, pending = await begun(kept, "end", previous_response_id=ident)
        assert texts(pending.request(request)) == ["one", "1", f"b{number}", f"r{number}", "end"]


async def test_what_belongs_to_another_client_is_not_found(kept: Conversations) -> None:
    first = await said(kept, "one", "1")
    _, pending = await begun(kept, "two", OTHER, previous_response_id=first)
    assert pending.unknown == first
    with pytest.raises(NotFound) as raised:
        pending.demand_known()
    assert raised.value.code == "previous_response_not_found"
    assert raised.value.param == "previous_response_id"
    for asked in (kept.response(OTHER, first), kept.forget(OTHER, first), kept.input_items(OTHER, first, "")):
        with pytest.raises(NotFound):
            await asked
    assert (await kept.response(OWNER, first))["id"] == first


@pytest.mark.parametrize("ident", ["resp_unknown", "", "resp_*", "resp_/../x", "x" * 5000, "resp_\x00", "turn:a"])
async def test_ids_that_are_none_are_not_found(kept: Conversations, ident: str) -> None:
    with pytest.raises(NotFound):
        await kept.response(OWNER, ident)
    if ident:
        _, pending = await begun(kept, "two", previous_response_id=ident)
        assert pending.unknown == ident


async def test_a_request_that_is_not_to_be_stored_leaves_nothing(kept: Conversations) -> None:
    first = await said(kept, "one", "1")
    request, pending = await begun(kept, "two", previous_response_id=first, store=False)

    assert texts(pending.request(request)) == ["one", "1", "two"]
    assert pending.turn(answer("2")) is None
    assert pending.stated(answer("2"))["store"] is False


async def test_an_answer_is_read_and_forgotten(kept: Conversations) -> None:
    first = await said(kept, "one", "1")
    second = await said(kept, "two", "2", previous_response_id=first)
    found = await kept.response(OWNER, second)
    assert found["previous_response_id"] == first
    assert found["store"] is True
    assert await kept.forget(OWNER, first) == {"id": first, "object": "response", "deleted": True}
    with pytest.raises(NotFound):
        await kept.response(OWNER, first)
    with pytest.raises(NotFound):
        await kept.forget(OWNER, first)
    with pytest.raises(NotFound, match="deleted or has expired"):
        await begun(kept, "three", previous_response_id=second)


async def test_input_items_are_listed_by_pages(kept: Conversations) -> None:
    first = await said(kept, "one", "1")
    second = await said(kept, "two", "2", previous_response_id=first)

    whole = await kept.input_items(OWNER, second, "order=asc")
    assert [item["content"][0]["text"] for item in whole["data"]] == ["one", "1", "two"]
    assert all(item["id"] for item in whole["data"])
    assert whole["has_more"] is False
    newest = await kept.input_items(OWNER, second, "limit=1")
    assert newest["has_more"] is True
    assert newest["data"][0] == whole["data"][2]
    rest = await kept.input_items(OWNER, second, f"limit=5&after={newest['last_id']}")
    assert rest["data"] == [whole["data"][1], whole["data"][0]]
    with pytest.raises(InvalidRequest):
        await kept.input_items(OWNER, second, "limit=0")
    with pytest.raises(InvalidRequest):
        await kept.input_items(OWNER, second, "order=sideways")
    with pytest.raises(NotFound):
        await kept.input_items(OWNER, second, "after=msg_none")


async def test_turns_end_with_their_time(store: SharedStore) -> None:
    kept = made_of(store, ttl=0.05)
    first = await said(kept, "one", "1")
    await asyncio.sleep(0.2)

    _, pending = await begun(kept, "two", previous_response_id=first)
    assert pending.unknown == first


async def test_going_on_keeps_the_beginning_alive(store: SharedStore) -> None:
    kept = made_of(store, ttl=4)
    last = await said(kept, "start", "s")
    for number in range(3):
        await asyncio.sleep(1.5)
        last = await said(kept, f"q{number}", "a", previous_response_id=last)

    request, pending = await begun(kept, "end", previous_response_id=last)
    assert texts(pending.request(request))[0] == "start"


async def test_a_conversation_that_is_too_long_is_refused_or_shortened(store: SharedStore) -> None:
    kept = made_of(store, most_bytes=5000)
    last = None
    for number in range(10):
        last = await said(kept, f"q{number} " + "x" * 1000, "a", previous_response_id=last, truncation="auto")
    with pytest.raises(InvalidRequest) as raised:
        await begun(kept, "end", previous_response_id=last)
    assert raised.value.code == "context_length_exceeded"

    request, pending = await begun(kept, "end", previous_response_id=last, truncation="auto")
    assert pending.is_shortened
    assert [text[:2] for text in texts(pending.request(request))][-3:] == ["q9", "a", "en"]


async def test_a_conversation_collects_items_and_turns(kept: Conversations) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
    made = await kept.create(OWNER, {"items": [item], "metadata": {"topic": "demo"}})
    ident = made["id"]
    await said(kept, "one", "1", conversation=ident)
    await said(kept, "two", "2", conversation={"id": ident})
    request, pending = await begun(kept, "three", conversation=ident)

    assert texts(pending.request(request)) == ["hello", "one", "1", "two", "2", "three"]
    assert pending.stated(answer("x"))["conversation"] == {"id": ident}
    assert made["metadata"] == {"topic": "demo"}
    assert (await kept.update(OWNER, ident, {"metadata": {"a": "b"}}))["metadata"] == {"a": "b"}
    assert (await kept.conversation(OWNER, ident))["metadata"] == {"a": "b"}


async def test_items_of_a_conversation_are_put_read_and_removed(kept: Conversations) -> None:
    ident = (await kept.create(OWNER, {}))["id"]
    put = await kept.put(
        OWNER, ident, {"items": [{"role": "user", "content": "one"}, {"role": "user", "content": "2"}]}
    )
    ids = [item["id"] for item in put["data"]]
    assert put["first_id"] == ids[0]
    assert put["data"][0]["content"] == [{"type": "input_text", "text": "one"}]
    assert (await kept.item(OWNER, ident, ids[1]))["id"] == ids[1]
    assert (await kept.remove(OWNER, ident, ids[0]))["id"] == ident
    with pytest.raises(NotFound):
        await kept.item(OWNER, ident, ids[0])
    with pytest.raises(NotFound):
        await kept.remove(OWNER, ident, ids[0])

    assert [item["id"] for item in (await kept.items(OWNER, ident, ""))["data"]] == [ids[1]]
    request, pending = await begun(kept, "end", conversation=ident)
    assert next(item["content"] for item in pending.request(request)["input"]) == "2"


async def test_turns_that_race_in_one_conversation_are_all_kept(kept: Conversations) -> None:
    ident = (await kept.create(OWNER, {}))["id"]
    ids = await asyncio.gather(*(said(kept, f"q{n}", f"a{n}", conversation=ident) for n in range(6)))
    request, pending = await begun(kept, "end", conversation=ident)

    found = texts(pending.request(request))
    assert sorted(found[:-1]) == sorted([f"q{n}" for n in range(6)] + [f"a{n}" for n in range(6)])
    assert all(found[found.index(f"q{n}") + 1] == f"a{n}" for n in range(6))
    assert all([(await kept.response(OWNER, one))["id"] == one for one in ids])


async def test_a_forgotten_answer_stays_part_of_its_conversation(kept: Conversations) -> None:
    ident = (await kept.create(OWNER, {}))["id"]
    first = await said(kept, "one", "1", conversation=ident)
    await kept.forget(OWNER, first)
    with pytest.raises(NotFound):
        await kept.response(OWNER, first)

    request, pending = await begun(kept, "two", conversation=ident)
    assert texts(pending.request(request)) == ["one", "1", "two"]


async def test_an_answer_not_to_be_stored_is_still_part_of_its_conversation(kept: Conversations) -> None:
    ident = (await kept.create(OWNER, {}))["id"]
    first = await said(kept, "one", "1", conversation=ident, store=False)
    with pytest.raises(NotFound):
        await kept.response(OWNER, first)

    request, pending = await begun(kept, "two", conversation=ident)
    assert texts(pending.request(request)) == ["one", "1", "two"]


@pytest.fixture
def one() -> str:
    """An id that no other test uses: they share servers."""
    return f"msg_{uuid.uuid4().hex}"


@pytest.fixture
def two() -> str:
    return f"msg_{uuid.uuid4().hex}"


def reference(ident: str) -> Json:
    return {"type": "item_reference", "id": ident}


async def told(kept: Conversations, ident: str, entry: str | None = None, text: str = "", **more: Any) -> str:
    """Keep a turn whose answer has one item of this id."""
    content = [{"type": "output_text", "text": text or ident}]
    item = {"id": ident, "type": "message", "role": "assistant", "content": content}
    _, pending = await begun(kept, "x")
    turn = pending.turn(answer("", **{"output": [item], "id": f"resp_{ident}", **more}), entry)
    assert turn is not None
    await kept.save(turn)
    return turn.id


async def test_items_that_are_only_referred_to_are_put_in(kept: Conversations, one: str, two: str) -> None:
    await told(kept, one)
    await told(kept, two)
    items = [reference(one), {"id": two}, reference("msg_none"), {"role": "user", "content": "go on"}]
    request = {"model": "m", "input": items}
    pending = await kept.begin(OWNER, wish(request), request)
    merged = pending.request(request)["input"]

    assert [item.get("id") for item in merged] == [one, two, "msg_none", None]
    assert texts({"input": merged[:2]}) == [one, two]
    assert merged[2:] == items[2:]
    turn = pending.turn(answer("y"))
    assert turn is not None
    assert list(turn.input) == merged


async def test_what_is_referred_to_is_its_owners_and_ends_with_its_answer(kept: Conversations, one: str) -> None:
    ident = await told(kept, one)
    request = {"model": "m", "input": [reference(one)], "store": False}

    assert (await kept.begin(OTHER, wish(request), request)).sent == ()
    assert (await kept.begin(OWNER, wish(request), request)).sent
    await kept.forget(OWNER, ident)
    assert (await kept.begin(OWNER, wish(request), request)).sent == ()


async def test_an_id_that_two_items_have_refers_to_neither(kept: Conversations, one: str, two: str) -> None:
    await told(kept, one)
    await told(kept, two)
    await told(kept, two, text="another")
    await told(kept, two)
    await told(kept, one)
    request = {"model": "m", "input": [reference(one), reference(two)]}
    pending = await kept.begin(OWNER, wish(request), request)

    assert [item.is_reference for item in pending.sent] == [True, False]


async def test_references_go_back_to_the_provider_that_stored_what_they_refer_to(kept: Conversations, one: str) -> None:
    await told(kept, one, entry="openai/gpt", store=True)
    request = {"model": "m", "input": [{"role": "user", "content": "a"}, reference(one)]}
    pending = await kept.begin(OWNER, wish(request), request)
    edited = [{"role": "user", "content": "edited"}, pending.own[1]]

    assert "id" not in pending.own[1]
    assert pending.as_sent(edited, "openai/gpt") == [edited[0], reference(one)]
    assert pending.as_sent(edited, "openai/other") is None


async def test_more_than_a_conversation_may_have_cannot_be_referred_to(store: SharedStore, one: str, two: str) -> None:
    kept = made_of(store, most_bytes=250)
    await told(kept, one)
    await told(kept, two)
    request = {"model": "m", "input": [reference(one), reference(two)]}

    with pytest.raises(InvalidRequest) as raised:
        await kept.begin(OWNER, wish(request), request)
    assert raised.value.code == "context_length_exceeded"


async def test_a_conversation_that_ends_is_gone_for_all(kept: Conversations) -> None:
    ident = (await kept.create(OWNER, {"items": [{"role": "user", "content": "x"}]}))["id"]
    with pytest.raises(NotFound):
        await kept.end(OTHER, ident)
    assert (await kept.end(OWNER, ident))["deleted"] is True
    for asked in (kept.conversation(OWNER, ident), kept.items(OWNER, ident, ""), kept.end(OWNER, ident)):
        with pytest.raises(NotFound):
            await asked
    _, pending = await begun(kept, "two", conversation=ident)
    assert pending.unknown == ident


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"a": 1}},
        {"metadata": {str(n): "x" for n in range(17)}},
        {"metadata": {"a": "x" * 513}},
        {"metadata": []},
        {"items": "text"},
        {"items": [1]},
        {"items": [{"role": "user", "content": "x"}] * 21},
    ],
)
async def test_a_conversation_of_the_wrong_shape_is_refused(body: Json) -> None:
    with pytest.raises(InvalidRequest):
        await made_of(MemoryStore()).create(OWNER, body)


async def test_a_store_that_is_away_is_said() -> None:
    with running_redis() as server:
        store = RedisStore(server.url, pause=0.01)
        kept = made_of(store)
        first = await said(kept, "one", "1")
        _, pending = await begun(kept, "two", previous_response_id=first)
        server.stop()
        turn = pending.turn(answer("2"))
        assert turn is not None
        with pytest.raises(Unavailable) as raised:
            await kept.save(turn)
        assert raised.value.code == "state_store_unavailable"
        with pytest.raises(Unavailable):
            await begun(kept, "two", previous_response_id=first)
        with pytest.raises(Unavailable):
            await kept.response(OWNER, first)
        await store.close()


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
