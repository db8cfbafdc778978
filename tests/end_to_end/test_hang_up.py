"""A client that hangs up in the middle ends the provider's work too, and harms nobody else."""

from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import Providers
from tests.support.clients import hang_up
from tests.support.reply import Reply
from tests.support.scripted import Api

PATHS: dict[Api, str] = {"openai.chat": "/v1/chat/completions", "anthropic.messages": "/v1/messages"}
MODELS: dict[Api, str] = {"openai.chat": "openai/gpt-4o", "anthropic.messages": "anthropic/claude-sonnet-4-5"}
VERSION = {"anthropic-version": "2023-06-01"}
HELLO: Any = [{"role": "user", "content": "Hello"}]
clients = pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
providers_of = pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])


@providers_of
@clients
def test_hang_up_in_a_stream_closes_the_providers_connection(
    url: str, providers: Providers, client: Api, api: Api
) -> None:
    provider = providers.chat if api == "openai.chat" else providers.messages
    events = list(provider.dialect.stream(Reply(), {"model": "m"}))
    provider.stream([b"".join(events[:4])], end="stall")
    body = {"model": MODELS[api], "messages": HELLO, "stream": True, "max_tokens": 9}
    with httpx.stream("POST", url + PATHS[client], json=body, headers=VERSION, timeout=20) as answer:
        assert next(answer.iter_raw())

    assert provider.last.gone.wait(30)


@providers_of
@clients
def test_hang_up_before_the_answer_closes_the_providers_connection(
    url: str, providers: Providers, client: Api, api: Api
) -> None:
    provider = providers.chat if api == "openai.chat" else providers.messages
    provider.hang()
    body = {"model": MODELS[api], "messages": HELLO, "max_tokens": 9}
    hang_up(url + PATHS[client], body, lambda: provider.requests, VERSION)

    assert provider.last.gone.wait(30)


def test_many_hang_ups_leave_the_gateway_well(url: str, providers: Providers) -> None:
    body = {"model": MODELS["anthropic.messages"], "messages": HELLO, "stream": True}
    for _ in range(10):
        providers.messages.stream([b"event: ping\ndata: {}\n\n"], end="stall")
    for _ in range(10):
        with httpx.stream("POST", url + PATHS["openai.chat"], json=body, timeout=20) as answer:
            assert answer.status_code == 200
    answers = [httpx.post(url + PATHS["openai.chat"], json=body | {"stream": False}, timeout=20) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
