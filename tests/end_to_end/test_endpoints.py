"""What is not an answer of a chat model: other endpoints, token counts, WebSockets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.serving import Quiet, echoing, serving

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/text-embedding-3-small, base_url: "http://127.0.0.1:{http}/v1", access_key: $KEY, default: true}}
  - {{model: openai/whisper-1, base_url: "http://127.0.0.1:{http}/v1", access_key: $KEY}}
  - {{model: anthropic/claude-sonnet-4-5, base_url: "http://127.0.0.1:{http}/v1", access_key: $KEY}}
  - {{model: openai/gpt-realtime, base_url: "http://127.0.0.1:{sockets}/v1", access_key: $KEY}}
  - {{model: groq/llama, base_url: "http://127.0.0.1:{http}/openai/v1", access_key: $KEY}}
  - {{model: gemini/gemini-3-pro, base_url: "http://127.0.0.1:{http}/v1beta", access_key: $KEY, api: gemini.generate}}
model_aliases:
  talk: {{target: gpt-realtime}}
"""


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    body: bytes


class Recorder(ThreadingHTTPServer):
    """A provider that remembers what came and answers one JSON object."""

    answer: bytes = b'{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}'

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(Quiet):
    server: Recorder

    def answer(self) -> None:
        self.server.seen.append(Seen(self.path, self.sent(), self.body()))
        self.reply(200, self.server.answer)


@dataclass
class Stand:
    gateway: Gateway
    provider: Recorder
    opened: list[tuple[str, dict[str, str]]]

    @property
    def url(self) -> str:
        return self.gateway.url()

    @property
    def last(self) -> Seen:
        return self.provider.seen[-1]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    opened: list[tuple[str, dict[str, str]]] = []
    with serving(Recorder()) as provider, echoing(opened) as sockets:
        config = CONFIG.format(port=free_port(), http=provider.server_port, sockets=sockets)
        home: Path = tmp_path_factory.mktemp("endpoints")
        with running_gateway(config, environ={"KEY": "sk-gateway"}, home=home) as gateway:
            yield Stand(gateway, provider, opened)


def test_embeddings_of_the_official_client_reach_the_provider(stand: Stand) -> None:
    client = OpenAI(base_url=f"{stand.url}/v1", api_key="of-the-client", max_retries=0)

    client.embeddings.create(model="openai/text-embedding-3-small", input="hello", encoding_format="float")

    assert stand.last.path == "/v1/embeddings"
    assert json.loads(stand.last.body)["model"] == "text-embedding-3-small"
    assert stand.last.headers["authorization"] == "Bearer sk-gateway"


def test_an_answer_says_which_model_gave_it(stand: Stand) -> None:
    answer = httpx.post(f"{stand.url}/v1/moderations", json={"input": "hello"}, timeout=60)

    assert answer.status_code == 200
    assert answer.headers["x-plano-model"] == "openai/text-embedding-3-small"
    assert answer.content == stand.provider.answer


def test_a_form_goes_on_with_the_models_own_name(stand: Stand) -> None:
    client = OpenAI(base_url=f"{stand.url}/v1", api_key="x", max_retries=0)

    client.audio.transcriptions.create(model="openai/whisper-1", file=("a.wav", b"RIFF\r\n--not-a-boundary\r\n"))

    assert stand.last.path == "/v1/audio/transcriptions"
    assert b'name="model"\r\n\r\nwhisper-1\r\n' in stand.last.body
    assert b"RIFF\r\n--not-a-boundary\r\n" in stand.last.body
    assert int(stand.last.headers["content-length"]) == len(stand.last.body)


def test_a_provider_without_the_endpoint_is_named(stand: Stand) -> None:
    client = OpenAI(base_url=f"{stand.url}/v1", api_key="x", max_retries=0)

    with pytest.raises(BadRequestError) as caught:
        client.embeddings.create(model="groq/llama", input="hello")

    assert "groq/llama" in caught.value.message
    assert caught.value.param == "model"


def test_tokens_are_counted_by_a_provider_that_can(stand: Stand) -> None:
    request = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hello"}]}

    answer = httpx.post(f"{stand.url}/v1/messages/count_tokens", json=request, timeout=60)

    assert stand.last.path == "/v1/messages/count_tokens"
    assert stand.last.headers["x-api-key"] == "sk-gateway"
    assert stand.last.headers["anthropic-version"]
    assert "x-plano-estimate" not in answer.headers


def test_tokens_are_estimated_where_no_provider_counts_them(stand: Stand) -> None:
    before = len(stand.provider.seen)
    request = {"model": "groq/llama", "messages": [{"role": "user", "content": "hello " * 100}]}

    answer = httpx.post(f"{stand.url}/v1/messages/count_tokens", json=request, timeout=60)

    assert 100 <= answer.json()["input_tokens"] <= 200
    assert answer.headers["x-plano-estimate"] in {"o200k_base", "characters"}
    assert len(stand.provider.seen) == before


def test_tokens_are_counted_for_clients_of_geminis_too(stand: Stand) -> None:
    contents = {"contents": [{"role": "user", "parts": [{"text": "hello " * 100}]}]}
    before = len(stand.provider.seen)

    counted = httpx.post(f"{stand.url}/v1beta/models/gemini/gemini-3-pro:countTokens", json=contents, timeout=60)
    estimated = httpx.post(f"{stand.url}/v1beta/models/groq/llama:countTokens", json=contents, timeout=60)

    assert counted.content == stand.provider.answer
    assert [seen.path for seen in stand.provider.seen[before:]] == ["/v1beta/models/gemini-3-pro:countTokens"]
    assert stand.last.headers["x-goog-api-key"] == "sk-gateway"
    assert json.loads(stand.last.body) == contents
    assert 100 <= estimated.json()["totalTokens"] <= 200
    assert estimated.headers["x-plano-estimate"] in {"o200k_base", "characters"}


def test_models_are_listed_for_clients_of_geminis(stand: Stand) -> None:
    listed = httpx.get(f"{stand.url}/v1beta/models", params={"pageSize": 50}, timeout=60)
    shown = httpx.get(f"{stand.url}/v1beta/models/talk", timeout=60)
    unknown = httpx.get(f"{stand.url}/v1beta/models/none", timeout=60)
    other = httpx.delete(f"{stand.url}/v1beta/models/talk", timeout=60)

    assert {"models/talk", "models/groq/llama"} <= {model["name"] for model in listed.json()["models"]}
    assert shown.json()["name"] == "models/talk"
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert (other.status_code, other.headers["allow"]) == (405, "POST, GET")


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"model": 7}'])
def test_a_wrong_body_is_refused_before_any_provider(stand: Stand, body: bytes) -> None:
    answer = httpx.post(f"{stand.url}/v1/embeddings", content=body, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_websocket_is_passed_through_with_our_key(stand: Stand) -> None:
    url = stand.url.replace("http", "ws", 1)

    with connect(
        f"{url}/v1/realtime?model=talk&intent=x", additional_headers={"authorization": "Bearer mine"}
    ) as socket:
        socket.send("hello")
        answer = socket.recv(timeout=60)

    path, headers = stand.opened[-1]
    assert answer == "echo hello"
    assert path == "/v1/realtime?model=gpt-realtime&intent=x"
    assert {k.lower(): v for k, v in headers.items()}["authorization"] == "Bearer sk-gateway"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/realtime?model=none", 404), ("/v1/realtime?model=groq/llama", 400), ("/v1/chat/completions", 403)],
)
def test_a_websocket_that_cannot_be_served_is_refused(stand: Stand, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught, connect(stand.url.replace("http", "ws", 1) + path):
        pass

    assert caught.value.response.status_code in {status, 405}


def test_a_path_for_websockets_says_so(stand: Stand) -> None:
    answer = httpx.get(f"{stand.url}/v1/realtime", timeout=60)

    assert answer.status_code == 426
    assert "WebSocket" in answer.json()["error"]["message"]


def test_a_browsers_key_among_the_protocols_does_not_reach_the_provider(stand: Stand) -> None:
    url = stand.url.replace("http", "ws", 1)
    offered: list[Any] = ["realtime", "openai-insecure-api-key.sk-of-the-client"]

    with connect(f"{url}/v1/realtime?model=talk", subprotocols=offered) as socket:
        socket.send("hello")
        socket.recv(timeout=60)

    assert {k.lower(): v for k, v in stand.opened[-1][1].items()}["sec-websocket-protocol"] == "realtime"


CHAT_ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "llama",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello there"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
MESSAGE_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hello there"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}


@pytest.mark.parametrize(
    ("model", "answer", "path"),
    [
        ("groq/llama", CHAT_ANSWER, "/openai/v1/chat/completions"),
        ("anthropic/claude-sonnet-4-5", MESSAGE_ANSWER, "/v1/messages"),
    ],
)
def test_a_legacy_completion_is_answered_by_chat(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, model: str, answer: dict[str, Any], path: str
) -> None:
    monkeypatch.setattr(stand.provider, "answer", json.dumps(answer).encode())
    client = OpenAI(base_url=f"{stand.url}/v1", api_key="x", max_retries=0)

    made = client.completions.with_raw_response.create(model=model, prompt="say hello", max_tokens=9, suffix="!")

    assert stand.last.path == path
    assert json.loads(stand.last.body)["messages"][0]["role"] == "user"
    assert "prompt" not in json.loads(stand.last.body)
    assert made.parse().choices[0].text == "hello there"
    assert made.parse().object == "text_completion"
    assert "suffix" in made.headers["x-plano-dropped"]


def test_a_legacy_completion_goes_unchanged_to_a_provider_that_has_them(stand: Stand) -> None:
    httpx.post(f"{stand.url}/v1/completions", json={"model": "openai/whisper-1", "prompt": ["a", "b"]}, timeout=60)

    assert stand.last.path == "/v1/completions"
    assert json.loads(stand.last.body) == {"model": "whisper-1", "prompt": ["a", "b"]}
