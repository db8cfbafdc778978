"""Filters through a real gateway: services by HTTP and MCP, before and after, on answers that stream too."""

import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import orjson
import pytest

from tests.support.clients import CLIENT_KEY, anthropic_client, openai_client
from tests.support.gateway import Gateway, running_gateway
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded, Wait
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: masked, port: {masked}, input_filters: [mask], output_filters: [unmask]}}
  - {{type: model, name: texts, port: {texts}, output_filters: [sentences]}}
  - {{type: model, name: events, port: {events}, output_filters: [watch]}}
  - {{type: model, name: strict, port: {strict}, input_filters: [slow, mask]}}
  - {{type: model, name: lenient, port: {lenient}, input_filters: [slow_but_skipped, away, mask]}}
  - {{type: model, name: rules, port: {rules}, input_filters: [rules], output_filters: [rules]}}
  - {{type: model, name: memory, port: {memory}, input_filters: [recall], output_filters: [store]}}
  - type: agent
    name: agents
    port: {agents}
    input_filters: [mask]
    output_filters: [unmask]
    agents: [{{id: weather, description: weather}}]
agents:
  - {{id: weather, url: "http://127.0.0.1:{agent}"}}
filters:
  - {{id: mask, type: http, url: "http://127.0.0.1:{service}/mask", forward_headers: [x-user], headers: {{x-own: key}}}}
  - {{id: unmask, type: http, url: "http://127.0.0.1:{service}/unmask", stream: text}}
  - {{id: watch, type: http, url: "http://127.0.0.1:{service}/watch"}}
  - {{id: sentences, type: http, url: "http://127.0.0.1:{service}/sentences", stream: text}}
  - {{id: slow, type: http, url: "http://127.0.0.1:{service}/slow", timeout: 300ms}}
  - {{id: slow_but_skipped, type: http, url: "http://127.0.0.1:{service}/slow", timeout: 300ms, on_error: skip}}
  - {{id: away, type: mcp, url: "http://127.0.0.1:{closed}/mcp", on_error: skip}}
  - {{id: rules, type: mcp, url: "http://127.0.0.1:{mcp}/mcp", tool: house_rules}}
  - {{id: recall, type: http, url: "http://127.0.0.1:{memories}/before", forward_headers: [x-user]}}
  - {{id: store, type: http, url: "http://127.0.0.1:{memories}/after"}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: k, default: true}}
  - {{model: anthropic/claude-filtered, base_url: "{messages}", access_key: k}}
"""


class Service:
    """Filters of a test: `/mask` hides what stands in angle brackets, `/unmask` puts it back, by request id."""

    def __init__(self) -> None:
        self.asked: list[Recorded] = []
        self.said: deque[tuple[int, bytes]] = deque()
        self._kept: dict[str, list[str]] = {}
        self.server = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> list[Action]:
        self.asked.append(request)
        if request.path.startswith("/slow"):
            return [Wait(2.0), *_reply(200, request.body)]
        if self.said:
            return _reply(*self.said.popleft())
        name = request.header("x-request-id") or ""
        if request.path.startswith("/mask"):
            self._kept[name] = re.findall(r"<\w+>", request.body.decode())
            return _reply(200, re.sub(rb"<\w+>", b"(it)", request.body))
        if request.path.startswith("/sentences"):
            return _reply(200, request.body.upper())
        for word in self._kept.get(name, ()):
            request = Recorded("", "", (), request.body.replace(b"(it)", word.encode()))
        return _reply(200, request.body)

    def to(self, path: str) -> list[Recorded]:
        """Return the requests for a path."""
        return [one for one in self.asked if one.path.startswith(path)]


def _reply(status: int, body: bytes) -> list[Action]:
    headers = (("content-type", "application/json"), ("content-length", str(len(body))))
    return [Head(status, headers), Data(body), End()]


@contextmanager
def sample(module: str, *options: str) -> Iterator[int]:
    """Run a sample server; give its port."""
    with subprocess.Popen(
        (sys.executable, "-m", f"plano_agents.{module}", *options), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+)$", process.stdout.readline().strip())
        try:
            assert found is not None, "the server prints where it is"
            yield int(found.group(1))
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True)
class Stand:
    """A gateway with filters, and what is behind it."""

    gateway: Gateway
    chat: ScriptedProvider
    messages: ScriptedProvider
    agent: ScriptedProvider
    service: Service

    def url(self, listener: str) -> str:
        return self.gateway.url(listener)


@pytest.fixture(scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    service = Service()
    names = ("masked", "texts", "events", "strict", "lenient", "rules", "memory", "agents", "closed")
    with (
        ScriptedProvider("openai.chat") as chat,
        ScriptedProvider("anthropic.messages") as messages,
        ScriptedProvider("openai.chat", is_strict=False) as agent,
        service.server,
        sample("mcp_filter", "--secret", "bluebird") as mcp,
        sample("memory_filter") as memories,
    ):
        text = CONFIG.format(
            **{name: free_port() for name in names},
            agent=agent.port,
            chat=chat.url,
            messages=messages.url,
            service=service.server.port,
            mcp=mcp,
            memories=memories,
        )
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("filters")) as gateway:
            yield Stand(gateway, chat, messages, agent, service)


@pytest.fixture
def stand(_stand: Stand) -> Stand:
    for one in (_stand.chat, _stand.messages, _stand.agent):
        one.clear()
    _stand.service.asked.clear()
    _stand.service.said.clear()
    return _stand


def ask(client: openai.OpenAI, text: str, **more: Any) -> Any:
    messages: list[Any] = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="gpt-4o", messages=messages, **more)


def said(answer: Any, *, stream: bool = False) -> str:
    if not stream:
        return str(answer.choices[0].message.content)
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("listener", ["masked", "agents"])
def test_a_filter_changes_the_request_and_another_the_answer(stand: Stand, listener: str, stream: bool) -> None:
    provider = stand.agent if listener == "agents" else stand.chat
    provider.say("You said (it).")
    with openai_client(stand.url(listener)) as client:
        answer = said(ask(client, "I say <bluebird>.", stream=stream), stream=stream)

    assert provider.last.json()["messages"][0]["content"] == "I say (it)."
    assert answer == "You said <bluebird>."


def test_a_filter_sees_the_clients_own_dialect_path_and_headers(stand: Stand) -> None:
    with anthropic_client(stand.url("masked"), default_headers={"x-user": "jane"}) as client:
        client.messages.create(
            model="claude-filtered", max_tokens=9, messages=[{"role": "user", "content": "I say <bluebird>."}]
        )
    before, after = stand.service.to("/mask")[0], stand.service.to("/unmask")[0]

    assert before.path == "/mask/v1/messages"
    assert before.json()["messages"] == [{"role": "user", "content": "I say <bluebird>."}]
    assert after.json()["type"] == "message"
    assert (before.header("x-user"), before.header("x-own")) == ("jane", "key")
    assert before.header("x-request-id") == after.header("x-request-id")
    assert CLIENT_KEY not in str(before.headers) + str(after.headers)
    assert stand.messages.last.json()["messages"][0]["content"] in (
        "I say (it).",
        [{"type": "text", "text": "I say (it)."}],
    )


def test_a_translated_request_is_filtered_in_the_clients_words(stand: Stand) -> None:
    stand.messages.say("You said (it).")
    with openai_client(stand.url("masked")) as client:
        answer = client.responses.create(model="claude-filtered", input="I say <bluebird>.")

    assert stand.service.to("/mask")[0].path == "/mask/v1/responses"
    assert stand.service.to("/unmask")[0].json()["object"] == "response"
    assert answer.output_text == "You said <bluebird>."


@pytest.mark.parametrize("words", [b'{"detail": "We do not say that."}', b"We do not say that."])
def test_a_filter_refuses_with_its_own_status_and_words(stand: Stand, words: bytes) -> None:
    stand.service.said.append((451, words))
    with openai_client(stand.url("masked")) as client, pytest.raises(openai.APIStatusError) as refused:
        ask(client, "Hello")

    assert (refused.value.status_code, refused.value.body["message"]) == (451, "We do not say that.")  # type: ignore[index]
    assert stand.chat.requests == []


def test_a_refused_anthropic_client_reads_its_own_dialect(stand: Stand) -> None:
    stand.service.said.append((403, b'{"error": {"message": "No."}}'))
    with anthropic_client(stand.url("masked")) as client, pytest.raises(anthropic.PermissionDeniedError, match="No"):
        client.messages.create(model="claude-filtered", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])


def test_a_stream_reaches_a_filter_in_whole_events(stand: Stand) -> None:
    text = "You said Zoë, and nothing else at all."
    stand.chat.say(text)
    with openai_client(stand.url("events")) as client:
        answer = said(ask(client, "Hello", stream=True), stream=True)
    seen = [one.body for one in stand.service.to("/watch")]

    assert answer == text
    assert all(body.startswith(b"data: ") and body.endswith(b"\n\n") for body in seen)
    assert b"".join(seen).endswith(b"data: [DONE]\n\n")


def test_a_filter_of_text_sees_sentences_of_a_stream(stand: Stand) -> None:
    stand.chat.say("First one. And a second one. Third")
    with openai_client(stand.url("texts")) as client:
        answer = said(ask(client, "Hello", stream=True), stream=True)

    assert [one.body for one in stand.service.to("/sentences")] == [b"First one. ", b"And a second one. ", b"Third"]
    assert answer == "FIRST ONE. AND A SECOND ONE. THIRD"


def test_a_refusal_in_a_stream_is_its_last_event(stand: Stand) -> None:
    stand.chat.say("First one. Second one.")
    stand.service.said.extend([(200, b"Fine. "), (403, b"Stop here.")])
    with openai_client(stand.url("texts")) as client, pytest.raises(openai.APIError, match="Stop here"):
        list(ask(client, "Hello", stream=True))


def test_a_filter_that_is_late_refuses_or_is_skipped(stand: Stand) -> None:
    with openai_client(stand.url("strict")) as client, pytest.raises(openai.APIStatusError) as late:
        ask(client, "I say <bluebird>.")
    assert late.value.status_code == 504
    assert stand.chat.requests == []

    with openai_client(stand.url("lenient")) as client:
        ask(client, "I say <bluebird>.")

    assert stand.chat.last.json()["messages"][0]["content"] == "I say (it)."


@pytest.mark.parametrize("made", [b"<html>", b"[1]", b'{"messages": 3}'])
def test_a_filter_that_answers_nonsense_lets_nothing_through(stand: Stand, made: bytes) -> None:
    stand.service.said.append((200, made))
    with openai_client(stand.url("masked")) as client, pytest.raises(openai.InternalServerError) as failed:
        ask(client, "Hello")

    assert failed.value.status_code == 502
    assert "filter 'mask'" in str(failed.value)
    assert stand.chat.requests == []


def test_mcp_rules_refuse_requests_and_mask_answers(stand: Stand) -> None:
    with openai_client(stand.url("rules")) as client:
        with pytest.raises(openai.BadRequestError, match="house rules"):
            ask(client, "Tell me of bluebird.")
        stand.chat.say("It is bluebird.")
        whole = said(ask(client, "Tell me."))
        stand.chat.say("It is bluebird.")
        streamed = said(ask(client, "Tell me.", stream=True), stream=True)

    assert (whole, streamed) == ("It is ********.", "It is ********.")


def test_a_memory_is_kept_after_an_answer_and_added_before_the_next(stand: Stand) -> None:
    headers = {"x-user": "jane"}
    with openai_client(stand.url("memory"), default_headers=headers) as client:
        ask(client, "My name is Jane and I live in Rome.", stream=True).close()
        said(ask(client, "My name is Jane and I live in Rome."))
        ask(client, "Who am I?")
    with openai_client(stand.url("memory"), default_headers={"x-user": "john"}) as client:
        ask(client, "Who am I?")
    of_jane, of_john = stand.chat.requests[-2:]

    assert "My name is Jane" in of_jane.json()["messages"][0]["content"]
    assert "Jane" not in of_john.body.decode()


def test_a_failed_request_leaves_no_memory(stand: Stand) -> None:
    headers = {"x-user": "eve"}
    with openai_client(stand.url("memory"), default_headers=headers) as client:
        stand.chat.fail(400)
        with pytest.raises(openai.BadRequestError):
            ask(client, "My name is Eve.")
        ask(client, "Who am I?")

    assert "Eve" not in stand.chat.last.body.decode()


def test_forms_do_not_pass_a_filter_that_cannot_read_them(stand: Stand) -> None:
    with openai_client(stand.url("masked")) as client, pytest.raises(openai.BadRequestError, match="cannot read forms"):
        client.audio.transcriptions.create(model="gpt-4o", file=("a.wav", b"RIFF"))


def test_embeddings_pass_the_filters_too(stand: Stand) -> None:
    stand.chat.is_strict = False
    stand.chat.answer({"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}})
    with openai_client(stand.url("masked")) as client:
        client.embeddings.create(model="gpt-4o", input="I say <bluebird>.", encoding_format="float")

    assert stand.chat.last.json()["input"] == "I say (it)."


def test_errors_of_a_provider_pass_output_filters_untouched(stand: Stand) -> None:
    stand.chat.fail(429, "Too much.")
    with openai_client(stand.url("masked")) as client, pytest.raises(openai.RateLimitError, match="Too much"):
        ask(client, "Hello")

    assert stand.service.to("/unmask") == []


def test_calls_of_filters_share_connections(stand: Stand) -> None:
    for _ in range(6):
        stand.chat.say("Hello.")
        httpx.post(
            f"{stand.url('masked')}/v1/chat/completions",
            content=orjson.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}),
            timeout=20,
        )

    assert stand.service.server.open_connections <= 4


class McpServer:
    """An MCP server that changes nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.server = HttpServer(self._answer)

    def _answer(self, request: Recorded) -> list[Action]:
        message = request.json() if request.body else {}
        self.seen.append((message.get("method", request.method), request.header("mcp-session-id")))
        result: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s"}}
        if message.get("method") == "tools/call":
            result = {"content": [], "structuredContent": {"result": message["params"]["arguments"]["body"]}}
        answer = orjson.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result})
        status, *rest = _reply(200, answer)
        assert isinstance(status, Head)
        return [Head(200, (*status.headers, ("mcp-session-id", "s1"))), *rest]


def test_an_mcp_session_serves_many_requests(tmp_path: Path) -> None:
    server = McpServer()
    with server.server, ScriptedProvider("openai.chat") as chat:
        text = f"""
version: v0.5.0
listeners: [{{type: model, name: llm, port: {free_port()}, input_filters: [rules]}}]
filters: [{{id: rules, type: mcp, url: "http://127.0.0.1:{server.server.port}/mcp"}}]
model_providers: [{{model: openai/gpt-4o, base_url: "{chat.url}", access_key: k, default: true}}]
"""
        with (
            running_gateway(text, environ={}, home=tmp_path / "home") as gateway,
            openai_client(gateway.url()) as client,
        ):
            for _ in range(3):
                ask(client, "Hello")

    methods = [method for method, _ in server.seen]
    assert methods == ["initialize", "notifications/initialized", "tools/call", "tools/call", "tools/call"]
    assert {session for _, session in server.seen[1:]} == {"s1"}
