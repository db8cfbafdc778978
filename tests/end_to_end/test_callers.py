"""Who may call, as Envoy checks it: tokens of an issuer, and web pages of other origins."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider
from tests.support.token_issuer import TokenIssuer

CONFIG = """
version: v0.5.0
listeners:
  - type: model
    name: llm
    port: {port}
    jwt: {{issuer: "https://issuer.example", jwks_uri: "{keys}", audiences: [gateway]}}
    cors: {{allow_origins: ["https://app.example", "https://*.preview.example"]}}
  - type: agent
    name: travel
    port: {agent}
    jwt: {{issuer: "https://issuer.example", jwks_uri: "{keys}"}}
    agents: [{{id: echo, description: Answers.}}]
  - {{type: unified, name: both, port: {unified}, agents: [{{id: echo, description: Answers.}}], clients: [team-a]}}
  - {{type: model, name: open, port: {other}, cors: {{allow_origins: ["*"]}}, clients: [team-a]}}
agents:
  - {{id: echo, url: "{chat}"}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: $OPENAI_API_KEY, default: true}}
  - {{model: openai/passed-on, base_url: "{chat}", passthrough_auth: true}}
clients:
  - {{id: team-a, key: $TEAM_A_KEY}}
"""
KEYS = {"OPENAI_API_KEY": "sk-of-the-gateway", "TEAM_A_KEY": "key-of-team-a"}
HELLO = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def issuer() -> Iterator[TokenIssuer]:
    with TokenIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", is_strict=False) as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(issuer: TokenIssuer, chat: ScriptedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    port, agent, unified, other = (free_port() for _ in range(4))
    text = CONFIG.format(port=port, agent=agent, unified=unified, other=other, keys=issuer.jwks_uri, chat=chat.url)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("callers")) as running:
        good = {"authorization": f"Bearer {issuer.token(aud='gateway')}"}
        # The keys are fetched beside the start.
        assert until(lambda: httpx.get(f"{running.url()}/v1/models", headers=good, timeout=20).status_code == 200)
        yield running


@pytest.fixture(autouse=True)
def _cleared(chat: ScriptedProvider) -> None:
    chat.clear()


def ask(
    gateway: Gateway, listener: str = "llm", path: str = "/v1/chat/completions", *, model: str = "", **sent: str
) -> httpx.Response:
    body = {**HELLO, "model": model} if model else HELLO
    headers = {name.replace("_", "-"): value for name, value in sent.items()}
    return httpx.post(f"{gateway.url(listener)}{path}", json=body, headers=headers, timeout=20)


def test_a_token_of_the_issuer_opens_a_listener(gateway: Gateway, issuer: TokenIssuer, chat: ScriptedProvider) -> None:
    answer = ask(gateway, authorization=f"Bearer {issuer.token(aud='gateway')}")

    assert answer.status_code == 200, answer.text
    assert chat.last.header("authorization") == "Bearer sk-of-the-gateway"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "gateway", "exp": int(time.time()) - 3600},
        {"aud": "gateway", "iss": "https://somebody.example"},
        {"aud": "gateway", "nbf": int(time.time()) + 3600},
    ],
    ids=["expired", "another issuer", "not yet"],
)
def test_a_token_that_is_not_valid_is_a_401(
    gateway: Gateway, issuer: TokenIssuer, chat: ScriptedProvider, claims: dict[str, object]
) -> None:
    answer = ask(gateway, authorization=f"Bearer {issuer.token(**claims)}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
    assert answer.json()["error"]["type"] == "authentication_error"
    assert not chat.requests


def test_a_token_with_a_changed_signature_is_a_401(gateway: Gateway, issuer: TokenIssuer) -> None:
    token = issuer.token(aud="gateway")
    with TokenIssuer() as somebody:
        foreign = somebody.token(aud="gateway")
    for bad in (f"{token[:-8]}AAAAAAAA", foreign, "no.token.atall", "sk-some-key"):
        assert ask(gateway, authorization=f"Bearer {bad}").status_code == 401


def test_a_token_for_another_audience_is_a_403(gateway: Gateway, issuer: TokenIssuer) -> None:
    answer = ask(gateway, authorization=f"Bearer {issuer.token(aud='shop')}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_audience")


def test_a_refusal_is_in_the_callers_dialect(gateway: Gateway) -> None:
    answer = ask(gateway, path="/v1/messages")

    assert answer.status_code == 401
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "authentication_error"


PATHS = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/responses"),
    ("POST", "/v1beta/models/gpt-4o:generateContent"),
    ("GET", "/v1/models"),
]


@pytest.mark.parametrize(
    ("method", "path"),
    [*PATHS, ("POST", "/v1/embeddings"), ("GET", "/v1/realtime?model=gpt-4o"), ("GET", "/nothing")],
)
@pytest.mark.parametrize("listener", ["llm", "travel"])
def test_every_path_wants_a_token(gateway: Gateway, listener: str, method: str, path: str) -> None:
    answer = httpx.request(method, f"{gateway.url(listener)}{path}", json=HELLO, timeout=20)

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_want_none(gateway: Gateway, path: str) -> None:
    assert httpx.get(f"{gateway.url()}{path}", timeout=20).status_code == 200


def test_agents_are_behind_tokens_too(gateway: Gateway, issuer: TokenIssuer, chat: ScriptedProvider) -> None:
    assert ask(gateway, "travel").status_code == 401
    assert ask(gateway, "travel", authorization=f"Bearer {issuer.token()}").status_code == 200
    assert "authorization" not in dict(chat.last.headers)


def test_a_token_is_not_passed_on_as_a_credential(
    gateway: Gateway, issuer: TokenIssuer, chat: ScriptedProvider
) -> None:
    token = f"Bearer {issuer.token(aud='gateway')}"
    sent = {"authorization": token, "x_api_key": "sk-of-the-caller", "x_plano_key": "key-of-team-a"}

    assert ask(gateway, model="openai/passed-on", **sent).status_code == 200
    assert chat.last.header("authorization") is None
    assert chat.last.header("x-api-key") == "sk-of-the-caller"


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("listener", ["open", "both"])
def test_every_path_wants_the_key_of_a_client(gateway: Gateway, listener: str, method: str, path: str) -> None:
    url = f"{gateway.url(listener)}{path}"

    assert httpx.request(method, url, json=HELLO, timeout=20).status_code == 401
    wrong = httpx.request(method, url, json=HELLO, headers={"x-api-key": "another"}, timeout=20)
    assert wrong.status_code == 401


def preflight(gateway: Gateway, origin: str, listener: str = "llm") -> httpx.Response:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,x-stainless-os"}
    url = f"{gateway.url(listener)}/v1/chat/completions"
    return httpx.options(url, headers={"origin": origin, **asked}, timeout=20)


@pytest.mark.parametrize(
    ("origin", "listener"),
    [("https://app.example", "llm"), ("https://a.preview.example", "llm"), ("https://anywhere.example", "open")],
)
def test_a_page_of_an_allowed_origin_may_call(
    gateway: Gateway, issuer: TokenIssuer, origin: str, listener: str
) -> None:
    asked = preflight(gateway, origin, listener)
    token = {"authorization": f"Bearer {issuer.token(aud='gateway')}", "x_api_key": "key-of-team-a"}
    answer = ask(gateway, listener, origin=origin, **token)
    refused = ask(gateway, listener, origin=origin)

    assert asked.status_code == 200
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert {"authorization", "*"} <= set(asked.headers["access-control-allow-headers"].split(", "))
    assert answer.status_code == 200
    assert refused.status_code == 401
    for one in (asked, answer, refused):
        assert one.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in one.headers


def test_a_page_of_another_origin_is_told_nothing(gateway: Gateway, issuer: TokenIssuer) -> None:
    for origin in ("https://evil.example", "https://app.example.evil.example", "http://app.example"):
        asked = preflight(gateway, origin)
        answer = ask(gateway, origin=origin, authorization=f"Bearer {issuer.token(aud='gateway')}")

        assert "access-control-allow-origin" not in {*asked.headers, *answer.headers}
