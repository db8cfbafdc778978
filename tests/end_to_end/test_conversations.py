"""Conversations that the gateway keeps, by OpenAI's own client, over providers of every dialect and two workers."""

import contextlib
import itertools
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.support import anthropic_api
from tests.support.clients import openai_client
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.reply import Reply, ToolCall
from tests.support.scripted import ScriptedProvider
from tests.support.servers import PostgresServer, postgres_server, running_redis

__all__ = ["postgres_server"]
pytestmark = pytest.mark.envoy
Json = dict[str, Any]

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
  - {{type: agent, name: agents, port: {agents}, agents: [{{id: helper, description: helps, default: true}}]}}
  - type: unified
    name: platform
    port: {platform}
    prompt_targets:
      - name: fetch_fields
        description: Fetch the fields of an application
        auto_llm_dispatch_on_response: false
        parameters: [{{name: application, type: str, required: true, enum: [CUSTOMER, ACCOUNT]}}]
        endpoint: {{name: server, path: /fields}}
    agents: [{{id: helper, description: general conversation, default: true}}]
endpoints:
  server: {{endpoint: "127.0.0.1:{api}"}}
agents:
  - {{id: helper, url: "{agent}"}}
model_providers:
  - {{model: groq/chatty, base_url: "{chat}", access_key: $KEY, default: true}}
  - {{model: anthropic/claude, base_url: "{messages}", access_key: $KEY}}
  - {{model: openai/native, base_url: "{responses}", access_key: $KEY}}
  - {{model: openai/other, base_url: "{responses}", access_key: $KEY, name: other}}
clients:
  - {{id: one, key: key-one}}
  - {{id: two, key: key-two}}
overrides: {{function_calling_model: local/lexical, agent_orchestration_model: local/lexical}}
state_storage: {state}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway, and the providers behind it."""

    gateway: Gateway
    chat: ScriptedProvider
    messages: ScriptedProvider
    responses: ScriptedProvider
    agent: ScriptedProvider
    asked: list[str]
    stack: ExitStack

    def client(self, key: str = "key-one", listener: str = "llm") -> openai.OpenAI:
        return self.stack.enter_context(
            openai.OpenAI(base_url=f"{self.gateway.url(listener)}/v1", api_key=key, max_retries=0, timeout=60)
        )

    def clear(self) -> None:
        for provider in (self.chat, self.messages, self.responses, self.agent):
            provider.clear()
        self.asked.clear()


def running(state: str, home: Path, stack: ExitStack) -> Place:
    chat = stack.enter_context(ScriptedProvider("openai.chat", key="sk"))
    messages = stack.enter_context(ScriptedProvider("anthropic.messages", key="sk"))
    responses = stack.enter_context(ScriptedProvider("openai.responses", key="sk"))
    agent = stack.enter_context(ScriptedProvider("openai.chat", is_strict=False))
    asked: list[str] = []
    api = HttpServer(lambda request: _told(request, asked))
    stack.callback(api.close)
    text = CONFIG.format(
        port=free_port(), agents=free_port(), platform=free_port(), api=api.port,
        agent=agent.url.removesuffix("/v1"), chat=chat.url, messages=messages.url, responses=responses.url, state=state,
    )  # fmt: skip
    gateway = stack.enter_context(running_gateway(text, environ={"KEY": "sk"}, home=home, workers=2))
    return Place(gateway, chat, messages, responses, agent, asked, stack)


def _told(request: Recorded, asked: list[str]) -> list[Action]:
    """Answer as an API that tells what it was asked."""
    asked.append(request.target)
    raw = b'{"fields": ["name", "street"]}'
    return [Head(200, (("content-type", "application/json"), ("content-length", str(len(raw))))), Data(raw), End()]


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        yield running("{type: sqlite}", tmp_path_factory.mktemp("state"), stack)


@pytest.fixture
def place(_place: Place) -> Place:
    _place.clear()
    return _place


def said(body: Json) -> list[str]:
    """Return the texts of a request in any dialect, in their order."""
    found: list[str] = []
    held = body.get("messages") or body["input"]
    for item in [{"content": held}] if isinstance(held, str) else held:
        content = item.get("content")
        found += [content] if isinstance(content, str) else [part.get("text", "") for part in content or ()]
    return found


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


def test_the_end_of_a_stream_waits_until_the_turn_is_saved_and_the_disk_is_full(place: Place) -> None:
    client = place.client()
    first = client.responses.create(model="chatty", input="one")
    limits = []
    try:
        for pid in place.gateway.workers():
            process = psutil.Process(pid)
            limits.append((process, process.rlimit(psutil.RLIMIT_FSIZE)))
            process.rlimit(psutil.RLIMIT_FSIZE, (4096, psutil.RLIM_INFINITY))
        with pytest.raises(openai.InternalServerError) as raised:
            client.responses.create(model="chatty", input="two", previous_response_id=first.id)
        assert raised.value.status_code == 503
        assert raised.value.code == "state_store_unavailable"
        place.chat.say("streamed")
        kinds = streamed(place, {"model": "chatty", "input": "x", "previous_response_id": first.id})
        assert "response.output_text.delta" in kinds
        assert "response.completed" not in kinds
        assert kinds[-1] == "error"
        assert client.responses.create(model="chatty", input="free", store=False).output_text
    finally:
        for process, limit in limits:
            process.rlimit(psutil.RLIMIT_FSIZE, limit)
    place.chat.clear()
    client.responses.create(model="chatty", input="again", previous_response_id=first.id)

    assert said(place.chat.last.json())[0] == "one"
    assert said(place.chat.last.json())[-1] == "again"


def streamed(place: Place, body: Json) -> list[str]:
    """Return the types of a stream's events."""
    with httpx.stream(
        "POST",
        f"{place.gateway.url()}/v1/responses",
        json=body | {"stream": True},
        headers={"authorization": "Bearer key-one"},
        timeout=60,
    ) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("event: ")]
    return [line.removeprefix("event: ") for line in lines]


def test_no_acknowledged_turn_is_lost_when_workers_are_killed(place: Place) -> None:
    client = place.client()
    last, texts = None, []
    for number in itertools.count():
        if number in (5, 10):
            # The one that is to die may be about to be replaced after the last time.
            with contextlib.suppress(ProcessLookupError):
                os.kill(place.gateway.workers()[0], signal.SIGKILL)
        try:
            place.chat.clear()
            answer = client.responses.create(model="chatty", input=f"q{number}", previous_response_id=last)
        except (openai.APIError, httpx.HTTPError):
            continue
        last = answer.id
        texts.append(f"q{number}")
        assert [text for text in said(place.chat.last.json()) if text.startswith("q")] == texts
        if number >= 16 and len(texts) > 10:
            break
    assert until(lambda: place.gateway.seen_healthy() == 2, seconds=60)


def test_a_store_that_goes_away_is_told_and_comes_back(tmp_path: Path) -> None:
    with running_redis() as server, ExitStack() as stack:
        place = running(f"{{type: redis, connection_string: '{server.url}'}}", tmp_path / "home", stack)
        client = place.client()
        first = client.responses.create(model="chatty", input="one")
        gate = place.messages.gate()
        going_on = {"model": "claude", "input": "x", "stream": True}
        told = list(anthropic_api.stream(Reply(text="hello"), {"model": "claude", "stream": True, "messages": []}))
        place.messages.stream([b"".join(told[:2]), b"".join(told[2:])], gate=gate)
        with httpx.stream(
            "POST", f"{place.gateway.url()}/v1/responses", json=going_on,
            headers={"authorization": "Bearer key-one"}, timeout=60,
        ) as answer:  # fmt: skip
            server.stop()
            gate.set()
            kinds = [line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: ")]
        assert kinds[-1] == "error"
        assert "response.completed" not in kinds
        asked = len(place.chat.requests)
        with pytest.raises(openai.InternalServerError) as raised:
            client.responses.create(model="chatty", input="two", previous_response_id=first.id)
        assert raised.value.status_code == 503
        assert len(place.chat.requests) == asked
        server.start()

        def comes_back() -> bool:
            try:
                client.responses.create(model="chatty", input="fresh")
            except openai.InternalServerError:
                return False
            return True

        assert until(comes_back, seconds=60)


def test_a_worker_that_dies_between_answer_and_save_acknowledges_nothing(tmp_path: Path) -> None:
    with running_redis() as server, ExitStack() as stack:
        place = running(f"{{type: redis, connection_string: '{server.url}'}}", tmp_path / "home", stack)
        workers = place.gateway.workers()
        gate = place.messages.gate()
        told = list(anthropic_api.stream(Reply(text="hello"), {"model": "claude", "stream": True, "messages": []}))
        place.messages.stream([b"".join(told[:-1]), told[-1]], gate=gate)
        going_on = {"model": "claude", "input": "x", "stream": True}
        kinds: list[str] = []
        has_broken = False
        with httpx.stream(
            "POST", f"{place.gateway.url()}/v1/responses", json=going_on,
            headers={"authorization": "Bearer key-one"}, timeout=60,
        ) as answer:  # fmt: skip
            assert server.process is not None
            # The save is sent, and nobody answers.
            server.process.send_signal(signal.SIGSTOP)
            gate.set()
            try:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        kinds.append(line.removeprefix("event: "))
                    if "response.output_text.done" in kinds:
                        for pid in workers:
                            with contextlib.suppress(ProcessLookupError):
                                os.kill(pid, signal.SIGKILL)
            except httpx.HTTPError:
                has_broken = True
        server.process.send_signal(signal.SIGCONT)

        assert has_broken
        assert "response.completed" not in kinds


def test_postgres_keeps_conversations(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with ExitStack() as stack:
        state = f"{{type: postgres, connection_string: '{postgres_server.url}', ttl: 1h, max_bytes: 1000000}}"
        place = running(state, tmp_path / "home", stack)
        client = place.client()
        last = None
        for number in range(5):
            last = client.responses.create(model="chatty", input=f"q{number}", previous_response_id=last).id
        assert [text for text in said(place.chat.last.json()) if text.startswith("q")] == [f"q{n}" for n in range(5)]
        with client.responses.stream(model="claude", input="end", previous_response_id=last) as stream:
            ended = stream.get_final_response()
        assert client.responses.retrieve(ended.id).output_text == ended.output_text


def test_memory_is_shared_by_workers_and_gone_after_down(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = running("{type: memory}", tmp_path / "home", stack)
        client = place.client()
        first = client.responses.create(model="chatty", input="one")
        for _ in range(6):
            client.responses.create(model="chatty", input="two", previous_response_id=first.id)
        place.gateway.cli("down")
        assert not (place.gateway.home / "run" / "state.sqlite").exists()


def test_without_a_store_nothing_is_kept(tmp_path: Path) -> None:
    with ExitStack() as stack:
        chat = stack.enter_context(ScriptedProvider("openai.chat", key="sk"))
        text = (
            f"version: v0.5.0\nlisteners: [{{type: model, name: llm, port: {free_port()}}}]\n"
            f'model_providers: [{{model: groq/chatty, base_url: "{chat.url}", access_key: sk, default: true}}]\n'
        )
        gateway = stack.enter_context(running_gateway(text, environ={}, home=tmp_path / "home"))
        client = stack.enter_context(openai_client(gateway.url()))
        answer = client.responses.create(model="chatty", input="one")
        assert answer.store is False  # type: ignore[attr-defined]
        with pytest.raises(openai.NotFoundError, match="state_storage"):
            client.responses.retrieve(answer.id)
        with pytest.raises(openai.NotFoundError):
            client.conversations.create()
