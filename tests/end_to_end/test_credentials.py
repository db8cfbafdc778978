"""A provider gets its own key and nothing that the client used to prove who it is."""

import contextlib
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import ANTHROPIC_KEY, OPENAI_KEY, Providers
from tests.support.clients import CLIENT_KEY, anthropic_client, old_anthropic_client, openai_client
from tests.support.gateway import Gateway
from tests.support.scripted import Api, ScriptedProvider

HELLO: Any = [{"role": "user", "content": "Hello"}]
PATHS: dict[Api, str] = {"openai.chat": "/v1/chat/completions", "anthropic.messages": "/v1/messages"}
MODELS: dict[Api, str] = {"openai.chat": "openai/gpt-4o", "anthropic.messages": "anthropic/claude-sonnet-4-5"}
SECRET = "the-clients-own-secret"
EVERY_CREDENTIAL = {
    "authorization": f"Bearer {SECRET}",
    "x-api-key": SECRET,
    "api-key": SECRET,
    "x-goog-api-key": SECRET,
    "x-plano-key": SECRET,
    "cookie": f"session={SECRET}",
    "proxy-authorization": f"Basic {SECRET}",
}
clients = pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
providers_of = pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])


def scripted(providers: Providers, api: Api) -> ScriptedProvider:
    return providers.chat if api == "openai.chat" else providers.messages


def post(url: str, client: Api, model: str, headers: dict[str, str], **more: Any) -> httpx.Response:
    body = {"model": model, "messages": HELLO, "max_tokens": 9} | more
    return httpx.post(url + PATHS[client], json=body, headers={"anthropic-version": "2023-06-01"} | headers, timeout=20)


@providers_of
@clients
def test_provider_gets_its_own_key_only(url: str, providers: Providers, client: Api, api: Api) -> None:
    answer = post(url, client, MODELS[api], EVERY_CREDENTIAL)
    received = scripted(providers, api).last
    own = {"openai.chat": ("authorization", f"Bearer {OPENAI_KEY}"), "anthropic.messages": ("x-api-key", ANTHROPIC_KEY)}
    name, value = own[api]

    assert answer.status_code == 200
    assert received.header(name) == value
    assert SECRET not in str(received.headers)
    assert SECRET.encode() not in received.body


@providers_of
def test_repeated_credential_headers_are_all_removed(url: str, providers: Providers, api: Api) -> None:
    repeated = [("authorization", f"Bearer {SECRET}"), ("authorization", f"Bearer {SECRET}2"), ("x-api-key", SECRET)]
    body = {"model": MODELS[api], "messages": HELLO, "max_tokens": 9}
    headers = [*repeated, ("anthropic-version", "2023-06-01")]
    answer = httpx.post(url + PATHS[api], json=body, headers=headers, timeout=20)

    assert answer.status_code == 200
    assert SECRET not in str(scripted(providers, api).last.headers)


def test_client_needs_no_credential(url: str, chat: ScriptedProvider) -> None:
    assert post(url, "openai.chat", "gpt-4o", {}).status_code == 200
    assert chat.last.header("authorization") == f"Bearer {OPENAI_KEY}"


def test_account_headers_of_the_client_are_not_sent_with_our_key(url: str, chat: ScriptedProvider) -> None:
    with openai_client(url, organization="org-mine", project="proj-mine") as client:
        client.chat.completions.create(model="gpt-4o", messages=HELLO)

    assert chat.last.header("openai-organization") is None
    assert chat.last.header("openai-project") is None


def test_passthrough_sends_the_clients_own_credential(url: str, providers: Providers) -> None:
    with openai_client(url) as client, anthropic_client(url) as other, old_anthropic_client(url) as old:
        client.chat.completions.create(model="openai/passed-on", messages=HELLO)
        other.messages.create(model="anthropic/passed-on-too", max_tokens=9, messages=HELLO)
        old.messages.create(model="anthropic/passed-on-too", max_tokens=9, messages=HELLO)
    new, older = providers.passing_messages.requests

    assert providers.passing_chat.last.header("authorization") == f"Bearer {CLIENT_KEY}"
    assert (new.header("authorization"), new.header("x-api-key")) == (f"Bearer {CLIENT_KEY}", None)
    assert (older.header("authorization"), older.header("x-api-key")) == (None, CLIENT_KEY)


def test_passthrough_puts_the_credential_where_the_other_dialect_wants_it(url: str, providers: Providers) -> None:
    with openai_client(url) as client, old_anthropic_client(url) as old:
        client.chat.completions.create(model="anthropic/passed-on-too", messages=HELLO)
        old.messages.create(model="openai/passed-on", max_tokens=9, messages=HELLO)

    assert providers.passing_messages.last.header("x-api-key") == CLIENT_KEY
    assert providers.passing_messages.last.header("authorization") is None
    assert providers.passing_chat.last.header("authorization") == f"Bearer {CLIENT_KEY}"
    assert providers.passing_chat.last.header("x-api-key") is None


def test_passthrough_never_sends_a_key_of_ours_nor_a_cookie(url: str, providers: Providers) -> None:
    headers = {"authorization": f"Bearer {CLIENT_KEY}", "cookie": f"session={SECRET}", "x-plano-key": SECRET}
    answer = post(url, "openai.chat", "openai/passed-on", headers)
    received = str(providers.passing_chat.last.headers)

    assert answer.status_code == 200
    assert OPENAI_KEY not in received
    assert SECRET not in received


def test_passthrough_without_a_credential_is_the_providers_to_refuse(url: str, providers: Providers) -> None:
    answer = post(url, "openai.chat", "openai/passed-on", {})
    providers.passing_chat.refused.clear()

    assert answer.status_code == 401
    assert "API key" in answer.json()["error"]["message"]


@clients
def test_providers_headers_are_set_last(url: str, messages: ScriptedProvider, client: Api) -> None:
    post(url, client, "anthropic/claude-with-headers", {"x-team": "red"})

    assert messages.last.header("x-team") == "blue"
    assert messages.last.header("anthropic-version") == "2026-10-21"


def test_answers_hold_no_cookie_of_the_provider(url: str, chat: ScriptedProvider) -> None:
    answer = post(url, "openai.chat", "gpt-4o", {})

    assert "set-cookie" not in answer.headers


def test_keys_are_in_no_file_log_or_admin_answer(url: str, gateway: Gateway, providers: Providers) -> None:
    post(url, "openai.chat", "gpt-4o", EVERY_CREDENTIAL)
    providers.chat.fail(401, "Incorrect API key provided.")
    post(url, "openai.chat", "gpt-4o", EVERY_CREDENTIAL)
    admin = f"http://127.0.0.1:{gateway.status()['ports']['admin']}"
    dump = httpx.get(f"{admin}/config_dump?include_eds", timeout=20).text
    run = gateway.home / "run"
    files = [path for path in run.rglob("*") if path.is_file()]
    texts = ""
    for path in files:
        # What a worker writes for a moment only may be gone.
        with contextlib.suppress(FileNotFoundError):
            texts += path.read_text(errors="replace")

    for secret in (OPENAI_KEY, ANTHROPIC_KEY, SECRET):
        assert secret not in dump
        assert secret not in texts


def test_state_is_private_to_its_owner(gateway: Gateway) -> None:
    run = gateway.home / "run"
    folders = [run, *(path for path in run.rglob("*") if path.is_dir())]
    files = [path for path in run.rglob("*") if path.is_file() and path.suffix in (".json", ".yaml", ".sock")]

    assert [path for path in folders if path.stat().st_mode & 0o077] == []
    assert [path for path in files if path.stat().st_mode & 0o077] == []
