"""Conversations that the gateway keeps, by OpenAI's own client, over providers of every dialect and two workers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tests.end_to_end.kept import Place, place, running_place, said
from tests.support.reply import ToolCall

__all__ = ["place", "running_place"]
pytestmark = pytest.mark.envoy


@pytest.mark.parametrize("model", ["chatty", "claude"])
def test_the_next_request_goes_on_whichever_worker_gets_it(place: Place, model: str) -> None:
    provider = {"chatty": place.chat, "claude": place.messages}[model]
    client = place.client()
    last, asked = None, []
    for number in range(8):
        provider.say(f"a{number}")
        answer = client.responses.create(model=model, input=f"q{number}", previous_response_id=last)
        asked += [f"q{number}", f"a{number}"]
        assert said(provider.last.json()) == asked[:-1]
        assert answer.previous_response_id == last
        assert answer.output_text == f"a{number}"
        assert answer.id != last
        last = answer.id
    assert provider.refused == []


@pytest.mark.parametrize("model", ["chatty", "claude"])
def test_a_streamed_turn_can_be_gone_on_from_at_once(place: Place, model: str) -> None:
    provider = {"chatty": place.chat, "claude": place.messages}[model]
    client = place.client()
    last = None
    for number in range(4):
        provider.say(f"a{number}")
        with client.responses.stream(
            model=model, input=f"q{number}", previous_response_id=last or openai.omit
        ) as stream:
            ids = {event.response.id for event in stream if event.type in ("response.created", "response.completed")}
        assert len(ids) == 1
        last = ids.pop()
    assert said(provider.last.json()) == ["q0", "a0", "q1", "a1", "q2", "a2", "q3"]
    assert client.responses.retrieve(str(last)).output_text == "a3"


def test_a_conversation_moves_between_providers_with_its_tools(place: Place) -> None:
    client = place.client()
    tools: Any = [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}]
    place.messages.call_tools(ToolCall("f", {"a": 1}))
    first = client.responses.create(model="claude", input="use f", tools=tools)
    call = next(item for item in first.output if item.type == "function_call")
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
    second = client.responses.create(model="chatty", input=[result], previous_response_id=first.id, tools=tools)

    sent = place.chat.last.json()["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == call.call_id
    client.responses.create(model="other", input="thanks", previous_response_id=second.id)
    kinds = [item.get("type", "message") for item in place.responses.last.json()["input"]]
    assert kinds == ["message", "function_call", "function_call_output", "message", "message"]
    assert place.responses.refused == []


def test_agents_see_the_whole_conversation(place: Place) -> None:
    client = place.client(listener="agents")
    place.agent.say("hello")
    first = client.responses.create(model="any", input="hi")
    with client.responses.stream(model="any", input="more", previous_response_id=first.id) as stream:
        second = stream.get_final_response()

    assert client.responses.retrieve(second.id).output_text == second.output_text
    assert said(place.agent.last.json()) == ["hi", "hello", "more"]
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.create(model="any", input="more", previous_response_id="resp_unknown")
    assert raised.value.code == "previous_response_not_found"


@pytest.mark.parametrize("is_stream", [False, True])
def test_functions_and_agents_share_one_conversation(place: Place, is_stream: bool) -> None:
    client = place.client(listener="platform")

    def say(text: str, last: str | None) -> Any:
        if not is_stream:
            return client.responses.create(model="any", input=text, previous_response_id=last)
        with client.responses.stream(model="any", input=text, previous_response_id=last or openai.omit) as stream:
            return stream.get_final_response()

    first = say("Fetch the fields of an application", None)
    assert place.asked == []
    second = say("CUSTOMER", first.id)
    assert place.asked == ["/fields?application=CUSTOMER"]
    assert "street" in second.output_text
    assert second.previous_response_id == first.id
    say("Thank you, tell me a story about a whale", second.id)

    heard = said(place.agent.last.json())
    assert heard[0] == "Fetch the fields of an application"
    assert heard[1] == first.output_text
    assert "street" in heard[3]
    assert client.responses.retrieve(second.id).output_text == second.output_text


def test_another_clients_turn_is_not_found(place: Place) -> None:
    mine = place.client().responses.create(model="chatty", input="secret")
    other = place.client("key-two")
    with pytest.raises(openai.NotFoundError) as raised:
        other.responses.create(model="chatty", input="more", previous_response_id=mine.id)
    assert raised.value.code == "previous_response_not_found"
    assert raised.value.param == "previous_response_id"
    for asked in (other.responses.retrieve, other.responses.delete, other.responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            asked(mine.id)
    with pytest.raises(openai.AuthenticationError):
        place.client("key-none").responses.retrieve(mine.id)
    assert len(place.chat.requests) == 1


def test_a_kept_answer_is_read_listed_and_deleted(place: Place) -> None:
    client = place.client()
    place.chat.say("1")
    first = client.responses.create(model="chatty", input="one", metadata={"a": "b"})
    second = client.responses.create(model="chatty", input="two", previous_response_id=first.id)
    found = client.responses.retrieve(first.id)
    assert found.model_dump() == first.model_dump()
    items = client.responses.input_items.list(second.id, order="asc", limit=1)
    assert [item.content[0].text for item in items] == ["one", "1", "two"]  # type: ignore[union-attr]
    client.responses.delete(first.id)

    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="chatty", input="three", previous_response_id=second.id)


@pytest.mark.parametrize("listener", ["llm", "agents"])
def test_what_is_done_here_is_not_called_dropped(place: Place, listener: str) -> None:
    answer = place.client(listener=listener).responses.with_raw_response.create(
        model="chatty", input="one", store=True, truncation="auto"
    )

    assert "x-plano-dropped" not in answer.headers


def test_an_answer_that_is_not_to_be_stored_is_not(place: Place) -> None:
    client = place.client()
    answer = client.responses.create(model="chatty", input="one", store=False)
    assert answer.store is False  # type: ignore[attr-defined]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="chatty", input="two", previous_response_id=answer.id)


def test_a_conversation_by_name(place: Place) -> None:
    client = place.client()
    made = client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "remember"}], metadata={"topic": "x"}
    )
    place.chat.say("1")
    client.responses.create(model="chatty", input="one", conversation=made.id)
    client.responses.create(model="chatty", input="two", conversation={"id": made.id})
    assert said(place.chat.last.json()) == ["remember", "one", "1", "two"]
    listed = [item.id for item in client.conversations.items.list(made.id, order="asc")]
    assert len(listed) == 5
    client.conversations.items.delete(listed[0], conversation_id=made.id)
    added = client.conversations.items.create(made.id, items=[{"type": "message", "role": "user", "content": "added"}])
    assert client.conversations.items.retrieve(str(added.data[0].id), conversation_id=made.id).type == "message"
    client.conversations.update(made.id, metadata={"topic": "y"})
    assert client.conversations.retrieve(made.id).metadata == {"topic": "y"}
    place.chat.clear()
    client.responses.create(model="chatty", input="end", conversation=made.id)

    assert said(place.chat.last.json())[:2] == ["one", "1"]
    assert said(place.chat.last.json())[-2:] == ["added", "end"]
    assert client.conversations.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="chatty", input="end", conversation=made.id)


def test_turns_that_race_in_one_conversation_are_all_kept(place: Place) -> None:
    client = place.client()
    made = client.conversations.create()

    def ask(number: int) -> str:
        return client.responses.create(model="chatty", input=f"q{number}", conversation=made.id).id

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(ask, range(6)))
    texts = [item.content[0].text for item in client.conversations.items.list(made.id)]  # type: ignore[union-attr]

    assert len(set(ids)) == 6
    assert {f"q{number}" for number in range(6)} <= set(texts)
    assert len(texts) == 12


def test_a_wrong_shape_is_named_before_anyone_is_asked(place: Place) -> None:
    client = place.client()
    for wrong, param in (
        ({"store": "yes"}, "store"),
        ({"conversation": 7}, "conversation"),
        ({"conversation": "a", "previous_response_id": "b"}, "previous_response_id"),
        ({"truncation": "x"}, "truncation"),
    ):
        with pytest.raises(openai.BadRequestError) as raised:
            client.responses.create(model="chatty", input="x", extra_body=wrong)
        assert raised.value.param == param
    assert place.chat.requests == []
