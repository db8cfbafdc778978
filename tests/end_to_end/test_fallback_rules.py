"""When a chain moves on, how long its tries take, and who is asked last, as the file says."""

import contextlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.three import KEYS, Providers, ask, candidates, providers
from tests.support.gateway import Gateway, everywhere, running_gateway, until
from tests.support.ports import free_port

__all__ = ["candidates", "providers"]

COOLING = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
cooldown: {{after: 100}}
"""


def test_all_workers_ask_a_provider_last_that_said_when_to_come_back(
    providers: Providers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = COOLING.format(port=free_port(), **providers.urls())
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("cooling"), workers=3) as gateway:
        providers.first.fail(429, retry_after=600)
        assert ask(gateway, "openai/first").headers["x-plano-attempts"] == "2"

        def knows() -> bool:
            served = everywhere(lambda: ask(gateway, "openai/first").headers["x-plano-model"], workers=3)
            return served == {"openai/third"}

        assert until(knows)
        assert ask(gateway, "openai/first").headers["x-plano-attempts"] == "1"


PATIENT = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/first
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: &again
      default_strategy: same_model
      default_max_attempts: 4
      backoff: {{base_ms: 400, max_ms: 400}}
  - model: openai/bounded
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{idle: 700ms, total: 1500ms}}
    retry_policy: *again
  - model: openai/idle
    base_url: "{first}"
    access_key: $FIRST_KEY
    timeouts: {{idle: 700ms}}
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: openai/hurried, base_url: "{first}", access_key: $FIRST_KEY, timeouts: {{total: 700ms}}}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
cooldown: {{after: 100000}}
"""


@pytest.fixture(scope="module")
def patient(candidates: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = PATIENT.format(port=free_port(), **candidates.urls())
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("patient")) as running:
        yield running


def test_tries_of_one_model_have_pauses_between_them(patient: Gateway, providers: Providers) -> None:
    """Envoy draws each pause between nought and 400 ms: three of them under 5 ms are one in half a million.

    They may also take 1.2 s, so nothing bounds them here.
    """
    for _ in range(3):
        providers.first.fail(503)
    providers.first.say("At last")
    answer = ask(patient, "openai/first")

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "4")
    line = patient.logged(lambda line: line["request_id"] == answer.headers["x-request-id"])
    assert line["duration_ms"] > 15


@pytest.mark.parametrize("model", ["openai/bounded", "openai/hurried"])
def test_all_tries_together_are_bounded(patient: Gateway, providers: Providers, model: str) -> None:
    for _ in range(4):
        providers.first.hang()

    assert ask(patient, model).status_code == 504


@pytest.mark.parametrize("model", ["openai/idle"])
def test_a_stream_of_a_chain_that_falls_silent_is_cut(patient: Gateway, providers: Providers, model: str) -> None:
    providers.first.stream([b'data: {"choices": []}\n\n'], end="stall")

    with pytest.raises(httpx.TransportError):
        ask(patient, model, stream=True)


PICKY = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - model: openai/picky
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy:
      fallback_models: [openai/third]
      on_status_codes: [{{codes: [401, "418-419"], strategy: different_provider, max_attempts: 2}}]
  - model: openai/deaf
    base_url: "http://127.0.0.1:{deaf}/v1"
    access_key: unused
    timeouts: {{connect: 300ms}}
    retry_policy: {{fallback_models: [openai/third]}}
  - model: openai/tired
    base_url: "{first}"
    access_key: $FIRST_KEY
    retry_policy: {{fallback_models: [openai/third]}}
  - {{model: openai/third, base_url: "{third}", access_key: $THIRD_KEY}}
cooldown: {{after: 3, for: 10m}}
"""


@pytest.fixture(scope="module")
def deaf() -> Iterator[int]:
    """A port whose backlog is full: the kernel answers no more connections."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture(scope="module")
def picky(candidates: Providers, deaf: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    text = PICKY.format(port=free_port(), **candidates.urls(), deaf=deaf)
    with running_gateway(text, environ=KEYS, home=tmp_path_factory.mktemp("picky"), workers=3) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 419])
def test_statuses_of_the_file_move_on(picky: Gateway, providers: Providers, status: int, stream: bool) -> None:
    providers.first.fail(status)

    answer = ask(picky, "openai/picky", stream=stream)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/third")


def test_other_statuses_are_the_callers(picky: Gateway, providers: Providers) -> None:
    providers.first.fail(417)

    assert ask(picky, "openai/picky").status_code == 417
    assert not providers.third.requests


@pytest.mark.parametrize("stream", [False, True])
def test_a_candidate_that_takes_no_connection_is_left(picky: Gateway, providers: Providers, stream: bool) -> None:
    answer = ask(picky, "openai/deaf", stream=stream)

    assert (answer.status_code, answer.headers["x-plano-model"]) == (200, "openai/third")


def test_all_workers_ask_a_provider_last_that_failed_often_enough(picky: Gateway, providers: Providers) -> None:
    # Any worker may hear of a failure, one that knows enough already too.
    for _ in range(200):
        providers.first.fail(503)

    def knows() -> bool:
        return everywhere(lambda: ask(picky, "openai/tired").headers["x-plano-attempts"], workers=3) == {"1"}

    assert until(knows)
    assert ask(picky, "openai/tired").headers["x-plano-model"] == "openai/third"
