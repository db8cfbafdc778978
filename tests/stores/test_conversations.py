"""Turns and conversations, in every store."""

import asyncio
import itertools
import uuid

import pytest

from plano_extproc.errors import InvalidRequest, NotFound, Unavailable
from plano_extproc.stores import Conversations, MemoryStore, RedisStore, SharedStore
from tests.stores.talking import OTHER, OWNER, Json, answer, begun, made_of, said, texts
from tests.support.servers import running_redis


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
