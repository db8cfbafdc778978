"""Conversations where a provider keeps turns too: what it knows it is not sent again."""

import os
from typing import Any

import httpx
import openai
import pytest

from tests.end_to_end.kept import Json, Place, place, running_place, said

__all__ = ["place", "running_place"]
pytestmark = pytest.mark.envoy


def native(ident: str, text: str, *, store: bool = True) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": f"msg_{ident}", "status": "completed", "role": "assistant", "content": [part]}
    return {
        "id": f"resp_{ident}", "object": "response", "created_at": 1, "status": "completed", "model": "native",
        "output": [item], "store": store, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip


def test_a_provider_that_has_stored_a_turn_is_not_sent_it_again(place: Place) -> None:
    client = place.client()
    ident = os.urandom(8).hex()
    place.responses.answer(native(ident, "1"))
    first = client.responses.create(model="native", input="one")
    assert first.id == f"resp_{ident}"
    place.responses.answer(native(f"{ident}2", "2"))
    client.responses.create(model="native", input="two", previous_response_id=first.id)
    sent = place.responses.last.json()
    assert sent["previous_response_id"] == first.id
    assert said(sent) == ["two"]
    client.responses.create(model="other", input="two", previous_response_id=first.id)
    assert said(place.responses.last.json()) == ["one", "1", "two"]
    assert "previous_response_id" not in place.responses.last.json()
    client.responses.create(model="chatty", input="two", previous_response_id=first.id)

    assert said(place.chat.last.json()) == ["one", "1", "two"]
    with pytest.raises(openai.NotFoundError):
        place.client("key-two").responses.create(model="chatty", input="x", previous_response_id=first.id)


def test_a_provider_that_has_not_stored_a_turn_is_sent_it_again(place: Place) -> None:
    client = place.client()
    place.responses.answer(native("same", "1", store=False))
    first = client.responses.create(model="native", input="one")
    assert first.id != "resp_same"
    place.responses.answer(native("same", "2", store=False))
    second = client.responses.create(model="native", input="two", previous_response_id=first.id)
    client.responses.create(model="native", input="three", previous_response_id=second.id)

    assert said(place.responses.last.json()) == ["one", "1", "two", "2", "three"]


@pytest.mark.parametrize("model", ["chatty", "claude", "native"])
def test_what_a_request_only_refers_to_is_put_in(place: Place, model: str) -> None:
    client = place.client()
    place.chat.say("Oslo it is.")
    first = client.responses.create(model="chatty", input="Where to?")
    items: Any = [
        {"role": "user", "content": "Where to?"},
        {"type": "item_reference", "id": first.output[0].id},
        {"role": "user", "content": "And when?"},
    ]
    place.clear()
    client.responses.create(model=model, input=items)
    provider = {"chatty": place.chat, "claude": place.messages, "native": place.responses}[model]

    assert said(provider.last.json()) == ["Where to?", "Oslo it is.", "And when?"]
    with pytest.raises(openai.BadRequestError, match="known to the provider"):
        place.client("key-two").responses.create(model="chatty", input=items)


def test_a_provider_that_has_stored_an_item_is_told_its_name_alone(place: Place) -> None:
    client = place.client()
    first = client.responses.create(model="native", input="Where to?")
    items: Any = [{"type": "item_reference", "id": first.output[0].id}, {"role": "user", "content": "And when?"}]
    client.responses.create(model="native", input=items)

    assert place.responses.last.json()["input"] == items


def test_a_turn_that_only_its_provider_knows_is_passed_through(place: Place) -> None:
    body = b'{"model":"native","input":"more","previous_response_id":"resp_fromelsewhere"}'
    answer = httpx.post(
        f"{place.gateway.url()}/v1/responses",
        content=body,
        headers={"content-type": "application/json", "authorization": "Bearer key-one"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert place.responses.last.body == body
