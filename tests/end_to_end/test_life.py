"""Processes that die come back, and what else is under way lives on. Each test has a gateway of its own."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import processes
from tests.support.anthropic_api import stream
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.ports import free_port
from tests.support.reply import Reply
from tests.support.scripted import ScriptedProvider

HELLO: Any = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {port}}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{openai}", access_key: $OPENAI_API_KEY, default: true}}
  - {{model: anthropic/claude, base_url: "{anthropic}", access_key: $ANTHROPIC_API_KEY}}
"""


@pytest.fixture
def chat() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("openai.chat", key="sk-openai") as provider:
        yield provider


@pytest.fixture
def messages() -> Iterator[ScriptedProvider]:
    with ScriptedProvider("anthropic.messages", key="sk-ant") as provider:
        yield provider


@pytest.fixture
def gateway(chat: ScriptedProvider, messages: ScriptedProvider, tmp_path: Path) -> Iterator[Gateway]:
    config = CONFIG.format(port=free_port(), openai=chat.url, anthropic=messages.url)
    keys = {"OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-ant"}
    with running_gateway(config, environ=keys, home=tmp_path / "home", workers=2) as running:
        yield running


def post(gateway: Gateway, model: str = "gpt-4o") -> int:
    body = {"model": model, "messages": HELLO}
    return httpx.post(gateway.url() + CHAT, json=body, timeout=20).status_code


def test_killed_worker_is_replaced_and_the_others_serve(gateway: Gateway) -> None:
    before = gateway.workers()
    assert until(lambda: gateway.seen_healthy() == 2)
    os.kill(before[0], signal.SIGKILL)
    statuses = [post(gateway, model) for _ in range(10) for model in ("gpt-4o", "claude")]

    def is_replaced() -> bool:
        after = set(gateway.workers())
        return len(after) == 2 and before[0] not in after

    assert len(before) == 2
    assert statuses.count(200) >= 18
    assert set(statuses) <= {200, 503}
    assert until(is_replaced, seconds=60)
    assert before[1] in gateway.workers()
    assert until(lambda: gateway.cli("status").returncode == 0, seconds=60)


def test_streams_of_other_workers_live_on_and_none_looks_whole_that_is_not(
    gateway: Gateway, messages: ScriptedProvider
) -> None:
    events = list(stream(Reply("Hello"), {"model": "claude"}))
    gate = messages.gate()
    body = {"model": "claude", "messages": HELLO, "stream": True}
    assert until(lambda: gateway.seen_healthy() == 2)
    with ExitStack() as stack:
        answers = []
        # So many are at both workers.
        for _ in range(16):
            messages.stream([b"".join(events[:4]), b"".join(events[4:])], gate=gate)
            answer = stack.enter_context(httpx.stream("POST", gateway.url() + CHAT, json=body, timeout=20))
            chunks = answer.iter_raw()
            next(chunks)
            answers.append(chunks)
        os.kill(gateway.workers()[0], signal.SIGKILL)
        gate.set()
        endings = [_ending(chunks) for chunks in answers]

    assert set(endings) <= {"whole", "broken"}
    assert "whole" in endings


def test_killed_envoy_is_replaced(gateway: Gateway) -> None:
    os.kill(gateway.envoy(), signal.SIGKILL)

    assert until(lambda: _answers(gateway), seconds=60)


def test_down_leaves_nothing_running(gateway: Gateway) -> None:
    done = gateway.cli("down", "--drain-seconds", "0")

    assert done.returncode == 0
    assert processes.of_home(gateway.home) == []
    assert gateway.cli("status").returncode == 1


def test_without_workers_the_answer_is_503_and_nothing_goes_upstream(gateway: Gateway, chat: ScriptedProvider) -> None:
    for pid in gateway.workers():
        os.kill(pid, signal.SIGSTOP)
    try:
        answer = httpx.post(gateway.url() + CHAT, json={"model": "gpt-4o", "messages": HELLO}, timeout=30)
    finally:
        for pid in gateway.workers():
            os.kill(pid, signal.SIGCONT)

    assert answer.status_code in (503, 504)
    assert answer.json()["error"]["message"]
    assert chat.requests == []


def _answers(gateway: Gateway) -> bool:
    try:
        return post(gateway) == 200
    except httpx.HTTPError:
        return False


def _ending(chunks: Iterator[bytes]) -> str:
    heard = b""
    try:
        for chunk in chunks:
            heard += chunk
    except httpx.HTTPError:
        return "broken"
    return "whole" if heard.endswith(b"data: [DONE]\n\n") else "cut short, in good order"
