"""Items that a turn only refers to, in every store."""

import uuid
from typing import Any

import pytest

from plano_extproc.conversation.wish import wish
from plano_extproc.errors import InvalidRequest
from plano_extproc.stores import Conversations, SharedStore
from tests.stores.talking import OTHER, OWNER, Json, answer, begun, made_of, texts


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
