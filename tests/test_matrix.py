"""The matrix: every client dialect with every provider dialect, each cell its goldens, run through real Envoy.

`MATRIX` is the table. A provider here replays what goes in from `tests/golden/`; the client must get, byte for byte,
what `tests/translate` demands of the translation alone, or on the diagonal the provider's own bytes; clients of
Anthropic's get the model's name as they asked for it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from plano_extproc.apis import Api
from tests.support.gateway import Gateway, running_gateway
from tests.support.ports import free_port
from tests.support.serving import Quiet, serving
from tests.translate.golden import ASKS, ENDINGS, PATHS, PROVIDERS, beside, inputs, pretty, told

pytestmark = pytest.mark.envoy

MATRIX: Final[tuple[tuple[Api, Api], ...]] = tuple((client, provider) for client in ASKS for provider in PROVIDERS)
"""Client, provider."""

NAMES: Final[dict[Api, str]] = {api: api.replace(".", "-") for api in PROVIDERS}
KINDS: Final[dict[Api, str]] = {
    "openai.chat": "openai",
    "openai.responses": "openai",
    "anthropic.messages": "anthropic",
    "gemini.generate": "gemini",
    "bedrock.converse": "amazon_bedrock",
}
STREAM_TYPES: Final[dict[str, str]] = {".sse": "text/event-stream", ".jsonl": "application/vnd.amazon.eventstream"}

_TIMES = re.compile(rb'"(created|created_at|completed_at)":\s*[0-9.]+')
_NAMES = re.compile(rb'("model": ?)"[^"]*"')
"""What only a clock can say."""


class Replay(ThreadingHTTPServer):
    """A provider of all dialects: it answers the golden file that the request's `x-golden` names."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Replayed)


class _Replayed(Quiet):
    def answer(self) -> None:
        orjson.loads(self.body())
        path = Path(self.headers["x-golden"])
        status = int(self.headers.get("x-golden-status", "200"))
        self.reply(status, told(path), STREAM_TYPES.get(path.suffix, "application/json"))


@dataclass
class Stand:
    gateway: Gateway

    def ask(self, client: Api, provider: Api, path: Path, *, is_stream: bool) -> httpx.Response:
        """Ask a provider of a dialect, which answers a golden file."""
        model = f"{NAMES[provider]}/the-model"
        body: dict[str, Any] = dict(ASKS[client])
        if client != "gemini.generate":
            body |= {"model": model} | ({"stream": True} if is_stream else {})
        url = self.gateway.url() + PATHS[client][is_stream].format(model=model.replace("/", "%2F"))
        headers = {"x-golden": str(path), "x-request-id": "answer_1"}
        return httpx.post(url, json=body, headers=headers, timeout=20)


def config(provider: int) -> str:
    """Return a file with a model of each dialect at the provider's port."""
    entries = "\n".join(
        f"  - {{model: {NAMES[api]}/the-model, provider_interface: {KINDS[api]}, api: {api}, access_key: k,"
        f' base_url: "http://127.0.0.1:{provider}"}}'
        for api in PROVIDERS
    )
    return f"""
version: v0.5.0
listeners: [{{type: model, name: llm, port: {free_port()}}}]
model_providers:
{entries}
"""


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with (
        serving(Replay()) as replay,
        running_gateway(config(replay.server_port), environ={}, home=tmp_path_factory.mktemp("matrix")) as gateway,
    ):
        yield Stand(gateway)


def cells(kind: str) -> list[Any]:
    return [
        pytest.param(client, provider, path, id=f"{client}-{provider}-{path.name.partition('.')[0]}")
        for client, provider in MATRIX
        for path in inputs(kind, provider)
    ]


def named(client: Api, provider: Api, body: bytes) -> bytes:
    """Return a golden answer with the model named as the client asks for it: Anthropic's clients are told so."""
    asked = rb'\1"%b/the-model"' % NAMES[provider].encode()
    return _NAMES.sub(asked, body, count=1) if client == "anthropic.messages" else body


def timeless(body: bytes) -> bytes:
    return _TIMES.sub(rb'"\1":0', body)


@pytest.mark.parametrize(("client", "provider", "path"), cells("responses"))
def test_a_whole_answer(stand: Stand, client: Api, provider: Api, path: Path) -> None:
    answer = stand.ask(client, provider, path, is_stream=False)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-model"] == f"{NAMES[provider]}/the-model"
    if client == provider:
        assert answer.content == named(client, provider, path.read_bytes())
    else:
        expected = beside(path, client, "json").read_bytes()
        assert timeless(pretty(answer.json())) == timeless(pretty(orjson.loads(named(client, provider, expected))))


@pytest.mark.parametrize(("client", "provider", "path"), cells("streams"))
def test_a_stream(stand: Stand, client: Api, provider: Api, path: Path) -> None:
    answer = stand.ask(client, provider, path, is_stream=True)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    golden = beside(path, client, ENDINGS[client])
    expected = told(path) if client == provider else golden.read_bytes()
    assert timeless(answer.content) == timeless(named(client, provider, expected))


def test_the_table_is_whole() -> None:
    assert {provider for _, provider in MATRIX} == set(KINDS)
    assert {client for client, _ in MATRIX} == set(PATHS)
