"""Requests to Bedrock that are signed with AWS keys, checked as they arrive behind a real Envoy, by AWS's own rules."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.support.gateway import running_gateway
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider
from tests.support.serving import Quiet, serving
from tests.translate.golden import ASKS, PATHS, told
from tests.translate.invariants import check_stream

pytestmark = pytest.mark.envoy

GOLDEN = Path(__file__).parents[1] / "golden"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
CONFIG = """
version: v0.5.0
listeners: [{{type: model, name: llm, port: {port}}}]
model_providers:
  - model: amazon_bedrock/{model}
    base_url: "{bedrock}"
    aws: &keys
      {{region: us-east-1, access_key_id: AKIDEXAMPLE, secret_access_key: $SECRET, session_token: TOKENEXAMPLE}}
  - {{model: "amazon_bedrock/{profile}", base_url: "{bedrock}", aws: *keys}}
  - model: groq/llama
    base_url: "{chat}"
    access_key: $SECRET
    retry_policy: {{fallback_models: ["amazon_bedrock/{model}"], default_max_attempts: 2}}
"""


@dataclass
class Bedrock(ThreadingHTTPServer):
    """Answers golden files to those whose signature is right; `seen` are the paths that came."""

    daemon_threads = True
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Served)


class _Served(Quiet):
    server: Bedrock

    def answer(self) -> None:
        body = self.body()
        self.server.seen.append(self.path)
        if not self._is_signed(body):
            self.reply(403, b'{"message":"The request signature we calculated does not match."}')
        elif self.path.endswith("/converse-stream"):
            stream = told(GOLDEN / "streams" / "bedrock.converse" / "thinking_and_tools.jsonl")
            self.reply(200, stream, "application/vnd.amazon.eventstream")
        else:
            self.reply(200, (GOLDEN / "responses" / "bedrock.converse" / "citations.json").read_bytes())

    def _is_signed(self, body: bytes) -> bool:
        algorithm, _, rest = self.headers["authorization"].partition(" ")
        proof = dict(part.split("=", 1) for part in rest.split(", "))
        key_id, day, region, service, end = proof["Credential"].split("/")
        names = proof["SignedHeaders"].split(";")
        stamp = self.headers["x-amz-date"]
        path, _, query = self.path.partition("?")
        canonical = "\n".join(
            (
                "POST",
                quote(path, safe="/-_.~"),
                query,
                *(f"{name}:{' '.join(self.headers[name].split())}" for name in names),
                "",
                ";".join(names),
                hashlib.sha256(body).hexdigest(),
            )
        )
        scope = f"{day}/{region}/{service}/{end}"
        text = "\n".join((algorithm, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        key = f"AWS4{SECRET}".encode()
        for part in (day, region, service, end):
            key = hmac.digest(key, part.encode(), "sha256")
        return (
            (algorithm, key_id, service, day) == ("AWS4-HMAC-SHA256", "AKIDEXAMPLE", "bedrock", stamp[:8])
            and {"host", "content-type", "x-amz-date", "x-amz-security-token"} <= set(names)
            and hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), proof["Signature"])
        )


@dataclass(frozen=True)
class Stand:
    url: str
    bedrock: Bedrock
    chat: ScriptedProvider


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with serving(Bedrock()) as bedrock, ScriptedProvider("openai.chat", key=SECRET) as chat:
        url = f"http://127.0.0.1:{bedrock.server_port}"
        config = CONFIG.format(port=free_port(), model=MODEL, profile=PROFILE, bedrock=url, chat=chat.url)
        with running_gateway(config, environ={"SECRET": SECRET}, home=tmp_path_factory.mktemp("signed")) as gateway:
            yield Stand(gateway.url(), bedrock, chat)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", [MODEL, PROFILE], ids=["model", "profile"])
@pytest.mark.parametrize("client", ASKS)
def test_what_is_sent_is_what_is_signed(stand: Stand, client: str, model: str, is_stream: bool) -> None:
    name = f"amazon_bedrock/{model}"
    body = {**ASKS[client]}  # type: ignore[index]
    if client != "gemini.generate":
        body |= {"model": name, "stream": is_stream}
    path = PATHS[client][is_stream].format(model=quote(name, safe=""))  # type: ignore[index]
    if not is_stream:
        body.pop("stream_options", None)
    answer = httpx.post(stand.url + path, json=body, headers={"authorization": "Bearer of-the-client"}, timeout=20)

    assert answer.status_code == 200, answer.text
    assert stand.bedrock.seen[-1] == f"/model/{quote(model, safe='')}/converse{'-stream' if is_stream else ''}"
    if is_stream:
        assert check_stream(client, answer.content).error is None  # type: ignore[arg-type]


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_a_later_try_is_signed_too(stand: Stand, is_stream: bool) -> None:
    stand.chat.fail(503, "Away.")
    body = {**ASKS["openai.chat"], "model": "groq/llama", "stream": is_stream}
    if not is_stream:
        body.pop("stream_options")
    answer = httpx.post(f"{stand.url}/v1/chat/completions", json=body, timeout=20)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-plano-model"] == f"amazon_bedrock/{MODEL}"
    assert answer.headers["x-plano-attempts"] == "2"
