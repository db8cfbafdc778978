"""A subscription end to end but for Envoy: a login pays for a fitted request, and the stream becomes an answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plano_extproc.config.catalogue import PROVIDERS
from plano_extproc.providers.chatgpt import ChatGptToken, Store, Tokens
from plano_extproc.translate.chatgpt import fitted
from plano_extproc.translate.joined import Joining, joined_answer
from plano_extproc.translate.losses import Losses
from tests.support.chatgpt_issuer import access_token, id_token
from tests.support.codex_backend import CodexBackend
from tests.support.reply import Reply, ToolCall

NOW = 1_790_000_000.0
REQUEST = {"model": "gpt-5.5", "input": "What is 1 + 2?", "temperature": 0.5, "max_output_tokens": 100}


@pytest.fixture(params=[False, True], ids=["full", "terse"])
def backend(request: pytest.FixtureRequest) -> Iterator[CodexBackend]:
    with CodexBackend(access_token(), is_terse=request.param) as found:
        yield found


@pytest.fixture
def credential(tmp_path: Path) -> ChatGptToken:
    store = Store(tmp_path)
    with store.locked():
        store.save(Tokens(access_token(), "refresh", id_token(), "acct-1", NOW + 1000, NOW))
    return ChatGptToken(store)


def post(backend: CodexBackend, credential: ChatGptToken, body: dict[str, Any]) -> httpx.Response:
    headers = {**PROVIDERS["chatgpt"].headers, **{n: v.decode() for n, v in credential.headers(NOW)}}
    return httpx.post(f"{backend.url}/responses", json=body, headers=headers, trust_env=False, timeout=20)


def test_a_request_is_taken_and_its_stream_becomes_the_answer(backend: CodexBackend, credential: ChatGptToken) -> None:
    losses = Losses({"max_tokens": "max_output_tokens"})
    backend.reply(Reply("So:", thinking="Hm.", calls=(ToolCall("add", {"a": 1, "b": 2}, "call_1"),)))

    answered = post(backend, credential, fitted(REQUEST, losses))
    answer = joined_answer(answered.content)

    assert backend.refused == []
    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith("text/event-stream")
    assert [item["type"] for item in answer["output"]] == ["reasoning", "message", "function_call"]
    assert answer["output"][2]["arguments"] == '{"a":1,"b":2}'
    assert set(losses.names()) == {"temperature", "max_output_tokens"}


def test_a_request_that_is_not_fitted_is_refused_in_the_backends_own_shape(
    backend: CodexBackend, credential: ChatGptToken
) -> None:
    answered = post(backend, credential, REQUEST)

    assert (answered.status_code, answered.json()) == (400, {"detail": "Unsupported parameter: max_output_tokens"})
    assert b'"message":"Unsupported parameter: max_output_tokens"' in Joining().error(400, answered.content)
