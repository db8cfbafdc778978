"""Gemini and Claude at Vertex AI, through a real Envoy, before a server that takes what Vertex takes and no more."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.gateway import running_gateway
from tests.support.ports import free_port
from tests.support.serving import Quiet, serving
from tests.translate.invariants import check_stream

pytestmark = pytest.mark.envoy

GOLDEN = Path(__file__).parents[1] / "golden"
PROJECT = "/v1/projects/p/locations/us-east5"
GEMINI = f"{PROJECT}/publishers/google/models/gemini-2.5-flash"
CLAUDE = f"{PROJECT}/publishers/anthropic/models/claude-sonnet-4-5@20250929"
GEMINI_FIELDS = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "labels"}
ASKS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
    "/v1/responses": {"input": "hi"},
}
DIALECTS = dict(zip(ASKS, ("openai.chat", "anthropic.messages", "openai.responses"), strict=True))


@dataclass
class Vertex(ThreadingHTTPServer):
    """Answers golden files, and refuses what Vertex would; `told` are the bodies that came, `tiers` the
    service tiers in their headers."""

    daemon_threads = True
    told: list[dict[str, Any]] = field(default_factory=list)
    tiers: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Served)


class _Served(Quiet):
    server: Vertex

    def answer(self) -> None:
        body = orjson.loads(self.body())
        self.server.told.append(body)
        self.server.tiers.append(self.headers["x-vertex-ai-llm-shared-request-type"])
        problem = self._problem(body)
        if problem:
            self.reply(400, orjson.dumps({"error": {"code": 400, "message": problem, "status": "INVALID_ARGUMENT"}}))
            return
        api = "gemini.generate" if self.path.startswith(GEMINI) else "anthropic.messages"
        if "stream" in self.path.lower():
            self.reply(200, (GOLDEN / "streams" / api / "text.sse").read_bytes(), "text/event-stream")
        else:
            self.reply(200, (GOLDEN / "responses" / api / "text.json").read_bytes())

    def _problem(self, body: dict[str, Any]) -> str | None:
        if self.headers["authorization"] != "Bearer ya29.token" or self.headers["x-api-key"] is not None:
            return "a bearer token is required, and no key"
        if self.path in (f"{GEMINI}:generateContent", f"{GEMINI}:streamGenerateContent?alt=sse"):
            unknown = body.keys() - GEMINI_FIELDS
            return f"Unknown name {unknown}" if unknown else None
        if self.path not in (f"{CLAUDE}:rawPredict", f"{CLAUDE}:streamRawPredict"):
            return f"no such path: {self.path}"
        if body.get("anthropic_version") != "vertex-2023-10-16" or "model" in body:
            return "anthropic_version: Field required; model: Extra inputs are not permitted"
        is_stream = self.path.endswith("streamRawPredict")
        return None if bool(body.get("stream")) == is_stream else "stream does not fit the path"


@pytest.fixture(scope="module")
def vertex() -> Iterator[Vertex]:
    with serving(Vertex()) as server:
        yield server


@pytest.fixture(scope="module")
def url(vertex: Vertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base = f"http://127.0.0.1:{vertex.server_port}{PROJECT}"
    config = f"""
version: v0.5.0
listeners: [{{type: model, name: llm, port: {free_port()}}}]
model_providers:
  - {{model: vertex/gemini-2.5-flash, base_url: "{base}", access_key: $VERTEX_TOKEN}}
  - {{model: vertex/claude-sonnet-4-5@20250929, base_url: "{base}", access_key: $VERTEX_TOKEN}}
"""
    home = tmp_path_factory.mktemp("vertex")
    with running_gateway(config, environ={"VERTEX_TOKEN": "ya29.token"}, home=home) as gateway:
        yield gateway.url()


@pytest.mark.parametrize("model", ["vertex/gemini-2.5-flash", "vertex/claude-sonnet-4-5@20250929"])
@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_client_is_answered(url: str, path: str, model: str, stream: bool) -> None:
    body = {**ASKS[path], "model": model, **({"stream": True} if stream else {})}
    answer = httpx.post(url + path, json=body, timeout=20)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-model"] == model
    if stream:
        assert check_stream(DIALECTS[path], answer.content).text  # type: ignore[arg-type]
    else:
        assert not {"error"} & {key for key, held in answer.json().items() if held}


@pytest.mark.parametrize("query", ["", "?alt=sse"], ids=["list", "sse"])
def test_a_client_of_geminis_gets_claude_in_the_framing_that_it_asks_for(url: str, query: str) -> None:
    path = f"/v1beta/models/vertex%2Fclaude-sonnet-4-5@20250929:streamGenerateContent{query}"
    answer = httpx.post(url + path, json={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, timeout=20)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == ("text/event-stream" if query else "application/json")
    assert check_stream("gemini.generate", answer.content).text


@pytest.mark.parametrize(
    ("method", "golden"),
    [
        ("generateContent", "responses/gemini.generate/text.json"),
        ("streamGenerateContent?alt=sse", "streams/gemini.generate/text.sse"),
    ],
)
def test_a_client_of_geminis_gets_geminis_own_bytes(url: str, method: str, golden: str) -> None:
    path = f"/v1beta/models/vertex%2Fgemini-2.5-flash:{method}"
    answer = httpx.post(url + path, json={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, timeout=20)

    assert answer.status_code == 200, answer.text
    assert answer.content == (GOLDEN / golden).read_bytes()


def test_the_version_of_the_body_is_the_gateways_to_set(url: str, vertex: Vertex) -> None:
    body = {**ASKS["/v1/messages"], "model": "vertex/claude-sonnet-4-5@20250929", "anthropic_version": "other"}
    answer = httpx.post(f"{url}/v1/messages", json=body, timeout=20)

    assert answer.status_code == 200, answer.text
    assert vertex.told[-1]["anthropic_version"] == "vertex-2023-10-16"


def test_what_google_refuses_is_told_in_the_callers_form(url: str) -> None:
    path = "/v1beta/models/vertex%2Fgemini-2.5-flash:generateContent"
    answer = httpx.post(url + path, json={"contents": [{"parts": [{"text": "hi"}]}], "noSuchField": 1}, timeout=20)

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("tier", ["flex", "priority", "default", None])
def test_the_service_tier_is_told_to_gemini_in_a_header(url: str, vertex: Vertex, tier: str | None) -> None:
    body = {"model": "vertex/gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}], "service_tier": tier}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=20)

    assert answer.status_code == 200, answer.text
    assert vertex.tiers[-1] == (tier if tier in {"flex", "priority"} else None)


def test_a_client_of_geminis_may_name_the_tier_in_the_body(url: str, vertex: Vertex) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "serviceTier": "FLEX", "labels": {"a": "b"}}
    answer = httpx.post(f"{url}/v1beta/models/vertex%2Fgemini-2.5-flash:generateContent", json=body, timeout=20)

    assert answer.status_code == 200, answer.text
    assert vertex.tiers[-1] == "flex"
    assert vertex.told[-1] == {key: held for key, held in body.items() if key != "serviceTier"}
