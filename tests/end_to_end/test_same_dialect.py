"""Where client and provider speak one dialect, not a byte of it is touched but the model's name."""

from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import Providers
from tests.support.clients import anthropic_client
from tests.support.scripted import Api, ScriptedProvider

PATHS: dict[Api, str] = {"openai.chat": "/v1/chat/completions", "anthropic.messages": "/v1/messages"}
JSON = {"content-type": "application/json", "anthropic-version": "2023-06-01"}

ODD_BODY: dict[Api, bytes] = {
    "openai.chat": b'{ "model" :"gpt-4o","novelty":{"b":1.50,"a":[1e3,null]},\n "messages":[ {"role":"user",'
    b'"content":"caf\xc3\xa9 \\ud83d\\ude00 \\/"} ] ,"temperature":0.70 }\n',
    "anthropic.messages": b'{ "max_tokens":9,"novelty":{"b":1.50,"a":[1e3,null]},\n "messages":[ {"role":"user",'
    b'"content":"caf\xc3\xa9 \\ud83d\\ude00 \\/"} ] ,"model" :"claude-sonnet-4-5" }\n',
}
ODD_STREAM = [
    b": a comment\n\n",
    b'data: {"id":"x","object":"chat.completion.chunk","novelty":[1,',
    b'2],"choices":[]}\r\n\r\nda',
    b"ta: caf\xc3",
    b"\xa9\n\n",
    b"event: novelty\ndata: {}\n\ndata: [DONE]\n\n",
    b"and what comes after",
]
apis = pytest.mark.parametrize("api", ["openai.chat", "anthropic.messages"])


def provider_of(providers: Providers, api: Api) -> ScriptedProvider:
    return providers.chat if api == "openai.chat" else providers.messages


def minimal(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]} | more


MODELS: dict[Api, str] = {"openai.chat": "gpt-4o", "anthropic.messages": "claude-sonnet-4-5"}


@apis
def test_body_reaches_the_provider_byte_for_byte(url: str, providers: Providers, api: Api) -> None:
    provider = provider_of(providers, api)
    provider.also_known = frozenset({"novelty"})
    answer = httpx.post(url + PATHS[api], content=ODD_BODY[api], headers=JSON, timeout=20)

    assert answer.status_code == 200
    assert provider.last.body == ODD_BODY[api]


@apis
def test_only_the_model_changes_under_another_name(url: str, providers: Providers, api: Api) -> None:
    provider = provider_of(providers, api)
    provider.also_known = frozenset({"novelty"})
    full = b'"%b/' % (b"openai" if api == "openai.chat" else b"anthropic")
    model = b'"%b"' % MODELS[api].encode()
    sent = ODD_BODY[api].replace(model, full + model[1:])
    httpx.post(url + PATHS[api], content=sent, headers=JSON, timeout=20)

    assert sent != ODD_BODY[api]
    assert provider.last.body == ODD_BODY[api]


@apis
def test_answer_reaches_the_client_byte_for_byte(url: str, providers: Providers, api: Api) -> None:
    raw = b'{ "novelty" : 1.50 ,"usage":{} }\n'
    provider_of(providers, api).answer(raw, headers=[("x-ratelimit-remaining-tokens", "7"), ("x-novelty", "yes")])
    answer = httpx.post(url + PATHS[api], json=minimal(MODELS[api]), headers=JSON, timeout=20)

    assert answer.content == raw
    assert (answer.headers["x-ratelimit-remaining-tokens"], answer.headers["x-novelty"]) == ("7", "yes")


@apis
def test_stream_reaches_the_client_byte_for_byte(url: str, providers: Providers, api: Api) -> None:
    provider_of(providers, api).stream(ODD_STREAM, pause=0.01)
    with httpx.stream(
        "POST", url + PATHS[api], json=minimal(MODELS[api], stream=True), headers=JSON, timeout=20
    ) as answer:
        raw = b"".join(answer.iter_raw())

    assert raw == b"".join(ODD_STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("pause", [0.0, 0.001])
@pytest.mark.parametrize("size", [7, 100, 5_000])
def test_a_stream_under_another_name_differs_in_that_name_alone(
    url: str, messages: ScriptedProvider, size: int, pause: float
) -> None:
    start = b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-sonnet-4-5"}}\n\n'
    whole = start + b"".join(b"event: novelty\ndata: {%d}\n\n" % number for number in range(100))
    for _ in range(10):
        messages.stream([whole[at : at + size] for at in range(0, len(whole), size)], pause=pause)
        body = minimal("smart", stream=True)
        with httpx.stream("POST", url + PATHS["anthropic.messages"], json=body, headers=JSON, timeout=20) as answer:
            raw = b"".join(answer.iter_raw())

        assert raw == whole.replace(b"claude-sonnet-4-5", b"smart")


@apis
def test_chunks_are_passed_on_as_they_come(url: str, providers: Providers, api: Api) -> None:
    provider = provider_of(providers, api)
    gate = provider.gate()
    provider.stream([b"data: 1\n\n", b"data: 2\n\n"], gate=gate)
    with httpx.stream(
        "POST", url + PATHS[api], json=minimal(MODELS[api], stream=True), headers=JSON, timeout=20
    ) as answer:
        chunks = answer.iter_raw()
        first = next(chunks)
        gate.set()
        rest = b"".join(chunks)

    assert (first, rest) == (b"data: 1\n\n", b"data: 2\n\n")


@apis
def test_error_reaches_the_client_byte_for_byte(url: str, providers: Providers, api: Api) -> None:
    raw = b"<html>the provider's own page</html>"
    provider_of(providers, api).answer(raw, status=502, headers=[("content-type", "text/html")])
    answer = httpx.post(url + PATHS[api], json=minimal(MODELS[api]), headers=JSON, timeout=20)

    assert (answer.status_code, answer.content) == (502, raw)
    assert answer.headers["content-type"] == "text/html"


@apis
def test_gzip_is_passed_on(url: str, providers: Providers, api: Api) -> None:
    provider_of(providers, api).answer({"a": 1}, is_gzipped=True)
    answer = httpx.post(url + PATHS[api], json=minimal(MODELS[api]), headers=JSON, timeout=20)

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json() == {"a": 1}


@apis
def test_large_answer_is_whole(url: str, providers: Providers, api: Api) -> None:
    raw = b'{"a":"' + b"x" * 3_000_000 + b'"}'
    provider_of(providers, api).answer(raw)
    answer = httpx.post(url + PATHS[api], json=minimal(MODELS[api]), headers=JSON, timeout=20)

    assert answer.content == raw


def test_version_of_the_anthropic_client_is_kept(url: str, messages: ScriptedProvider) -> None:
    talk: Any = [{"role": "user", "content": "Hello"}, {"role": "system", "content": "Be brief."}]
    with anthropic_client(url) as client:
        client.messages.create(model="anthropic/claude-sonnet-4-5", max_tokens=9, messages=talk)

    assert messages.last.header("anthropic-version") == "2026-10-21"


def test_beta_headers_of_the_anthropic_client_are_kept(url: str, messages: ScriptedProvider) -> None:
    headers = JSON | {"anthropic-beta": "novelty-2026-01-01", "user-agent": "mine/1.0"}
    httpx.post(f"{url}/v1/messages", json=minimal("claude-sonnet-4-5"), headers=headers, timeout=20)

    assert messages.last.header("anthropic-beta") == "novelty-2026-01-01"
    assert messages.last.header("anthropic-version") == "2023-06-01"
    assert messages.last.header("user-agent") == "mine/1.0"
