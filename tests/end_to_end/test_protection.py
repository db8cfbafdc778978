"""A provider that is full, or known to be away, does not end a chain: the next candidate serves."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider
from tests.support.serving import echoing

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/full
    base_url: "{first}"
    access_key: $FIRST_KEY
    circuit_breakers: {{max_requests: 1}}
    retry_policy: {{fallback_models: [openai/spare]}}
  - model: anthropic/full-too
    base_url: "{messages}"
    access_key: $SECOND_KEY
    circuit_breakers: {{max_requests: 1}}
    retry_policy: {{fallback_models: [openai/spare]}}
  - {{model: openai/full-alone, base_url: "{first}", access_key: $FIRST_KEY, circuit_breakers: {{max_requests: 1}}}}
  - model: openai/ejected
    base_url: "{first}"
    access_key: $FIRST_KEY
    outlier_detection: {{consecutive_failures: 2, base_ejection_time: 600s, max_ejection_time: 600s}}
    retry_policy: {{fallback_models: [openai/spare]}}
  - model: openai/ill
    base_url: "http://127.0.0.1:{refusing}/v1"
    access_key: unused
    health_check: {{interval: 100ms, unhealthy_threshold: 1}}
    retry_policy: {{fallback_models: [openai/spare]}}
  - model: openai/sick
    base_url: "{sick}"
    access_key: $FIRST_KEY
    health_check: {{path: /health, interval: 100ms, unhealthy_threshold: 1}}
    retry_policy: {{fallback_models: [openai/spare]}}
  - model: openai/last
    base_url: "{spare}"
    access_key: $SPARE_KEY
    retry_policy: {{fallback_models: [openai/full]}}
  - model: openai/frugal
    base_url: "{first}"
    access_key: $FIRST_KEY
    circuit_breakers: {{retry_budget: {{percent: 0, min_concurrency: 0}}}}
    retry_policy: {{fallback_models: [openai/spare]}}
  - {{model: openai/spare, base_url: "{spare}", access_key: $SPARE_KEY}}
cooldown: {{after: 100000}}
"""
KEYS = {"FIRST_KEY": "sk-first", "SECOND_KEY": "sk-second", "SPARE_KEY": "sk-spare"}
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class Providers:
    """Those behind the gateway."""

    first: ScriptedProvider
    messages: ScriptedProvider
    spare: ScriptedProvider
    sick: ScriptedProvider


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    with (
        ScriptedProvider("openai.chat", key="sk-first") as first,
        ScriptedProvider("anthropic.messages", key="sk-second") as messages,
        ScriptedProvider("openai.chat", key="sk-spare") as spare,
        ScriptedProvider("openai.chat") as sick,
    ):
        yield Providers(first, messages, spare, sick)


@pytest.fixture(scope="module")
def gateway(providers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = CONFIG.format(
        port=free_port(),
        first=providers.first.url,
        messages=providers.messages.url,
        spare=providers.spare.url,
        sick=providers.sick.url,
        refusing=free_port(),
    )
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("protection")) as running:
        yield running


@pytest.fixture(autouse=True)
def _cleared(providers: Providers) -> Iterator[None]:
    yield
    for provider in (providers.first, providers.messages, providers.spare):
        provider.clear()


def ask(gateway: Gateway, model: str, *, stream: bool = False) -> httpx.Response:
    body = {"model": model, "messages": HELLO, "stream": stream}
    return httpx.post(f"{gateway.url()}/v1/chat/completions", json=body, timeout=60)


def clusters(gateway: Gateway) -> str:
    """Return what Envoy says of its clusters."""
    return httpx.get(f"http://127.0.0.1:{gateway.status()['ports']['admin']}/clusters", timeout=20).text


def test_what_is_behind_a_gate_gets_what_it_gets_without(gateway: Gateway, providers: Providers) -> None:
    assert ask(gateway, "openai/full").status_code == 200
    watched = providers.first.last
    assert ask(gateway, "openai/spare").status_code == 200
    plain = providers.spare.last

    assert {name for name, _ in watched.headers} == {name for name, _ in plain.headers}
    assert watched.header("host") == f"127.0.0.1:{providers.first.port}"
    assert providers.first.refused == []


@pytest.mark.parametrize("model", ["openai/full", "anthropic/full-too"])
def test_a_chain_goes_on_where_a_breaker_is_open(gateway: Gateway, providers: Providers, model: str) -> None:
    busy = providers.first if model == "openai/full" else providers.messages
    gate = busy.gate()
    busy.stream([b"data: {}\n\n", b"data: [DONE]\n\n"], gate=gate)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, gateway, model, stream=True)
        assert until(lambda: bool(busy.requests))
        answer = ask(gateway, model)
        gate.set()
        held.result()

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/spare")
    assert answer.headers["x-plano-attempts"] == "2"
    assert len(busy.requests) == 1


def test_an_open_breaker_without_a_chain_is_a_503(gateway: Gateway, providers: Providers) -> None:
    gate = providers.first.gate()
    providers.first.stream([b"data: {}\n\n", b"data: [DONE]\n\n"], gate=gate)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, gateway, "openai/full-alone", stream=True)
        assert until(lambda: bool(providers.first.requests))
        answer = ask(gateway, "openai/full-alone")
        gate.set()
        held.result()

    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "api_error"


def test_a_chain_goes_on_where_the_only_server_is_ejected(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(500)
    providers.first.fail(500)
    for _ in range(2):
        assert ask(gateway, "openai/ejected").headers["x-plano-model"] == "openai/spare"
    asked = len(providers.first.requests)
    # Envoy's main thread ejects, a moment after its worker has seen the failure.
    assert until(lambda: "/failed_outlier_check" in clusters(gateway))
    answer = ask(gateway, "openai/ejected", stream=True)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/spare")
    assert asked == len(providers.first.requests) == 2


@pytest.mark.parametrize("model", ["openai/ill", "openai/sick"])
def test_a_chain_goes_on_where_the_only_server_fails_its_check(
    gateway: Gateway, providers: Providers, model: str
) -> None:
    """The scripted provider knows no /health, and nobody listens at the other."""

    def asked() -> int:
        return sum(request.path != "/health" for request in providers.sick.requests)

    def is_passed_over() -> bool:
        before = asked()
        return ask(gateway, model).headers["x-plano-attempts"] == "2" and asked() == before

    assert until(is_passed_over)
    answer = ask(gateway, model)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/spare")


def test_the_last_of_a_chain_may_be_full(gateway: Gateway, providers: Providers) -> None:
    gate = providers.first.gate()
    providers.first.stream([b"data: {}\n\n", b"data: [DONE]\n\n"], gate=gate)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, gateway, "openai/full", stream=True)
        assert until(lambda: bool(providers.first.requests))
        providers.spare.fail(500)
        answer = ask(gateway, "openai/last")
        gate.set()
        held.result()

    assert answer.status_code == 503
    assert answer.json()["error"]["message"]


def test_a_spent_retry_budget_ends_a_chain_with_the_answer_at_hand(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(500, "This went wrong.")
    answer = ask(gateway, "openai/frugal")

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (500, "1")
    assert answer.json()["error"]["message"] == "This went wrong."


def test_an_error_behind_a_gate_comes_as_it_is(gateway: Gateway, providers: Providers) -> None:
    providers.first.fail(429, retry_after=7)
    answer = ask(gateway, "openai/full-alone")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_a_stream_that_breaks_behind_a_gate_breaks_for_the_client(gateway: Gateway, providers: Providers) -> None:
    providers.first.stream([b'data: {"choices": []}\n\n'], end="reset")

    with pytest.raises(httpx.TransportError):
        ask(gateway, "openai/full", stream=True)


SPOKEN = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/realtime
    base_url: "http://127.0.0.1:{there}/v1"
    access_key: k
    circuit_breakers: {{max_requests: 9}}
"""


def test_a_websocket_goes_through_a_gate(tmp_path_factory: pytest.TempPathFactory) -> None:
    with echoing() as there:
        text = SPOKEN.format(port=free_port(), there=there)
        with running_gateway(text, environ={}, home=tmp_path_factory.mktemp("spoken")) as gateway:
            url = gateway.url().replace("http", "ws", 1)
            with connect(f"{url}/v1/realtime?model=openai/realtime") as socket:
                socket.send("hello")
                answer = socket.recv(timeout=60)

    assert answer == "echo hello"


RELOADED = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/first, base_url: "{first}", access_key: $FIRST_KEY{more}}}
"""


def test_a_gate_is_put_up_without_losing_a_request(
    providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port, first = free_port(), providers.first.url
    with running_gateway(
        RELOADED.format(port=port, first=first, more=""), environ=KEYS, home=tmp_path_factory.mktemp("reloaded")
    ) as gateway:
        is_over = threading.Event()

        def ask_on() -> set[int]:
            seen = set()
            while not is_over.is_set():
                seen.add(ask(gateway, "openai/first").status_code)
            return seen

        with ThreadPoolExecutor(2) as pool:
            asking = [pool.submit(ask_on) for _ in range(2)]
            for more in (", circuit_breakers: {max_requests: 50}", ", health_check: {interval: 1s}", ""):
                gateway.file.write_text(RELOADED.format(port=port, first=first, more=more))
                done = gateway.cli("reload", str(gateway.file))
                assert done.returncode == 0, done.stderr
            is_over.set()
            seen = set.union(*(each.result() for each in asking))

    assert seen == {200}
