"""A ChatGPT subscription through the gateway: the login pays, is renewed while the gateway runs, or is missed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from plano_extproc.providers.chatgpt import Store, Tokens
from tests.support.chatgpt_issuer import TOKEN, ChatGptIssuer, access_token, id_token
from tests.support.codex_backend import CodexBackend
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port

pytestmark = pytest.mark.envoy

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: chatgpt/gpt-5.5, base_url: "{backend}", default: true}}
"""


@pytest.fixture(scope="module")
def backend() -> Iterator[CodexBackend]:
    with CodexBackend(access_token(1)) as found:
        yield found


@pytest.fixture(scope="module")
def issuer() -> Iterator[ChatGptIssuer]:
    with ChatGptIssuer() as found:
        yield found


@pytest.fixture(scope="module")
def gateway(
    backend: CodexBackend, issuer: ChatGptIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    text = CONFIG.format(port=free_port(), backend=backend.url)
    home = tmp_path_factory.mktemp("chatgpt")
    with running_gateway(text, environ={"PLANO_CHATGPT_ISSUER": issuer.url}, home=home, workers=2) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(backend: CodexBackend) -> None:
    backend.clear()


def keep(home: Path, access: str, *, seconds: float = 1000, refresh_token: str = "") -> None:
    now = time.time()
    store = Store(home)
    with store.locked():
        store.save(Tokens(access, refresh_token, id_token(), "acct-1", now + seconds, now - 100))


@pytest.fixture
def signed_in(gateway: Gateway) -> Iterator[None]:
    keep(gateway.home, access_token(1))
    yield
    gateway.cli("chatgpt", "logout")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url()}/v1", api_key="placeholder", max_retries=0) as found:
        yield found


@pytest.mark.usefixtures("signed_in")
def test_a_caller_who_wants_no_stream_gets_one_answer(client: openai.OpenAI, backend: CodexBackend) -> None:
    backend.say("Three.")

    answered = client.responses.with_raw_response.create(model="gpt-5.5", input="1 + 2?", temperature=0.5)

    assert backend.refused == []
    assert answered.parse().output_text == "Three."
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-plano-dropped"] == "temperature"
    assert backend.last.header("authorization") == f"Bearer {access_token(1)}"


@pytest.mark.usefixtures("signed_in")
def test_a_caller_who_wants_a_stream_gets_the_backends(client: openai.OpenAI, backend: CodexBackend) -> None:
    backend.say("Three.")

    with client.responses.stream(model="gpt-5.5", input="1 + 2?") as stream:
        kinds = [event.type for event in stream]

    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert backend.refused == []


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("is_stream", [False, True])
def test_callers_of_other_dialects_are_served_too(gateway: Gateway, backend: CodexBackend, is_stream: bool) -> None:
    for _ in range(2):
        backend.say("Three.")

    said = [{"role": "user", "content": "1 + 2?"}]
    request = {"model": "gpt-5.5", "max_tokens": 50, "messages": said, "stream": is_stream}
    by_chat = httpx.post(f"{gateway.url()}/v1/chat/completions", json=request, trust_env=False, timeout=20)
    by_messages = httpx.post(f"{gateway.url()}/v1/messages", json=request, trust_env=False, timeout=20)

    assert backend.refused == []
    for answered in (by_chat, by_messages):
        assert answered.status_code == 200
        assert answered.headers["content-type"].startswith("text/event-stream" if is_stream else "application/json")
        assert answered.headers["x-plano-dropped"] == "max_tokens"
        assert "Thre" in answered.text


def test_without_a_login_the_answer_says_how_to_get_one_and_no_key_leaves(
    client: openai.OpenAI, gateway: Gateway, backend: CodexBackend
) -> None:
    with pytest.raises(openai.AuthenticationError, match="planoai chatgpt login"):
        client.responses.create(model="gpt-5.5", input="hi")

    assert backend.requests == []


def test_without_a_login_a_callers_own_chatgpt_token_is_used(gateway: Gateway, backend: CodexBackend) -> None:
    answered = httpx.post(
        f"{gateway.url()}/v1/responses",
        json={"model": "gpt-5.5", "input": "hi"},
        headers={"authorization": f"Bearer {access_token(1)}", "chatgpt-account-id": "acct-1"},
        trust_env=False,
        timeout=20,
    )

    assert (answered.status_code, backend.refused) == (200, [])


@pytest.mark.usefixtures("signed_in")
def test_an_error_of_the_backends_comes_in_the_callers_dialect(client: openai.OpenAI, backend: CodexBackend) -> None:
    backend.answer(json.dumps({"detail": "No."}).encode(), status=403)

    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.responses.create(model="gpt-5.5", input="hi")

    assert caught.value.body == {"message": "No.", "type": "permission_error", "param": None, "code": None}


def test_a_login_is_renewed_while_the_gateway_runs(
    client: openai.OpenAI, gateway: Gateway, issuer: ChatGptIssuer, backend: CodexBackend
) -> None:
    keep(gateway.home, access_token(0), seconds=-1, refresh_token=issuer.refresh_token)
    store = Store(gateway.home)
    renewed = until(lambda: (held := store.load()) is not None and not held.is_expired(time.time()), seconds=60)
    answer = client.responses.create(model="gpt-5.5", input="hi")
    gateway.cli("chatgpt", "logout")

    assert renewed
    assert issuer.asked == [TOKEN]
    assert answer.status == "completed"
    assert issuer.refresh_token not in gateway.logs()
