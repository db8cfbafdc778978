"""Whoever may not call is refused on every path of every type of listener: keys by the sidecar, tokens by Envoy."""

from collections.abc import Iterator

import httpx
import pytest

from plano_extproc.render.paths import SURFACES, Path, Service
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider
from tests.support.token_issuer import TokenIssuer

TYPES = {
    "model": "",
    "agent": ", agents: [{id: echo, description: Answers.}]",
    "prompt": ", prompt_targets: [weather]",
    "unified": ", agents: [{id: echo, description: Answers.}]",
}
VERTEX = {"projects/": "shop/locations/here/publishers/google/models/", "publishers/": "google/models/"}
"""What stands between a path of Vertex AI and the model."""
REST = """
agents:
  - {{id: echo, url: "{chat}"}}
endpoints:
  server: {{endpoint: "127.0.0.1:{api}"}}
prompt_targets:
  - {{name: weather, description: Tells the weather, endpoint: {{name: server, path: /weather}}, parameters: []}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: k, default: true}}
clients:
  - {{id: team-a, key: key-of-team-a}}
"""
CASES = [
    pytest.param(type_, path, method, id=f"{type_} {method} {path.path}{' upgrade' if path.is_upgrade else ''}")
    for type_ in TYPES
    for path in SURFACES[type_]
    for method in path.methods
    if path.service not in (Service.ENVOY, Service.READY)
]


@pytest.fixture(scope="module")
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", is_strict=False) as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(chat: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with TokenIssuer() as issuer:
        jwt = f', jwt: {{issuer: "https://issuer.example", jwks_uri: "{issuer.jwks_uri}"}}'
        listeners = [
            f"  - {{type: {type_}, name: {kind}-{type_}, port: {free_port()}{rest}{more}}}\n"
            for kind, more in (("keys", ""), ("tokens", jwt))
            for type_, rest in TYPES.items()
        ]
        text = "version: v0.5.0\nlisteners:\n" + "".join(listeners) + REST.format(chat=chat.url, api=free_port())
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("paths")) as running:
            good = {"authorization": f"Bearer {issuer.token()}", "x-plano-key": "key-of-team-a"}
            # The issuer's keys are fetched beside the start.
            for type_ in TYPES:
                url = f"{running.url(f'tokens-{type_}')}/v1/models"
                assert until(lambda url=url: httpx.get(url, headers=good, timeout=20).status_code == 200)  # type: ignore[misc]
            yield running


def call(gateway: Gateway, listener: str, path: Path, method: str, **sent: str) -> int:
    """Return the status of a request that could be served."""
    url = gateway.url(listener) + path.path + (_below(path, method) if path.is_prefix else "")
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "input": "Hello"}
    headers = {name.replace("_", "-"): value for name, value in sent.items()}
    if path.is_upgrade:
        socket = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
        headers |= {**socket, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    content = {"json": body} if method in ("POST", "PUT", "PATCH") else {}
    return httpx.request(method, url, headers=headers, timeout=20, **content).status_code  # type: ignore[arg-type]


def _below(path: Path, method: str) -> str:
    if path.api != "gemini.generate":
        return "echo"
    model = "gpt-4o:generateContent" if method == "POST" else "gpt-4o"
    return next((below + model for ending, below in VERTEX.items() if path.path.endswith(ending)), model)


@pytest.mark.parametrize(("type_", "path", "method"), CASES)
def test_nobody_gets_by_without_a_key(
    gateway: Gateway, chat: ScriptedProvider, type_: str, path: Path, method: str
) -> None:
    """What is not served to those who may call either is a 404 to all."""
    chat.clear()
    listener = f"keys-{type_}"

    refused = call(gateway, listener, path, method)
    wrong = call(gateway, listener, path, method, authorization="Bearer another", x_api_key="another")
    assert chat.requests == []
    if not path.is_upgrade:
        allowed = call(gateway, listener, path, method, x_plano_key="key-of-team-a")
        assert allowed != 401
        if (refused, wrong, allowed) == (404, 404, 404) and path.service is Service.SIDECAR:
            return
    assert (refused, wrong) == (401, 401)


@pytest.mark.parametrize(("type_", "path", "method"), CASES)
def test_nobody_gets_by_without_a_token(
    gateway: Gateway, chat: ScriptedProvider, type_: str, path: Path, method: str
) -> None:
    """A client's key is no token."""
    chat.clear()
    listener = f"tokens-{type_}"

    assert call(gateway, listener, path, method, x_plano_key="key-of-team-a") == 401
    assert call(gateway, listener, path, method, x_plano_key="key-of-team-a", authorization="Bearer e30.e30.x") == 401
    assert chat.requests == []
